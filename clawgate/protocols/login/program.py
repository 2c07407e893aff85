"""The program's side of the login flow: it begins a flow, then asks for the outcome (clients.md 1.7)."""

from __future__ import annotations

import json
from typing import Any

from ...errors import ClawgateError, Disconnected, InvalidRequest
from ...gateway.login_flows import LoginFlows
from ...model.people import Actor, User
from ...web import failures
from ...web.request import Request
from ...web.response import Response
from . import forms

POLL = "/login/v2/poll"
PAGE = "/login/v2/flow/"


class Program:
    """Answers in JSON, as Nextcloud's server does; failures have the ``error`` that its desktop program shows."""

    def __init__(self, flows: LoginFlows, limit: int) -> None:
        """`limit`: bytes of the largest form."""
        self._flows = flows
        self._limit = limit

    async def begin(self, request: Request) -> Response:
        """``POST /login/v2``: two tokens, one for the person's browser, one for the program."""
        agent = (request.header("user-agent") or "").encode("latin-1").decode("utf-8", "replace")
        try:
            begun = await self._flows.begin(agent, request.client_ip)
        except ClawgateError as error:
            return _failed(error)
        base = request.base_url
        return _json(200, {"poll": {"token": begun.poll, "endpoint": base + POLL}, "login": base + PAGE + begun.page})

    async def poll(self, request: Request) -> Response:
        """``POST /login/v2/poll``: 404 until somebody has let the program in, then, once, what it logs in with."""
        try:
            granted = await self._flows.poll(await self._token(request))
        except Disconnected:
            raise
        except ClawgateError as error:
            return _failed(error)
        if granted is None:
            return _json(404, [])
        request.actor = Actor(User(granted.user))
        return _json(200, {"server": request.base_url, "loginName": granted.user, "appPassword": granted.secret})

    async def _token(self, request: Request) -> str:
        """From the form; Nextcloud's program for iOS writes it into the address."""
        token = forms.query(request).get("token")
        if token is None:
            token = (await forms.read(request, self._limit)).get("token")
        if token is None:
            raise InvalidRequest("the form has no token")
        return token


def _failed(error: ClawgateError) -> Response:
    response = _json(failures.status_of(error), {"error": str(error)})
    response.headers += failures.headers_of(error)
    return response


def _json(status: int, value: Any) -> Response:
    headers = [(b"Content-Type", b"application/json; charset=utf-8"), (b"Cache-Control", b"no-store")]
    return Response(status, headers, json.dumps(value).encode())

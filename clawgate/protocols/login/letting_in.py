"""The person's side of the login flow: see which program asks, log in, let it in or not."""

from __future__ import annotations

from urllib.parse import quote

from ...errors import InvalidRequest
from ...gateway.login_flows import LoginFlows
from ...web.request import Request
from ...web.response import Response
from . import forms, pages
from .browser import Browser
from .entry import Entry, Purpose, ended
from .layout import message, redirect

_CLOSE = "You can close this window."


class LettingIn:
    """The page of a flow. Whoever opens it can only let the program in as themselves."""

    def __init__(self, flows: LoginFlows, entry: Entry, limit: int) -> None:
        """`limit`: bytes of the largest form."""
        self._flows = flows
        self._entry = entry
        self._limit = limit

    async def open(self, request: Request, token: str) -> Response:
        """``GET /login/v2/flow/TOKEN``, the address that the program gave to the browser: on to the page, whose address is worth
        nothing to others who see it. Raises `NotFound`."""
        flow = await self._flows.opened(token)
        name = forms.query(request).get("user", "")
        address = Purpose(flow.id).address + (f"?user={quote(name[:256], safe='')}" if name else "")
        return redirect(address, self._entry.cookie(request, Browser.of(request)))

    async def show(self, request: Request, id: str) -> Response:
        """``GET /login/v2/grant/ID``. Raises `NotFound`."""
        purpose, browser = Purpose.of(id), Browser.of(request)
        flow = await self._flows.waiting(purpose.id)
        visitor = await self._entry.visitor(request, browser, purpose)
        if visitor is None:
            name = forms.query(request).get("user", "")
            return await self._entry.ask(request, browser, purpose, pages.about_flow(flow, request.base_url), name=name[:256])
        mark = browser.sign("form", purpose.id)
        return pages.grant(flow, visitor, request.base_url, purpose.address, mark, self._entry.cookie(request, browser))

    async def decide(self, request: Request, id: str) -> Response:
        """``POST /login/v2/grant/ID``. Raises `NotFound`, `Forbidden`, `InvalidRequest`."""
        purpose, browser = Purpose.of(id), Browser.of(request)
        form = await forms.read(request, self._limit)
        self._entry.check(browser, purpose, form)
        flow = await self._flows.waiting(purpose.id)
        action = form.get("action")
        about = pages.about_flow(flow, request.base_url)
        if action == "login":
            return await self._entry.by_password(request, browser, purpose, form, about)
        if action not in ("grant", "deny", "leave"):
            raise InvalidRequest("the form does not say what to do")
        visitor = await self._entry.visitor(request, browser, purpose)
        if visitor is None:
            return await self._entry.ask(request, browser, purpose, about, error=ended())
        if action == "leave":
            return await self._entry.leave(browser, purpose)
        if action == "grant":
            await self._flows.grant(flow, visitor)
        else:
            await self._flows.deny(flow.id)
        await self._entry.end(browser, purpose)
        if action == "grant":
            return message("Access granted", f"The program will be logged in within a minute. {_CLOSE}")
        return message("Access denied", f"The program gets nothing. {_CLOSE}")

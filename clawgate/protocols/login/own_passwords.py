"""The page on which people look after their own app passwords."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import ClawgateError, InvalidRequest
from ...gateway.login_sessions import APP_PASSWORDS
from ...gateway.namespace import Namespace
from ...log import make_logger
from ...model.app_password import clean_name
from ...model.login_flow import Visitor
from ...model.people import Actor, Scope
from ...web.request import Request
from ...web.response import Response
from . import forms, pages
from .browser import Browser
from .entry import Entry, Purpose, ended
from .layout import redirect
from .seams import Passwords

_ABOUT = "<p>Log in to make app passwords for your programs, and to revoke them.</p>"
_PURPOSE = Purpose(APP_PASSWORDS)
ADDRESS = _PURPOSE.address


class OwnPasswords:
    """``/login/app-passwords``."""

    def __init__(self, passwords: Passwords, namespace: Namespace, entry: Entry, limit: int) -> None:
        """`limit`: bytes of the largest form."""
        self._passwords = passwords
        self._namespace = namespace
        self._entry = entry
        self._limit = limit
        self._log = make_logger()

    async def show(self, request: Request) -> Response:
        """Those that there are, or the ways to log in."""
        browser = Browser.of(request)
        visitor = await self._entry.visitor(request, browser, _PURPOSE)
        if visitor is None:
            return await self._entry.ask(request, browser, _PURPOSE, _ABOUT)
        found = await self._passwords.of(visitor.user.id)
        mark = browser.sign("form", _PURPOSE.id)
        spaces = await self._spaces(visitor)
        return pages.app_passwords(visitor, found, spaces, ADDRESS, mark, self._entry.cookie(request, browser))

    async def act(self, request: Request) -> Response:
        """What a form asks for. Raises `Forbidden`, `InvalidRequest`, `NotFound`."""
        browser = Browser.of(request)
        form = await forms.read(request, self._limit)
        self._entry.check(browser, _PURPOSE, form)
        action = form.get("action")
        if action == "login":
            return await self._entry.by_password(request, browser, _PURPOSE, form, _ABOUT)
        if action not in ("make", "revoke", "logout"):
            raise InvalidRequest("the form does not say what to do")
        visitor = await self._entry.visitor(request, browser, _PURPOSE)
        if visitor is None:
            return await self._entry.ask(request, browser, _PURPOSE, _ABOUT, error=ended())
        if action == "make":
            return await self._make(request, visitor, form)
        if action == "logout":
            return await self._entry.leave(browser, _PURPOSE)
        await self._passwords.revoke(visitor.user.id, form.get("id", ""))
        return redirect(ADDRESS)

    async def _make(self, request: Request, visitor: Visitor, form: Mapping[str, str]) -> Response:
        name, space, days = form.get("name", "").strip(), form.get("space", ""), form.get("days", "").strip()
        if not name:
            raise InvalidRequest("the app password needs a name")
        if space and space not in dict(await self._spaces(visitor)):
            raise InvalidRequest("there is no such space")
        if days and not (days.isascii() and days.isdigit() and 0 < int(days[:9]) <= 36500):
            raise InvalidRequest("days must be a number from 1 to 36500, or nothing")
        name, scope = clean_name(name), Scope(bool(form.get("read_only")), space)
        secret = await self._passwords.make(visitor, name, scope, float(days) if days else None)
        return pages.made(visitor, name, secret, request.base_url, ADDRESS)

    async def _spaces(self, visitor: Visitor) -> list[tuple[str, str]]:
        """Ids and names of the spaces to choose from."""
        try:
            return [(space.id, space.name) for space in await self._namespace.spaces(Actor(visitor.user))]
        except ClawgateError as error:
            self._log.warn("the spaces of {user} cannot be shown: {error}", user=visitor.user.id, error=str(error))
            return []

"""The way to the page at ``/``, on which people work with their files."""

from __future__ import annotations

from ...errors import Forbidden, InvalidRequest
from ...web import page_session
from ...web.request import Request
from ...web.response import Response
from . import forms
from .browser import Browser
from .entry import FILES, Entry, Purpose
from .layout import redirect
from .seams import PageLogins

_ABOUT = "<p>Log in to see your files, to fetch them and to upload others.</p>"
_PURPOSE = Purpose(FILES)
ADDRESS = _PURPOSE.address
END = f"{ADDRESS}/end"
END_ALL = f"{ADDRESS}/end-all"
PAGE = "/"


class OwnFiles:
    """``/login/files``."""

    def __init__(self, logins: PageLogins, entry: Entry, limit: int) -> None:
        """`limit`: bytes of the largest form."""
        self._logins = logins
        self._entry = entry
        self._limit = limit

    async def show(self, request: Request) -> Response:
        """The ways to log in; to the page for who has just done so. The cookie for the page is another one than that of the
        login, which is sent to the login pages only."""
        browser = Browser.of(request)
        visitor = await self._entry.visitor(request, browser, _PURPOSE)
        if visitor is None:
            return await self._entry.ask(request, browser, _PURPOSE, _ABOUT)
        await self._entry.end(browser, _PURPOSE)
        return redirect(PAGE, [page_session.keep(request, await self._logins.begin(visitor))])

    async def act(self, request: Request) -> Response:
        """The form of a login. Raises `Forbidden`, `InvalidRequest`."""
        browser = Browser.of(request)
        form = await forms.read(request, self._limit)
        self._entry.check(browser, _PURPOSE, form)
        if form.get("action") != "login":
            raise InvalidRequest("the form does not say what to do")
        return await self._entry.by_password(request, browser, _PURPOSE, form, _ABOUT)

    async def end(self, request: Request) -> Response:
        """``POST /login/files/end``: log out. Raises `Forbidden` for what is not sent by our page."""
        secret = page_session.secret_of(request)
        if not secret:
            raise Forbidden("this does not come from our page")
        await self._logins.end(secret)
        return _ended(request)

    async def end_all(self, request: Request) -> Response:
        """``POST /login/files/end-all``: log out with all browsers. Raises as `end`."""
        secret = page_session.secret_of(request)
        actor = await self._logins.actor(secret) if secret else None
        if actor is None:
            raise Forbidden("this does not come from our page, or you are logged out already")
        request.actor = actor
        await self._logins.end_all(actor.id)
        return _ended(request)


def _ended(request: Request) -> Response:
    return Response(204, [page_session.forget(request), (b"Cache-Control", b"no-store")])

"""The way in for people with a browser, whatever for: by password, or by an OpenID provider and back."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

import attrs

from ...errors import (
    ClawgateError,
    Disconnected,
    Forbidden,
    NotFound,
    Overloaded,
    StorageUnavailable,
    TooManyAttempts,
    Unauthenticated,
)
from ...gateway.login_sessions import APP_PASSWORDS, LoginSessions
from ...log import make_logger
from ...model.login_flow import Visitor
from ...model.people import Actor
from ...web import failures
from ...web.request import Request
from ...web.response import Response
from . import forms, pages
from .browser import Browser
from .layout import message, redirect
from .seams import People

START = "/login/oidc/start"
CALLBACK = "/login/oidc/callback"
ANEW = "anew=1"
"""In addresses: do not take whoever has logged in at the provider before."""
FILES = "files"
"""The purpose of a login to work with one's own files."""
_ADDRESSES = {APP_PASSWORDS: "/login/app-passwords", FILES: "/login/files"}
_FLOW = re.compile(r"[0-9a-f]{64}")
_STATE = re.compile(r"([A-Za-z0-9_-]{1,64})\.([0-9a-f]{64}|files|)\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})")


@attrs.frozen
class Purpose:
    """What somebody logs in for."""

    id: str
    """That of a login flow, or `APP_PASSWORDS`, or `FILES`."""

    @classmethod
    def of(cls, text: str) -> Purpose:
        """The one that an address or a state names. Raises `NotFound`."""
        if text not in _ADDRESSES and not _FLOW.fullmatch(text):
            raise NotFound("there is nothing under this address")
        return cls(text)

    @property
    def address(self) -> str:
        """Its page."""
        return _ADDRESSES.get(self.id, f"/login/v2/grant/{self.id}")


class Entry:
    """Logs people in, one browser for one purpose."""

    def __init__(self, people: People, sessions: LoginSessions, seconds: float) -> None:
        """`seconds`: how long a browser keeps its secret without opening a page."""
        self._people = people
        self._sessions = sessions
        self._seconds = seconds
        self._log = make_logger()

    def cookie(self, request: Request, browser: Browser) -> list[tuple[bytes, bytes]]:
        """Headers that let the browser keep its secret for a while."""
        return [browser.cookie(request, self._seconds)]

    async def visitor(self, request: Request, browser: Browser, purpose: Purpose) -> Visitor | None:
        """Who has logged in; the access log shows it."""
        found = await self._sessions.visitor(browser.secret, purpose.id) if browser.known else None
        if found is not None:
            request.actor = Actor(found.user)
        return found

    async def ask(
        self,
        request: Request,
        browser: Browser,
        purpose: Purpose,
        about: str,
        *,
        name: str = "",
        error: ClawgateError | None = None,
    ) -> Response:
        """The page with the ways to log in; `about` is HTML that says what for, `error` why the last try failed."""
        anew = f"&{ANEW}" if "anew" in forms.query(request) else ""
        providers = [(one, f"{START}?provider={one.name}&for={purpose.id}{anew}") for one in self._people.providers]
        return pages.log_in(
            about,
            purpose.address,
            browser.sign("form", purpose.id),
            passwords=await self._people.passwords(),
            providers=providers,
            name=name,
            problem=str(error) if error is not None else "",
            status=status_of(error) if error is not None else 200,
            headers=[*self.cookie(request, browser), *(retry(error) if error is not None else ())],
        )

    def check(self, browser: Browser, purpose: Purpose, form: Mapping[str, str]) -> None:
        """Raise `Forbidden` unless `form` comes from a page that this browser was given."""
        if not browser.signed(form.get("mark", ""), "form", purpose.id):
            text = "this form is not of your browser, or too old" if browser.known else "your browser did not send our cookie"
            raise Forbidden(text)

    async def by_password(
        self, request: Request, browser: Browser, purpose: Purpose, form: Mapping[str, str], about: str
    ) -> Response:
        """What a checked form leads to: on, or to the same page with what went wrong."""
        name = form.get("user", "")
        try:
            visitor = await self._people.by_password(name, form.get("password", ""), request.client_ip)
        except (Unauthenticated, Forbidden, TooManyAttempts, StorageUnavailable, Overloaded) as error:
            return await self.ask(request, browser, purpose, about, name=name, error=error)
        return await self._enter(request, browser, purpose, visitor)

    async def start(self, request: Request) -> Response:
        """``/login/oidc/start``: on to a provider. A link leads here, because a form can only lead to sites that its page names,
        and providers lead on to others."""
        query = forms.query(request)
        browser, purpose = Browser.of(request), Purpose.of(query.get("for", ""))
        provider = query.get("provider", "")
        if not browser.known:
            raise Forbidden("your browser did not send our cookie")
        try:
            about = (provider, purpose.id, secrets.token_urlsafe(16))
            state = ".".join((*about, browser.sign("state", *about)))
            back, anew = request.base_url + CALLBACK, "anew" in query
            address = await self._people.address(provider, back, *_hidden(browser, about), state, anew=anew)
        except StorageUnavailable as error:
            return failed(error, purpose.address)
        return redirect(address, self.cookie(request, browser))

    async def callback(self, request: Request) -> Response:
        """``/login/oidc/callback``: back from a provider."""
        query = forms.query(request)
        browser, match = Browser.of(request), _STATE.fullmatch(query.get("state", ""))
        about = match.groups()[:3] if match is not None else ("", "", "")
        if match is None or not browser.signed(match[4], "state", *about):
            raise Forbidden("this login was not begun in this browser, or too long ago")
        provider, purpose = about[0], Purpose.of(about[1])
        try:
            # RFC 9207
            if query.get("iss", self._people.issuer_of(provider)) != self._people.issuer_of(provider):
                raise Forbidden("the answer comes from another login service")
            if not query.get("code"):
                why = query.get("error", "")[:100]
                self._log.warn("{provider} sent a browser back without a login: {why!r}", provider=provider, why=why)
                raise Forbidden("the login service did not log you in")
            address = request.base_url + CALLBACK
            visitor = await self._people.by_provider(provider, query["code"], address, *_hidden(browser, about))
        except Disconnected:
            raise
        except ClawgateError as error:
            return failed(error, purpose.address)
        return await self._enter(request, browser, purpose, visitor)

    async def leave(self, browser: Browser, purpose: Purpose) -> Response:
        """Log out, and on to the ways to log in, as somebody else perhaps."""
        await self.end(browser, purpose)
        return redirect(f"{purpose.address}?{ANEW}")

    async def end(self, browser: Browser, purpose: Purpose) -> None:
        """Log out."""
        await self._sessions.end(browser.secret, purpose.id)

    async def _enter(self, request: Request, browser: Browser, purpose: Purpose, visitor: Visitor) -> Response:
        fresh = Browser.fresh()
        request.actor = Actor(visitor.user)
        await self._sessions.begin(browser.secret, fresh.secret, purpose.id, visitor)
        return redirect(purpose.address, self.cookie(request, fresh))


def ended() -> Forbidden:
    """A form came after the login had ended."""
    return Forbidden("your login has ended; log in again")


def failed(error: ClawgateError, again: str = "") -> Response:
    """A page that says what went wrong."""
    return message("This did not work", str(error), status_of(error), retry(error), again)


def status_of(error: ClawgateError) -> int:
    """As for everybody else, but a 401 would make browsers open a window of their own."""
    status = failures.status_of(error)
    return 403 if status == 401 else status


def retry(error: ClawgateError) -> list[tuple[bytes, bytes]]:
    """When to come again."""
    return [header for header in failures.headers_of(error) if header[0] == b"Retry-After"]


def _hidden(browser: Browser, about: tuple[str, ...]) -> tuple[str, str]:
    """Nonce and PKCE verifier of a login."""
    return browser.sign("nonce", *about), browser.sign("verifier", *about)

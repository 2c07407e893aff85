"""People who come with a browser: who they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..errors import NotFound, Unauthenticated
from ..interfaces import Door
from ..model.login_flow import Visitor
from ..model.people import Password, User
from .oidc.attempt import Attempt
from .oidc.tokens import Tokens

if TYPE_CHECKING:
    from .oidc.issuer import Issuer


class Provider(NamedTuple):
    """An OpenID provider with which people can log in."""

    name: str
    """In the settings."""
    title: str
    """To show."""


class Visits:
    """Lets people in by their password, or by an OpenID provider."""

    def __init__(
        self,
        door: Door,
        tokens: Tokens,
        known: Callable[[str], Awaitable[User | None]],
        came: Callable[[User], None],
        passwords: Callable[[], Awaitable[bool]],
    ) -> None:
        """`door` judges passwords behind the brake; `known` is whom the directories know by an id; `came` is told whom a provider
        has let in; `passwords` says whether there is anybody who could have one."""
        self._door = door
        self._issuers = tokens.browsers
        self._known = known
        self._came = came
        self._passwords = passwords

    async def passwords(self) -> bool:
        """People may log in by name and password."""
        return await self._passwords()

    @property
    def providers(self) -> Sequence[Provider]:
        """Those to choose from."""
        return [Provider(name, issuer.settings.browser_title or name) for name, issuer in self._issuers.items()]

    async def by_password(self, name: str, secret: str, address: str) -> Visitor:
        """Raises `Unauthenticated`, `TooManyAttempts`, and what directories raise."""
        if not await self.passwords():
            raise Unauthenticated("nobody can log in with a password here")
        actor = await self._door.enter(Password(name, secret, page=True), address)
        if actor is None:
            raise Unauthenticated("wrong user name or password")
        if actor.app_password:
            # It may be limited, and what is made here is not.
            raise Unauthenticated("app passwords are for programs; log in with your own password")
        return Visitor(actor.user)

    async def address(
        self, provider: str, redirect_uri: str, nonce: str, verifier: str, state: str, *, anew: bool = False
    ) -> str:
        """Where to send a browser that logs in with `provider`; `anew`: whoever has logged in there before. Raises `NotFound`,
        `IssuerUnavailable`."""
        return await self._issuer(provider).browser.address(Attempt(redirect_uri, nonce, verifier), state, anew=anew)

    async def by_provider(self, provider: str, code: str, redirect_uri: str, nonce: str, verifier: str) -> Visitor:
        """Who has logged in there, with what `address` was given. Raises `NotFound`, and what `RelyingParty.redeem` raises."""
        user = await self._issuer(provider).browser.redeem(code, Attempt(redirect_uri, nonce, verifier))
        self._came(user)
        return Visitor(user, foreign=await self._known(user.id) is None)

    def issuer_of(self, provider: str) -> str:
        """The issuer identifier of a provider. Raises `NotFound`."""
        return self._issuer(provider).settings.issuer

    def _issuer(self, provider: str) -> Issuer:
        issuer = self._issuers.get(provider)
        if issuer is None:
            raise NotFound("there is no such login service")
        return issuer

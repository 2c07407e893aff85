"""As whom EOS works on a call. A call without a role, or with root's, it does as the account of the key: so none is ever made."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from ....errors import Forbidden
from ..instance import Who
from ..metadata import Account
from .proto import MESSAGES

_NOBODY = (99, 65534)
_MOST = 10_000


class Role(NamedTuple):
    """Somebody, as gRPC knows people: by one uid and one gid."""

    account: Account

    @property
    def message(self) -> Any:
        """For a request."""
        return MESSAGES["RoleId"](uid=self.account.uid, gid=self.account.gid)

    @property
    def in_more_groups(self) -> bool:
        """Whether somebody has groups that the role does not have. EOS counts everybody among nobody's."""
        return not set(self.account.gids) <= {self.account.gid, *_NOBODY}


class Roles:
    """Remembers for a while who people are."""

    def __init__(self, ask: Callable[[Who], Awaitable[Account]], seconds: float, clock: Callable[[], float]) -> None:
        """`ask` says who somebody is."""
        self._ask = ask
        self._seconds = seconds
        self._clock = clock
        self._known: OrderedDict[Who, tuple[float, Account]] = OrderedDict()

    def note(self, who: Who, account: Account) -> None:
        """It was just said who somebody is."""
        self._known[who] = (self._clock() + self._seconds, account)
        self._known.move_to_end(who)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    async def of(self, who: Who) -> Role:
        """Raises `Forbidden` for nobody, for root, and for people who may become others."""
        until, account = self._known.get(who, (0.0, None))
        if account is None or until <= self._clock():
            account = await self._ask(who)
            self.note(who, account)
        if account.uid <= 0 or account.gid < 0 or account.uid in _NOBODY or account.sudoer:
            raise Forbidden(f"{who} is nobody on EOS, or somebody as whom nobody works")
        return Role(account)

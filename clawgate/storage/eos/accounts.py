"""Who somebody is on EOS: looked at before anything is done as them. A mapping that fails is no error there (eos.md, 2.1)."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable

from ...errors import Forbidden
from ...model.space import Persona
from .metadata import Account, Metadata

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_SYSTEM = frozenset({"root", "daemon", "adm", "bin", "nobody", "nfsnobody"})
_NOBODY = (99, 65534)
_MOST = 10_000


class Accounts:
    """Remembers them for a while."""

    def __init__(self, metadata: Metadata, admitted: Callable[[int], bool], seconds: float, clock: Callable[[], float]) -> None:
        """`admitted` says whether a uid may be worked as."""
        self._metadata = metadata
        self._admitted = admitted
        self._seconds = seconds
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Account]] = OrderedDict()

    async def persona(self, name: str, uid: int | None = None) -> Persona:
        """As whom work is done that is done as `name`; `uid`: what the directory says, if it does.

        Raises `Forbidden` if EOS takes the name for somebody else, for nobody, or for one of its own accounts.
        """
        check_name(name)
        known = self._known.get(name)
        if known is None or known[0] <= self._clock():
            known = (self._clock() + self._seconds, await self._metadata.whoami(name))
            self._known[name] = known
            self._known.move_to_end(name)
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
        try:
            see(name, known[1], uid, self._admitted)
        except Forbidden:
            # It may be put right, and should not wait for that.
            self._known.pop(name, None)
            raise
        account = known[1]
        return Persona(account.uid, account.gid, tuple(gid for gid in account.gids if gid != account.gid), name)


def check_name(name: str) -> None:
    """Raise `Forbidden` for a name that EOS would not take as it is, or that is one of its own accounts."""
    if not _NAME.fullmatch(name) or name.isdigit():
        raise Forbidden(f"{name!r} is no name that EOS knows people by (letters, digits, '.', '_' and '-'; no number, no '@')")
    if name in _SYSTEM:
        raise Forbidden(f"{name} is an account of the system, as which nobody works")


def see(name: str, account: Account, uid: int | None, admitted: Callable[[int], bool]) -> None:
    """Raise `Forbidden` unless `account` is that of `name`, as far as that can be told."""
    if account.uid in _NOBODY:
        raise Forbidden(f"EOS does not know {name}, or does not believe the gateway: it works as nobody (uid {account.uid})")
    if uid is not None and uid != account.uid:
        raise Forbidden(f"{name} has the uid {account.uid} on EOS, and {uid} in the directory")
    if not admitted(account.uid):
        raise Forbidden(f"{name} has the uid {account.uid} on EOS, which is not taken on here (act_as_uids)")
    if account.sudoer:
        raise Forbidden(f"{name} may become anybody on EOS (sudo), so nobody works as {name}")

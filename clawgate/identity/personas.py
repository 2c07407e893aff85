"""As whom the operating system knows people, for storages where the gateway works with their rights (``act_as = "user"``)."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping
from contextlib import suppress

import attrs

from ..errors import Forbidden
from ..model.people import User
from ..model.space import Persona
from ..settings import Mount, id_ranges
from ..workers import Workers
from .numbers import numbers

Ranges = tuple[tuple[int, int], ...]
"""First and last ids that may be taken on."""


@attrs.frozen
class Limits:
    """Which ids one mount may take on; 0 is none of them, whatever is said."""

    uids: Ranges
    gids: Ranges

    @classmethod
    def of(cls, mount: Mount) -> Limits:
        """Those of a mount's settings."""
        return cls(id_ranges(mount.act_as_uids), id_ranges(mount.act_as_gids))

    def admit(self, user: str, persona: Persona) -> Persona:
        """`persona` without the supplementary groups that are not taken on. Raises `Forbidden` for uid or primary group."""
        if not _within(persona.uid, self.uids):
            raise Forbidden(f"{user} has the uid {persona.uid}, which is not taken on here (act_as_uids)")
        if not _within(persona.gid, self.gids):
            raise Forbidden(f"{user} has the primary group {persona.gid}, which is not taken on here (act_as_gids)")
        return attrs.evolve(persona, groups=tuple(gid for gid in persona.groups if _within(gid, self.gids)))


def _within(id: int, ranges: Ranges) -> bool:
    return id > 0 and any(low <= id <= high for low, high in ranges)


def look(user: User) -> Persona:
    """The person as directory and system know them; blocks. Raises `Forbidden` if nobody tells the uid or the primary group."""
    if user.uid is None:
        # Some services find accounts whatever the case of their letters. Here those would be two people.
        with suppress(KeyError, ValueError):
            if pwd.getpwnam(user.id).pw_name != user.id:
                raise Forbidden(f"nobody tells the uid of {user.id}: the account of the system is written in another way")
    uid, gid = numbers(user)
    groups = {gid}
    with suppress(KeyError, ValueError):
        groups.update(os.getgrouplist(pwd.getpwuid(uid).pw_name, gid))
    return Persona(uid, gid, tuple(sorted(groups - {gid})))


def look_by_uid(uid: int, gid: int) -> Persona:
    """The person behind a uid alone, whose primary group is `gid` if the system does not know better; blocks."""
    with suppress(KeyError, ValueError):
        gid = pwd.getpwuid(uid).pw_gid
    return look(User(f"uid {uid}", uid=uid, gid=gid))


class Personas:
    """Looks people up and remembers them for a while."""

    def __init__(
        self,
        mounts: Mapping[str, Mount],
        workers: Workers,
        seconds: float,
        kept: int,
        clock: Callable[[], float],
        look: Callable[[User], Persona] = look,
    ) -> None:
        """What was found is believed for `seconds`; `kept` people are remembered."""
        self._limits = {name: Limits.of(mount) for name, mount in mounts.items() if mount.act_as == "user"}
        self._workers = workers
        self._seconds = seconds
        self._most = kept
        self._clock = clock
        self._look = look
        self._known: dict[tuple[str, int | None, int | None], tuple[float, Persona]] = {}
        self._by_uid: dict[int, Persona] = {}

    async def of(self, user: User, mount: str) -> Persona | None:
        """As whom `user` works on a mount; None: as the gateway. Raises `Forbidden` saying why as nobody, `Overloaded`."""
        limits = self._limits.get(mount)
        if limits is None:
            return None
        key = (user.id, user.uid, user.gid)
        known = self._known.get(key)
        if known is None or known[0] <= self._clock():
            known = (self._clock() + self._seconds, await self._workers.run(self._look, user))
            if len(self._known) >= self._most:
                self._known.clear()
                self._by_uid.clear()
            self._known[key] = known
            self._by_uid[known[1].uid] = known[1]
        return limits.admit(user.id, known[1])

    async def of_uid(self, uid: int, gid: int, mount: str) -> Persona:
        """As whom work is done that somebody with this `uid` has left behind. Errors as `of`."""
        persona = self._by_uid.get(uid)
        if persona is None:
            persona = await self._workers.run(look_by_uid, uid, gid)
        return self._limits[mount].admit(f"uid {uid}", persona)

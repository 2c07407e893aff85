"""Project spaces that people make themselves: what is known of one, and who may do what in it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

import attrs


class Role(Enum):
    """What a member may do; the order is that of their worth."""

    VIEWER = "viewer"
    EDITOR = "editor"
    MANAGER = "manager"
    """Also changes the space itself, and who is in it."""

    @property
    def rank(self) -> int:
        """Higher: may do more."""
        return _RANKS[self]


_RANKS = {role: rank for rank, role in enumerate(Role)}


class Standing(Enum):
    """What a space is good for."""

    MAKING = "making"
    """Its folder may not be there yet; nobody sees it."""
    READY = "ready"
    DISABLED = "disabled"
    """Managers see that it is there; nobody gets at its files."""
    REMOVING = "removing"
    """It is being removed for good; nobody sees it."""
    EMPTIED = "emptied"
    """The same, and nothing of it is left but the sign of that on its storage."""

    @property
    def goes(self) -> bool:
        """Whether it is being removed for good."""
        return self in (Standing.REMOVING, Standing.EMPTIED)


@attrs.frozen
class MadeSpace:
    """One of them."""

    mount: str
    key: str
    """The part of the id after ``MOUNT$``; never used again for another one."""
    label: str
    """What `{space.name}` in the root of the mount stands for, and its alias; stays when the space gets another name."""
    name: str
    description: str
    quota: int | None
    """Bytes; None: that of the mount."""
    standing: Standing
    created: float
    """Seconds since 1970."""
    image: str = ""
    """Id of the file that is its picture; empty: whichever is found."""
    readme: str = ""
    """The same of its description."""
    members: Mapping[str, Role] = attrs.field(factory=dict, hash=False)
    """By user id, or ``@`` and the name of a group."""
    until: Mapping[str, float] = attrs.field(factory=dict, hash=False)
    """When memberships end by themselves, seconds since 1970; of the others nothing."""

    @property
    def id(self) -> str:
        """The id of the space."""
        return f"{self.mount}${self.key}"

    def at(self, now: float) -> MadeSpace:
        """The same with the members that it has at that moment."""
        over = {member for member, until in self.until.items() if until <= now}
        if not over:
            return self
        members = {member: role for member, role in self.members.items() if member not in over}
        until = {member: until for member, until in self.until.items() if member not in over}
        return attrs.evolve(self, members=members, until=until)


class Known:
    """All of them as they were at one moment; nobody changes it."""

    def __init__(self, number: int = 0, spaces: Iterable[MadeSpace] = ()) -> None:
        self.number = number
        """Another one: something is different."""
        self._by_key = {(one.mount, one.key): one for one in spaces}
        self.pending = tuple(one for one in self._by_key.values() if one.standing is Standing.MAKING or one.standing.goes)
        """Those with which something goes on, or was interrupted."""
        self.ends = min((until for one in self._by_key.values() for until in one.until.values()), default=math.inf)
        """When the first membership ends by itself, seconds since 1970."""
        by_member: dict[tuple[str, str], list[MadeSpace]] = defaultdict(list)
        for one in self._by_key.values():
            for principal in one.members:
                by_member[one.mount, principal].append(one)
        self._by_member: Mapping[tuple[str, str], list[MadeSpace]] = dict(by_member)

    @property
    def ids(self) -> Sequence[str]:
        """Of all of them, whatever their standing."""
        return [one.id for one in self._by_key.values()]

    @property
    def state(self) -> tuple[int, float]:
        """Another one: something is different, or memberships have ended by themselves meanwhile."""
        return self.number, self.ends

    def at(self, now: float) -> Known:
        """The same with the members that there are at that moment."""
        return Known(self.number, [one.at(now) for one in self._by_key.values()]) if self.ends <= now else self

    def affected(self, other: Known) -> frozenset[str]:
        """All members of spaces that have other members, or another standing, in `other`."""
        found: set[str] = set()
        for key in self._by_key.keys() | other._by_key.keys():
            one, two = self._by_key.get(key), other._by_key.get(key)
            if one is None or two is None or one.members != two.members or one.standing is not two.standing:
                found.update(principal for space in (one, two) if space is not None for principal in space.members)
        return frozenset(found)

    def find(self, mount: str, key: str) -> MadeSpace | None:
        """One of them."""
        return self._by_key.get((mount, key))

    def all(self) -> list[MadeSpace]:
        """All of them, the oldest first."""
        return sorted(self._by_key.values(), key=lambda one: (one.created, one.id))

    def of(self, mount: str, principals: Iterable[str]) -> list[MadeSpace]:
        """Those of a mount that one of these is a member of, by name."""
        found = {one.key: one for principal in principals for one in self._by_member.get((mount, principal), ())}
        return sorted(found.values(), key=lambda one: (one.name.casefold(), one.key))


def folded(name: str) -> str:
    """Equal for names that people would take for the same."""
    return " ".join(name.casefold().split())

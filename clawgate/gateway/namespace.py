"""Which spaces a person has, where they are on the storages, and what the person may do there. Nobody else knows mounts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import attrs

from ..errors import Forbidden, NotFound
from ..model.path import Path
from ..model.people import Actor, User
from ..model.space import Place, Space, SpaceKind
from .rules import Grant, Rule

KEPT = 10000
"""People and spaces remembered, so that a poll need not work out the rules."""


@attrs.frozen
class Explanation:
    """Why a path of a person is where it is, or why a mount gives the person nothing."""

    mount: str
    place: Place | None
    """None: nothing."""
    reasons: tuple[str, ...]


class Namespace:
    """Maps people and addresses to places, by rules alone: the same question always has the same answer."""

    def __init__(self, rules: Mapping[str, Rule], prepare: Callable[[Space, User], Awaitable[None]]) -> None:
        """`prepare` is called once for each space before it is handed out, e.g. to make the directory of a new person."""
        self._rules = rules
        self._prepare = prepare
        self._known: dict[tuple[str, str], tuple[User, list[Grant]]] = {}
        self._prepared: set[tuple[Space, str]] = set()

    async def spaces(self, actor: Actor) -> list[Space]:
        """All spaces of a person, the personal one first. A mount whose rule cannot be filled for this person gives none."""
        found: list[Space] = []
        for rule in sorted(self._rules.values(), key=lambda rule: (rule.kind is not SpaceKind.PERSONAL, rule.name)):
            with suppress(Forbidden):
                found += [await self._open(grant, actor.user) for grant in self._grants(rule, actor.user)]
        return found

    async def home(self, actor: Actor, path: Path) -> Place:
        """A path in the personal space. Raises `NotFound` if the person has none, `Forbidden` if it cannot be worked out."""
        for rule in self._rules.values():
            if rule.kind is SpaceKind.PERSONAL:
                (grant,) = self._grants(rule, actor.user)
                return Place(await self._open(grant, actor.user), path, grant.permissions)
        raise NotFound(f"{actor.id} has no personal space")

    async def files_of(self, actor: Actor, user: str, path: Path) -> Place:
        """A path in the tree of the user named in the address, who must be the actor."""
        if user != actor.id:
            raise Forbidden(f"this is not {actor.id}'s tree")
        return await self.home(actor, path)

    async def in_space(self, actor: Actor, id: str, path: Path) -> Place:
        """A path in the space with this id. Raises `NotFound` for one that the actor may not know of."""
        rule = self._rules.get(id.partition("$")[0])
        if rule is not None:
            with suppress(Forbidden):
                for grant in self._grants(rule, actor.user):
                    if grant.space.id == id:
                        return Place(await self._open(grant, actor.user), path, grant.permissions)
        raise NotFound("there is no such space")

    def explain(self, user: User, path: Path) -> list[Explanation]:
        """Where `path` of `user` is in each of the user's spaces, and why; also what is not to be had, and why not."""
        found: list[Explanation] = []
        for rule in self._rules.values():
            how = f"mount {rule.name} ({rule.kind.value})"
            grants: list[Grant] = []
            with suppress(Forbidden):
                grants = list(rule.grants(user))
            for grant in grants:
                reasons = (how, grant.reason, f"root template {rule.root}")
                found.append(Explanation(rule.name, Place(grant.space, path, grant.permissions), reasons))
            if not grants:
                found.append(Explanation(rule.name, None, (how, rule.why_not(user))))
        return found

    def _grants(self, rule: Rule, user: User) -> list[Grant]:
        known = self._known.get((rule.name, user.id))
        if known is not None and (known[0] is user or known[0] == user):
            return known[1]
        grants = list(rule.grants(user))
        if len(self._known) >= KEPT:
            self._known.clear()
        self._known[rule.name, user.id] = (user, grants)
        return grants

    async def _open(self, grant: Grant, user: User) -> Space:
        space = grant.space
        if (space, user.id) not in self._prepared:
            await self._prepare(space, user)
            if len(self._prepared) >= KEPT:
                self._prepared.clear()
            self._prepared.add((space, user.id))
        return space

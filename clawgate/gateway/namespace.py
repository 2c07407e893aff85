"""Which spaces a person has, where they are on the storages, and what the person may do there. Nobody else knows mounts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import attrs

from ..errors import Forbidden, NotFound
from ..model.path import ROOT, Path
from ..model.people import Actor, User
from ..model.permissions import READ_ONLY
from ..model.space import Persona, Place, Space, SpaceKind
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

    def __init__(
        self,
        rules: Mapping[str, Rule],
        prepare: Callable[[Space, User], Awaitable[None]],
        persona: Callable[[User, str], Awaitable[Persona | None]] | None = None,
    ) -> None:
        """`prepare` is called once for each space before it is handed out, e.g. to make the directory of a new person. `persona`
        says each time as whom a person works on the mount of this name; raises `Forbidden` if as nobody."""
        self._rules = rules
        self._prepare = prepare
        self._persona = persona
        self._known: dict[tuple[str, str], tuple[User, list[Grant]]] = {}
        self._prepared: set[tuple[Space, str]] = set()

    async def spaces(self, actor: Actor) -> list[Space]:
        """All spaces of a person, as `roots`."""
        return [root.space for root in await self.roots(actor)]

    async def roots(self, actor: Actor) -> list[Place]:
        """The roots of all spaces of a person, the personal one first. A mount whose rule cannot be filled for this person gives
        none."""
        found: list[Place] = []
        for rule in sorted(self._rules.values(), key=lambda rule: (rule.kind is not SpaceKind.PERSONAL, rule.name)):
            with suppress(Forbidden):
                found += [
                    Place(await self._open(grant, actor.user), ROOT, grant.permissions) for grant in self._granted(rule, actor)
                ]
        return found

    async def home(self, actor: Actor, path: Path) -> Place:
        """A path in the personal space, or in the only one that the actor's credentials are good for.

        Raises `NotFound` if the person has none, `Forbidden` if it cannot be worked out.
        """
        if actor.scope.space:
            return await self.in_space(actor, actor.scope.space, path)
        for rule in self._rules.values():
            if rule.kind is SpaceKind.PERSONAL:
                (grant,) = self._granted(rule, actor)
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
            granted: list[Grant] = []
            with suppress(Forbidden):
                granted = self._granted(rule, actor)
            for grant in granted:
                if grant.space.id == id:
                    return Place(await self._open(grant, actor.user), path, grant.permissions)
        raise NotFound("there is no such space")

    def by_id(self, id: str) -> Space | None:
        """The space with this id as far as the rules alone tell where it is, for what is done without its people; it is not made
        ready. None: they do not tell."""
        mount, _, key = id.partition("$")
        rule = self._rules.get(mount)
        return rule.of_key(key) if rule is not None else None

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

    def _granted(self, rule: Rule, actor: Actor) -> list[Grant]:
        """What a rule gives to the person, as far as the credentials go. Only what they do not limit is remembered."""
        grants, scope = self._grants(rule, actor.user), actor.scope
        if scope.space:
            grants = [grant for grant in grants if grant.space.id == scope.space]
        if scope.read_only:
            grants = [attrs.evolve(grant, permissions=grant.permissions & READ_ONLY) for grant in grants]
        return grants

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
        if self._persona is not None and (persona := await self._persona(user, space.mount)) is not None:
            space = attrs.evolve(space, persona=persona)
        if (space, user.id) not in self._prepared:
            await self._prepare(space, user)
            if len(self._prepared) >= KEPT:
                self._prepared.clear()
            self._prepared.add((space, user.id))
        return space

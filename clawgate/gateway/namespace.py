"""Which spaces a person has, where they are on the storages, and what the person may do there. Nobody else knows mounts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from ..errors import Forbidden, NotFound
from ..model.made_space import MadeSpace, Standing
from ..model.path import ROOT, Path
from ..model.people import Actor, User
from ..model.permissions import READ_ONLY, Permissions
from ..model.space import Persona, Place, Space, SpaceKind
from .rules import Grant, Rule, principals
from .template import may_give

if TYPE_CHECKING:
    from .made_spaces import Fixed, MadeSpaces

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
    """Maps people and addresses to places, by rules and by what the state knows of spaces that people made: the same question
    always has the same answer."""

    def __init__(
        self,
        rules: Mapping[str, Rule],
        prepare: Callable[[Space, User], Awaitable[None]],
        persona: Callable[[User, str], Awaitable[Persona | None]] | None = None,
        made: MadeSpaces | Fixed | None = None,
    ) -> None:
        """`prepare` is called once for each space before it is handed out, e.g. to make the directory of a new person. `persona`
        says each time as whom a person works on the mount of this name; raises `Forbidden` if as nobody. `made` knows the spaces
        that people made; None: there are none."""
        self._rules = rules
        self._prepare = prepare
        self._persona = persona
        self._made = made if any(rule.creators for rule in rules.values()) else None
        self._known: dict[tuple[str, str], tuple[User, tuple[int, float], list[Grant]]] = {}
        self._prepared: set[tuple[Space, str]] = set()

    async def spaces(self, actor: Actor) -> list[Space]:
        """All spaces of a person, as `roots`."""
        return [root.space for root in await self.roots(actor)]

    async def roots(self, actor: Actor) -> list[Place]:
        """The roots of all spaces of a person, the personal one first. A mount whose rule cannot be filled for this person gives
        none."""
        found: list[Place] = []
        await self._refresh()
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
        mount, _, key = id.partition("$")
        rule = self._rules.get(mount)
        if rule is not None:
            granted: list[Grant] = []
            if rule.creators:
                await self._refresh()
            with suppress(Forbidden):
                granted = self._granted(rule, actor, key)
            for grant in granted:
                if grant.space.id == id:
                    return Place(await self._open(grant, actor.user), path, grant.permissions)
        raise NotFound("there is no such space")

    async def disabled(self, actor: Actor, id: str = "") -> list[Place]:
        """The roots of spaces that are disabled and that the actor manages, all or the one with this id."""
        found: list[Place] = []
        for rule in [rule for rule in self._rules.values() if rule.creators]:
            await self._refresh()
            grants = [
                grant
                for one in self._members(rule, actor.user)
                if one.standing is Standing.DISABLED and id in ("", one.id) and (grant := _granted(rule, one, actor.user))
            ]
            for grant in _limited(grants, actor):
                if Permissions.MANAGE in grant.permissions:
                    found.append(Place(await self._open(grant, actor.user), ROOT, grant.permissions))
        return found

    def by_id(self, id: str) -> Space | None:
        """The space with this id as far as the rules alone tell where it is, for what is done without its people; it is not made
        ready. None: they do not tell."""
        mount, _, key = id.partition("$")
        rule = self._rules.get(mount)
        if rule is not None and rule.creators:
            one = self._made.known.find(mount, key) if self._made is not None else None
            if one is None or one.standing.goes:
                return None
            try:
                return rule.space_of(one)
            except Forbidden:
                return None
        return rule.of_key(key) if rule is not None else None

    def of_user(self, user: User, id: str) -> Space | None:
        """The space with this id as `by_id`, if what is known of `user` tells where it is."""
        rule = self._rules.get(id.partition("$")[0])
        with suppress(Forbidden):
            return next((grant.space for grant in rule.grants(user) if grant.space.id == id), None) if rule is not None else None
        return None

    def at(self, id: str, owner: str, root: str) -> Space | None:
        """The space with this id as `by_id`, if it still can be where it was. None: the settings are others now."""
        rule = self._rules.get(id.partition("$")[0])
        if rule is None or rule.creators or not may_give(rule.root, root):
            return None
        return Space(id, "", rule.kind, rule.name, owner, root)

    def fixed(self) -> list[str]:
        """The ids of the spaces that there are whoever asks: one for each mount that is one space for all."""
        return [f"{rule.name}${rule.name}" for rule in self._rules.values() if rule.single]

    def explain(self, user: User, path: Path) -> list[Explanation]:
        """Where `path` of `user` is in each of the user's spaces, and why; also what is not to be had, and why not."""
        found: list[Explanation] = []
        for rule in self._rules.values():
            how = f"mount {rule.name} ({rule.kind.value})"
            if rule.may_make(user):
                how += f", where {user.id} may make spaces"
            grants: list[Grant] = []
            with suppress(Forbidden):
                grants = self._grants(rule, user)
            for grant in grants:
                reasons = (how, grant.reason, f"root template {rule.root}")
                found.append(Explanation(rule.name, Place(grant.space, path, grant.permissions), reasons))
            if not grants:
                found.append(Explanation(rule.name, None, (how, rule.why_not(user))))
        return found

    def _granted(self, rule: Rule, actor: Actor, key: str = "") -> list[Grant]:
        """What a rule gives to the person, as far as the credentials go. Only what they do not limit is remembered. With `key` at
        least the space whose id ends so, if the person has it."""
        if key and self._made is not None and rule.creators:
            one = self._made.known.find(rule.name, key)
            grant = rule.grant(one, actor.user) if one is not None and one.standing is Standing.READY else None
            return _limited([grant] if grant is not None else [], actor)
        return _limited(self._grants(rule, actor.user), actor)

    def _grants(self, rule: Rule, user: User) -> list[Grant]:
        state = self._made.known.state if self._made is not None and rule.creators else (0, 0.0)
        known = self._known.get((rule.name, user.id))
        if known is not None and known[1] == state and (known[0] is user or known[0] == user):
            return known[2]
        grants = list(rule.grants(user))
        for one in self._members(rule, user):
            if one.standing is Standing.READY and (grant := _granted(rule, one, user)) is not None:
                grants.append(grant)
        if len(self._known) >= KEPT:
            self._known.clear()
        self._known[rule.name, user.id] = (user, state, grants)
        return grants

    def _members(self, rule: Rule, user: User) -> list[MadeSpace]:
        """The spaces that somebody made and that the person is a member of."""
        if self._made is None or not rule.creators:
            return []
        return self._made.known.of(rule.name, principals(user))

    async def _refresh(self) -> None:
        if self._made is not None:
            await self._made.refresh()

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


def _granted(rule: Rule, one: MadeSpace, user: User) -> Grant | None:
    """A space whose name does not fit the root of the mount any more must not take the others away."""
    try:
        return rule.grant(one, user)
    except Forbidden:
        return None


def _limited(grants: list[Grant], actor: Actor) -> list[Grant]:
    """As far as the actor's credentials go."""
    scope = actor.scope
    if scope.space:
        grants = [grant for grant in grants if grant.space.id == scope.space]
    if scope.read_only:
        grants = [attrs.evolve(grant, permissions=grant.permissions & READ_ONLY) for grant in grants]
    return grants

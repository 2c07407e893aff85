"""Which spaces a person has, where they are on the storages, and what the person may do there. Nobody else knows mounts."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b

import attrs

from ..errors import Forbidden, NotFound
from ..model.path import Path
from ..model.people import Actor, User
from ..model.permissions import READ_ONLY, READ_WRITE, Permissions
from ..model.space import Place, Space, SpaceKind
from .template import expand

KEPT = 10000
"""Spaces remembered, so that a poll need not work out the rules."""
PLAIN = re.compile(r"[A-Za-z0-9._@-]+\Z")


@attrs.frozen
class Rule:
    """One mount of the settings: who gets which space of it."""

    name: str
    kind: SpaceKind
    root: str
    """Template of the directory, see `template.expand`."""
    members: tuple[str, ...] = ()
    """Project: users, and groups as ``@group``; empty: everybody."""
    title: str = ""
    read_only: bool = False
    quota: int | None = None

    def admits(self, user: User) -> str:
        """Why `user` gets a space of this mount; empty: does not."""
        if self.kind is SpaceKind.PERSONAL:
            return "everybody has a space of their own here"
        if not self.members:
            return "everybody is a member"
        if user.id in self.members:
            return f"{user.id} is a member"
        groups = sorted(group for group in user.groups if f"@{group}" in self.members)
        return f"member by group {groups[0]}" if groups else ""

    def space(self, user: User) -> Space:
        """The space that `user` gets. Raises `SettingsError` for a template that this user's attributes do not fill."""
        personal = self.kind is SpaceKind.PERSONAL
        key = user.id if personal else self.name
        if not PLAIN.match(key):
            key = blake2b(key.encode(), digest_size=10).hexdigest()
        quota = self.quota
        if personal and user.quota is not None:
            quota = user.quota
        return Space(
            id=f"{self.name}${key}",
            name=self.title or (user.display_name if personal else self.name),
            kind=self.kind,
            mount=self.name,
            owner=user.id if personal else "",
            root=expand(self.root, user),
            quota=quota,
        )

    @property
    def permissions(self) -> Permissions:
        """What its members may do."""
        return READ_ONLY if self.read_only else READ_WRITE


@attrs.frozen
class Explanation:
    """Why a path of a person is where it is."""

    place: Place
    reasons: tuple[str, ...]


class Namespace:
    """Maps people and addresses to places, by rules alone: the same question always has the same answer."""

    def __init__(self, rules: Mapping[str, Rule], prepare: Callable[[Space, User], Awaitable[None]]) -> None:
        """`prepare` is called once for each space before it is handed out, e.g. to make the directory of a new person."""
        self._rules = rules
        self._prepare = prepare
        self._known: dict[tuple[str, str], tuple[User, Space, Permissions]] = {}

    async def spaces(self, actor: Actor) -> list[Space]:
        """All spaces of a person, the personal one first."""
        rules = sorted(self._rules.values(), key=lambda rule: (rule.kind is not SpaceKind.PERSONAL, rule.name))
        return [(await self._open(rule, actor.user))[0] for rule in rules if rule.admits(actor.user)]

    async def home(self, actor: Actor, path: Path) -> Place:
        """A path in the personal space. Raises `NotFound` if the person has none."""
        for rule in self._rules.values():
            if rule.kind is SpaceKind.PERSONAL:
                space, permissions = await self._open(rule, actor.user)
                return Place(space, path, permissions)
        raise NotFound(f"{actor.id} has no personal space")

    async def files_of(self, actor: Actor, user: str, path: Path) -> Place:
        """A path in the tree of the user named in the address, who must be the actor."""
        if user != actor.id:
            raise Forbidden(f"this is not {actor.id}'s tree")
        return await self.home(actor, path)

    async def in_space(self, actor: Actor, id: str, path: Path) -> Place:
        """A path in the space with this id. Raises `NotFound` for one that the actor may not know of."""
        rule = self._rules.get(id.partition("$")[0])
        if rule is not None and rule.admits(actor.user):
            space, permissions = await self._open(rule, actor.user)
            if space.id == id:
                return Place(space, path, permissions)
        raise NotFound("there is no such space")

    def explain(self, user: User, path: Path) -> list[Explanation]:
        """Where `path` of `user` is in each of the user's spaces, and why."""
        found: list[Explanation] = []
        for rule in self._rules.values():
            admitted = rule.admits(user)
            if admitted:
                reasons = (f"mount {rule.name} ({rule.kind.value})", admitted, f"root template {rule.root}")
                found.append(Explanation(Place(rule.space(user), path, rule.permissions), reasons))
        return found

    async def _open(self, rule: Rule, user: User) -> tuple[Space, Permissions]:
        known = self._known.get((rule.name, user.id))
        if known is not None and (known[0] is user or known[0] == user):
            return known[1], known[2]
        space = rule.space(user)
        await self._prepare(space, user)
        if len(self._known) >= KEPT:
            self._known.clear()
        self._known[rule.name, user.id] = (user, space, rule.permissions)
        return space, rule.permissions

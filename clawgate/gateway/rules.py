"""One mount of the settings as a rule: who gets which spaces of it, and what may be done there. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b

import attrs

from ..errors import Forbidden, SettingsError
from ..model.made_space import MadeSpace, Role
from ..model.people import User
from ..model.permissions import READ_ONLY, READ_WRITE, Permissions
from ..model.space import Space, SpaceKind
from ..settings import Mount
from .aliases import Naming, settle
from .template import Field, check, compiled, expand, made, title

_PLAIN = re.compile(r"[A-Za-z0-9._@-]+\Z")
RIGHTS = {Role.VIEWER: READ_ONLY, Role.EDITOR: READ_WRITE, Role.MANAGER: READ_WRITE | Permissions.MANAGE}
"""What members of a space that somebody made may do."""
MAKING = frozenset({"posix", "s3", "memory"})
"""Drivers on whose storages people can make spaces."""


@attrs.frozen
class Grant:
    """A space that a person gets."""

    space: Space
    permissions: Permissions
    reason: str
    """Why, for `explain`."""


@attrs.frozen
class Rule:
    """One mount."""

    name: str
    kind: SpaceKind
    root: str
    """Template of the directory, see `template`; S3: of the prefix of keys, empty or ending with a slash."""
    members: tuple[str, ...] = ()
    """Project: users, and groups as ``@group``; empty: everybody."""
    readers: tuple[str, ...] = ()
    """The same, of those who may only read; who is a member too may do all."""
    groups: str = ""
    """Project: a regular expression; every group of a person that it matches as a whole is a space of its own."""
    title: str = ""
    """Template of the name that is shown."""
    read_only: bool = False
    quota: int | None = None
    setting: str = "root"
    """Which setting of the mount `root` comes from."""
    creators: tuple[str, ...] = ()
    """Project: who may make spaces, users, and groups as ``@group``; the rule then has no spaces but those that were made."""
    naming: Naming = attrs.field()
    """What they are called."""

    @naming.default
    def _(self) -> Naming:
        return Naming(self.kind, self.name)

    @property
    def single(self) -> bool:
        """Whether there is one space for all."""
        return self.kind is SpaceKind.PROJECT and not self.groups and not self.creators

    def validate(self) -> None:
        """Raises `SettingsError` that names the key."""
        key = f"mounts.{self.name}"
        if self.groups and self.kind is SpaceKind.PERSONAL:
            raise SettingsError(f"{key}.groups: only a mount of kind 'project' has spaces for groups")
        if self.groups and (self.members or self.readers):
            raise SettingsError(f"{key}.groups: the members of a group are those of its space; leave members and readers out")
        check(self.root, f"{key}.{self.setting}", group=bool(self.groups), space=bool(self.creators))
        if self.creators:
            self._validate_making(key)
        fields = [one for one in compiled(self.root) if isinstance(one, Field)]
        if self.kind is SpaceKind.PROJECT and any(one.attribute and not one.of_space for one in fields):
            raise SettingsError(
                f"{key}.{self.setting}: a project has one directory for all; {{user...}} cannot stand in {self.root!r}"
            )
        check(self.title, f"{key}.title", group=bool(self.groups))
        try:
            re.compile(self.groups)
        except re.error as error:
            raise SettingsError(f"{key}.groups: {self.groups!r} is not a regular expression: {error}") from None

    def _validate_making(self, key: str) -> None:
        if self.kind is SpaceKind.PERSONAL:
            raise SettingsError(f"{key}.creators: people make spaces only on a mount of kind 'project'")
        for other in ("members", "readers", "groups", "title"):
            if getattr(self, other):
                raise SettingsError(f"{key}.{other}: spaces that people make have members and a name of their own; leave it out")
        if self.read_only:
            raise SettingsError(f"{key}.creators: nobody can make spaces where read_only is set")
        if not any(isinstance(one, Field) and one.of_space for one in compiled(self.root)):
            raise SettingsError(
                f"{key}.{self.setting}: with 'creators' it needs {{space.id}} or {{space.name}}, or all spaces would be one"
            )

    def may_make(self, user: User) -> bool:
        """Whether `user` may make spaces here."""
        return bool(_among(user, self.creators))

    def space_of(self, one: MadeSpace) -> Space:
        """A space that somebody made. Raises `Forbidden` if its name does not fill the template."""
        return Space(
            id=one.id,
            name=one.name,
            kind=self.kind,
            mount=self.name,
            owner="",
            root=expand(self.root, made(one.key, one.label)),
            quota=one.quota if one.quota is not None else self.quota,
            alias=self.naming.made(one.name, one.label, one.key),
        )

    def grant(self, one: MadeSpace, user: User) -> Grant | None:
        """What `user` gets of a space that somebody made; None: nothing."""
        principal = principal_of(one, user)
        if principal is None:
            return None
        role = one.members[principal]
        whom = f"the group {principal[1:]}" if principal.startswith("@") else principal
        return Grant(self.space_of(one), RIGHTS[role], f"{whom} is a member of «{one.name}», {role.value}")

    def grants(self, user: User) -> Iterator[Grant]:
        """The spaces that `user` gets. Raises `Forbidden` if what is known of the user does not fill the template."""
        if self.creators:
            # Who has which is not in the settings.
            return
        if self.kind is SpaceKind.PERSONAL:
            yield Grant(self._space(user, user.id), self._rights(), "everybody has a space of their own here")
        elif self.groups:
            for group in self._groups(user):
                # A group whose name does not fit must not take the others away.
                with suppress(Forbidden):
                    yield Grant(self._space(user, group), self._rights(), f"member of the group {group}")
        elif reason := _among(user, self.members):
            yield Grant(self._space(user, ""), self._rights(), reason)
        elif not self.members and not self.readers:
            yield Grant(self._space(user, ""), self._rights(), "everybody is a member")
        elif reason := _among(user, self.readers):
            yield Grant(self._space(user, ""), READ_ONLY, f"{reason}, to read")

    def of_key(self, key: str) -> Space | None:
        """The space whose id ends with `key`, if nothing but that is needed to tell where it is."""
        fields = [piece for piece in compiled(self.root) if isinstance(piece, Field)]
        personal = self.kind is SpaceKind.PERSONAL
        if not key or any(field.attribute not in ("id", "") for field in fields):
            return None
        label = key if personal or self.groups else ""
        with suppress(Forbidden):
            space = attrs.evolve(self, title="")._space(User(key if personal else ""), label)
            # A key that is a hash does not lead back, and a group may have come that is no space here.
            if space.id == f"{self.name}${key}" and (not self.groups or _regex(self.groups).fullmatch(key)):
                return space
        return None

    def why_not(self, user: User) -> str:
        """Why `user` gets no space; empty: gets one."""
        if self.creators:
            return "not a member of any space that was made here"
        try:
            if any(True for _ in self.grants(user)):
                return ""
            for group in self._groups(user):
                self._space(user, group)
        except Forbidden as error:
            return str(error)
        return "not a member"

    def _groups(self, user: User) -> list[str]:
        return [group for group in sorted(user.groups) if self.groups and _regex(self.groups).fullmatch(group)]

    def _space(self, user: User, label: str) -> Space:
        """`label` tells the spaces of the mount apart: the person, the group, or nothing if there is only one."""
        personal = self.kind is SpaceKind.PERSONAL
        key = label or self.name
        if not _PLAIN.match(key):
            key = blake2b(key.encode(), digest_size=10).hexdigest()
        quota = self.quota
        if personal and user.quota is not None:
            quota = user.quota
        group = "" if personal else label
        name = self._name(user, group)
        if personal:
            alias = self.naming.person(user.id)
        else:
            alias = self.naming.group(self.title, name, group, key) if group else self.naming.only(self.title)
        return Space(
            id=f"{self.name}${key}",
            name=name,
            kind=self.kind,
            mount=self.name,
            owner=user.id if personal else "",
            root=expand(self.root, user, group),
            quota=quota,
            alias=alias,
        )

    def _name(self, user: User, group: str) -> str:
        if self.title:
            return title(self.title, user, group)
        return user.display_name if self.kind is SpaceKind.PERSONAL else group or self.name

    def _rights(self) -> Permissions:
        return READ_ONLY if self.read_only else READ_WRITE


def rules_of(mounts: Mapping[str, Mount], data: str) -> dict[str, Rule]:
    """The rules of all mounts; `data` is the directory that relative roots start from. Raises `SettingsError`."""
    rules = {}
    for name, mount in mounts.items():
        rule = rules[name] = Rule(
            name,
            SpaceKind(mount.kind),
            _root(mount, data),
            members=tuple(mount.members),
            readers=tuple(mount.readers),
            groups=mount.groups,
            title=mount.title,
            read_only=mount.read_only,
            quota=mount.quota or None,
            setting="s3.prefix" if mount.driver == "s3" else "root",
            creators=tuple(mount.creators),
        )
        if mount.creators and mount.driver not in MAKING:
            raise SettingsError(f"mounts.{name}.creators: people cannot make spaces with the driver {mount.driver!r}")
        if mount.creators and mount.act_as == "user":
            raise SettingsError(f"mounts.{name}.creators: goes with act_as = 'service' only: others could not use what is made")
        rule.validate()
    return settle(rules)


def principals(user: User) -> Iterator[str]:
    """As what somebody can be a member."""
    yield user.id
    for group in sorted(user.groups):
        yield f"@{group}"


def among(members: Collection[str]) -> Callable[[User], bool]:
    """Whether somebody is one of these members: what `principals` tells, in a part of the time, for thousands of people."""
    people, groups = frozenset(members), frozenset(member[1:] for member in members if member.startswith("@"))
    return lambda user: user.id in people or not groups.isdisjoint(user.groups)


def principal_of(one: MadeSpace, user: User) -> str | None:
    """As what `user` is a member of a space: where there are several, the one that may do most."""
    found = [principal for principal in principals(user) if principal in one.members]
    return max(found, key=lambda principal: one.members[principal].rank) if found else None


def _root(mount: Mount, data: str) -> str:
    if mount.driver == "s3":
        prefix = mount.s3.prefix
        return prefix + "/" if prefix and not prefix.endswith("/") else prefix
    return mount.root if os.path.isabs(mount.root) else os.path.join(os.path.abspath(data), mount.root)


def overlapping(rules: Mapping[str, Rule]) -> set[str]:
    """The mounts of directories of which some space may lie within one of another mount, as far as their roots tell."""
    fixed = {name: _fixed_part(rule.root) for name, rule in rules.items() if rule.setting == "root"}
    return {
        name
        for name, above in fixed.items()
        for other, below in fixed.items()
        if name != other and os.path.commonpath([above, below]) in (above, below)
    }


def _fixed_part(root: str) -> str:
    """The folder that all spaces of a root like this lie in, or are."""
    before, brace, _ = os.path.normpath(root).partition("{")
    return (os.path.dirname(before) if brace else before) or "/"


def _among(user: User, members: tuple[str, ...]) -> str:
    if user.id in members:
        return f"{user.id} is a member"
    groups = sorted(group for group in user.groups if f"@{group}" in members)
    return f"member by group {groups[0]}" if groups else ""


_regex = lru_cache(maxsize=100)(re.compile)

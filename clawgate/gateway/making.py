"""Project spaces that people make, change and remove: who may, in which order, and what kills leave.

The state knows of a space before its folder is there, and until its folder is gone: whatever is interrupted is found there by
`mend` and brought to its end.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Protocol

import attrs

from ..errors import AlreadyExists, ClawgateError, Forbidden, InvalidRequest, NotFound, QuotaExceeded
from ..log import make_logger
from ..model.made_space import MadeSpace, Role, Standing
from ..model.people import Actor
from ..model.permissions import READ_ONLY, Permissions
from ..model.space import Space
from ..settings import Graph
from ..state.made_spaces import StoredSpaces
from .aliases import slug
from .made_spaces import MadeSpaces
from .rules import RIGHTS, Rule, principal_of
from .unmaking import Cleared, Unmaking

log = make_logger()

NAME_LETTERS = 255
DESCRIPTION_LETTERS = 4096
LABEL_LETTERS = 60
LABELS = 100
"""Names that are tried before one is taken that nobody would choose."""


class Ground(Cleared, Protocol):
    """Where the files of spaces are, and will be."""

    async def vacant(self, space: Space) -> bool:
        """Whether nothing is there where a new space would be. Raises `StorageUnavailable`."""

    async def make(self, space: Space) -> None:
        """Make its folder; one that is there is no error. Raises `StorageUnavailable`, `QuotaExceeded`."""


@attrs.frozen
class Change:
    """What shall be different; None: stays."""

    name: str | None = None
    description: str | None = None
    quota: int | None = None
    """Bytes; 0: as the mount says."""
    image: str | None = None
    """Id of a file; empty: none in particular."""
    readme: str | None = None
    """The same."""


@attrs.frozen
class Membership:
    """What a member is."""

    role: Role
    until: float | None = None
    """When that ends by itself, seconds since 1970; None: it does not."""


class Making:
    """See the module. Nobody learns of a space that is not a member of it."""

    def __init__(
        self,
        rules: Mapping[str, Rule],
        stored: StoredSpaces,
        made: MadeSpaces,
        ground: Ground,
        settings: Graph,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._rules = {name: rule for name, rule in rules.items() if rule.creators}
        self._stored = stored
        self._made = made
        self._ground = ground
        self._settings = settings
        self._now = now
        self._busy: set[str] = set()
        self.unmaking = Unmaking(self._rules, stored, made, ground, now)

    @property
    def possible(self) -> bool:
        """Whether there is a mount on which people make spaces."""
        return bool(self._rules)

    @property
    def most(self) -> int:
        """The largest quota that somebody can set, bytes; 0: any."""
        quotas = [rule.quota or 0 for rule in self._rules.values()]
        return max(quotas) if quotas and all(quotas) else 0

    @property
    def pending(self) -> int:
        """Spaces that are being made or removed."""
        return len(self._made.known.pending)

    def mount_for(self, actor: Actor) -> str:
        """The mount on which the actor may make spaces, the first one of the settings. Raises `Forbidden`."""
        if actor.scope.read_only or actor.scope.space:
            raise Forbidden("with these credentials no space can be made")
        rule = next((rule for rule in self._rules.values() if rule.may_make(actor.user)), None)
        if rule is None:
            raise Forbidden("you may not make spaces here")
        return rule.name

    async def create(self, mount: str, wanted: Change, manager: str) -> MadeSpace:
        """Make a space, whose only member is `manager`. Whether the actor may is not asked, see `mount_for`.

        Raises `NotFound` if people make no spaces on this mount, `AlreadyExists` for a name that is taken, `Forbidden` for a
        quota above that of the mount, `InvalidRequest`, `QuotaExceeded`, `StorageUnavailable`.
        """
        rule = self._rules.get(mount)
        if rule is None:
            raise NotFound(f"mounts.{mount}: people make no spaces here, there is no setting 'creators'")
        name = _name(wanted.name or "")
        plain = MadeSpace(
            mount,
            secrets.token_hex(8),
            "",
            name,
            _description(wanted.description or ""),
            _quota(rule, wanted.quota or 0),
            Standing.MAKING,
            self._now(),
            members={manager: Role.MANAGER},
        )
        self._busy.add(plain.id)
        try:
            new = await self._enter(rule, plain)
            return await self._finish(rule, new)
        finally:
            self._busy.discard(plain.id)
            await self._made.load()

    async def _enter(self, rule: Rule, plain: MadeSpace) -> MadeSpace:
        """Note it under a label that nobody has, in the state or on the storage."""
        for label in _labels(plain):
            new = attrs.evolve(plain, label=label)
            if await self._ground.vacant(rule.space_of(new)) and await self._stored.add(new, self._settings.spaces_most):
                return new
        raise AlreadyExists("all folders that a space of this name could have are taken")

    async def _finish(self, rule: Rule, new: MadeSpace) -> MadeSpace:
        try:
            await self._ground.make(rule.space_of(new))
        except ClawgateError:
            await self._stored.remove(new.mount, new.key)
            raise
        return await self._stored.change(new.mount, new.key, lambda one: attrs.evolve(one, standing=Standing.READY))

    async def find(self, actor: Actor | None, id: str) -> MadeSpace:
        """A space that the actor may know of; None, here and below: the operator, who may do anything. Raises `NotFound`."""
        await self._made.refresh()
        mount, _, key = id.partition("$")
        one = self._made.known.find(mount, key)
        if one is None or mount not in self._rules or not _is_seen(one, _rights(one, actor)):
            raise NotFound("there is no such space")
        return one

    async def change(self, actor: Actor | None, id: str, wanted: Change) -> MadeSpace:
        """Give it another name, description, quota, picture. Errors are those of `create`, and `Forbidden`."""

        def work(one: MadeSpace) -> MadeSpace:
            rule = self._rules[one.mount]
            if wanted.name is not None:
                one = attrs.evolve(one, name=_name(wanted.name))
            if wanted.description is not None:
                one = attrs.evolve(one, description=_description(wanted.description))
            if wanted.quota is not None:
                one = attrs.evolve(one, quota=_quota(rule, wanted.quota))
            if wanted.image is not None:
                one = attrs.evolve(one, image=wanted.image)
            if wanted.readme is not None:
                one = attrs.evolve(one, readme=wanted.readme)
            return one

        return await self._as_manager(actor, id, work)

    async def disable(self, actor: Actor | None, id: str) -> MadeSpace:
        """From now on nobody gets at its files. Raises `NotFound`, `Forbidden`."""
        return await self._as_manager(actor, id, lambda one: attrs.evolve(one, standing=Standing.DISABLED))

    async def restore(self, actor: Actor | None, id: str) -> MadeSpace:
        """The opposite. Raises `NotFound`, `Forbidden`."""
        return await self._as_manager(actor, id, lambda one: attrs.evolve(one, standing=Standing.READY))

    async def remove(self, actor: Actor | None, id: str) -> MadeSpace:
        """Have a disabled space removed with all its files, for good: `Unmaking.begin` does it, else `mend`. Raises `NotFound`,
        `Forbidden`, `InvalidRequest` for one that is not disabled."""
        return await self._as_manager(actor, id, _doomed)

    async def grant(
        self,
        actor: Actor | None,
        id: str,
        who: Collection[str],
        role: Role | None,
        *,
        new: bool = False,
        until: float | None = None,
    ) -> MadeSpace:
        """Give people and groups a role; None: none any more. Unless they may be `new` they must be members already. `until`:
        when that ends by itself, seconds since 1970; None: it does not.

        Raises `NotFound`, `Forbidden`, `InvalidRequest` where nobody would be a manager any more, or for a time that is past,
        `QuotaExceeded` for too many.
        """

        def work(one: MadeSpace) -> MadeSpace:
            if not new and not one.members.keys() >= set(who):
                raise NotFound("there is no such member")
            return self._with(one, who, role, until)

        return await self._as_manager(actor, id, work)

    async def alter(self, actor: Actor | None, id: str, member: str, change: Callable[[Membership], Membership]) -> MadeSpace:
        """Replace a membership by what `change` makes of it. Raises as `grant`."""

        def work(one: MadeSpace) -> MadeSpace:
            if member not in one.members:
                raise NotFound("there is no such member")
            wanted = change(Membership(one.members[member], one.until.get(member)))
            return self._with(one, [member], wanted.role, wanted.until)

        return await self._as_manager(actor, id, work)

    def _with(self, one: MadeSpace, who: Collection[str], role: Role | None, until: float | None) -> MadeSpace:
        members = {member: had for member, had in one.members.items() if member not in who}
        ends = {member: had for member, had in one.until.items() if member not in who}
        if role is not None:
            members |= dict.fromkeys(who, role)
            if until is not None:
                if until <= self._now():
                    raise InvalidRequest("a membership cannot have ended already")
                ends |= dict.fromkeys(who, until)
        if not any(had is Role.MANAGER and member not in ends for member, had in members.items()):
            raise InvalidRequest("a space needs a manager who stays one; make somebody else one first")
        if len(members) > self._settings.members_most:
            raise QuotaExceeded(f"a space can have {self._settings.members_most} members")
        return attrs.evolve(one, members=members, until=ends)

    async def _as_manager(self, actor: Actor | None, id: str, work: Callable[[MadeSpace], MadeSpace]) -> MadeSpace:
        await self.find(actor, id)

        def checked(one: MadeSpace) -> MadeSpace:
            one = one.at(self._now())
            rights = _rights(one, actor)
            if not _is_seen(one, rights):
                raise NotFound("there is no such space")
            if Permissions.MANAGE not in rights:
                raise Forbidden("only managers of this space can do that")
            return work(one)

        mount, _, key = id.partition("$")
        try:
            return await self._stored.change(mount, key, checked)
        finally:
            await self._made.load()

    async def mend(self) -> int:
        """Bring to an end what was interrupted; returns how many spaces that concerned. Raises the first failure once all others
        had their turn."""
        if not self._rules:
            return 0
        await self._made.refresh()
        pending = self._made.known.pending
        self.unmaking.forget(pending)
        busy = self._busy | self.unmaking.busy
        found = [one for one in pending if one.mount in self._rules and one.id not in busy]
        failure: ClawgateError | None = None
        for one in found:
            if one.standing.goes:
                self.unmaking.begin(one)
                continue
            try:
                await self._ground.make(self._rules[one.mount].space_of(one))
                await self._stored.change(one.mount, one.key, _finished)
            except ClawgateError as error:
                failure = failure or error
            else:
                log.info("{space} «{name}», which was being made, is there now", space=one.id, name=one.name)
        if found:
            await self._made.load()
        if failure is not None:
            raise failure
        return len(found)


def _rights(one: MadeSpace, actor: Actor | None) -> Permissions:
    if actor is None:
        return RIGHTS[Role.MANAGER]
    principal = principal_of(one, actor.user)
    if principal is None or actor.scope.space not in ("", one.id):
        return Permissions.NONE
    rights = RIGHTS[one.members[principal]]
    return rights & READ_ONLY if actor.scope.read_only else rights


def _is_seen(one: MadeSpace, rights: Permissions) -> bool:
    if one.standing is Standing.DISABLED:
        return Permissions.MANAGE in rights
    return one.standing is Standing.READY and bool(rights)


def _finished(one: MadeSpace) -> MadeSpace:
    return attrs.evolve(one, standing=Standing.READY) if one.standing is Standing.MAKING else one


def _doomed(one: MadeSpace) -> MadeSpace:
    if one.standing is not Standing.DISABLED:
        raise InvalidRequest("a space must be disabled before it can be removed for good")
    return attrs.evolve(one, standing=Standing.REMOVING)


def _name(text: str) -> str:
    text = text.strip()
    if not text or len(text) > NAME_LETTERS or not text.isprintable():
        raise InvalidRequest(f"a space needs a name of at most {NAME_LETTERS} letters")
    return text


def _description(text: str) -> str:
    if len(text) > DESCRIPTION_LETTERS:
        raise InvalidRequest(f"the description of a space has {DESCRIPTION_LETTERS} letters at most")
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InvalidRequest("the description of a space is no text")
    return text


def _quota(rule: Rule, quota: int) -> int | None:
    """0 stands for what the mount says."""
    if not 0 <= quota < 1 << 63:
        raise InvalidRequest("a quota is a number of bytes")
    if rule.quota is not None and quota > rule.quota:
        raise Forbidden(f"spaces here have a quota of {rule.quota} bytes at most")
    return quota or None


def _labels(one: MadeSpace) -> Iterator[str]:
    """What its folder and its alias may be called, the best first."""
    text = slug(one.name)[:LABEL_LETTERS].strip(".-")
    if text:
        yield text
        for number in range(2, LABELS):
            yield f"{text}-{number}"
    yield one.key

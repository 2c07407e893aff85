"""Mounts with the driver eos: their connections, who people are there, and how the storage of a space is opened.

What talks to EOS is imported only when there is such a mount.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
from twisted.internet.utils import getProcessOutputAndValue

from ..errors import ClawgateError, Forbidden, NotFound, SettingsError, StorageUnavailable
from ..gateway import template
from ..gateway.janitor import AGE
from ..interfaces import Abilities, Body, Janitor, Listing, Reader, Storage
from ..log import make_logger
from ..metrics import Metrics
from ..model.content import Intent, Written
from ..model.node import Node
from ..model.path import ROOT, Path
from ..model.people import User
from ..model.space import Persona, Space, SpaceKind
from ..mutex import Mutex
from ..settings import Eos, Mount, Settings, id_ranges
from ..storage.wrappers.metered import Metered, Told
from ..storage.wrappers.native import Native
from ..workers import Workers
from . import eos_grpc
from .keeping import keeps_trash, keeps_versions

if TYPE_CHECKING:
    from ..storage.eos.accounts import Accounts
    from ..storage.eos.driver import EosStorage
    from ..storage.eos.grpc.grpc_metadata import GrpcMetadata
    from ..storage.eos.http_metadata import HttpMetadata
    from ..storage.eos.instance import Instance

log = make_logger()

_DEPLOYMENT = "eos-deployment"
"""In the directory of data: what uploads on EOS are known by as ours."""
_LOCAL = ("localhost", "127.0.0.1", "::1")
_PEOPLE = 100
"""Storages of a space of several people that are kept for the janitor."""


@attrs.frozen
class _Desk:
    instance: Instance
    metadata: HttpMetadata
    accounts: Accounts
    numbers: eos_grpc.Numbers
    grpc: GrpcMetadata | None = None
    """`metadata`, if it speaks gRPC."""

    async def close(self) -> None:
        """Close what is kept open."""
        if self.grpc is not None:
            self.grpc.close()
        await self.instance.close()


class Eoses:
    """See the module."""

    def __init__(self, settings: Settings, reactor: Any, metrics: Metrics) -> None:
        """Nothing is started here. Raises `SettingsError`."""
        self._mounts = {name: mount for name, mount in settings.mounts.items() if mount.driver == "eos"}
        check(self._mounts)
        self._settings = settings
        self._deployment = ""
        self._reactor = reactor
        self._metrics = metrics
        self._desks: dict[str, _Desk] = {}
        self._workers = {name: Workers(reactor, f"eos-{name}", one.eos.threads, 1000) for name, one in self._mounts.items()}
        speaking = {name: one.eos for name, one in self._mounts.items() if one.eos.by_grpc}
        self._speakers = {name: eos_grpc.pool(reactor, name, one) for name, one in speaking.items()}
        self._people: dict[str, OrderedDict[str, EosStorage]] = {}
        self._making = {name: Mutex() for name in self._mounts}
        self._bins: dict[str, bool] = {}
        if self._mounts:
            metrics.count("eos_requests", "Requests to managers of EOS", self._calls)

    def _calls(self) -> int:
        spoken = [desk.grpc.calls for desk in self._desks.values() if desk.grpc is not None]
        return sum([desk.instance.calls for desk in self._desks.values()]) + sum(spoken)

    def __contains__(self, mount: str) -> bool:
        return mount in self._mounts

    def no_bin(self, mount: str) -> bool:
        """Whether there was no recycle bin in any of the spaces of this mount that were opened so far."""
        return self._bins.get(mount) is False

    @property
    def pools(self) -> list[Workers]:
        """Threads, one pool a mount, and one more where gRPC is spoken."""
        return [*self._workers.values(), *self._speakers.values()]

    async def persona(self, user: User, mount: str) -> Persona:
        """As whom `user` works on a mount. Raises `Forbidden` saying why as nobody, `StorageUnavailable`."""
        name = template.title(self._mounts[mount].eos.user, user)
        desk = self._desk(mount)
        desk.numbers.note(name, user.uid, user.gid)
        return await desk.accounts.persona(name, user.uid)

    async def open(
        self, space: Space, keep: frozenset[str], changed: Callable[[], None], told: Told, *, known: bool
    ) -> tuple[Storage, Storage]:
        """The storage for the persona of a space, and the driver in it; without one what looks after a space of several people.
        `keep`: uploads that are not finished; `known`: it was opened before by this process; `changed` is told of changes,
        `told` of failures of the instance."""
        from ..storage.eos.driver import EosStorage

        if space.persona is None:
            if space.kind is not SpaceKind.PROJECT:
                raise Forbidden("nobody is known as whom this space could be worked on")
            caretaker = Caretaker(self._people.setdefault(space.id, OrderedDict()))
            return caretaker, caretaker
        mount, desk = self._mounts[space.mount], self._desk(space.mount)
        who = space.persona.name
        try:
            await desk.metadata.see_readable(who, space.root)
        except NotFound:
            await self._no_root(space, mount)
            await EosStorage(desk.instance, desk.metadata, space.persona, space.root).stat(ROOT)
        bin = ""
        if keeps_trash(mount):
            bin = await desk.metadata.recycle_bin(who, space.root)
            self._bins[space.mount] = self._bins.get(space.mount, False) or bool(bin)
        versions = keeps_versions(mount)
        mends = not mount.read_only
        raw = EosStorage(desk.instance, desk.metadata, space.persona, space.root, bin=bin, versions=versions, mends=mends)
        if mends:
            try:
                await raw.sweep(keep, AGE if known or space.kind is SpaceKind.PROJECT else 0)
            except ClawgateError as error:
                log.warn("{space}: what is not finished cannot be cleared up: {error}", space=space.id, error=error)
        if space.kind is SpaceKind.PROJECT and mends:
            people = self._people.setdefault(space.id, OrderedDict())
            people[space.persona.name] = raw
            people.move_to_end(space.persona.name)
            if len(people) > _PEOPLE:
                people.popitem(last=False)
        inner = Metered(raw, self._metrics.storage_observer(space.mount), told=told)
        return Native(inner, space.id, time.monotonic, mount.eos.cache_seconds, changed), raw

    async def close(self) -> None:
        """Close what is kept open; nobody may be using it any more."""
        for desk in self._desks.values():
            await desk.close()
        self._desks.clear()

    def _desk(self, mount: str) -> _Desk:
        desk = self._desks.get(mount)
        self._deployment = self._deployment or deployment_of(self._settings)
        if desk is None:
            desk = self._desks[mount] = connect(
                self._reactor, self._mounts[mount], self._workers[mount], self._speakers.get(mount), self._deployment
            )
        return desk

    async def _no_root(self, space: Space, mount: Mount) -> None:
        """The folder of a space is missing: make it if it is a home and there is a way. Raises `StorageUnavailable`."""
        key, command = f"mounts.{space.mount}", mount.eos.home_command
        if space.kind is not SpaceKind.PERSONAL or not command or not mount.create or mount.read_only:
            log.error("{key}: there is no {root} on EOS", key=key, root=space.root)
            raise StorageUnavailable("the folder of this space does not exist; those who run this service have to make it")
        assert space.persona is not None
        async with self._making[space.mount]:
            arguments = [*command[1:], space.root, space.persona.name, str(space.persona.uid)]
            out, wrong, code = await getProcessOutputAndValue(  # type: ignore[no-untyped-call]
                command[0], arguments, reactor=self._reactor
            )
            if code:
                said = (wrong or out).decode("utf-8", "replace")[-500:].strip()
                log.error("{key}.eos.home_command: ended with {code}: {said}", key=key, code=code, said=said)
                raise StorageUnavailable("your home cannot be made now; those who run this service can see why")
            log.info("{key}: {root} was made for {user}", key=key, root=space.root, user=space.owner)


class Caretaker(Storage, Janitor):
    """Looks after a space that several people work on: as them, because the gateway is nobody there. All else it refuses."""

    def __init__(self, people: Mapping[str, EosStorage]) -> None:
        self._people = people
        self.abilities = Abilities(janitor=self)

    async def sweep(self, keep: frozenset[str], older_than: float) -> int:
        """See `Janitor.sweep`."""
        return sum([await storage.sweep(keep, older_than) for storage in list(self._people.values())])

    async def stat(self, path: Path) -> Node:
        """Refused."""
        raise _nobody()

    async def list(self, path: Path) -> Listing:
        """Refused."""
        raise _nobody()

    async def read(self, path: Path) -> Reader:
        """Refused."""
        raise _nobody()

    async def write(self, path: Path, body: Body, intent: Intent) -> Written:
        """Refused."""
        raise _nobody()

    async def make_folder(self, path: Path) -> Node:
        """Refused."""
        raise _nobody()

    async def remove(self, path: Path) -> None:
        """Refused."""
        raise _nobody()

    async def move(self, source: Path, target: Path, *, replace: bool) -> Node:
        """Refused."""
        raise _nobody()


def _nobody() -> Forbidden:
    return Forbidden("nobody is known as whom this space could be worked on")


def check(mounts: Mapping[str, Mount]) -> None:
    """Raises `SettingsError` if the settings of such a mount do not go together."""
    for name, mount in mounts.items():
        if mount.driver != "eos":
            continue
        key = f"mounts.{name}"
        if not mount.eos.urls:
            raise SettingsError(f"{key}.eos.urls: a mount with driver = 'eos' needs the address of a manager")
        if not mount.root.startswith("/"):
            raise SettingsError(f"{key}.root: expected the full path on EOS, e.g. '/eos/user/{{user.id[0]}}/{{user.id}}'")
        if "*" in mount.root:
            raise SettingsError(f"{key}.root: EOS takes an asterisk in a path for a pattern when it deletes")
        template.check(mount.eos.user, f"{key}.eos.user")
        eos_grpc.check(f"{key}.eos", mount.eos)


def connect(reactor: Any, mount: Mount, workers: Workers, speakers: Workers | None = None, deployment: str = "") -> _Desk:
    """What talks to the instance of a mount; `speakers` make calls of gRPC; `deployment` as in `EosOptions`. Raises
    `SettingsError`."""
    from ..storage.eos.accounts import Accounts
    from ..storage.eos.http_metadata import HttpMetadata
    from ..storage.eos.instance import Instance

    instance = Instance(reactor, attrs.evolve(options_of(mount.eos), deployment=deployment), workers)
    numbers = eos_grpc.Numbers()
    grpc = None if speakers is None else eos_grpc.metadata(reactor, mount.eos, instance, speakers, numbers)
    metadata = HttpMetadata(instance) if grpc is None else grpc
    ranges = id_ranges(mount.act_as_uids)

    def admitted(uid: int) -> bool:
        return uid > 0 and any(low <= uid <= high for low, high in ranges)

    accounts = Accounts(metadata, admitted, mount.eos.account_seconds, reactor.seconds)
    return _Desk(instance, metadata, accounts, numbers, grpc)


def deployment_of(settings: Settings) -> str:
    """The same for all gateways that share their sessions, and another one for others: where the state is, if that is on another
    machine. Else it is in a file: names of machines and paths are the same in many containers. Blocks for a moment, once."""
    parts = urlsplit(settings.state.url)
    if parts.scheme.startswith("postgresql") and parts.hostname and parts.hostname not in _LOCAL:
        return f"{parts.hostname} {parts.port or 5432} {parts.path}"
    path = os.path.join(os.path.abspath(settings.data), _DEPLOYMENT)
    made = secrets.token_hex(16)
    try:
        with open(path, "a+", encoding="ascii") as file:
            file.seek(0)
            known = file.read().strip()
            if not known:
                file.write(f"{made}\n")
            return known or made
    except (OSError, ValueError) as error:
        log.warn("{path}: {error}; uploads on EOS that nobody finishes stay longer", path=path, error=error)
        return made


def options_of(eos: Eos) -> Any:
    """The driver's options of a mount's settings."""
    from ..storage.eos.options import EosOptions

    names = {field.name for field in attrs.fields(EosOptions)}
    given: dict[str, Any] = {field.name: getattr(eos, field.name) for field in attrs.fields(Eos) if field.name in names}
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return EosOptions(**given)

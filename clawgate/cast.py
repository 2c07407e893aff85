"""Who works on storages as themselves: the threads for it, and how the storages of mounts with ``act_as = "user"`` are opened."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from .errors import Forbidden, SettingsError
from .identity.personas import Limits, Personas, look
from .interfaces import Janitor
from .model.people import User
from .model.space import Persona, Space, SpaceKind
from .settings import Mount, Settings
from .storage.posix import persona
from .storage.posix.driver import PosixStorage
from .storage.posix.guise import Doorkeepers, Guise
from .storage.posix.options import PosixOptions
from .storage.posix.watch import FolderWatches
from .workers import Workers


class Cast:
    """Threads that take on people's rights, and those that do for them what only the gateway may."""

    def __init__(self, settings: Settings, reactor: Any) -> None:
        """Nothing is started here."""
        people = settings.people
        self._mounts = settings.mounts
        self._people = Workers(reactor, "people", people.threads, people.queue)
        self._verifying = Workers(reactor, "people-verify", people.verify_threads, people.verify_queue)
        accounts = Workers(reactor, "accounts", people.account_threads, people.account_queue)
        self.pools = [self._people, self._verifying, accounts]
        self._door = Doorkeepers(people.threads + people.verify_threads)
        self.personas = Personas(settings.mounts, accounts, people.account_seconds, people.accounts, time.monotonic)

    @property
    def persona(self) -> Callable[[User, str], Awaitable[Persona | None]] | None:
        """As whom people work; None: all mounts are worked on as the gateway."""
        return self.personas.of if any(map(acts, self._mounts.values())) else None

    def acts(self, mount: str) -> bool:
        """Whether people work on this mount as themselves."""
        return acts(self._mounts[mount])

    def start(self) -> None:
        """Start what acts as people, if any mount needs it; from the reactor's thread. Raises `SettingsError`."""
        check(self._mounts)
        if any(map(acts, self._mounts.values())):
            self._door.start()

    def stop(self) -> None:
        """End it, after the pools."""
        self._door.stop()

    def storage(self, space: Space, options: PosixOptions, watches: FolderWatches | None) -> PosixStorage:
        """The driver for the persona of `space`."""
        if space.persona is None:
            raise Forbidden("nobody is known as whom this space could be worked on")
        shared = space.kind is SpaceKind.PROJECT
        # Of what the kernel has told one person others must not be told.
        watches = None if shared else watches
        guise = Guise(space.persona, shared, self._door)
        return PosixStorage(space.root, self._people, options, watches, self._verifying, guise=guise)

    def caretaker(self, space: Space, options: PosixOptions, files: Workers, cpu: Workers, scan: Workers) -> PosixStorage:
        """The driver with which the gateway itself looks after a space of several people; nothing is done in it for anybody."""

        async def colleague(uid: int, gid: int) -> Janitor:
            there = attrs.evolve(space, persona=await self.personas.of_uid(uid, gid, space.mount))
            janitor = self.storage(there, options, None).abilities.janitor
            assert janitor is not None
            return janitor

        return PosixStorage(space.root, files, options, None, cpu, scan=scan, colleague=colleague)

    def looks_after(self, space: Space) -> bool:
        """Whether `space` is to be opened by `caretaker`."""
        return self.acts(space.mount) and space.persona is None and space.kind is SpaceKind.PROJECT

    def is_guest(self, space: Space) -> bool:
        """Whether somebody works on a space that others work on as well."""
        return space.persona is not None and space.kind is SpaceKind.PROJECT


def persona_of(user: User, mount: Mount) -> Persona:
    """As whom `user` works on an acting mount; blocks. Raises `Forbidden` with the reason why as nobody."""
    return Limits.of(mount).admit(user.id, look(user))


def describe(user: User, mount: Mount) -> str:
    """The same in words, for operators; blocks. Empty where the gateway works as itself."""
    if not acts(mount):
        return ""
    try:
        persona = persona_of(user, mount)
    except Forbidden as error:
        return f"nobody: {error}"
    groups = ", ".join(map(str, persona.groups)) or "none"
    return f"uid {persona.uid}, gid {persona.gid}, further groups {groups}"


def acts(mount: Mount) -> bool:
    """Whether people work on a mount as themselves."""
    return mount.act_as == "user"


def check(mounts: dict[str, Mount]) -> None:
    """Raises `SettingsError` if people cannot work as themselves where they are to."""
    for name, mount in mounts.items():
        if not acts(mount):
            continue
        if mount.driver != "posix":
            raise SettingsError(f"mounts.{name}.act_as: only the driver 'posix' can act as people")
        if mount.kind == "project" and mount.symlinks == "follow":
            # A link is there or not, depending on whether one may reach what it leads to.
            raise SettingsError(f"mounts.{name}.symlinks: links cannot be followed where several people work as themselves")
        if missing := persona.missing():
            raise SettingsError(f"mounts.{name}.act_as: acting as people is not possible without {', '.join(missing)}")

"""The gateway's rules on a real state, index and storage, which survive while everything above them is made anew."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as File
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import Clock

from clawgate import settings
from clawgate.gateway.janitor import Janitor
from clawgate.gateway.locks import Locks
from clawgate.gateway.properties import Properties
from clawgate.gateway.quota import Quotas
from clawgate.gateway.storages import Storages
from clawgate.gateway.tree import Guard, Tree
from clawgate.gateway.uploads.layout import Chunk
from clawgate.gateway.uploads.sessions import Publication, Uploads
from clawgate.index import schema as index_schema
from clawgate.index.index import Index
from clawgate.interfaces import Storage
from clawgate.model.content import Checksum, Intent, Written
from clawgate.model.path import Path
from clawgate.model.people import Actor, User
from clawgate.model.permissions import READ_WRITE, Permissions
from clawgate.model.space import Place, Space, SpaceKind
from clawgate.model.upload import Part, Upload
from clawgate.state import schema as state_schema
from clawgate.state.engine import Database
from clawgate.state.locks import StoredLocks
from clawgate.state.properties import StoredProperties
from clawgate.state.uploads import Uploads as StoredUploads
from clawgate.storage.memory import MemoryStorage
from clawgate.storage.posix.driver import PosixStorage
from clawgate.storage.posix.options import Durability, PosixOptions
from clawgate.storage.wrappers.indexed import Indexed
from clawgate.workers import Workers

from .bodies import chunks

ADA = Actor(User("ada"))
BOB = Actor(User("bob"))


class House:
    """Everything that a session needs; `restart` is what a kill and a start come to."""

    def __init__(self, folder: File, kind: str, **limits: Any) -> None:
        """`kind` of storage: memory or posix; `limits` as in the settings."""
        self.folder = folder
        self.kind = kind
        self.limits = settings.Uploads(**{"checkpoint_bytes": 10, **limits})
        self.quota: int | None = None
        self.clock = Clock()
        self.seconds = 1_800_000_000.0
        self.raw: dict[str, Storage] = {}
        self.lost: set[str] = set()
        """Spaces that nobody finds any more."""
        self.opened: list[str] = []
        for name in ("ada", "bob"):
            (folder / "files" / name).mkdir(parents=True)

    async def open(self) -> None:
        self.workers = Workers(reactor, "test", 4, 1000)  # type: ignore[arg-type]
        self.workers.start()
        self.state = Database(f"sqlite:///{self.folder}/state.db", self.workers, state_schema.SCHEMA, busy_timeout=0.05)
        self.index_database = Database(f"sqlite:///{self.folder}/index.db", self.workers, index_schema.SCHEMA)
        await self.state.start()
        await self.index_database.start()
        self.index = Index(self.index_database, 10000, 30.0)
        self.stored = StoredUploads(self.state)
        self.storages = Storages(self._build)
        self.locks = Locks(StoredLocks(self.state), settings.Dav(), self.now)
        properties = Properties(StoredProperties(self.state), settings.Dav())
        await self.locks.load()
        await properties.start()
        self.quotas = Quotas(lambda space, apart: self.stored.reserved(space, self.now(), apart))
        self.tree = Tree(self.storages, self.locks, properties, self.quotas, {})
        self.uploads = Uploads(self.stored, self.storages, self.tree, self.quotas, self.limits, self.clock, self.now)
        self.janitor = Janitor(self.storages, self.uploads, self.locks, self._locate, self.index.tidy, self.now)

    async def close(self) -> None:
        await self.state.stop()
        await self.index_database.stop()
        self.workers.stop()

    async def restart(self) -> None:
        await self.close()
        self.clock = Clock()
        await self.open()

    def now(self) -> float:
        return self.seconds

    async def _build(self, space: Space) -> Storage:
        self.opened.append(space.id)
        if self.kind == "memory":
            raw: Storage = self.raw.setdefault(space.id, MemoryStorage())
        else:
            raw = PosixStorage(space.root, self.workers, PosixOptions(durability=Durability.NONE))
        return Indexed(raw, await self.index.space(space.id), reactor.seconds, 60.0)  # type: ignore[attr-defined]

    async def _locate(self, upload: Upload) -> Space | None:
        return None if upload.space in self.lost else self.space(upload.space.partition("$")[2])

    # What tests ask for

    def space(self, owner: str = "ada") -> Space:
        root = str(self.folder / "files" / owner)
        return Space(f"home${owner}", owner, SpaceKind.PERSONAL, "home", owner, root, self.quota)

    def place(self, path: str, owner: str = "ada", permissions: Permissions = READ_WRITE) -> Place:
        return Place(self.space(owner), Path(path), permissions)

    def publication(self, path: str, *sums: Checksum, size: int | None = None, guard: Guard | None = None) -> Publication:
        return Publication(ADA, self.place(path), Intent(size=size, checksums=sums), guard=guard)

    async def begin(self, path: str = "a.bin", size: int | None = None, dialect: str = "tus", **options: Any) -> Upload:
        return await self.uploads.begin(ADA, self.place(path), dialect, size=size, **options)

    async def put(self, path: str, content: bytes) -> Written:
        return await self.tree.put(ADA, self.place(path), chunks(content), Intent(size=len(content)), tokens=frozenset())

    async def append(self, upload: Upload, offset: int, *data: bytes, path: str = "a.bin", **options: Any) -> tuple[Upload, Any]:
        """What comes in one request whose length is known; it is to end at `path` (empty: nowhere)."""
        options = {"length": sum(map(len, data)), "publication": self.publication(path) if path else None, **options}
        return await self.uploads.append(upload, self.space(), offset, chunks(*data), **options)

    async def put_part(self, upload: Upload, name: str, data: bytes, start: int | None = None, **options: Any) -> Part:
        index = int(name) if name.isdigit() else 0
        chunk = Chunk(name, len(data), start, index=index, **options)
        return await self.uploads.put_part(upload, self.space(), chunk, chunks(data))

    async def read(self, path: str, owner: str = "ada") -> bytes | None:
        """The content of a file, None if there is none."""
        storage = await self.storages.of(self.space(owner))
        try:
            reader = await storage.read(Path(path))
        except Exception as error:
            if type(error).__name__ != "NotFound":
                raise
            return None
        try:
            return b"".join([chunk async for chunk in reader.stream()])
        finally:
            await reader.close()

    async def held(self, owner: str = "ada") -> int:
        """How many unfinished contents the storage keeps."""
        if self.kind == "memory":
            return len(self.raw[f"home${owner}"]._parts._parts) if f"home${owner}" in self.raw else 0  # type: ignore[attr-defined]
        staging = self.folder / "files" / owner / ".clawgate"
        return len([name for name in os.listdir(staging) if name.startswith("part-")]) if staging.exists() else 0

    async def offset(self, upload: Upload) -> int:
        """What the state says."""
        return (await self.stored.get(upload.id)).offset

    @contextmanager
    def frozen(self) -> Iterator[Freeze]:
        """The state can be read and not written once it is told to `begin`, until the end."""
        freeze = Freeze(str(self.folder / "state.db"))
        try:
            yield freeze
        finally:
            freeze.end()


class Freeze:
    """Another process writes to the state and does not come to an end."""

    def __init__(self, file: str) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None, timeout=5)

    def begin(self, *_: object) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._connection.close()

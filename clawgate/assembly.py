"""The place where objects meet, in reading order."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Any

from .errors import NotFound, StorageUnavailable
from .gateway.chores import Chore
from .gateway.janitor import Janitor
from .gateway.locks import Locks
from .gateway.namespace import Namespace
from .gateway.properties import Properties
from .gateway.quota import Quotas
from .gateway.rules import rules_of
from .gateway.storages import Storages
from .gateway.tree import Tree
from .gateway.uploads.sessions import Uploads
from .identity.cache import RememberedLogins
from .identity.chain import Chain
from .identity.entrance import Entrance
from .identity.file import UserFile
from .identity.ldap import build as ldap
from .identity.oidc import build as oidc
from .identity.oidc.tokens import Tokens
from .index import schema as index_schema
from .index.index import Index
from .index.learner import Learner
from .interfaces import Directory, Room, Storage
from .log import make_logger, write_lines
from .metrics import Metrics
from .model.path import ROOT
from .model.people import Actor, User
from .model.space import Space, SpaceKind
from .model.upload import Upload
from .protocols import wellknown
from .protocols.admin import Admin
from .protocols.capabilities import Features, Tus
from .protocols.ocs import Ocs
from .protocols.private_links import PREFIXES as LINK_PREFIXES
from .protocols.private_links import PrivateLinks
from .protocols.tus import offer as tus
from .protocols.tus.content import Verifier
from .protocols.tus.creation import Creation
from .protocols.tus.handler import TusHandler
from .protocols.webdav.chunking_ng import ChunkingNg
from .protocols.webdav.chunking_v1 import ChunkingV1
from .protocols.webdav.foresight import Foresight
from .protocols.webdav.handler import DavHandler
from .protocols.webdav.upload_target import PREFIXES as UPLOAD_PREFIXES
from .settings import Settings
from .state import schema as state_schema
from .state.attempts import StoredAttempts
from .state.engine import Damaged, Database
from .state.locks import StoredLocks
from .state.properties import StoredProperties
from .state.uploads import Uploads as StoredUploads
from .storage.checksums import ALGORITHMS, Digests
from .storage.memory import MemoryStorage
from .storage.posix.driver import PosixStorage
from .storage.posix.options import PosixOptions
from .storage.posix.watch import FolderWatches
from .storage.wrappers.indexed import Indexed
from .storage.wrappers.metered import Metered
from .web.access_log import AccessLog
from .web.login import Login
from .web.metering import Metering
from .web.request import Request
from .web.response import Response
from .web.router import KleinHandler, Router
from .web.site import ClawSite
from .workers import Workers

log = make_logger()

OIDC_SECONDS = 10.0
"""Between looks at whether an OpenID provider's documents are old."""


class Core:
    """Everything below the protocols. The command line uses it without a socket."""

    def __init__(self, settings: Settings, reactor: Any) -> None:
        """Nothing is started here; `reactor` gives threads, file descriptors and time."""
        self.settings = settings
        self.reactor = reactor
        self.metrics = Metrics()

        # threads
        files, state, index, users = settings.files, settings.state, settings.index, settings.users
        self.files = Workers(reactor, "files", files.threads, files.queue)
        self.state_workers = Workers(reactor, "state", state.threads, state.queue)
        self.index_workers = Workers(reactor, "index", index.threads, index.queue)
        self.hashing = Workers(reactor, "hashing", users.threads, users.queue)
        self.cpu = Workers(reactor, "cpu", settings.uploads.threads, settings.uploads.queue)
        self.pools = [self.files, self.state_workers, self.index_workers, self.hashing, self.cpu]
        self.directories = ldap.build(settings.ldap, reactor)
        self.pools += [directory.workers for directory in self.directories]
        for pool in self.pools:
            self.metrics.pool(pool)

        # databases
        state_url = state.url or f"sqlite:///{self.path('state.db')}"
        index_url = index.url or f"sqlite:///{self.path('index.db')}"
        self.state = Database(state_url, self.state_workers, state_schema.SCHEMA)
        self.index_database = Database(index_url, self.index_workers, index_schema.SCHEMA, synchronous="NORMAL")
        self.index = Index(self.index_database, index.nodes, index.journal_days)
        self.metrics.gauge("index_nodes_in_memory", "Index entries in memory", self.index.nodes_in_memory)

        # people
        self.user_file = UserFile(self.path(users.file or "users.toml"), self.hashing, self.files, time.monotonic)
        self.tokens = oidc.build(settings.oidc, reactor)
        self.authenticator = RememberedLogins(
            Chain([self.user_file, self.tokens, *self.directories]),
            users.cache_seconds,
            time.monotonic,
            current=lambda: self.user_file.checked_until,
            refresh=self.user_file.refresh,
        )
        self.user_file.changed.append(self.authenticator.forget)
        self.entrance = Entrance(self.authenticator, settings.brake, StoredAttempts(self.state), reactor)
        self.metrics.count("refused_logins", "Logins refused because of earlier failures", lambda: self.entrance.refused)
        self.metrics.gauge("delayed_logins", "Logins that wait because of earlier failures", lambda: self.entrance.waiting)
        self.metrics.cache("logins", lambda: (self.authenticator.hits, self.authenticator.misses))

        # files
        self.watches = {name: FolderWatches(reactor, mount.watches) for name, mount in settings.mounts.items() if mount.watch}
        self.storages = Storages(self._open)
        self.namespace = Namespace(rules_of(settings.mounts, settings.data), self._prepare)
        self.locks = Locks(StoredLocks(self.state), settings.dav, time.time)
        self.properties = Properties(StoredProperties(self.state), settings.dav)
        stored_uploads = StoredUploads(self.state)
        self.quotas = Quotas(lambda space, apart: stored_uploads.reserved(space, time.time(), apart))
        compute = {name: tuple(mount.checksums) for name, mount in settings.mounts.items() if mount.checksums}
        self.tree = Tree(self.storages, self.locks, self.properties, self.quotas, compute)
        self.uploads = Uploads(stored_uploads, self.storages, self.tree, self.quotas, settings.uploads, reactor, time.time)
        self.janitor = Janitor(self.storages, self.uploads, self.locks, self._space_of, self._tidy)
        self._learners: list[Learner] = []
        self._raw: dict[str, Storage] = {}
        """The drivers of the spaces that are open."""

    async def start(self) -> None:
        """Start the pools, open the databases and load what is kept in memory. Raises `SettingsError`."""
        for pool in self.pools:
            pool.start()
        for watches in self.watches.values():
            watches.start()
        await self.state.start()
        await self._start_index()
        await self.user_file.load()
        await self.entrance.start()
        await self.locks.load()
        await self.properties.start()

    async def _start_index(self) -> None:
        """The index is a cache: a damaged one is set aside and made anew."""
        try:
            await self.index_database.start()
        except Damaged as error:
            aside = f"{self.index_database.file}.damaged-{int(time.time())}"
            log.error("{error}; it is now {aside}, and a new index is learned from the storages", error=error, aside=aside)
            for suffix in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    await self.files.run(os.replace, self.index_database.file + suffix, aside + suffix)
            await self.index_database.start()

    async def stop(self) -> None:
        """Close everything; nobody may be using it any more."""
        for watches in self.watches.values():
            watches.close()
        await self.entrance.stop()
        await self.state.stop()
        await self.index_database.stop()
        for directory in self.directories:
            await directory.close()
        for pool in self.pools:
            pool.stop()

    def path(self, name: str) -> str:
        """A path relative to the data directory."""
        return os.path.join(os.path.abspath(self.settings.data), name)

    async def ping(self) -> None:
        """Ask every storage that is open. Raises what the first one raises that does not answer."""
        for raw in list(self._raw.values()):
            await raw.stat(ROOT)

    async def learn(self) -> None:
        """One step of learning what nobody has listed yet, in all spaces."""
        for learner in self._learners:
            await learner.step(self.settings.index.learn_folders)

    async def _open(self, space: Space) -> Storage:
        """Driver and wrappers of one space."""
        mount = self.settings.mounts[space.mount]
        if mount.driver == "memory":
            raw: Storage = MemoryStorage()
        else:
            options = PosixOptions(
                symlinks=mount.symlinks, durability=mount.durability, block_bytes=self.settings.files.block_bytes
            )
            raw = PosixStorage(space.root, self.files, options, self.watches.get(space.mount), self.cpu)
        inner = Metered(raw, self.metrics.storage_observer(space.mount))
        storage = Indexed(inner, await self.index.space(space.id), time.monotonic, mount.staleness_max, read_only=mount.read_only)
        if raw.abilities.janitor is not None and not mount.read_only:
            # Nobody else works on this space: whatever lies about is from before.
            await raw.abilities.janitor.sweep(await self.uploads.handles(space), 0)
        self._raw[space.id] = raw
        self._learners.append(Learner(space.id, storage.observer.scan, storage.index.unlearned))
        return storage

    async def _tidy(self) -> None:
        await self.entrance.sweep()
        await self.index.tidy()

    async def _space_of(self, upload: Upload) -> Space | None:
        for space, _ in self.storages.opened():
            if space.id == upload.space:
                return space
        known: list[Directory] = [self.user_file, *self.directories]
        for directory in known:
            user = await directory.find_user(upload.owner)
            if user is not None:
                try:
                    return (await self.namespace.in_space(Actor(user), upload.space, ROOT)).space
                except NotFound:
                    return None
        return None

    async def _prepare(self, space: Space, user: User) -> None:
        mount = self.settings.mounts[space.mount]
        if mount.driver == "posix":
            # A directory that was there before and is not any more is a file system that is not mounted.
            create = mount.create and space.kind is SpaceKind.PERSONAL and not await self.index.knows(space.id)
            await self.files.run(_make_directory, space.root, create, self.settings.data)


class Gateway:
    """The whole: the core, the protocols in front of it, and the sites that listen."""

    def __init__(self, settings: Settings, reactor: Any) -> None:
        """Nothing is started here. Raises `SettingsError`."""
        self.core = core = Core(settings, reactor)
        self._access = AccessLog(reactor, core.files, write_lines, settings.log.format) if settings.log.access else None
        sign_in = _sign_in(settings, core.tokens)
        login = Login(
            core.entrance,
            settings.users.realm,
            bearer=sign_in is not None,
            basic=all(provider.basic for provider in settings.oidc.values()),
            metadata=wellknown.RESOURCE if sign_in is not None else "",
        )

        # protocols
        offer = tus.Offer(ALGORITHMS, settings.http.max_body_bytes)
        verifier = Verifier(ALGORITHMS, Digests, core.cpu)
        creation = Creation(core.uploads, verifier, offer) if settings.uploads.tus else None
        foresight = Foresight()
        dav = DavHandler(
            core.tree,
            core.namespace,
            core.locks,
            core.properties,
            settings.dav,
            login.authenticate,
            login.challenges,
            chunked=ChunkingV1(core.uploads, settings.uploads, foresight),
            post=creation,
            announced=offer.headers() if creation is not None else None,
        )
        core.metrics.cache("listings", lambda: (dav.dav.listings.hits, dav.dav.listings.misses))
        uploads = ChunkingNg(dav.dav, core.uploads, settings.uploads, foresight, login.authenticate, login.challenges)
        features = Features(
            checksums=ALGORITHMS,
            chunking_ng=True,
            chunking_v1=True,
            tus=Tus(tus.VERSION, tus.EXTENSIONS, settings.uploads.tus_chunk_bytes) if creation is not None else None,
            reports=("filter-files",),
            favorites=True,
            private_links=True,
            depth_infinity=settings.dav.depth_infinity,
        )

        # addresses
        async def root(request: Request) -> Response:
            """People see a page; mounting clients look at every folder from the root on."""
            return await (front if request.verb in ("GET", "HEAD") else dav)(request)

        pages = wellknown.handlers(features, sign_in, login)
        front = pages.pop("/")
        router = Router()
        router.add("/", root)
        for prefix in ("/remote.php", "/webdav", "/dav"):
            router.add(prefix, dav)
        for prefix in UPLOAD_PREFIXES:
            router.add(prefix, uploads)
        if creation is not None:
            router.add(tus.BASE, TusHandler(dav.dav, core.uploads, verifier, creation, login))
        links = PrivateLinks(core.tree, core.namespace, login)
        for prefix in LINK_PREFIXES:
            router.add(prefix, links)
        ocs = KleinHandler(Ocs(features, login, self._room).resource(), settings.http.small_body_bytes)
        for prefix in ("/ocs", "/index.php/ocs"):
            router.add(prefix, ocs)
        for prefix, handler in pages.items():
            router.add(prefix, handler)
        self.site = ClawSite(router, settings.http, reactor, Metering(core.metrics), self._access, core.files)

        # for the operator
        checks = {"state": core.state.ping, "index": core.index_database.ping, "storages": core.ping}
        self.admin = Admin(core.metrics, checks, reactor)
        admin_router = Router()
        for prefix, handler in self.admin.handlers().items():
            admin_router.add(prefix, handler)
        self.admin_site = ClawSite(admin_router, settings.http, reactor)

        index = settings.index
        self._chores = [
            Chore(reactor, "clearing up", index.tidy_seconds, core.janitor.run),
            Chore(reactor, "learning", index.learn_seconds, core.learn),
        ]
        if sign_in is not None:
            self._chores.append(Chore(reactor, "asking OpenID providers", OIDC_SECONDS, core.tokens.refresh))

    async def start(self) -> None:
        """Get everything ready to answer; the caller then listens. Raises `SettingsError`."""
        await self.core.start()
        self.core.tokens.start()
        for chore in self._chores:
            chore.start()

    async def stop(self) -> None:
        """Close everything; the caller has closed the ports and drained the sites."""
        for chore in self._chores:
            await chore.stop()
        if self._access is not None:
            await self._access.flush()
        await self.core.tokens.stop()
        await self.core.stop()

    async def _room(self, actor: Actor) -> Room:
        return await self.core.tree.room(await self.core.namespace.home(actor, ROOT))


assemble = Gateway


def _sign_in(settings: Settings, tokens: Tokens) -> wellknown.SignIn | None:
    """What clients are told about logging in; None without an OpenID provider."""
    first = tokens.first
    if first is None:
        return None
    return wellknown.SignIn(
        first.settings.issuer,
        first.document,
        tuple(one.issuer for one in settings.oidc.values()),
        tuple(first.settings.scopes),
        oidc.client_ids(first.name, first.settings),
        tuple(first.settings.client_scopes),
    )


def _make_directory(root: str, create: bool, data: str) -> None:
    """Make sure that the root of a space is a directory; blocking. Above it only the embedded default's folders are made."""
    try:
        if create:
            if os.path.realpath(root).startswith(os.path.realpath(data) + os.sep):
                os.makedirs(os.path.dirname(root), 0o700, exist_ok=True)
            with suppress(FileExistsError):
                os.mkdir(root, 0o700)
        if not os.path.isdir(root):
            raise StorageUnavailable("the directory of this space does not exist; is its file system mounted?")
    except OSError as error:
        raise StorageUnavailable(f"the directory of this space cannot be made: {error.strerror}") from error

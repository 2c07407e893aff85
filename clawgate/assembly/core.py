"""Everything below the protocols."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import attrs

from ..cast import Cast
from ..errors import Forbidden
from ..gateway.calendar import Calendar
from ..gateway.generations import Generations
from ..gateway.homes import Homes
from ..gateway.janitor import Janitor
from ..gateway.keeper import Keeper
from ..gateway.locks import Locks
from ..gateway.login_flows import LoginFlows
from ..gateway.login_sessions import LoginSessions
from ..gateway.made_spaces import MadeSpaces
from ..gateway.making import Making
from ..gateway.namespace import Namespace
from ..gateway.notices import Notices
from ..gateway.page_sessions import PageSessions
from ..gateway.properties import Properties
from ..gateway.quota import Quotas
from ..gateway.rules import overlapping, rules_of
from ..gateway.storages import Storages
from ..gateway.tags import Tags
from ..gateway.trash import Trash
from ..gateway.tree import Tree
from ..gateway.uploads.sessions import Uploads
from ..gateway.versions import Versions
from ..gateway.whereabouts import Whereabouts
from ..identity.app_passwords import AppPasswords
from ..identity.cache import RememberedLogins
from ..identity.chain import Chain
from ..identity.entrance import Entrance
from ..identity.file import UserFile
from ..identity.foreign import Seen
from ..identity.last_use import LastUse
from ..identity.networks import network_of
from ..identity.numbers import numbers
from ..identity.oidc import build as oidc
from ..identity.register import Register
from ..identity.revocations import Revocations
from ..identity.signing import Signing
from ..identity.standing import Standing
from ..identity.typed import accepted
from ..identity.visitor_passwords import VisitorPasswords
from ..index import schema as index_schema
from ..index.followers import Followers
from ..index.idle import Idle
from ..index.index import Index
from ..index.news import Newsroom
from ..interfaces import Directory
from ..log import make_logger
from ..metrics import Metrics
from ..model.path import ROOT
from ..model.people import User
from ..model.space import Persona, Space, SpaceKind
from ..outside_metrics import outside_metrics
from ..settings import Settings
from ..state import schema as state_schema
from ..state.app_passwords import StoredAppPasswords
from ..state.attempts import StoredAttempts
from ..state.engine import Damaged, Database
from ..state.generations import StoredGenerations
from ..state.locks import StoredLocks
from ..state.login_flows import StoredLoginFlows
from ..state.login_sessions import StoredLoginSessions
from ..state.made_spaces import StoredSpaces
from ..state.properties import StoredProperties
from ..state.signing_keys import StoredSigningKeys
from ..state.tag_numbers import StoredTagNumbers
from ..state.tags import StoredTags
from ..state.uploads import Uploads as StoredUploads
from ..storage.posix.home import HomeMaker, is_there
from ..storage.posix.notify import Kind, Notifier
from ..storage.posix.watch import FolderWatches
from ..workers import Workers
from .buckets import Buckets
from .eos import Eoses
from .grounds import Grounds
from .keeping import limits_of
from .opening import Opening
from .outages import Outages
from .visits import Visits

if TYPE_CHECKING:
    from ..identity.ldap.directory import LdapDirectory

log = make_logger()


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
        self.cast = Cast(settings, reactor)
        self.scan = Workers(reactor, "scan", settings.outside.scan_threads, settings.outside.scan_queue)
        self.idle = Idle(reactor, lambda: self.files.pending >= settings.outside.busy_calls, settings.outside.busy_pause)
        self.notices = Workers(reactor, "notices", 1, 100)
        self.pools = [self.files, self.state_workers, self.index_workers, self.hashing, self.cpu, self.scan, self.notices]
        self.pools += self.cast.pools
        self.buckets = Buckets(settings, reactor, self.metrics)
        self.pools += self.buckets.pools
        self.eos = Eoses(settings, reactor, self.metrics)
        self.pools += self.eos.pools
        self.directories = _directories(settings, reactor)
        self.pools += [directory.workers for directory in self.directories]
        for pool in self.pools:
            self.metrics.pool(pool)

        # databases
        state_url = state.url or f"sqlite:///{self.path('state.db')}"
        index_url = index.url or f"sqlite:///{self.path('index.db')}"
        self.state = Database(state_url, self.state_workers, state_schema.SCHEMA)
        self.index_database = Database(index_url, self.index_workers, index_schema.SCHEMA, synchronous="NORMAL")
        self.index = Index(self.index_database, index.nodes, index.journal_days, gone_seconds=index.gone_seconds)
        self.metrics.gauge("index_nodes_in_memory", "Index entries in memory", self.index.nodes_in_memory)
        learned = "Files and folders learned in the background"
        self.metrics.count("index_learned_nodes", learned, lambda: self.opening.learned)
        left = "Folders not learned yet, as counted every half minute"
        self.metrics.gauge("index_unlearned_folders", left, lambda: self.opening.unlearned)

        # people
        self.user_file = UserFile(self.path(users.file or "users.toml"), self.hashing, self.files, time.monotonic)
        self.tokens = oidc.build(settings.oidc, reactor)
        stored = StoredAppPasswords(self.state)
        self.revocations = Revocations(stored.changes, time.monotonic)
        people: list[Directory] = [self.user_file, *self.directories]
        self.register = Register(people, self._known)
        self.app_passwords = AppPasswords(stored, people, settings.app_passwords, self.revocations, time.time)
        standing = Standing(self.app_passwords.known, self.app_passwords.known_anew)
        self.judge = standing.judge
        foreign_days, key_seconds = settings.app_passwords.foreign_days, settings.signed_urls.key_seconds
        self.signing = Signing(StoredSigningKeys(self.state), self.judge, key_seconds, foreign_days, self.hashing, time.time)
        self.last_use = LastUse(stored.use, settings.app_passwords.used_seconds, time.time)
        self.seen = Seen(self.tokens, stored, self.revocations, time.time)
        own = accepted(users.passwords, [self.user_file, *self.directories])
        self.authenticator = RememberedLogins(
            # Those who know what is theirs come first: the file refuses passwords of its people that are not in it.
            Chain([self.app_passwords, *own[:1], self.seen, *own[1:]]),
            users.cache_seconds,
            time.monotonic,
            current=lambda: self.user_file.checked_until,
            refresh=self.user_file.refresh,
            revocable=self.revocations,
            used=self.last_use,
        )
        self.user_file.changed.append(self.authenticator.forget)
        self.revocations.forget.append(self.authenticator.forget)
        for directory in self.directories:
            directory.changed.append(self.revocations.another)
        self.entrance = Entrance(self.authenticator, settings.brake, StoredAttempts(self.state), reactor)
        self.metrics.count("refused_logins", "Logins refused because of earlier failures", lambda: self.entrance.refused)
        self.metrics.gauge("delayed_logins", "Logins that wait because of earlier failures", lambda: self.entrance.waiting)
        self.metrics.cache("logins", lambda: (self.authenticator.hits, self.authenticator.misses))

        # people with a browser
        prefixes = (settings.brake.ipv4_prefix, settings.brake.ipv6_prefix)
        self.visitor_passwords = VisitorPasswords(self.app_passwords, settings.app_passwords.per_user, standing.judge_anew)
        self.login_flows = LoginFlows(
            StoredLoginFlows(self.state),
            settings.login_flow,
            self.visitor_passwords,
            lambda address: network_of(address, *prefixes),
        )
        login_sessions = StoredLoginSessions(self.state)
        self.login_sessions = LoginSessions(login_sessions, settings.login_flow, judge=self.judge)
        self.page_sessions = PageSessions(login_sessions, settings.web, self.judge, self.revocations)

        # files
        self.watches = {
            name: FolderWatches(reactor, mount.vouched_folders)
            for name, mount in settings.mounts.items()
            if mount.vouched_folders and mount.driver == "posix"
        }
        self.opening = Opening(self)
        self.outages = Outages(time.monotonic)
        self.storages = Storages(self.outages.opening(self.opening.open), settings.people.storages)
        shared = overlapping(rules_of(settings.mounts, settings.data))
        self.notifiers = {
            name: Notifier(
                reactor,
                self.notices,
                cast(Kind, mount.watch_by),
                mount.watch_folders,
                queue_bytes=settings.outside.event_bytes,
                gather=settings.outside.event_seconds,
                own=name in shared,
            )
            for name, mount in settings.mounts.items()
            if mount.driver == "posix" and mount.follows == "watch"
        }
        self.followers = Followers(self.index_database, reactor, settings.outside.passes)
        self.storages.used = self.followers.used
        self.buckets.oldest = self.followers.oldest
        self.generations = Generations(StoredGenerations(self.state), settings.outside, time.monotonic)
        self.serving = False
        """Whether clients are served, so that changes by others are looked for in the spaces that are open."""
        outside_metrics(self.metrics, self.followers, self.notifiers)
        self.homes = Homes(settings.mounts, settings.data, self.files, is_there, HomeMaker().make, numbers, self._was_there)
        rules = rules_of(settings.mounts, settings.data)
        stored_spaces = StoredSpaces(self.state)
        self.made_spaces = MadeSpaces(stored_spaces, time.monotonic)
        self.namespace = Namespace(rules, self._prepare, self._persona(), self.made_spaces)
        self.making = Making(rules, stored_spaces, self.made_spaces, Grounds(self), settings.graph)
        pending = "Spaces that people made which are being made or removed"
        self.metrics.gauge("spaces_pending", pending, lambda: self.making.pending)
        self.locks = Locks(StoredLocks(self.state), settings.dav, time.time)
        self.tags = Tags(StoredTags(self.state), StoredTagNumbers(self.state), settings.dav)
        self.properties = Properties(StoredProperties(self.state), settings.dav, self.tags)
        stored_uploads = StoredUploads(self.state)
        self.news = Notices(Newsroom(self.index), settings.events, reactor)
        self.metrics.gauge("event_streams", "Clients that wait for changes", lambda: self.news.streams)
        self.metrics.count("event_notices", "Changes told to clients that wait", lambda: self.news.told)
        self.quotas = Quotas(lambda space, apart: stored_uploads.reserved(space, time.time(), apart))
        compute = {name: tuple(mount.checksums) for name, mount in settings.mounts.items() if mount.checksums}
        self.tree = Tree(self.storages, self.locks, self.properties, self.quotas, compute, self.index_workers)
        self.uploads = Uploads(stored_uploads, self.storages, self.tree, self.quotas, settings.uploads, reactor, time.time)
        self.whereabouts = Whereabouts(self.storages, self.namespace, self._known, self.reach)
        self.trash = Trash(self.storages, self.locks, self.properties, self.quotas)
        self.versions = Versions(self.storages, self.locks, self.quotas)
        self.visits = Visits(self, self._known)
        calendar = Calendar(self.visits.reckoned, self.visits.reckon, time.time, time.monotonic)
        limits = limits_of(settings.mounts)
        self.keeper = Keeper(self.storages, limits, self.visits, self.idle, calendar.time, time.monotonic)
        self.janitor = Janitor(self.storages, self.uploads, self.locks, self.whereabouts.of, self._tidy)

    async def start(self) -> None:
        """Start the pools, open the databases and load what is kept in memory. Raises `SettingsError`."""
        self.cast.start()
        for pool in self.pools:
            pool.start()
        await self.buckets.start()
        for watches in self.watches.values():
            watches.start()
        for notifier in self.notifiers.values() if self.serving else ():
            notifier.start()
        await self.state.start()
        await self._start_index()
        await self.user_file.load()
        await self.entrance.start()
        await self.revocations.refresh()
        await self.made_spaces.load()
        await self.locks.load()
        await self.properties.start()
        if self.serving:
            self.buckets.listen()

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
        await self.buckets.stop_listening()
        if self.serving:
            await self.followers.stop()
            await self.making.unmaking.stop()
            await self.generations.note()
            for notifier in self.notifiers.values():
                notifier.close()
        for watches in self.watches.values():
            watches.close()
        await self.entrance.stop()
        await self.seen.stop()
        await self.last_use.stop()
        await self.state.stop()
        await self.index_database.stop()
        for directory in self.directories:
            await directory.close()
        await self.buckets.close()
        await self.eos.close()
        for pool in self.pools:
            pool.stop()
        self.cast.stop()

    def path(self, name: str) -> str:
        """A path relative to the data directory."""
        return os.path.join(os.path.abspath(self.settings.data), name)

    async def ping(self) -> None:
        """Ask every storage that is open. Raises what the first one raises that does not answer."""
        for raw in list(self.opening.raw.values()):
            await raw.stat(ROOT)

    async def _tidy(self) -> None:
        await self.entrance.sweep()
        await self.app_passwords.tidy()
        await self.signing.tidy()
        await self.login_flows.sweep()
        await self.login_sessions.sweep()
        await self.index.tidy()

    async def _was_there(self, id: str) -> bool:
        """Whether a space was ever used; the state remembers what was, should the index be lost."""
        return await self.index.knows(id) or await StoredGenerations(self.state).load(id) is not None

    async def _known(self, id: str) -> User | None:
        """Who has this id, or had it when somebody last knew."""
        user = await self.app_passwords.known(id)
        seen = await self.app_passwords.seen(id) if user is None else None
        return seen.user if seen is not None else user

    def sees(self) -> bool:
        """Whether somebody whom no directory finds is in none."""
        return all(directory.sees for directory in self.directories)

    async def reach(self, space: Space, user: User | None = None) -> Space | None:
        """A space that the rules have named, as its storage can be opened for `user`, by default its owner. None if it is not
        there, or nobody is known as whom it could be opened. Nothing is made."""
        driver = self.settings.mounts[space.mount].driver
        if driver == "s3":
            # A prefix is there as soon as something is in it.
            if user is not None or not self.buckets.remembers(space.owner, space.mount):
                self.buckets.remember(user or await self._known(space.owner) or User(space.owner), space.mount)
            return space
        if driver == "eos":
            return await self._reach_eos(space, user)
        if driver != "posix" or not await self.files.run(is_there, space.root):
            return None
        if space.kind is SpaceKind.PROJECT or not self.cast.acts(space.mount):
            return space
        try:
            user = user or await self._known(space.owner) or User(space.owner)
            persona = await self.cast.personas.of(user, space.mount)
        except Forbidden:
            return None
        return attrs.evolve(space, persona=persona)

    async def _reach_eos(self, space: Space, user: User | None) -> Space | None:
        owner = space.owner and (await self._known(space.owner) or User(space.owner))
        if not (user := user or owner or None):
            return None
        try:
            return attrs.evolve(space, persona=await self.eos.persona(user, space.mount))
        except Forbidden:
            return None

    def _persona(self) -> Callable[[User, str], Awaitable[Persona | None]] | None:
        """As whom people work; on the way there it is noted what is known of them."""
        persona = self.cast.persona
        if not self.buckets.pools and not self.eos.pools:
            return persona

        async def noted(user: User, mount: str) -> Persona | None:
            self.buckets.remember(user, mount)
            if mount in self.eos:
                return await self.eos.persona(user, mount)
            return await persona(user, mount) if persona is not None else None

        return noted

    async def _prepare(self, space: Space, user: User) -> None:
        await self.homes.prepare(space, user)


def _directories(settings: Settings, reactor: Any) -> list[LdapDirectory]:
    """What is imported only if it is configured."""
    if not settings.ldap:
        return []
    from ..identity.ldap import build as ldap

    return ldap.build(settings.ldap, reactor)

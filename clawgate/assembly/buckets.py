"""Mounts with the driver s3: their threads, their accounts, and how the storage of a space is opened.

What talks to S3 is imported only when there is such a mount: boto3 is large, and need not be installed for others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from ..bucket_access import account_of, address_of, check, is_shared, options_of, queue_account_of
from ..errors import InvalidRequest
from ..interfaces import Changes
from ..metrics import Metrics
from ..model.people import User
from ..model.space import Space, SpaceKind
from ..mutex import Mutex
from ..settings import Mount, Settings
from ..workers import Workers

if TYPE_CHECKING:
    from ..storage.s3.accounts import Account
    from ..storage.s3.control import Control
    from ..storage.s3.driver import S3Storage
    from ..storage.s3.entering import Entering, Tally
    from ..storage.s3.events import BucketEvents
    from ..storage.s3.exchange import Exchange
    from ..storage.s3.ground import Service
    from ..storage.s3.queues import Receiver

WEBHOOK = "webhook"
"""Who tells of changes by calling us, in the metrics."""
KEPT = 10_000
"""People whose credentials are remembered."""


class Buckets:
    """See the module."""

    def __init__(self, settings: Settings, reactor: Any, metrics: Metrics) -> None:
        """Nothing is started here. Raises `SettingsError`."""
        self._mounts = {name: mount for name, mount in settings.mounts.items() if mount.driver == "s3"}
        check(settings.mounts)
        told = {name: one for name, one in self._mounts.items() if one.follows == "events"}
        self.secrets = {name: one.s3.events_secret for name, one in told.items() if one.s3.events_secret}
        """What those say who tell of changes by calling us, by mount."""
        self.oldest: Callable[[str], float | None] = lambda mount: None
        """When the first word came of what nobody has looked at yet, by mount; see `Followers.oldest`."""
        self._told = tuple(told)
        self._listening: dict[str, _Listening] = {}
        self._reactor = reactor
        # The one poll occupies a thread, and may hold it up at the end.
        self._pollers = {
            name: Workers(reactor, f"s3-{name}-queue", 2, 1000, 0) for name, one in told.items() if one.s3.events_queue
        }
        self._workers = {name: Workers(reactor, f"s3-{name}", one.s3.threads, one.s3.queue) for name, one in self._mounts.items()}
        self._calls: dict[str, Counter[str]] = {name: Counter() for name in self._mounts}
        self._desks: dict[tuple[str, Account], _Desk] = {}
        self._services: dict[str, Service] = {}
        self._users: dict[tuple[str, str], User] = {}
        self._opening = {name: Mutex() for name in self._mounts}
        if self._mounts:
            metrics.calls_by_mount("s3_calls", "Calls of S3, by operation", lambda: self._calls)
        for name, help, count in (
            ("bucket_events_received", "Events of the bucket that were told of", lambda tally: tally.received),
            ("bucket_events_entered", "Those of them that were worked off", lambda tally: tally.entered),
            (
                "bucket_events_refused",
                "Messages that were not understood, or whose sender is unknown",
                lambda tally: tally.refused,
            ),
        ):
            if told:
                metrics.calls_by_mount(name, help, partial(self._counts, count), "source")

    @property
    def pools(self) -> list[Workers]:
        """Threads, one pool a mount."""
        return [*self._workers.values(), *self._pollers.values()]

    def redirected(self, mount: str, agent: str) -> int:
        """For how many seconds a program with this User-Agent is sent to the bucket of a mount for downloads; 0: it is not."""
        found = self._mounts.get(mount)
        wanted = found is not None and any(one.lower() in agent.lower() for one in found.s3.redirect)
        return found.s3.redirect_seconds if found is not None and wanted else 0

    async def start(self) -> None:
        """Load what talks to S3, in a thread: it takes a while."""
        for workers in self._workers.values():
            await workers.run(_load)
        for name in self._told:
            self._listening[name] = self._prepare(name, self._mounts[name])

    def listen(self) -> None:
        """From now on hear what queues tell of changes."""
        for one in self._listening.values():
            if one.receiver is not None:
                one.receiver.start()

    async def stop_listening(self) -> None:
        """End that; what nobody has entered yet is told again."""
        for one in self._listening.values():
            if one.receiver is not None:
                await one.receiver.stop()
            one.entering.stop()

    def remember(self, user: User, mount: str) -> None:
        """What is known of a person who works on a mount, for credentials that are templates."""
        if mount not in self._mounts:
            return
        if len(self._users) >= KEPT:
            self._users.clear()
        self._users[mount, user.id] = user

    def remembers(self, user: str, mount: str) -> bool:
        """Whether somebody has told of this person."""
        return (mount, user) in self._users

    async def open(self, space: Space, *, recall: bool) -> S3Storage:
        """The driver for a space, started; `recall`: the index does not know all of it. Raises `Forbidden` without credentials,
        `StorageUnavailable`."""
        from ..storage.s3.driver import S3Storage

        mount = self._mounts[space.mount]
        service = self._service(space.mount)
        known = self._desks.get((space.mount, self._account(space, mount)))
        # The first one finds out what the service can do.
        ready = known is not None and (service.probed or mount.read_only)
        async with nullcontext() if ready else self._opening[space.mount]:
            desk = known or await self._desk(space, mount)
            storage = S3Storage(desk.control, desk.exchange, options_of(mount, space.root), service)
            await storage.start(read_only=mount.read_only, recall=recall)
        return storage

    @asynccontextmanager
    async def visit(self, space: Space, owner: User) -> AsyncIterator[S3Storage]:
        """The driver for a space that nobody uses, to clear up there; what only it needs is closed afterwards. Raises as `open`.
        Nothing is made and nothing is tried out, and what is known of those who work here is not forgotten over its `owner`."""
        from ..storage.s3.driver import S3Storage

        mount = self._mounts[space.mount]
        account = account_of(mount, owner) if space.kind is SpaceKind.PERSONAL else self._account(space, mount)
        if is_shared(mount):
            async with self._opening[space.mount]:
                await self._desk(space, mount)
        known = self._desks.get((space.mount, account))
        desk = known or await self._new_desk(space, mount, account)
        try:
            storage = S3Storage(desk.control, desk.exchange, options_of(mount, space.root), self._service(space.mount))
            await storage.start(read_only=True, recall=False)
            yield storage
        finally:
            if known is None:
                await desk.exchange.close()

    async def is_vacant(self, space: Space) -> bool:
        """Whether the bucket has no object where those of the space would be. Nothing is opened for that: what is there may be
        another space's, at work. Raises `Forbidden` without credentials, `StorageUnavailable`."""
        mount = self._mounts[space.mount]
        async with self._opening[space.mount]:
            desk = await self._desk(space, mount)
        page = await desk.control.page(options_of(mount, space.root).prefix, deep=True, most=1)
        return not page.objects

    def changes(self, space: Space) -> Changes | None:
        """What the service tells of a space that is open; None: nothing is expected of it."""
        listening = self._listening.get(space.mount)
        if listening is None:
            return None
        return listening.events.of(options_of(self._mounts[space.mount], space.root).prefix)

    async def tell(self, mount: str, message: bytes) -> None:
        """The service tells of changes. Raises `InvalidRequest`."""
        from ..storage.s3.events import parse

        try:
            events = await self._workers[mount].run(parse, message)
        except InvalidRequest:
            self.refused(mount)
            raise
        bucket, listening = self._mounts[mount].s3.bucket, self._listening[mount]
        ours = [event for event in events if event.bucket == bucket]
        # Spaces that nobody has opened are walked when somebody does.
        listening.events.tell(ours)
        if ours:
            listening.events.hears(WEBHOOK)
            listening.entering.add(WEBHOOK, len(ours))

    def refused(self, mount: str) -> None:
        """Somebody has called who cannot be believed or understood."""
        self._listening[mount].tally.refused[WEBHOOK] += 1

    async def close(self) -> None:
        """Close what is kept open; nobody may be using it any more."""
        for desk in self._desks.values():
            await desk.exchange.close()
        self._desks.clear()

    async def _desk(self, space: Space, mount: Mount) -> _Desk:
        account = self._account(space, mount)
        desk = self._desks.get((space.mount, account))
        if desk is None:
            desk = self._desks[space.mount, account] = await self._new_desk(space, mount, account)
        return desk

    async def _new_desk(self, space: Space, mount: Mount, account: Account) -> _Desk:
        from ..storage.s3.accounts import connect
        from ..storage.s3.control import Control
        from ..storage.s3.exchange import Exchange
        from ..storage.s3.trust import policy

        workers, address = self._workers[space.mount], address_of(mount)
        way = await workers.run(connect, address, account)
        trust = await workers.run(lambda: policy(address.ca_file, verify=address.verify))
        control = Control(way.client, workers, address.bucket, self._counting(space.mount))
        exchange = Exchange(
            self._reactor,
            control,
            way.signer,
            address.timeout,
            address.connections,
            mount.s3.attempts,
            address.every(),
            address.objects(),
            trust,
            mount.s3.receive_bytes,
        )
        return _Desk(control, exchange)

    def _counting(self, mount: str) -> Any:
        calls = self._calls[mount]

        def count(operation: str) -> None:
            calls[operation] += 1

        return count

    def _account(self, space: Space, mount: Mount) -> Account:
        if space.kind is SpaceKind.PERSONAL:
            return account_of(mount, self._users.get((space.mount, space.owner)) or User(space.owner))
        # The name that is shown may have any letters, and change.
        return account_of(mount, User(space.id.partition("$")[2]))

    def _service(self, name: str) -> Service:
        from ..storage.s3.ground import Service

        if name not in self._services:
            self._services[name] = Service(options_of(self._mounts[name], ""))
        return self._services[name]

    def _prepare(self, name: str, mount: Mount) -> _Listening:
        from ..storage.s3.entering import Entering, Tally
        from ..storage.s3.events import BucketEvents
        from ..storage.s3.queues import SOURCE, Receiver, connect

        sources = {WEBHOOK: mount.s3.events_secret, SOURCE: mount.s3.events_queue}
        service, tally = self._service(name), Tally(*[source for source, given in sources.items() if given])
        events = BucketEvents(mount.s3.bucket, service.memory, service.vouchers)
        entering = Entering(self._reactor, lambda: self.oldest(name), tally)
        receiver = None
        if mount.s3.events_queue:
            opening = partial(connect, address_of(mount), queue_account_of(mount), mount.s3.events_queue)
            poller = self._pollers[name]
            receiver = Receiver(name, opening, poller, mount.s3.bucket, events, entering, tally, self._reactor)
        return _Listening(events, entering, tally, receiver)

    def _counts(self, which: Callable[[Tally], Mapping[str, float]]) -> Mapping[str, Mapping[str, float]]:
        return {name: which(one.tally) for name, one in self._listening.items()}


def _load() -> None:
    from ..storage.s3 import accounts, driver, trust  # noqa: F401


@attrs.frozen
class _Listening:
    """What hears of changes in the bucket of a mount."""

    events: BucketEvents
    entering: Entering
    tally: Tally
    receiver: Receiver | None


@attrs.frozen
class _Desk:
    """What an account uses."""

    control: Control
    exchange: Exchange

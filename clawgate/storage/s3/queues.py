"""A queue of AWS (SQS) that is told of changes in a bucket: asked for messages, one long poll after the other.

A message is deleted once what it tells of is in the index; until then the queue keeps it, and gives it out again when we are gone
or it took too long. So nothing is lost by a kill, and much may be heard twice.
"""

from __future__ import annotations

import random
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from ...errors import ClawgateError, InvalidRequest, StorageUnavailable
from ...log import make_logger
from ...workers import Workers
from .accounts import Account, Address, session_of
from .entering import Entering, Tally
from .events import BucketEvents, Event, parse_queued
from .failures import code_of

log = make_logger()

SOURCE = "queue"
WAIT = 20
"""Seconds that the queue lets us wait for a message; its most."""
VISIBLE = 60
"""Seconds after which a message that was not deleted is given out again."""
BATCH = 10
"""Messages of one answer, and that one call deletes; the most."""
LATE = 10.0
"""Seconds after which a message comes late: until there are none of these, nobody can say that nothing changed."""
MOST = 100
"""Answers of the queue whose messages may wait to be entered; more are not asked for."""
QUICKEST, SLOWEST = 1.0, 60.0
"""Seconds between attempts while the queue does not answer: at first, and at most."""
WARN_SECONDS = 3600.0
"""Between lines in the log about that."""
_SLACK = 5.0
"""Seconds that an answer may come later than it should."""
_KNOWN = 1000
"""Messages that are not understood and were told of in the log."""
_REGION = re.compile(r"(?:^|\.)(?:sqs(?:-fips)?\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.(?:amazonaws\.com|api\.aws)")


class Message(NamedTuple):
    """One message."""

    id: str
    receipt: str
    sent: float
    """Unix seconds."""
    events: Sequence[Event] | None
    """None: nobody understands it."""


class Queue:
    """Blocking. Raises `StorageUnavailable`."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self.url = url

    def receive(self, seconds: int = WAIT) -> list[Message]:
        """Wait for messages, so long at most."""
        answer = self._call(
            "receive_message",
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=seconds,
            VisibilityTimeout=VISIBLE,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        return [_message(one) for one in answer.get("Messages", ())]

    def delete(self, receipts: Sequence[str]) -> None:
        """Delete messages; those that cannot be come again."""
        entries = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(receipts)]
        self._call("delete_message_batch", Entries=entries)

    def look(self) -> None:
        """See whether it can be read."""
        self._call("receive_message", MaxNumberOfMessages=1, WaitTimeSeconds=0, VisibilityTimeout=0)

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(QueueUrl=self.url, **arguments)
            return answer
        except ClientError as error:
            raise StorageUnavailable(f"the queue {self.url} refuses {operation}: {code_of(error)}") from error
        except BotoCoreError as error:
            raise StorageUnavailable(f"the queue {self.url} cannot be reached: {error}") from error


def connect(address: Address, account: Account, url: str) -> Queue:
    """The queue at this address. Blocks for a while. Raises `StorageUnavailable`."""
    parts = urlsplit(url)
    found = _REGION.search(parts.hostname or "")
    region = (found[1] or found[2]) if found else address.region
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        connect_timeout=_SLACK,
        read_timeout=WAIT + _SLACK,
        max_pool_connections=2,
    )
    try:
        client = session_of(address, account).client(
            "sqs",
            region_name=region,
            endpoint_url=f"{parts.scheme}://{parts.netloc}",
            config=config,
            verify=(address.ca_file or True) if address.verify else False,
        )
    except BotoCoreError as error:
        raise StorageUnavailable(f"the queue {url} cannot be used: {error}") from error
    return Queue(client, url)


class Receiver:
    """Listens to the queue of one mount, from `start` to `stop`."""

    def __init__(
        self,
        mount: str,
        connect: Callable[[], Queue],
        workers: Workers,
        bucket: str,
        events: BucketEvents,
        entering: Entering,
        tally: Tally,
        clock: Any,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`connect` is called in a thread of `workers`, one of which the polls occupy; `clock` is the reactor, `now` gives Unix
        seconds."""
        self._mount = mount
        self._connect = connect
        self._workers = workers
        self._bucket = bucket
        self._events = events
        self._entering = entering
        self._tally = tally
        self._clock = clock
        self._now = now
        self._queue: Queue | None = None
        self._said: OrderedDict[str, None] = OrderedDict()
        self._warned = float("-inf")
        self._working: Deferred[None] | None = None
        self._deleting: set[Deferred[None]] = set()
        self._stopping = False

    def start(self) -> None:
        """Begin to listen."""
        self._working = Deferred.fromCoroutine(self._run())

    async def stop(self) -> None:
        """End at once; a poll that is under way ends by itself, and what it brings comes again to whoever asks next."""
        self._stopping = True
        for deleting in list(self._deleting):
            deleting.cancel()
        if self._working is not None:
            self._working.cancel()
            await self._working

    async def _run(self) -> None:
        failures = 0
        # Whether it answers at all is soon to be known.
        wait = 1
        while not self._stopping:
            try:
                if len(self._entering) >= MOST:
                    # The queue keeps the rest.
                    self._events.hears(SOURCE, now=False)
                    await deferLater(self._clock, QUICKEST)
                    continue
                if self._queue is None:
                    self._queue = await self._workers.run(self._connect)
                self._take(await self._workers.run(self._queue.receive, wait))
                failures, wait = 0, WAIT
            except CancelledError:
                return
            except Exception as error:
                self._events.hears(SOURCE, now=False)
                self._warn(error)
                pause = min(SLOWEST, QUICKEST * 2 ** min(failures, 10)) * random.uniform(0.5, 1.0)
                failures, wait = failures + 1, 1
                try:
                    await deferLater(self._clock, pause)
                except CancelledError:
                    return

    def _take(self, messages: Sequence[Message]) -> None:
        events: list[Event] = []
        receipts: list[str] = []
        late = False
        for message in messages:
            ours = [event for event in message.events or () if event.bucket == self._bucket]
            if message.events is None or (message.events and not ours):
                self._refuse(message)
                continue
            events += ours
            receipts.append(message.receipt)
            late = late or self._now() - message.sent > LATE
        self._events.tell(events)
        if receipts:
            self._entering.add(SOURCE, len(events), partial(self._forget, receipts))
        self._events.hears(SOURCE, now=not late)

    def _refuse(self, message: Message) -> None:
        """Leave it: it may be meant for somebody else."""
        if message.id in self._said:
            return
        self._tally.refused[SOURCE] += 1
        self._said[message.id] = None
        if len(self._said) > _KNOWN:
            self._said.popitem(last=False)
        log.warn(
            "{mount}: the message {id} in the queue does not tell of changes in the bucket {bucket}; it is left there",
            mount=self._mount,
            id=message.id,
            bucket=self._bucket,
        )

    def _forget(self, receipts: Sequence[str]) -> None:
        deleting = Deferred.fromCoroutine(self._delete(receipts))
        if not deleting.called:
            self._deleting.add(deleting)
            deleting.addBoth(lambda _: self._deleting.discard(deleting))

    async def _delete(self, receipts: Sequence[str]) -> None:
        assert self._queue is not None
        try:
            await self._workers.run_always(self._queue.delete, receipts)
        except CancelledError:
            return
        except ClawgateError as error:
            self._warn(error)

    def _warn(self, error: Exception) -> None:
        now = self._clock.seconds()
        if now - self._warned < WARN_SECONDS:
            return
        self._warned = now
        text = "{mount}: nobody tells of changes in the bucket: {error}; it is tried again and again"
        if isinstance(error, ClawgateError):
            log.warn(text, mount=self._mount, error=error)
        else:
            log.failure(text, mount=self._mount, error=error)


def _message(told: dict[str, Any]) -> Message:
    try:
        events: Sequence[Event] | None = parse_queued(told["Body"].encode())
    except InvalidRequest:
        events = None
    sent = int(told.get("Attributes", {}).get("SentTimestamp", 0)) / 1000
    return Message(told["MessageId"], told["ReceiptHandle"], sent, events)

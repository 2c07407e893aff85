"""What a service tells of changes in a bucket: notifications become hints for the spaces that lie in it.

They may be lost, come late, twice or in another order. So nothing of them is believed but that it is worth a look; and no folder
is covered by them (`Changes.cover`): it is walked from time to time all the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from ...errors import InvalidRequest
from ...interfaces import Changes, Hint
from ...model.path import ROOT, Path, join, split
from .facts import seen
from .keys import HIDDEN, shown
from .memory import Memory
from .vouching import Vouchers

_FILER = "/buckets/"
"""Where SeaweedFS keeps its buckets."""
_TEST = "s3:TestEvent"
"""What AWS says when somebody asks it to tell of changes."""
_WRAPPED = 3
"""So often a message may be inside of another one: of SNS, which may have it from EventBridge."""
Report = Callable[[Sequence[Hint]], None]


class Event(NamedTuple):
    """Something happened to an object."""

    bucket: str
    key: str
    mark: str = ""
    """`facts.seen` of what was written; empty: not told, or it was deleted."""


def parse(body: bytes) -> list[Event]:
    """The events of one message: of S3, MinIO and Ceph (``Records``, keys written as in addresses), of EventBridge, both also
    inside of one of SNS, and of SeaweedFS' webhook. A message that tells of nothing gives none. Raises `InvalidRequest`."""
    if not body.strip():
        # A service looks whether anybody is there.
        return []
    return _read(body) or []


def parse_queued(body: bytes) -> list[Event]:
    """As `parse`, for what lies in a queue, where everybody may put something. Raises `InvalidRequest` also for messages that
    nobody knows who tells of changes in buckets."""
    found = _read(body)
    if found is None:
        raise InvalidRequest("this is no notification of a bucket that is known here")
    return found


def _read(body: bytes) -> list[Event] | None:
    """None: it has the form of a message, but not of one that is known."""
    try:
        message = json.loads(body)
        for _ in range(_WRAPPED):
            if not isinstance(message.get("Message"), str) or "Records" in message:
                break
            message = json.loads(message["Message"])
        if "event_type" in message:
            return list(_of_filer(message))
        if message.get("source") == "aws.s3" and "detail-type" in message:
            return _of_bridge(message)
        if "Records" in message:
            return [_of_record(record) for record in message["Records"] or () if "s3" in record]
        return [] if message.get("Event") == _TEST else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidRequest("this is no notification of a bucket that is known here") from error


def _of_record(record: Mapping[str, Any]) -> Event:
    told = record["s3"]["object"]
    written = "ObjectCreated" in str(record.get("eventName", ""))
    mark = _mark(told.get("eTag"), told.get("size")) if written else ""
    return Event(str(record["s3"]["bucket"]["name"]), unquote_plus(told["key"]), mark)


def _of_bridge(message: Mapping[str, Any]) -> list[Event]:
    """Here keys are written as they are (user guide of S3, "EventBridge event message structure")."""
    detail = message["detail"]
    told = detail["object"]
    mark = _mark(told.get("etag"), told.get("size")) if message["detail-type"] == "Object Created" else ""
    return [Event(str(detail["bucket"]["name"]), str(told["key"]), mark)]


def _mark(etag: Any, size: Any) -> str:
    plain = str(etag or "").strip('"')
    return seen(plain, int(size or 0)) if plain else ""


def _of_filer(message: Mapping[str, Any]) -> Iterator[Event]:
    told = message.get("message") or {}
    places = [str(message["key"])]
    if told.get("new_parent_path"):
        places.append(f"{told['new_parent_path']}/{(told.get('new_entry') or {}).get('name', '')}")
    for place in places:
        if place.startswith(_FILER):
            bucket, _, key = place[len(_FILER) :].partition("/")
            yield Event(bucket, key)


def hint(prefix: str, key: str) -> Hint | None:
    """What an object under `key` means for a space whose keys begin with `prefix`; None: nothing."""
    if not key.startswith(prefix) or key == prefix:
        return None
    names = [shown(segment) for segment in key[len(prefix) :].rstrip("/").split("/")]
    path = ROOT
    for name in names:
        if name is None:
            # Nobody sees it; but the folder above may have come or gone with it.
            return Hint(path)
        path = join(path, name)
    if names[0] == HIDDEN:
        return None
    folder, name = split(path)
    return Hint(folder, name, deep=key.endswith("/"))


class BucketEvents:
    """What is told of one bucket, for all spaces in it. Used in the reactor's thread."""

    def __init__(self, bucket: str, memory: Memory, vouchers: Vouchers) -> None:
        """`memory` knows what we wrote ourselves; `vouchers` are those for folders of the bucket."""
        self._bucket = bucket
        self._memory = memory
        self._vouchers = vouchers
        self._subscribers: dict[object, tuple[str, Report]] = {}
        self._hears: set[str] = set()
        vouchers.hears = lambda: bool(self._hears)

    def hears(self, source: str, *, now: bool = True) -> None:
        """Whether this source tells of changes now, as far as it can be known."""
        if now:
            self._hears.add(source)
        elif source in self._hears:
            self._hears.remove(source)
            if not self._hears:
                self._vouchers.silence()

    def tell(self, events: Sequence[Event]) -> None:
        """Something happened."""
        fresh = [event for event in events if event.bucket == self._bucket and not self._memory.is_ours(event.key, event.mark)]
        for event in fresh:
            # Also when nobody is told just now: whoever listed a folder goes on believing it.
            if self._is_shown(event.key):
                self._vouchers.touch(event.key, written=bool(event.mark))
        for prefix, report in list(self._subscribers.values()):
            hints = [found for event in fresh if (found := hint(prefix, event.key)) is not None]
            if hints:
                report(list(dict.fromkeys(hints)))

    def _is_shown(self, key: str) -> bool:
        if HIDDEN not in key.split("/"):
            return True
        return any(hint(prefix, key) is not None for prefix, _ in self._subscribers.values())

    def of(self, prefix: str) -> Changes:
        """For the space whose keys begin with `prefix`."""
        return _Told(self, prefix)

    def subscribe(self, prefix: str, report: Report) -> Callable[[], None]:
        """Tell of what happens below `prefix`; returns what ends that."""
        token = object()
        self._subscribers[token] = prefix, report

        def end() -> None:
            self._subscribers.pop(token, None)

        return end


class _Told(Changes):
    def __init__(self, events: BucketEvents, prefix: str) -> None:
        self._events = events
        self._prefix = prefix

    def subscribe(
        self,
        report: Report,
        lost: Callable[[], None],
        uncovered: Callable[[Sequence[Path]], None] | None = None,
    ) -> Callable[[], None]:
        """See `Changes.subscribe`. Nobody knows what was missed, so `lost` is never called."""
        return self._events.subscribe(self._prefix, report)

    def cover(self, folders: Sequence[Path]) -> Sequence[Path]:
        """See `Changes.cover`: none of them."""
        return list(folders)

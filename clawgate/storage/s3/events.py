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

_FILER = "/buckets/"
"""Where SeaweedFS keeps its buckets."""
Report = Callable[[Sequence[Hint]], None]


class Event(NamedTuple):
    """Something happened to an object."""

    bucket: str
    key: str
    mark: str = ""
    """`facts.seen` of what was written; empty: not told, or it was deleted."""


def parse(body: bytes) -> list[Event]:
    """The events of one message: of S3, MinIO and Ceph (``Records``, keys written as in addresses), also inside of one of SNS,
    and of SeaweedFS' webhook. A message that tells of nothing gives none. Raises `InvalidRequest`."""
    if not body.strip():
        # A service looks whether anybody is there.
        return []
    try:
        message = json.loads(body)
        if isinstance(message.get("Message"), str) and "Records" not in message:
            message = json.loads(message["Message"])
        if "event_type" in message:
            return list(_of_filer(message))
        return [_of_record(record) for record in message.get("Records") or () if "s3" in record]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidRequest("this is no notification of a bucket that is known here") from error


def _of_record(record: Mapping[str, Any]) -> Event:
    told = record["s3"]["object"]
    etag, size = str(told.get("eTag", "")).strip('"'), int(told.get("size", 0))
    written = "ObjectCreated" in str(record.get("eventName", ""))
    return Event(str(record["s3"]["bucket"]["name"]), unquote_plus(told["key"]), seen(etag, size) if etag and written else "")


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

    def __init__(self, bucket: str, memory: Memory) -> None:
        """`memory` knows what we wrote ourselves."""
        self._bucket = bucket
        self._memory = memory
        self._subscribers: dict[object, tuple[str, Report]] = {}
        self.told = 0
        """Events so far."""

    def tell(self, events: Sequence[Event]) -> None:
        """Something happened."""
        self.told += len(events)
        fresh = [
            event
            for event in events
            if event.bucket == self._bucket and not (event.mark and self._memory.get(event.key, event.mark) is not None)
        ]
        for prefix, report in list(self._subscribers.values()):
            hints = [found for event in fresh if (found := hint(prefix, event.key)) is not None]
            if hints:
                report(list(dict.fromkeys(hints)))

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

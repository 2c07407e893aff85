"""What a bucket with versioning keeps: former versions of objects, and the markers of what was deleted.

Versions and markers come in two lists, with times of a second: which of two came first cannot always be told. What is removed for
good is chosen so that such a doubt leaves something behind, and what is shown so that it shows too much.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import attrs
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from ...errors import ClawgateError, StorageUnavailable
from ...model.node import ALIKE
from .facts import Facts, from_head
from .failures import translate
from .ground import Ground

MOST = 1000
"""Versions of one file that are looked at; older ones are left to the service."""
_GONE = ("NoSuchKey", "NoSuchVersion")


@attrs.frozen
class Kept:
    """A version of an object, or the marker of its deletion."""

    key: str
    version: str
    etag: str
    size: int
    modified: float
    """Seconds since 1970, as exactly as the service tells."""
    marker: bool
    latest: bool


async def is_versioned(ground: Ground) -> bool:
    """Whether the bucket keeps versions. Raises `Forbidden`, `StorageUnavailable`."""
    return (await ground.control.call("get_bucket_versioning")).get("Status") == "Enabled"


async def pages(ground: Ground, prefix: str) -> AsyncIterator[Sequence[Kept]]:
    """All that is kept of objects whose keys begin with `prefix`, one call a page."""
    more: dict[str, Any] = {}
    while True:
        answer = await ground.control.call("list_object_versions", Prefix=prefix, MaxKeys=ground.control.keys, **more)
        yield [
            Kept(
                one["Key"],
                one["VersionId"],
                one.get("ETag", "").strip('"'),
                one.get("Size", 0),
                one["LastModified"].timestamp(),
                name == "DeleteMarkers",
                one["IsLatest"],
            )
            for name in ("Versions", "DeleteMarkers")
            for one in answer.get(name, ())
        ]
        if not answer.get("IsTruncated"):
            return
        after = {"KeyMarker": answer.get("NextKeyMarker", ""), "VersionIdMarker": answer.get("NextVersionIdMarker", "")}
        after = {name: value for name, value in after.items() if value}
        if not after or after == more:
            raise StorageUnavailable("the storage breaks off its listing")
        more = after


async def of_key(ground: Ground, key: str) -> list[Kept]:
    """What is kept of one object, the newest first as far as its times tell."""
    found: list[Kept] = []
    async for page in pages(ground, key):
        found += [one for one in page if one.key == key]
        if len(found) >= MOST or any(one.key != key for one in page):
            break
    return sorted(found, key=lambda one: (not one.latest, -one.modified))


async def groups(ground: Ground, prefix: str) -> AsyncIterator[Mapping[str, Sequence[Kept]]]:
    """The same of all objects whose keys begin with `prefix`, page by page; all that is kept of one object comes together."""
    waiting: dict[str, list[Kept]] = {}
    async for page in pages(ground, prefix):
        found: dict[str, list[Kept]] = defaultdict(list, waiting)
        for one in page:
            found[one.key].append(one)
        # Of the last one there may be more on the next page.
        last = max(found, default="")
        waiting = {last: found.pop(last)} if found else {}
        yield found
    yield waiting


async def below(ground: Ground, prefix: str) -> Mapping[str, Sequence[Kept]]:
    """All of these."""
    return {key: kept async for group in groups(ground, prefix) for key, kept in group.items()}


def is_apart(kept: Sequence[Kept], old: Kept, new: Kept) -> bool:
    """Whether the object may have been deleted between two of its versions."""
    return any(one.marker and old.modified <= one.modified <= new.modified for one in kept)


async def replaced(ground: Ground, kept: Sequence[Kept], new: Kept) -> list[Kept]:
    """Versions that were surely of the same file as `new`, before it. One call for each of which the times do not tell."""
    found: list[Kept] = []
    id = ""
    for old in [one for one in kept if not one.marker and not one.latest and one is not new and one.modified <= new.modified]:
        if is_apart(kept, old, new):
            if any(one.marker and old.modified < one.modified < new.modified for one in kept):
                continue
            id = id or await _own_id(ground, new)
            if not id or await _own_id(ground, old) != id:
                continue
        found.append(old)
    return found


async def _own_id(ground: Ground, kept: Kept) -> str:
    """The id that was given to a file; empty: others wrote this version, and the next file with this name will have the same."""
    facts = await facts_of(ground, kept.key, kept.version)
    return "" if facts.own.startswith(ALIKE) else facts.id


async def facts_of(ground: Ground, key: str, version: str) -> Facts:
    """Of one version. Raises `NotFound`."""
    answer = await ground.control.call("head_object", Key=key, VersionId=version)
    return attrs.evolve(from_head(key, answer), version=version)


async def delete(ground: Ground, kept: Sequence[Kept]) -> None:
    """Remove for good. Versions go before the markers above them, which would otherwise show them again."""
    for some in ([one for one in kept if not one.marker], [one for one in kept if one.marker]):
        for start in range(0, len(some), ground.control.keys):
            objects = [{"Key": one.key, "VersionId": one.version} for one in some[start : start + ground.control.keys]]
            answer = await ground.control.call("delete_objects", Delete={"Objects": objects, "Quiet": True}, always=True)
            for error in answer.get("Errors", ()):
                if error.get("Code") not in _GONE:
                    raise _failure(error)


def _failure(error: Mapping[str, str]) -> ClawgateError:
    return translate(ClientError({"Error": error}, "DeleteObjects"))


async def clear_hidden(ground: Ground) -> int:
    """Remove what the bucket keeps of objects that were only there for a while; returns how many versions that were."""
    cleared = 0
    async for group in groups(ground, ground.keys.hidden("")):
        # As they were seen together: a marker that came later hides something.
        old = [one for kept in group.values() for one in kept if one.marker or not one.latest]
        await delete(ground, old)
        cleared += sum(not one.marker for one in old)
    return cleared

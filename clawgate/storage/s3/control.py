"""Calls that carry no large content: boto3 in threads of its own."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import attrs
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from ...errors import ClawgateError, NotFound, StorageBroken, StorageUnavailable, UploadGone
from ...log import make_logger
from ...workers import Workers
from .clients import ATTEMPTS
from .failures import translate

T = TypeVar("T")
log = make_logger()

_PAUSE = 0.1
_NEEDED = {
    "complete_multipart_upload": ("ETag",),
    "copy_object": ("CopyObjectResult",),
    "create_multipart_upload": ("UploadId",),
    "get_object": ("ETag", "ContentLength", "LastModified"),
    "head_object": ("ETag", "ContentLength", "LastModified"),
    "list_multipart_uploads": ("IsTruncated",),
    "list_objects_v2": ("IsTruncated",),
    "put_object": ("ETag",),
    "upload_part": ("ETag",),
    "upload_part_copy": ("CopyPartResult",),
}
"""What a complete answer has."""

_AFTER = "\0"
"""Begins what `Page.more` says where a listing goes on after a key, not with a token of the service."""
PAGE = 1000
"""Keys that S3 lists or deletes in one call."""


@attrs.frozen
class Found:
    """One object of a listing."""

    key: str
    etag: str
    size: int
    modified: Any
    """A datetime."""


@attrs.frozen
class Page:
    """What one ListObjectsV2 says."""

    objects: Sequence[Found]
    prefixes: Sequence[str]
    more: str
    """Where to go on; empty: that was all."""


class Control:
    """One client of boto3, used by the threads of `workers`. `count`, if given, is told the name of every call; `keys` is how
    many keys one call lists or deletes."""

    def __init__(
        self, client: Any, workers: Workers, bucket: str, count: Callable[[str], None] | None = None, keys: int = PAGE
    ) -> None:
        self.client = client
        self.bucket = bucket
        self._workers = workers
        self._count = count
        self.keys = keys

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call something in a thread; errors of boto3 become ours."""
        return await self._workers.run(_guarded, function, *args)

    def noted(self, operation: str) -> None:
        """A call is made, by whoever makes it."""
        if self._count is not None:
            self._count(operation)

    async def call(self, operation: str, *, always: bool = False, **arguments: Any) -> dict[str, Any]:
        """One operation on the bucket; `always`: not refused when many are waiting, for putting things in order."""
        self.noted(operation)
        function = getattr(self.client, operation)
        run = self._workers.run_always if always else self._workers.run
        needed = _NEEDED.get(operation, ())
        answer: dict[str, Any] = await run(_guarded, _whole, lambda: function(Bucket=self.bucket, **arguments), needed)
        return answer

    async def head(self, key: str) -> dict[str, Any] | None:
        """HeadObject, with the checksums that the service keeps; None if there is no such object. Whether it is the bucket that
        is missing a HEAD does not tell."""
        try:
            return await self.call("head_object", Key=key, ChecksumMode="ENABLED")
        except NotFound:
            return None

    async def page(self, prefix: str, more: str = "", *, deep: bool = False, most: int = 0) -> Page:
        """ListObjectsV2."""
        arguments: dict[str, Any] = {"Prefix": prefix, "MaxKeys": most or self.keys}
        if not deep:
            arguments["Delimiter"] = "/"
        if more.startswith(_AFTER):
            arguments["StartAfter"] = more[len(_AFTER) :]
        elif more:
            arguments["ContinuationToken"] = more
        answer = await self.call("list_objects_v2", **arguments)
        objects = [
            Found(one["Key"], one["ETag"].strip('"'), one["Size"], one["LastModified"]) for one in answer.get("Contents", ())
        ]
        prefixes = [one["Prefix"] for one in answer.get("CommonPrefixes", ())]
        following = answer.get("NextContinuationToken", "") if answer.get("IsTruncated") else ""
        if answer.get("IsTruncated") and not following:
            raise StorageUnavailable("the storage breaks off its listing")
        # SeaweedFS 4.48 ends the listing when a page ends with a folder's marker and only what is in that folder is left.
        if deep and not following and len(objects) >= arguments["MaxKeys"] > 1 and objects[-1].key.endswith("/"):
            following = _AFTER + objects[-1].key
        return Page(objects, prefixes, following)

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects, a page a call; those that are gone are no error. Raises what the first one says that cannot be."""
        for start in range(0, len(keys), self.keys):
            some = keys[start : start + self.keys]
            if len(some) == 1:
                await self.call("delete_object", Key=some[0], always=True)
                continue
            wanted = {"Objects": [{"Key": key} for key in some], "Quiet": True}
            answer = await self.call("delete_objects", Delete=wanted, always=True)
            for error in answer.get("Errors", ()):
                if error.get("Code") != "NoSuchKey":
                    raise translate(ClientError({"Error": error}, "DeleteObjects"))

    async def abort(self, key: str, upload: str) -> bool:
        """AbortMultipartUpload; whether nothing is left of it. What is left the janitor finds."""
        try:
            await self.call("abort_multipart_upload", Key=key, UploadId=upload, always=True)
        except UploadGone:
            return True
        except ClawgateError as error:
            log.warn("the upload to {key} cannot be taken back yet: {error}", key=key, error=error)
            return False
        return True

    async def uploads(self, prefix: str) -> list[Mapping[str, Any]]:
        """All multipart uploads that are not complete, below `prefix`."""
        found: list[Mapping[str, Any]] = []
        more: dict[str, Any] = {}
        while True:
            answer = await self.call("list_multipart_uploads", Prefix=prefix, **more)
            found += answer.get("Uploads", ())
            if not answer.get("IsTruncated"):
                return found
            more = {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer["NextUploadIdMarker"]}


def _whole(function: Callable[[], dict[str, Any]], needed: Sequence[str]) -> dict[str, Any]:
    """What `function` returns, once it has all that is `needed`.

    For boto3 an answer that breaks off among its headers is complete: a listing that nobody gave would be one of an empty folder.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(0, _PAUSE * 2**attempt))
        answer = function()
        if all(name in answer for name in needed):
            return answer
    raise StorageBroken("the storage breaks off its answers")


def _guarded(function: Callable[..., T], *args: Any) -> T:
    try:
        return function(*args)
    except (ClientError, BotoCoreError) as error:
        raise translate(error) from error

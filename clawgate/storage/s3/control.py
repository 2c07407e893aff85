"""Calls that carry no large content: boto3 in threads of its own."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import attrs
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from ...errors import NotFound, StorageBroken, StorageUnavailable
from ...workers import Workers
from .clients import ATTEMPTS
from .failures import translate

T = TypeVar("T")

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
        self._keys = keys

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call something in a thread; errors of boto3 become ours."""
        return await self._workers.run(_guarded, function, *args)

    async def call(self, operation: str, *, always: bool = False, **arguments: Any) -> dict[str, Any]:
        """One operation on the bucket; `always`: not refused when many are waiting, for putting things in order."""
        if self._count is not None:
            self._count(operation)
        function = getattr(self.client, operation)
        run = self._workers.run_always if always else self._workers.run
        needed = _NEEDED.get(operation, ())
        answer: dict[str, Any] = await run(_guarded, _whole, lambda: function(Bucket=self.bucket, **arguments), needed)
        return answer

    async def head(self, key: str) -> dict[str, Any] | None:
        """HeadObject; None if there is no such object. Whether it is the bucket that is missing a HEAD does not tell."""
        try:
            return await self.call("head_object", Key=key)
        except NotFound:
            return None

    async def page(self, prefix: str, more: str = "", *, deep: bool = False, most: int = 0) -> Page:
        """ListObjectsV2."""
        arguments: dict[str, Any] = {"Prefix": prefix, "MaxKeys": most or self._keys}
        if not deep:
            arguments["Delimiter"] = "/"
        if more:
            arguments["ContinuationToken"] = more
        answer = await self.call("list_objects_v2", **arguments)
        objects = [
            Found(one["Key"], one["ETag"].strip('"'), one["Size"], one["LastModified"]) for one in answer.get("Contents", ())
        ]
        prefixes = [one["Prefix"] for one in answer.get("CommonPrefixes", ())]
        following = answer.get("NextContinuationToken", "") if answer.get("IsTruncated") else ""
        if answer.get("IsTruncated") and not following:
            raise StorageUnavailable("the storage breaks off its listing")
        return Page(objects, prefixes, following)

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects, a page a call; those that are gone are no error. Raises what the first one says that cannot be."""
        for start in range(0, len(keys), self._keys):
            some = keys[start : start + self._keys]
            if len(some) == 1:
                await self.call("delete_object", Key=some[0], always=True)
                continue
            wanted = {"Objects": [{"Key": key} for key in some], "Quiet": True}
            answer = await self.call("delete_objects", Delete=wanted, always=True)
            for error in answer.get("Errors", ()):
                if error.get("Code") != "NoSuchKey":
                    raise translate(ClientError({"Error": error}, "DeleteObjects"))

    async def abort(self, key: str, upload: str) -> None:
        """AbortMultipartUpload, as well as possible: the janitor finds what is left."""
        try:
            await self.call("abort_multipart_upload", Key=key, UploadId=upload, always=True)
        except Exception:
            return

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

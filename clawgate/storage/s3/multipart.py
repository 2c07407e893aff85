"""Multipart uploads."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from twisted.internet.defer import Deferred

from .ground import Ground
from .owners import me


def source(bucket: str, key: str, version: str = "") -> dict[str, str]:
    """``CopySource`` of boto3."""
    return {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}


class Multipart:
    """A multipart upload that is noted down before it begins, so that the janitor finds it."""

    def __init__(self, ground: Ground, key: str, most: int = 1) -> None:
        self.ground = ground
        self.key = key
        self._note = ground.keys.hidden("multiparts", secrets.token_hex(16))
        self._id = ""
        self.most = most
        """Parts that are sent at a time."""
        self._begun = 0
        self._etags: dict[int, str] = {}
        self._sending: dict[int, Deferred[None]] = {}
        self._error: BaseException | None = None
        self._waiter: Deferred[None] | None = None

    @property
    def begun(self) -> int:
        """Parts that were begun."""
        return self._begun

    async def begin(self, **arguments: Any) -> None:
        """Three calls of a multipart upload are not its parts: the note, this, and the end; a fourth takes the note away."""
        self.ground.working.add(self._note)
        note = json.dumps({"key": self.key, "owner": me().text})
        await self.ground.control.call("put_object", Key=self._note, Body=note.encode())
        answer = await self.ground.control.call("create_multipart_upload", Key=self.key, **arguments)
        self._id = answer["UploadId"]

    async def send(self, content: Sequence[bytes]) -> None:
        """A part that is held as a whole; repeated when it fails. Returns when the next one may come: what fails is raised by
        what comes after."""
        await self._start(self._send, content)

    async def copy(self, key: str, start: int, stop: int, etag: str = "", version: str = "") -> None:
        """A part that the service has already, as long as that still has `etag` (empty: any); returns as `send` does. `version`
        is the id of one that is not the present one."""
        conditions: dict[str, Any] = {"CopySourceIfMatch": f'"{etag}"'} if etag else {}
        span = f"bytes={start}-{stop - 1}"
        await self._start(self._copy, source(self.ground.control.bucket, key, version), CopySourceRange=span, **conditions)

    async def copy_whole(self, key: str) -> None:
        """A part that is an object of its own. S3 takes no ranges of objects up to 5 MiB; as last part it may be so short."""
        await self._start(self._copy, source(self.ground.control.bucket, key))

    async def stream(self, length: int, chunks: AsyncIterator[bytes], keep: int) -> None:
        """A part that is too long to be held: repeated only as long as no more than `keep` bytes of it have come."""
        self._begun += 1
        number = self._begun
        sent = await self.ground.exchange.stream(self.key, length, chunks, {}, self._query(number), keep)
        self._etags[number] = sent.etag

    async def whole(self) -> dict[str, Any]:
        """Arguments of the call that completes it; all parts have arrived then."""
        while self._sending and self._error is None:
            await self._wait()
        self._see()
        parts = [{"ETag": f'"{self._etags[number].strip(chr(34))}"', "PartNumber": number} for number in sorted(self._etags)]
        return {"UploadId": self._id, "MultipartUpload": {"Parts": parts}}

    async def end(self, *, complete: bool) -> None:
        """Take the note away, and what was sent if it was not completed."""
        try:
            for sending in list(self._sending.values()):
                sending.cancel()
            # A part that arrives after the abort would stay.
            while self._sending:
                await self._wait()
            if complete or not self._id or await self.ground.control.abort(self.key, self._id):
                await self.ground.control.delete([self._note])
        finally:
            self.ground.working.discard(self._note)

    async def _start(self, act: Any, *args: Any, **arguments: Any) -> None:
        while len(self._sending) >= self.most and self._error is None:
            await self._wait()
        self._see()
        self._begun += 1
        number = self._begun
        sending = Deferred.fromCoroutine(self._one(number, act(number, *args, **arguments)))
        if not sending.called:
            self._sending[number] = sending
            sending.addErrback(lambda failure: None)

    async def _one(self, number: int, coming: Coroutine[Any, Any, str]) -> None:
        try:
            self._etags[number] = await coming
        except BaseException as error:
            self._error = self._error or error
        finally:
            self._sending.pop(number, None)
            waiter, self._waiter = self._waiter, None
            if waiter is not None and not waiter.called:
                waiter.callback(None)

    async def _send(self, number: int, content: Sequence[bytes]) -> str:
        return (await self.ground.exchange.send(self.key, content, {}, self._query(number))).etag

    async def _copy(self, number: int, source: Mapping[str, str], **arguments: Any) -> str:
        answer = await self.ground.control.call(
            "upload_part_copy",
            Key=self.key,
            UploadId=self._id,
            PartNumber=number,
            CopySource=source,
            **arguments,
        )
        return str(answer["CopyPartResult"]["ETag"])

    async def _wait(self) -> None:
        self._waiter = Deferred()
        await self._waiter

    def _see(self) -> None:
        if self._error is not None:
            raise self._error

    def _query(self, number: int) -> str:
        return urlencode({"partNumber": number, "uploadId": self._id}, quote_via=quote)

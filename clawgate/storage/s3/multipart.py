"""Multipart uploads."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

from .ground import Ground


class Multipart:
    """A multipart upload that is noted down before it begins, so that the janitor finds it."""

    def __init__(self, ground: Ground, key: str) -> None:
        self.ground = ground
        self.key = key
        self.parts: list[dict[str, Any]] = []
        self._note = ground.keys.hidden("multiparts", secrets.token_hex(16))
        self._id = ""

    async def begin(self, **arguments: Any) -> None:
        """Three calls of a multipart upload are not its parts: the note, this, and the end; a fourth takes the note away."""
        self.ground.working.add(self._note)
        await self.ground.control.call("put_object", Key=self._note, Body=json.dumps({"key": self.key}).encode())
        answer = await self.ground.control.call("create_multipart_upload", Key=self.key, **arguments)
        self._id = answer["UploadId"]

    async def send(self, content: bytes) -> None:
        """A part that is held as a whole; the call is repeated when it fails."""
        answer = await self._call("upload_part", Body=content)
        self._add(answer["ETag"])

    async def stream(self, length: int, chunks: AsyncIterator[bytes]) -> None:
        """A part that is not: nothing can be repeated."""
        query = urlencode({"partNumber": len(self.parts) + 1, "uploadId": self._id}, quote_via=quote)
        sent = await self.ground.exchange.put(self.key, length, chunks, {}, query)
        self._add(sent.etag)

    async def copy(self, source: str, start: int, stop: int, **conditions: str) -> None:
        """A part that the service has already."""
        answer = await self._call(
            "upload_part_copy",
            CopySource={"Bucket": self.ground.control.bucket, "Key": source},
            CopySourceRange=f"bytes={start}-{stop - 1}",
            **conditions,
        )
        self._add(answer["CopyPartResult"]["ETag"])

    def whole(self) -> dict[str, Any]:
        """Arguments of the call that completes it."""
        return {"UploadId": self._id, "MultipartUpload": {"Parts": self.parts}}

    async def end(self, *, complete: bool) -> None:
        """Take the note away, and what was sent if it was not completed."""
        try:
            if not complete and self._id:
                await self.ground.control.abort(self.key, self._id)
            await self.ground.control.delete([self._note])
        finally:
            self.ground.working.discard(self._note)

    async def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        number = len(self.parts) + 1
        return await self.ground.control.call(operation, Key=self.key, UploadId=self._id, PartNumber=number, **arguments)

    def _add(self, etag: str) -> None:
        self.parts.append({"ETag": f'"{etag.strip(chr(34))}"', "PartNumber": len(self.parts) + 1})

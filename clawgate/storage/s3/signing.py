"""Requests for content, addressed and signed as boto3 would do it.

What the signature says of the content: where it is held as a whole, its SHA-256; where it is streamed without TLS, each chunk is
signed (AWS Signature Version 4, "Transferring Payload in Multiple Chunks"); where it is streamed with TLS, nothing, as boto3
does it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import attrs
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]

UNSIGNED = "UNSIGNED-PAYLOAD"
CHUNKED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
CHUNK = 65536
"""Bytes of a chunk that is signed by itself; S3 asks for 8 KiB at least, of all but the last."""
_UNRESERVED = "-._~"
_NOTHING = hashlib.sha256(b"").hexdigest()


class _Auth(S3SigV4Auth):  # type: ignore[misc]
    """Signs a payload that was looked at before, or is not known yet."""

    def __init__(self, payload: str, credentials: Any, region: str) -> None:
        super().__init__(credentials, "s3", region)
        self._payload = payload

    def payload(self, request: Any) -> str:
        """The value of ``x-amz-content-sha256``."""
        return self._payload


@attrs.define
class Chunks:
    """Signs chunk after chunk; each signature covers the one before."""

    _key: bytes
    _date: str
    _scope: str
    _last: str

    def sign(self, data: bytes) -> bytes:
        """What stands before `data`; the empty chunk is the end."""
        text = "\n".join(
            ("AWS4-HMAC-SHA256-PAYLOAD", self._date, self._scope, self._last, _NOTHING, hashlib.sha256(data).hexdigest())
        )
        self._last = hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
        return f"{len(data):x};chunk-signature={self._last}\r\n".encode()

    async def signed(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """All of `chunks`, cut to `CHUNK` bytes, each with its signature. The last one goes together with the end."""
        held = bytearray()
        async for data in chunks:
            held += data
            while len(held) > CHUNK:
                some = bytes(held[:CHUNK])
                del held[:CHUNK]
                yield self.sign(some) + some + b"\r\n"
        last = bytes(held)
        yield (self.sign(last) + last + b"\r\n" if last else b"") + self.sign(b"") + b"\r\n"


def chunked_length(length: int) -> int:
    """Bytes on the wire of `length` bytes in signed chunks."""
    overhead = len(";chunk-signature=") + 64 + 4
    whole, rest = divmod(length, CHUNK)
    total = whole * (len(f"{CHUNK:x}") + overhead) + length
    if rest:
        total += len(f"{rest:x}") + overhead
    return total + 1 + overhead


@attrs.frozen
class Signed:
    """A request that may be sent."""

    url: str
    headers: Mapping[str, str]
    chunks: Chunks | None = None
    """Signs the content while it is sent."""


@attrs.frozen
class Signer:
    """Signs for one bucket."""

    endpoint: str
    """Without the bucket: ``https://s3.eu-west-1.amazonaws.com``."""
    region: str
    bucket: str
    credentials: Any
    """Of botocore; may have to be fetched, so signing blocks."""
    virtual: bool = False
    """Whether the bucket is a part of the host name."""

    @property
    def secure(self) -> bool:
        """Whether TLS looks after the content."""
        return self.endpoint.startswith("https:")

    def url(self, key: str) -> str:
        """Where an object is."""
        scheme, host, path, _, _ = urlsplit(self.endpoint)
        path = path.rstrip("/")
        if self.virtual:
            host = f"{self.bucket}.{host}"
        else:
            path = f"{path}/{self.bucket}"
        return f"{scheme}://{host}{path}/{quote(key, safe='/' + _UNRESERVED)}"

    def sign(self, method: str, key: str, headers: Mapping[str, str], query: str = "", payload: str = UNSIGNED) -> Signed:
        """Blocks when credentials have to be renewed. `payload` is `UNSIGNED`, `CHUNKED`, or the SHA-256 of the content."""
        url = self.url(key) + (f"?{query}" if query else "")
        request = AWSRequest(method=method, url=url, headers=dict(headers))
        credentials = self.credentials.get_frozen_credentials()
        _Auth(payload, credentials, self.region).add_auth(request)
        signed = dict(request.headers.items())
        return Signed(url, signed, self._chunks(credentials.secret_key, signed) if payload == CHUNKED else None)

    def link(self, key: str, seconds: int, query: Mapping[str, str]) -> str:
        """An address that needs no credentials to be read, for so many seconds. Blocks as `sign` does."""
        text = urlencode(query, quote_via=quote)
        request = AWSRequest(method="GET", url=self.url(key) + (f"?{text}" if text else ""))
        S3SigV4QueryAuth(self.credentials.get_frozen_credentials(), "s3", self.region, seconds).add_auth(request)
        return str(request.url)

    def _chunks(self, secret: str, headers: Mapping[str, str]) -> Chunks:
        date = headers["X-Amz-Date"]
        key = f"AWS4{secret}".encode()
        for part in (date[:8], self.region, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        scope = f"{date[:8]}/{self.region}/s3/aws4_request"
        return Chunks(key, date, scope, headers["Authorization"].rpartition("Signature=")[2])

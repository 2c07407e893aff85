"""``/bucket-events/MOUNT``: where services of object storage tell of changes in a bucket.

They know a secret, which they give as the last part of the address or, better, in the header ``Authorization``, with or without
the word ``Bearer`` (MinIO's ``auth_token``, SeaweedFS' ``bearer_token``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from hmac import compare_digest
from urllib.parse import unquote_to_bytes

from ..errors import ClawgateError, Disconnected, NotFound, Unauthenticated
from ..web import failures
from ..web.request import Request
from ..web.response import Response

PREFIX = "/bucket-events"
"""Where the handler belongs."""

Tell = Callable[[str, bytes], Awaitable[None]]


class BucketEventsHandler:
    """Takes the messages."""

    def __init__(
        self, secrets: Mapping[str, str], tell: Tell, limit: int, refused: Callable[[str], None] = lambda mount: None
    ) -> None:
        """`secrets` by the name of the mount; `tell` is given this name and a message, raises `InvalidRequest`; a message has
        `limit` bytes at most. `refused` is told of a mount for which somebody gave another secret."""
        self._secrets = {name: secret.encode() for name, secret in secrets.items()}
        self._tell = tell
        self._limit = limit
        self._refused = refused

    async def __call__(self, request: Request) -> Response:
        """204 once it was taken. Mounts that do not exist look like those whose secret is another."""
        mount, _, given = request.raw_path.decode("latin-1").removeprefix(PREFIX).strip("/").partition("/")
        try:
            self._check(mount, unquote_to_bytes(given), request.header("authorization"))
            if request.verb in ("GET", "HEAD"):
                return Response(204)
            if request.verb not in ("POST", "PUT"):
                return Response(405, [(b"Allow", b"GET, HEAD, POST, PUT")])
            await self._tell(mount, await request.body.read_all(self._limit))
        except Disconnected:
            raise
        except ClawgateError as error:
            return failures.plain(error, request.id)
        return Response(204)

    def _check(self, mount: str, given: bytes, header: str | None) -> None:
        if not mount:
            raise NotFound("there is nothing at this address")
        words = (header or "").encode("latin-1").split(b" ")
        secret = self._secrets.get(mount, b"")
        # Both are compared, whatever the first one says.
        fits = [compare_digest(secret, word) for word in (given, words[-1])]
        if not secret or not any(fits):
            if secret:
                self._refused(mount)
            raise Unauthenticated("this is not the secret of this mount")

"""The body of a POST or PATCH, and how it is verified."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from ...errors import ChecksumMismatch, InvalidRequest, PieceMismatch, TooLarge
from ...interfaces import Body
from ...model.content import Checksum
from ...web.body import RequestBody
from ...web.request import Request
from ...workers import Workers
from .fields import check_content_type, checksum, checksum_follows


class Digests(Protocol):
    """Several checksums of one stream of bytes."""

    def update(self, data: bytes, /) -> None:
        """Take the next bytes."""

    def verify(self, announced: Iterable[Checksum], /) -> None:
        """Raise `ChecksumMismatch` unless the bytes so far have these."""


class Content(NamedTuple):
    """A piece on its way."""

    body: Body
    checksums: tuple[Checksum, ...]
    """Announced before it."""
    undivided: bool
    """It verifies itself at its end, so none of it counts before."""


class Verifier:
    """Knows how to verify pieces."""

    def __init__(self, known: tuple[str, ...], digests: Callable[[Iterable[str]], Digests], workers: Workers) -> None:
        """`known` algorithms, upper case; `digests` starts several of them, which are computed in `workers`."""
        self._known = known
        self._digests = digests
        self._workers = workers

    def content(self, request: Request, supported: tuple[str, ...]) -> Content:
        """The body of a request with what is promised of it. `supported` are the algorithms that the storage verifies.

        Raises `Refused` (415), `InvalidRequest`.
        """
        check_content_type(request.header)
        known = tuple(name for name in self._known if name in supported)
        text = request.header("upload-checksum")
        if text is not None:
            return Content(request.body, (checksum(text, known),), False)
        if checksum_follows(request.header):
            return Content(self._verified(request.body, known), (), True)
        return Content(request.body, (), False)

    async def _verified(self, body: RequestBody, known: tuple[str, ...]) -> Body:
        """`body`, and `PieceMismatch` behind it unless it has the checksum of its trailer, whose algorithm is known only then."""
        digests = self._digests(known)
        async for data in body:
            await self._workers.run(digests.update, data)
            yield data
        found = body.trailers.get("upload-checksum")
        if found is None:
            raise InvalidRequest("the Upload-Checksum that the Trailer field announced did not come")
        try:
            digests.verify([checksum(found[0], known)])
        except ChecksumMismatch as error:
            raise PieceMismatch(str(error)) from error


async def limited(body: Body, room: int) -> Body:
    """`body`, and `TooLarge` behind its first `room` bytes if there are more."""
    async for data in body:
        room -= len(data)
        if room < 0:
            raise TooLarge("the file is larger than what is taken here (Tus-Max-Size)")
        yield data

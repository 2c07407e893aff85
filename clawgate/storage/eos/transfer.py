"""Content on its way: first a handshake with the manager, which never sees a byte of it, then the disk server that it names.

Sources: eos.md sections 3.1 (upload), 3.2 (atomic replacement), 3.3 (download).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH

from ...errors import ClawgateError, StorageBroken, StorageUnavailable
from ..checksums import Digests
from ..streams import Content, Pump
from .facts import TYPES, bare
from .failures import by_status
from .instance import LOST, Instance, Who, see_cancelled, translate
from .names import in_url
from .redirects import NotThisManager, target

_ERROR_BYTES = 65536
_CHECKSUM = re.compile(r"(\w+):([0-9A-Fa-f]{1,128})")


class Handshake(NamedTuple):
    """What a manager says before content goes anywhere."""

    url: bytes
    """Where it goes or comes from, a secret; empty: there is nothing to fetch."""
    etag: str
    """Of what stood there when the file was opened; see `facts.is_new`."""

    def __repr__(self) -> str:
        return f"Handshake(etag={self.etag!r})"


class Sent(NamedTuple):
    """What a disk server says of content that it took."""

    etag: str
    inode: int
    """0: not told."""


class _Sender(Pump):
    """Says nothing when it is told to stop, as `IBodyProducer` wants it: why a connection ended the connection itself tells."""

    _stopped = False

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See `IBodyProducer`."""
        outcome: Deferred[None] = Deferred()

        def told(result: Any) -> None:
            if not (self._stopped and isinstance(result, Failure) and isinstance(result.value, CancelledError)):
                outcome.callback(result)

        super().startProducing(consumer).addBoth(told)
        return outcome

    def stopProducing(self) -> None:
        """See `IProducer`; again is no error."""
        self._stopped = True
        super().stopProducing()


class Interrupted(StorageUnavailable):
    """All content was sent, and nobody knows what became of it."""


async def open_write(instance: Instance, who: Who, path: str, fields: Mapping[str, str]) -> Handshake:
    """Tell a manager that the full `path` is to be written; `fields` say how. Errors as `Storage.write`."""
    return await _shake(instance, who, "PUT", path, fields)


async def open_read(instance: Instance, who: Who, path: str) -> Handshake:
    """Ask a manager for the content of the full `path`, which checks whether `who` may read it."""
    return await _shake(instance, who, "GET", path, {})


async def _shake(instance: Instance, who: Who, method: str, path: str, fields: Mapping[str, str]) -> Handshake:
    useless: list[str] = []
    while True:
        answer = await instance.ask(who, method, in_url(path), headers=fields, skip=useless)
        etag = answer.headers.get("etag", "")
        if method == "GET" and answer.status == 200 and not answer.body:
            return Handshake(b"", etag)
        if answer.status not in (302, 307):
            raise by_status(method, answer.status, answer.body)
        try:
            url = target(
                answer.headers.get("location", ""), in_url(path), instance.redirect_hosts, secure=instance.secure(answer.url)
            )
        except NotThisManager:
            # A follower, or one that does not have this part of the tree.
            instance.managers.failed(answer.url, instance.reactor.seconds())
            useless.append(answer.url)
            if len(useless) == len(instance.managers.urls):
                raise StorageUnavailable("no manager of the storage can do this now") from None
            continue
        return Handshake(url, etag)


async def send(
    instance: Instance, url: bytes, length: int | None, chunks: AsyncIterator[bytes], fields: Mapping[str, str]
) -> Sent:
    """Send content to a disk server. What `chunks` raises is raised, and cuts the connection: nothing is published then.

    Raises `Interrupted` if the connection was lost after all was sent; then somebody has to look.
    """
    # A length of its own tells a disk server that content broke off.
    timer: list[Any] = []

    async def watched() -> AsyncIterator[bytes]:
        async for chunk in chunks:
            yield chunk
        # From now on it is the disk server's turn.
        timer.append(instance.reactor.callLater(instance.options.idle, sending.cancel))

    pump = _Sender(watched(), UNKNOWN_LENGTH if length is None else length, instance.reactor, instance.options.idle)  # type: ignore[arg-type]
    try:
        sending = instance.sending.request(b"PUT", url, _headers(fields), pump)
        response = await sending
    except LOST as error:
        pump.stopProducing()
        if pump.error is not None:
            raise pump.error from None
        if pump.complete:
            raise Interrupted("the connection to the storage broke at the end") from None
        raise translate(error) from None
    except BaseException:
        pump.stopProducing()
        raise
    finally:
        for one in timer:
            if one.active():
                one.cancel()
    pump.stopProducing()
    if response.code not in (200, 201):
        refusal = await _refusal("FST", response, instance)
        raise pump.error or refusal
    content = Content(instance.reactor, instance.options.idle)
    response.deliverBody(content)  # type: ignore[no-untyped-call]
    try:
        async for _ in content:
            pass
    except LOST:
        raise Interrupted("the connection to the storage broke at the end") from None
    finally:
        content.stop()
    if not pump.complete:
        raise StorageBroken("the storage answered before all content was there")
    found = response.headers
    inode = _first(found, "OC-FileId")
    return Sent(bare(_first(found, "ETag")), int(inode) if inode.isdigit() else 0)


async def fetch(
    instance: Instance,
    url: bytes,
    size: int,
    start: int,
    stop: int,
    etag: str,
    *,
    ranged: bool = True,
    verified: bool = True,
) -> AsyncGenerator[bytes, None]:
    """Bytes `start` to `stop` of the `size` bytes of the version with `etag` (empty: whichever it is).

    `ranged`: the disk server may be asked for a part of it; else what comes before is skipped. `verified`:
    what comes as a whole must have the checksum that is said of it. Raises `StorageBroken` if it is
    another version or damaged, `StorageUnavailable` when it breaks.
    """
    whole = start == 0 and stop == size
    fields = {} if whole or not ranged else {"Range": f"bytes={start}-{stop - 1}"}
    try:
        response = await instance.content(url, _headers(fields))
    except LOST as error:
        see_cancelled(error)
        raise translate(error) from None
    if response.code not in (200, 206):
        raise await _refusal("GET", response, instance)
    content = Content(instance.reactor, instance.options.idle)
    response.deliverBody(content)
    try:
        if etag and bare(_first(response.headers, "ETag")) != etag:
            raise StorageBroken("the file was changed while it was read")
        skip, expected = (start, size) if response.code == 200 else (0, stop - start)
        if response.length not in (expected, UNKNOWN_LENGTH, None):
            raise StorageBroken("the storage does not give the range that was asked for")
        announced = _announced(response.headers) if whole and verified else None
        wanted = _counted(content, skip, stop - start, to_the_end=skip + stop - start == expected)
        async for data in wanted if announced is None else _verified(wanted, stop - start, *announced):
            yield data
    except LOST as error:
        raise translate(error) from None
    finally:
        content.stop()


async def _counted(content: Content, skip: int, length: int, *, to_the_end: bool) -> AsyncIterator[bytes]:
    """`length` bytes after the first `skip`. A body in chunks may end too early and look complete. With `to_the_end` no more is
    to come: to hear so leaves the connection to whoever is next."""
    left = length
    try:
        async for data in content:
            some = data[skip:] if skip else data
            skip -= len(data) - len(some)
            if some and left:
                yield some if len(some) <= left else some[:left]
                left -= min(left, len(some))
            elif not left:
                return
            if not left and not to_the_end:
                return
    except LOST:
        if left:
            raise
    if left:
        raise StorageUnavailable("the storage broke off its answer")


async def _verified(chunks: AsyncIterator[bytes], length: int, algorithm: str, value: str) -> AsyncIterator[bytes]:
    """All chunks, `length` bytes; the last one only if the checksum is right."""
    digests, left = Digests([algorithm]), length
    async for data in chunks:
        digests.update(data)
        left -= len(data)
        if not left and digests.text().partition(":")[2].lstrip("0") != value.lower().lstrip("0"):
            raise StorageBroken("what the storage gives does not have the checksum that it says")
        yield data


def _announced(headers: Any) -> tuple[str, str] | None:
    found = _CHECKSUM.fullmatch(_first(headers, "OC-Checksum"))
    algorithm = TYPES.get(found[1].lower()) if found else None
    return (algorithm, found[2]) if found and algorithm else None


async def _refusal(method: str, response: Any, instance: Instance) -> ClawgateError:
    content = Content(instance.reactor, instance.options.idle)
    response.deliverBody(content)
    body = b""
    try:
        async for data in content:
            body += data
            if len(body) > _ERROR_BYTES:
                break
    except LOST:
        pass
    finally:
        content.stop()
    return by_status(method, response.code, body)


def _first(headers: Any, name: str) -> str:
    return str((headers.getRawHeaders(name) or [""])[0])


def _headers(fields: Mapping[str, str]) -> Headers:
    return Headers({name: [value] for name, value in fields.items()})

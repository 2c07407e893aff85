"""Calls to the managers of one instance of EOS: which is asked, for how long, and what is done when it does not answer.

The library has threads of its own and calls that block; they run in a pool of threads, one thread a call. A listing is taken
entry by entry: of what was not taken gRPC holds back all but a window.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import grpc  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from twisted.internet.task import deferLater

from ....errors import ClawgateError, SettingsError, StorageBroken, StorageUnavailable
from ....workers import Workers
from ..instance import Managers
from .failures import Lost, of_status
from .options import GrpcOptions
from .proto import MESSAGES, SERVICE

T = TypeVar("T")

LISTING = 10
"""So many times longer than any other answer a listing may take in all."""
_PAUSE = 0.2
"""Seconds before something is tried again, at most; twice as long before each further attempt."""
_KEEPALIVE_SECONDS = 20
"""Longer than most calls and shorter than their deadline, so that a dead connection is found by the call that it holds up. EOS's
library takes more than two such questions without any answer between them for an attack."""
_KEEPALIVE_TIMEOUT = 10
_ENTRY_BYTES = 4 << 20
"""Longest message: one entry with its attributes."""


class Channels:
    """See the module. Connections are made when they are needed, and kept."""

    def __init__(self, reactor: Any, options: GrpcOptions, workers: Workers) -> None:
        """Raises `SettingsError` if a file cannot be read."""
        self.options = options
        self.managers = Managers(options.urls, options.down_seconds)
        self.calls = 0
        """So far."""
        self._reactor = reactor
        self._workers = workers
        self._credentials = credentials(options)
        self._channels: dict[str, Any] = {}
        self._closed = False

    async def ask(self, method: str, request: Any, answer: str, *, again: bool = True) -> Any:
        """One answer, a message of the kind `answer`. `again`: asking twice does no harm.

        Raises what `failures.of_status` says, `StorageUnavailable` and `StorageTimeout` if no manager answers.
        """
        return await self._try(lambda url: self._one(url, method, request, answer), again)

    async def stream(self, method: str, request: Any, convert: Callable[[Any], T], *, long: bool = False) -> list[T]:
        """All ``MDResponse`` of an answer, made to what `convert` makes of them in a thread; asking twice does no harm.

        An answer that breaks off is none: clients would delete what is missing in it.
        """
        timeout = self.options.timeout * (LISTING if long else 1)
        return await self._try(lambda url: self._all(url, method, request, convert, timeout), again=True)

    def close(self) -> None:
        """Close all connections; calls end, and there are no more."""
        self._closed = True
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            channel.close()

    async def _try(self, call: Callable[[str], T], again: bool) -> T:
        urls = self.managers.order(self._reactor.seconds())
        most = max(self.options.attempts, len(urls)) if again else len(urls)
        error: ClawgateError = StorageUnavailable("no manager of the storage can do this now")
        for attempt in range(most):
            url = urls[attempt % len(urls)]
            if attempt >= len(urls):
                await deferLater(self._reactor, random.uniform(0, _PAUSE * 2**attempt), lambda: None)
            if self._closed:
                raise StorageUnavailable("the gateway ends")
            self.calls += 1
            try:
                found = await self._workers.run(call, url)
            except Lost as lost:
                self.managers.failed(url, self._reactor.seconds())
                error = lost.error
                if again or lost.unsent:
                    continue
                raise error from None
            self.managers.works(url)
            return found
        raise error

    # What follows runs in threads.

    def _one(self, url: str, method: str, request: Any, answer: str) -> Any:
        call = self._channel(url).unary_unary(
            SERVICE + method,
            request_serializer=type(request).SerializeToString,
            response_deserializer=MESSAGES[answer].FromString,
        )
        try:
            return call(request, timeout=self.options.timeout)
        except grpc.RpcError as error:
            raise failure(error) from None

    def _all(self, url: str, method: str, request: Any, convert: Callable[[Any], T], timeout: float) -> list[T]:
        answers = self._channel(url).unary_stream(SERVICE + method, request_serializer=type(request).SerializeToString)(
            request, timeout=timeout
        )
        try:
            return [convert(MESSAGES["MDResponse"].FromString(data)) for data in self._bounded(answers)]
        except grpc.RpcError as error:
            raise failure(error) from None
        except DecodeError as error:
            raise StorageBroken("the storage answers with something that is no answer") from error
        finally:
            answers.cancel()

    def _bounded(self, answers: Any) -> Iterator[bytes]:
        length = 0
        for data in answers:
            length += len(data)
            if length > self.options.answer_bytes:
                raise StorageUnavailable("the storage's answer is longer than answer_bytes: the folder has too many entries")
            yield data

    def _channel(self, url: str) -> Any:
        channel = self._channels.get(url)
        if channel is None:
            made = connect(url, self.options, self._credentials)
            # Two threads may come here at once; one of the two channels is kept, and the other never connects.
            channel = self._channels.setdefault(url, made)
            if channel is not made:
                made.close()
        return channel


def failure(error: Any) -> ClawgateError | Lost:
    """What an error of the library says. Its text may name addresses and is not passed on."""
    return of_status(int(error.code().value[0]), error.details() or "")


def connect(url: str, options: GrpcOptions, identity: Any) -> Any:
    """A channel to a manager, which connects by itself."""
    parts = urlsplit(url)
    settings = [
        ("grpc.max_receive_message_length", _ENTRY_BYTES),
        ("grpc.keepalive_time_ms", _KEEPALIVE_SECONDS * 1000),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT * 1000),
        # How long one attempt to connect may take, and how soon after it the next one is made.
        ("grpc.min_reconnect_backoff_ms", int(options.connect_timeout * 1000)),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", max(1000, int(options.down_seconds * 1000))),
        # What is tried again is our business, and no proxy of the environment is to see a key.
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", 0),
        # Mounts with different keys share nothing.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if parts.scheme == "grpcs":
        return grpc.secure_channel(parts.netloc, identity, options=settings)
    return grpc.insecure_channel(parts.netloc, options=settings)


def credentials(options: GrpcOptions) -> Any:
    """What TLS needs; None without. Raises `SettingsError`."""
    if not any(url.startswith("grpcs:") for url in options.urls):
        return None
    roots, key, chain = [_read(path) for path in (options.ca_file, options.certificate_key, options.certificate)]
    return grpc.ssl_channel_credentials(roots, key, chain)


def _read(path: str) -> bytes | None:
    if not path:
        return None
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error

"""The connections to one instance of EOS: who is asked, as whom, and what is done when nobody answers."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.defer import CancelledError, DeferredSemaphore, TimeoutError
from twisted.internet.error import (
    ConnectError,
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    DNSLookupError,
)
from twisted.internet.task import deferLater
from twisted.web.client import (  # type: ignore[attr-defined]
    Agent,
    HTTPConnectionPool,
    RequestGenerationFailed,
    RequestNotSent,
    RequestTransmissionFailed,
    ResponseFailed,
    ResponseNeverReceived,
)
from twisted.web.http_headers import Headers

from ... import certificates
from ...errors import ClawgateError, Overloaded, StorageTimeout, StorageUnavailable
from ...log import make_logger
from ...workers import Workers
from ..connections import Pieces, Pool
from ..receiving import Room
from ..streams import Content
from .failures import STOPPING
from .options import EosOptions
from .redirects import hosts_of

log = make_logger()

LOST = (
    *(ConnectError, ConnectionAborted, ConnectionDone, ConnectionLost, DNSLookupError, OSError, TimeoutError),
    *(SSL.Error, VerificationError),
    *(RequestNotSent, RequestTransmissionFailed, RequestGenerationFailed, ResponseFailed, ResponseNeverReceived),
)
"""How connections end."""
_UNSENT = (ConnectError, DNSLookupError, RequestNotSent)
_PAUSE = 0.2
"""Seconds before something is tried again, at most; twice as long before each further attempt."""
_LONG = 10
"""How many times as long as usual what may take long may take."""
_READ = 512 << 10
"""Bytes of content that one read of a socket takes at most: long pieces, and from near by not much more than one that waits."""
_STALLS = 2
"""How often a manager may say that it is busy."""

_BUSY: set[str] = set()

Who = str
"""A person, by the name that EOS knows."""


class Answer(NamedTuple):
    """What a manager says."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case; of several with one name the first."""
    body: bytes
    url: str
    """Who said it."""


class Managers:
    """Which of several managers is asked first: the first one that has not failed lately."""

    def __init__(self, urls: Sequence[str], down_seconds: float) -> None:
        self.urls = tuple(url.rstrip("/") for url in urls)
        self._down_seconds = down_seconds
        self._down: dict[str, float] = {}

    def order(self, now: float) -> list[str]:
        """All of them; those that failed lately come last."""
        return sorted(self.urls, key=lambda url: until if (until := self._down.get(url, 0.0)) > now else 0.0)

    def failed(self, url: str, now: float) -> None:
        """It is asked last for a while."""
        if url in self.urls:
            self._down[url] = now + self._down_seconds

    def works(self, url: str) -> None:
        """It has answered."""
        self._down.pop(url, None)


class Instance:
    """One instance of EOS. No request to a manager ever has a body: managers take it for the next request."""

    def __init__(self, reactor: Any, options: EosOptions, workers: Workers) -> None:
        """`workers` read long answers. Raises `SettingsError`."""
        self.reactor = reactor
        self.options = options
        self.workers = workers
        self.managers = Managers(options.urls, options.down_seconds)
        self.proc = Managers(options.proc_urls, options.down_seconds) if options.proc_urls else self.managers
        self.redirect_hosts = options.redirect_hosts or hosts_of(options.urls)
        self.busy = _BUSY
        """Full paths of temporary names of work that goes on, also by way of other mounts of this process."""
        self.calls = 0
        """Requests to managers so far."""
        self._turns = DeferredSemaphore(options.requests)
        self._trust = certificates.policy(options.ca_file)
        pieces = Pieces(Room(options.receive_bytes), _READ)
        # We know better than Twisted what may be sent again: no pool repeats anything by itself.
        self._pool = Pool(reactor, options.connections)
        self._keeping = self.agent(self._pool)
        self._once = self.agent(Pool(reactor, 0))
        self._fetching_pool = Pool(reactor, options.connections, pieces)
        self._fetching = self.agent(self._fetching_pool)
        self._fetching_once = self.agent(Pool(reactor, 0, pieces))
        self.sending = self.agent(Pool(reactor, 0))
        """For content to disk servers: what goes out on a connection that was just closed cannot be taken back."""

    def agent(self, pool: HTTPConnectionPool) -> Agent:
        """A client that trusts whom the settings say."""
        return Agent(self.reactor, self._trust, connectTimeout=self.options.connect_timeout, pool=pool)  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """Close what is kept open."""
        for pool in (self._pool, self._fetching_pool):
            await pool.closeCachedConnections()  # type: ignore[no-untyped-call]

    def secure(self, url: str) -> bool:
        """Whether content for a manager at `url` must not go over a clear connection."""
        return url.startswith("https:") and not self.options.clear_redirects

    async def ask(
        self,
        who: Who,
        method: str,
        path: bytes,
        query: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        proc: bool = False,
        again: bool = True,
        skip: Sequence[str] = (),
        long: bool = False,
    ) -> Answer:
        """Ask a manager. `path` and `query` are encoded; `again`: asking twice does no harm; `skip`: managers that cannot do it;
        `long`: it copies content or goes through a whole tree, and only then says something.

        Raises `StorageUnavailable`, `StorageTimeout`, `Overloaded`; whatever status comes is returned.
        """
        if not self._turns.tokens and len(self._turns.waiting) >= self.options.queue:
            raise Overloaded("too many requests wait for the storage")
        await self._turns.acquire()
        try:
            return await self._ask(who, method, path + (b"?" + query if query else b""), headers or {}, proc, again, skip, long)
        finally:
            self._turns.release()

    async def _ask(
        self,
        who: Who,
        method: str,
        target: bytes,
        fields: Mapping[str, str],
        proc: bool,
        again: bool,
        skip: Sequence[str],
        long: bool,
    ) -> Answer:
        managers = self.proc if proc else self.managers
        door = "mhd" if proc and self.options.proc_urls else self.options.door
        headers = {**fields, **self._identity(who, door)}
        urls = [url for url in managers.order(self.reactor.seconds()) if url not in skip]
        most = max(self.options.attempts, len(urls)) if again else len(urls)
        error: ClawgateError = StorageUnavailable("no manager of the storage can do this now")
        stalls = 0
        for attempt in range(most if urls else 0):
            url = urls[attempt % len(urls)]
            if attempt >= len(urls) or stalls:
                await self.pause(attempt)
            try:
                answer = await self._one(method, url, target, headers, again, self.options.timeout * (_LONG if long else 1))
            except LOST as failure:
                see_cancelled(failure)
                managers.failed(url, self.reactor.seconds())
                error = translate(failure)
                if again or isinstance(failure, _UNSENT):
                    continue
                raise error from failure
            if answer.status >= 500 and STOPPING in answer.body[:4096]:
                managers.failed(url, self.reactor.seconds())
                error = StorageUnavailable("the storage is shutting down")
                continue
            managers.works(url)
            if answer.status in (501, 503) and method in ("GET", "PUT") and again and stalls < _STALLS and attempt + 1 < most:
                stalls += 1
                continue
            return answer
        raise error

    async def _one(self, method: str, url: str, target: bytes, fields: Mapping[str, str], again: bool, patience: float) -> Answer:
        self.calls += 1
        headers = Headers({name: [value] for name, value in fields.items()})
        if again:
            kept = (self._pool, self._keeping, self._once)
            response = await self._asked(kept, method.encode(), url.encode() + target, headers, patience)
        else:
            asking = self._once.request(method.encode(), url.encode() + target, headers, None)
            response = await asking.addTimeout(patience, self.reactor, timed_out)
        content = Content(self.reactor, self.options.timeout)
        response.deliverBody(content)
        body: list[bytes] = []
        length = 0
        try:
            async for data in content:
                length += len(data)
                if length > self.options.answer_bytes:
                    raise StorageUnavailable("the storage's answer is longer than answer_bytes: the folder has too many entries")
                body.append(data)
        finally:
            content.stop()
        found = {name.decode("latin-1").lower(): values[0].decode("utf-8", "surrogateescape") for name, values in _raw(response)}
        return Answer(response.code, found, b"".join(body), url)

    async def content(self, url: bytes, headers: Headers) -> Any:
        """Ask a disk server for content. Raises one of `LOST`."""
        kept = (self._fetching_pool, self._fetching, self._fetching_once)
        return await self._asked(kept, b"GET", url, headers, self.options.idle)

    async def _asked(self, kept: tuple[Pool, Agent, Agent], method: bytes, url: bytes, headers: Headers, patience: float) -> Any:
        """For what does no harm twice. A connection that was kept may have been closed just before it was used, and all others
        with it: if nothing came back on it, the next try is on one of its own."""
        pool, keeping, once = kept
        made = pool.made
        asking = keeping.request(method, url, headers, None)
        fresh = pool.made != made
        try:
            return await asking.addTimeout(patience, self.reactor, timed_out)
        except (ResponseNeverReceived, RequestTransmissionFailed) as failure:
            see_cancelled(failure)
            if fresh:
                raise
        asking = once.request(method, url, headers, None)
        return await asking.addTimeout(patience, self.reactor, timed_out)

    async def pause(self, failures: int) -> None:
        """Wait a random time, so that not all come back at once."""
        await deferLater(self.reactor, random.uniform(0, _PAUSE * 2**failures), lambda: None)

    def _identity(self, who: Who, door: str) -> dict[str, str]:
        """What makes the manager work as `who` (eos.md, section 2.1); never sent to anybody else."""
        if door == "mhd":
            return {"Remote-User": who, "X-Real-IP": "dummy"}
        key = {"x-gateway-authorization": self.options.key} if self.options.key else {}
        return {"remote-user": who, "x-forwarded-for": "dummy", **key}


def timed_out(_: object, seconds: float) -> Any:
    """What a request becomes that took too long; told apart from one that nobody waits for any more."""
    raise TimeoutError(seconds, "request")


def see_cancelled(error: BaseException) -> None:
    """Raise `CancelledError` if that is why a connection ended: nothing is to be tried again then."""
    if any(isinstance(reason.value, CancelledError) for reason in getattr(error, "reasons", None) or ()):
        raise CancelledError from None


def translate(error: BaseException) -> ClawgateError:
    """The domain's error for a connection that ended. Says nothing of addresses, which may hold capabilities."""
    if isinstance(error, TimeoutError):
        return StorageTimeout("the storage did not answer in time")
    for reason in getattr(error, "reasons", None) or ():
        if isinstance(reason.value, ClawgateError):
            return reason.value
        if isinstance(reason.value, TimeoutError):
            return StorageTimeout("the storage did not answer in time")
    for cause in (error, *(reason.value for reason in getattr(error, "reasons", None) or ())):
        if isinstance(cause, (SSL.Error, VerificationError)):
            return StorageUnavailable(f"the certificate of the storage is not trusted (ca_file): {untrusted(cause)}")
    if isinstance(error, _UNSENT):
        return StorageUnavailable("the storage cannot be reached")
    return StorageUnavailable("the connection to the storage broke")


def untrusted(error: SSL.Error | VerificationError) -> str:
    """What is wrong with a certificate, in words of the library that says so."""
    if isinstance(error, VerificationError):
        return "it is that of another host"
    said = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(str(one[-1]) for one in said if one) or "TLS failed"


def _raw(response: Any) -> list[tuple[bytes, list[bytes]]]:
    return list(response.headers.getAllRawHeaders())


def address(url: str) -> tuple[str, int]:
    """Host and port of a manager."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

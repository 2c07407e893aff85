"""The access log: one line a request, written in batches, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from time import gmtime, strftime
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ..workers import Workers

if TYPE_CHECKING:
    from .request import Request

_log = Logger()

_FLUSH_SECONDS = 1.0
_BATCH = 2000
_KEPT = 50000
"""Lines that wait at most while the log cannot be written; further ones are dropped, and counted."""

_LONGEST = 4096
"""Bytes of a path that are shown."""

_UNSAFE = re.compile(r"[^!-~]")
_LINK = re.compile(r"(?<=/)(s|public-files|public-links|ocm|tokens?|login/+v2/+(?:flow|grant))/+[^/]+", re.IGNORECASE)
_EVENTS = re.compile(r"(?<=/)(bucket-events/+[^/]+)/.+", re.DOTALL)


def shown(raw_path: bytes) -> str:
    """A path as it may stand in a log: printable ASCII, no query, tokens of public links replaced by ``***``."""
    return _shown(raw_path[:_LONGEST])


@lru_cache(1024)
def _shown(raw_path: bytes) -> str:
    text = raw_path.decode("latin-1")
    if "/" in text[1:]:
        text = _LINK.sub(r"\1/***", _EVENTS.sub(r"\1/***", text))
    if not text.isascii() or not text.isprintable() or " " in text or '"' in text:
        text = _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", text).replace('"', "%22")
    return text


Entry = tuple[float, str, str, str, bytes, str, int, int, int, float, str, str]


class AccessLog:
    """Collects what was answered and writes it once a second in a worker thread.

    The request's path never includes its query: tokens and signatures stand there.
    """

    def __init__(self, reactor: Any, workers: Workers, write: Callable[[str], object], form: str = "text") -> None:
        """`write` is called in a thread with whole lines; `form` is ``text`` or ``json``."""
        self.dropped = 0
        """Lines lost because the log could not be written fast enough."""
        self._reactor = reactor
        self._workers = workers
        self._write = write
        self._format = _json_line if form == "json" else _text_line
        self._entries: list[Entry] = []
        self._timer: Any = None
        self._writing: Deferred[None] | None = None

    def add(self, request: Request, received: int, seconds: float) -> None:
        """Log an answered request."""
        actor = request.actor
        self._add(
            (
                request.started,
                request.client_ip,
                actor.user.id if actor is not None else "",
                request.verb[:32],
                request.raw_path[:_LONGEST],
                request.http_version,
                request.status,
                received,
                request.sent,
                seconds,
                request.id,
                (request.header("user-agent") or "")[:256],
            )
        )

    def add_refusal(self, peer: str, status: int) -> None:
        """Log a connection that was refused before there was a request."""
        self._add((self._reactor.seconds(), peer, "", "-", b"-", "-", status, 0, 0, 0.0, "", ""))

    def _add(self, entry: Entry) -> None:
        entries = self._entries
        if len(entries) >= _KEPT:
            self.dropped += 1
            return
        entries.append(entry)
        if self._writing is not None:
            return
        if len(entries) >= _BATCH:
            self._start()
        elif self._timer is None:
            self._timer = self._reactor.callLater(_FLUSH_SECONDS, self._start)

    def _start(self) -> None:
        if self._timer is not None:
            if self._timer.active():
                self._timer.cancel()
            self._timer = None
        if self._writing is None and self._entries:
            self._writing = Deferred.fromCoroutine(self._run())

    async def _run(self) -> None:
        try:
            while self._entries:
                entries, self._entries = self._entries, []
                await self._workers.run(self._write_lines, entries)
                if len(self._entries) < _BATCH:
                    break
        except Exception:
            _log.failure("the access log cannot be written")
        finally:
            self._writing = None
            if self._entries and self._timer is None:
                self._timer = self._reactor.callLater(_FLUSH_SECONDS, self._start)

    def _write_lines(self, entries: list[Entry]) -> None:
        line = self._format
        self._write("".join([line(entry) for entry in entries]))

    async def flush(self) -> None:
        """Write what is waiting; used when the gateway stops."""
        while self._entries or self._writing is not None:
            self._start()
            writing = self._writing
            if writing is None:
                break
            waiter: Deferred[None] = Deferred()
            writing.addCallback(waiter.callback)
            await waiter
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


@lru_cache(64)
def _second(seconds: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(seconds))


def _time(seconds: float) -> str:
    return f"{_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(1024)
def _word(text: str) -> str:
    return _UNSAFE.sub("_", text) or "-"


@lru_cache(1024)
def _phrase(text: str) -> str:
    return re.sub(r"[^ -~]", "_", text).replace('"', "'")


def _text_line(entry: Entry) -> str:
    started, ip, user, verb, path, version, status, received, sent, seconds, request_id, agent = entry
    return (
        f'{_time(started)} {ip} {_word(user)} "{verb} {shown(path)} HTTP/{version}" {status} '
        f'in={received} out={sent} {seconds:.6f} {request_id or "-"} "{_phrase(agent)}"\n'
    )


def _json_line(entry: Entry) -> str:
    started, ip, user, verb, path, version, status, received, sent, seconds, request_id, agent = entry
    return (
        json.dumps(
            {
                "time": _time(started),
                "ip": ip,
                "user": user,
                "verb": verb,
                "path": shown(path),
                "http": version,
                "status": status,
                "received": received,
                "sent": sent,
                "seconds": round(seconds, 6),
                "id": request_id,
                "agent": agent,
            }
        )
        + "\n"
    )

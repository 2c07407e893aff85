"""Logs: text or JSON lines, request ids, and the one place that keeps secrets out of them.

Modules log with ``log = make_logger()`` and events of a format and fields: ``log.info("{user} logged in", user=...)``.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TextIO

from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, formatEvent
from twisted.python.failure import Failure
from txaio import tx
from zope.interface import implementer

from .settings import Log

make_logger: Callable[[], Logger] = tx.make_logger
"""A logger named after the module or class that calls."""
_access = Logger("clawgate.access")
_set_level: Callable[[str], None] = tx.set_global_log_level

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that the running coroutine works for; whoever dispatches a request sets it, every line shows it."""

_LEVELS = (LogLevel.critical, LogLevel.error, LogLevel.warn, LogLevel.info, LogLevel.debug)
_HIDDEN = "***"
_SECRET_NAMES = frozenset({"password", "secret", "token", "authorization", "cookie", "credentials", "access_token", "passphrase"})
_HINTS = (
    *("basic ", "bearer ", "passw", "passphrase", "secret", "token", "authorization", "cookie", "signature", "argon2"),
    *("://", "/s/", "public-files", "/login/"),
)
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(Basic|Bearer) +[A-Za-z0-9+/._~-]{4,}=*"), rf"\1 {_HIDDEN}"),
    (
        re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)(['\"]?\s*[:=]\s*+['\"]?+)(?!Basic |Bearer )[^\r\n]+"),
        rf"\1\2{_HIDDEN}",
    ),
    (
        # A colon and a blank is prose ("password: expected a text") unless a quote follows.
        re.compile(
            r"(?i)\b([\w-]*(?:passw(?:or)?d|passphrase|secret|token|signature))"
            r"(['\"]?\s*[:=]\s*['\"]|[:=](?=\S)|\s*=\s*)[^\s'\"&;,})\]]+"
        ),
        rf"\1\2{_HIDDEN}",
    ),
    (re.compile(r"\$argon2[a-z]*\$[^\s'\"]+"), _HIDDEN),
    (re.compile(r"(://[^/\s:@'\"]*):[^/\s@'\"]+@"), rf"\1:{_HIDDEN}@"),
    (re.compile(r"((?:^|[\s'\"=]|://[^/\s'\"]+)(?:/index\.php)?/s/)[A-Za-z0-9_-]{6,}"), rf"\1{_HIDDEN}"),
    (re.compile(r"(/public-files/)[^/\s'\"?]+"), rf"\1{_HIDDEN}"),
    (re.compile(r"(/login/v2/(?:flow|grant)/)[^/\s'\"?]+"), rf"\1{_HIDDEN}"),
    (re.compile(r"(/login/oidc/callback\?)[^\s'\"]+"), rf"\1{_HIDDEN}"),
)


def redact(text: str) -> str:
    """`text` without credentials, tokens, password hashes, passwords in URLs and the secrets of public links."""
    lower = text.lower()
    for hint in _HINTS:
        if hint in lower:
            break
    else:
        return text
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class _Sink:
    """Where lines go that are finished already."""

    stream: TextIO | None = None


def set_up(settings: Log, stream: TextIO) -> LineObserver:
    """The observer of this process, which also takes the lines of `write_lines`."""
    set_level(settings.level)
    _Sink.stream = stream
    return LineObserver(stream, settings.format, settings.level)


def write_lines(text: str) -> None:
    """Write whole lines, with their ends, that need no redaction any more: those of the access log. May be called in any thread.

    Where somebody else's observer is in charge (``twistd --logger``) they become events.
    """
    stream = _Sink.stream
    if stream is not None:
        stream.write(text)
        stream.flush()
    else:
        for line in text.splitlines():
            _access.info("{line}", line=line)


def set_level(level: str) -> None:
    """Switch off what is below `level` (``error warn info debug``) where it is made."""
    _set_level(level)


@implementer(ILogObserver)
class LineObserver:
    """Writes every event of `level` and above as one line (text: and its traceback) to `stream`."""

    def __init__(self, stream: TextIO, format: str, level: str) -> None:
        """`format`: ``text`` or ``json``."""
        self._write = stream.write
        self._flush = stream.flush
        self._render: Callable[[LogEvent, str], str] = _json if format == "json" else _text
        self._levels = frozenset(_LEVELS[: _LEVELS.index(LogLevel.lookupByName(level)) + 1])
        self._second = 0
        self._stamp = ""

    def __call__(self, event: LogEvent) -> None:
        """Write the event."""
        if event.get("log_level", LogLevel.info) not in self._levels:
            return
        moment = event.get("log_time") or time.time()
        second = int(moment)
        if second != self._second:
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        line = self._render(event, f"{self._stamp}.{int(moment % 1 * 1000):03d}Z")
        self._write(line)
        self._flush()


def _message(event: LogEvent) -> tuple[str, str]:
    """The text of an event and the traceback that belongs to it."""
    failure = event.get("log_failure")
    traceback = ""
    if isinstance(failure, Failure):
        traceback = failure.getTraceback(elideFrameworkCode=True).rstrip()
    if not _SECRET_NAMES.isdisjoint(event):
        event = {name: _HIDDEN if name in _SECRET_NAMES else value for name, value in event.items()}
    text = formatEvent(event)
    if not text and isinstance(failure, Failure):
        text = failure.getErrorMessage()
    return text, traceback


def _text(event: LogEvent, stamp: str) -> str:
    text, traceback = _message(event)
    id = event.get("request_id") or request_id.get()
    level = event.get("log_level", LogLevel.info).name
    namespace = event.get("log_namespace", "-")
    whole = f"{stamp} {level:<5} {f'[{id}] ' if id else ''}{namespace}: {text}"
    # A line stays a line: names of files come from clients.
    line = redact(whole).replace("\r", "\\r").replace("\n", "\\n")
    return f"{line}\n{redact(traceback)}\n" if traceback else f"{line}\n"


def _json(event: LogEvent, stamp: str) -> str:
    text, traceback = _message(event)
    record: dict[str, Any] = {
        "time": stamp,
        "level": event.get("log_level", LogLevel.info).name,
        "logger": event.get("log_namespace", "-"),
        "message": redact(text),
    }
    id = event.get("request_id") or request_id.get()
    if id:
        record["request_id"] = id
    for name, value in event.items():
        if name.startswith("log_") or name in record or name in ("time", "system", "message", "isError", "format"):
            continue
        if name in _SECRET_NAMES:
            record[name] = _HIDDEN
        elif value is None or isinstance(value, (bool, int, float)):
            record[name] = value
        elif isinstance(value, str):
            record[name] = redact(value)
    if traceback:
        record["traceback"] = redact(traceback)
    return json.dumps(record, ensure_ascii=False, default=str) + "\n"

"""Single questions to a manager, asked by blocking: for ``clawgate check``, which has no reactor."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .names import in_url, query
from .options import EosOptions

_MOST = 64 << 20


class Told(NamedTuple):
    """What a manager says."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def skew(self) -> float | None:
        """By how many seconds its clock is before ours; None: it does not tell the time."""
        try:
            return parsedate_to_datetime(self.headers["date"]).timestamp() - time.time()
        except (KeyError, ValueError):
            return None

    def json(self) -> dict[str, Any]:
        """An answer of ``/proc``. Raises `ValueError`."""
        found = json.loads(self.body.decode("utf-8", "replace"))
        if not isinstance(found, dict):
            raise ValueError("no object")
        return found


def meet(options: EosOptions, url: str) -> None:
    """Connect to a server, and see its certificate if it has one. Raises `OSError`."""
    connection = _connection(options, url)
    try:
        connection.connect()
    finally:
        connection.close()


def _connection(options: EosOptions, url: str) -> http.client.HTTPConnection:
    parts, timeout = urlsplit(url), options.connect_timeout
    host = parts.hostname or ""
    if parts.scheme != "https":
        return http.client.HTTPConnection(host, parts.port or 80, timeout=timeout)
    context = ssl.create_default_context(cafile=options.ca_file or None)
    return http.client.HTTPSConnection(host, parts.port or 443, timeout=timeout, context=context)


class Probe:
    """Asks one manager. `door` is the server that listens there."""

    def __init__(self, options: EosOptions, url: str, door: str) -> None:
        self.url = url
        self._options = options
        self._door = door
        encoding = options.encoding if options.encoding != "auto" else "once" if door == "mhd" else "encodepath"
        self._encodepath = encoding == "encodepath"

    def ask(self, who: str, method: str, path: str) -> Told:
        """One request without a body. Raises `OSError`, `http.client.HTTPException`."""
        return self._ask(who, method, in_url(path).decode())

    def command(self, who: str, keys: dict[str, str], paths: dict[str, str] | None = None) -> Told:
        """One command of ``/proc``."""
        text = query({**keys, "mgm.format": "json"}, paths or {}, encodepath=self._encodepath and bool(paths))
        return self._ask(who, "GET", f"/proc/user/?{text.decode()}")

    def _ask(self, who: str, method: str, target: str) -> Told:
        connection = _connection(self._options, self.url)
        try:
            connection.request(method, target, headers=self._identity(who))
            answer = connection.getresponse()
            body = b"" if method == "HEAD" else answer.read(_MOST)
            return Told(answer.status, {name.lower(): value for name, value in answer.getheaders()}, body)
        finally:
            connection.close()

    def _identity(self, who: str) -> dict[str, str]:
        if self._door == "mhd":
            return {"Remote-User": who, "X-Real-IP": "dummy"}
        key = {"x-gateway-authorization": self._options.key} if self._options.key else {}
        return {"remote-user": who, "x-forwarded-for": "dummy", **key}

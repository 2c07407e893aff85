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
        parts = urlsplit(self.url)
        options, port = self._options, parts.port or (443 if parts.scheme == "https" else 80)
        host, timeout = parts.hostname or "", options.connect_timeout
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=options.ca_file or None)
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
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

"""One browser: keeps the cookie, reads the mark of the last form."""

from __future__ import annotations

import re
from html import unescape
from typing import Any, NamedTuple
from urllib.parse import urlencode

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Seen(NamedTuple):
    status: int
    headers: Any
    text: str

    def header(self, name: str) -> str:
        return str((self.headers.getRawHeaders(name) or [""])[0])

    @property
    def mark(self) -> str:
        found = re.search(r'name="mark" value="([^"]+)"', self.text)
        assert found, self.text
        return found[1]

    @property
    def start(self) -> str:
        """Where the link to the provider leads."""
        found = re.search(r'href="(/login/oidc/start[^"]+)"', self.text)
        assert found, self.text
        return unescape(found[1])


class Visitor:
    def __init__(self, ask: Any) -> None:
        self.ask = ask
        self.cookie = ""

    async def open(self, path: str, verb: str = "GET") -> Seen:
        return await self._exchange(verb, path, None)

    async def send(self, path: str, **form: str) -> Seen:
        return await self._exchange("POST", path, form)

    async def _exchange(self, verb: str, path: str, form: dict[str, str] | None) -> Seen:
        headers = {**({"Cookie": f"other=x; {self.cookie}"} if self.cookie else {}), **(FORM if form is not None else {})}
        data = urlencode(form).encode() if form is not None else None
        response, body = await self.ask(verb, path, headers=headers, data=data)
        seen = Seen(response.code, response.headers, body.decode())
        if seen.header("set-cookie"):
            self.cookie = seen.header("set-cookie").partition(";")[0]
        return seen

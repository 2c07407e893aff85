"""The cookie of browsers that show the gateway's own page.

Browsers send cookies with requests that other sites make them send. So this one counts only beside a header that scripts alone
can set, and that a script of another origin cannot set without asking first (CORS), which is never granted here. ``SameSite``
and what browsers say of a request's origin (Fetch Metadata) stand behind that.
"""

from __future__ import annotations

import re
from typing import Protocol

HEADER = "x-requested-with"
"""Its value does not matter. With ``XMLHttpRequest`` a 401 has no challenge for which browsers open a window of their own."""
_NAME = "clawgate_page"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


class _Request(Protocol):
    @property
    def base_url(self) -> str:
        """Scheme and host as the client calls us."""

    def header(self, name: str) -> str | None:
        """The first value of a header."""

    def headers_all(self, name: str) -> list[str]:
        """All values of a header."""


def secret_of(request: _Request) -> str:
    """The secret of a request that our page has made; empty if there is none, or another page could have made it."""
    if request.header(HEADER) is None or request.header("sec-fetch-site") not in (None, "same-origin"):
        return ""
    wanted = _name(request)
    for line in request.headers_all("cookie"):
        for pair in line.split(";"):
            name, _, value = pair.strip().partition("=")
            if name == wanted and _SECRET.fullmatch(value):
                return value
    return ""


def keep(request: _Request, secret: str) -> tuple[bytes, bytes]:
    """The header that lets a browser keep `secret` until it is closed."""
    return _set(request, f"{secret}; Path=/")


def forget(request: _Request) -> tuple[bytes, bytes]:
    """The header that lets it forget."""
    return _set(request, "; Path=/; Max-Age=0")


def _set(request: _Request, text: str) -> tuple[bytes, bytes]:
    secure = "; Secure" if _secure(request) else ""
    return b"Set-Cookie", f"{_name(request)}={text}; HttpOnly; SameSite=Strict{secure}".encode()


def _name(request: _Request) -> str:
    """With the prefix a browser takes it over https only, and from no other host (RFC 6265bis 4.1.3.2)."""
    return f"__Host-{_NAME}" if _secure(request) else _NAME


def _secure(request: _Request) -> bool:
    return request.base_url.startswith("https:")

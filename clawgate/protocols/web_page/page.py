"""The files of the page, as they are in the package; its addresses within it stand behind the ``#``."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import NamedTuple

from ...errors import NotFound
from ...web.conditions import Outcome, evaluate
from ...web.request import Request
from ...web.response import Response

PREFIX = "/page"
"""Where its files are; the page itself is ``/``."""
_FOLDER = Path(__file__).parent / "static"
_TYPES = {".js": b"text/javascript; charset=utf-8", ".css": b"text/css; charset=utf-8", ".svg": b"image/svg+xml"}
_SAFE = [(b"X-Content-Type-Options", b"nosniff"), (b"Referrer-Policy", b"no-referrer")]
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types clawgate-xml"
)
"""Nothing is written in the page itself, nothing comes from elsewhere. Text becomes a document only where answers to PROPFIND are
read, by the one policy that is named last."""


class _File(NamedTuple):
    body: bytes
    kind: bytes
    etag: str


class WebPage:
    """Answers ``/`` and what is below ``/page``; nobody needs to be logged in for that."""

    def __init__(self, product: str, version: str, login: str) -> None:
        """`login`: the address where people log in. Reads the files of the package, some 30 KB."""
        words = {"product": product, "version": version, "login": login}
        text = string.Template((_FOLDER / "index.html").read_text(encoding="utf-8"))
        self._index: Callable[[str], str] = lambda url: text.substitute(
            {name: escape(value) for name, value in {**words, "url": url}.items()}
        )
        self._files = {
            f"{PREFIX}/{path.name}".encode(): _read(path) for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES
        }

    async def __call__(self, request: Request) -> Response:
        """Answer `request`. Raises `NotFound`."""
        if request.verb not in ("GET", "HEAD"):
            text = b"this can only be read\n"
            return Response(405, [(b"Allow", b"GET, HEAD"), (b"Content-Type", b"text/plain; charset=utf-8")], text)
        if request.raw_path == b"/":
            return self._page(request)
        file = self._files.get(request.raw_path)
        if file is None:
            raise NotFound("there is nothing under this address")
        headers = [*_SAFE, (b"Content-Type", file.kind), (b"Cache-Control", b"no-cache"), (b"ETag", f'"{file.etag}"'.encode())]
        if evaluate(request.header, request.verb, file.etag, None, True) is Outcome.NOT_MODIFIED:
            return Response(304, headers)
        return Response(200, headers, file.body)

    def _page(self, request: Request) -> Response:
        headers = [
            *_SAFE,
            (b"Content-Type", b"text/html; charset=utf-8"),
            (b"Content-Security-Policy", _POLICY.encode()),
            (b"X-Frame-Options", b"DENY"),
            (b"Cross-Origin-Opener-Policy", b"same-origin"),
            (b"Cache-Control", b"no-store"),
        ]
        return Response(200, headers, self._index(request.base_url).encode("utf-8", "replace"))


async def linked(request: Request) -> Response:
    """A private link, ``/f/ID``: the page finds what it leads to, after a login if need be."""
    return Response(302, [(b"Location", b"/#" + request.raw_path), (b"Cache-Control", b"no-store"), *_SAFE])


def _read(path: Path) -> _File:
    body = path.read_bytes()
    return _File(body, _TYPES[path.suffix], hashlib.blake2b(body, digest_size=16).hexdigest())

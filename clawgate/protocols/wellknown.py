"""The addresses that clients try first: ``status.php``, the connection check, redirects, and a page for people."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from html import escape

from ..errors import NotFound
from ..web.request import Request
from ..web.response import Response
from .capabilities import Features, status

Handler = Callable[[Request], Awaitable[Response]]

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{product}</title>
<style>body {{ font: 1rem/1.5 sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }}</style>
<h1>{product} {version}</h1>
<p>This address is for sync clients: give <code>{url}</code> to the ownCloud or Nextcloud desktop client, or
<code>{url}/remote.php/webdav/</code> to any WebDAV client.</p>
</html>
"""


def status_page(features: Features) -> Handler:
    """``/status.php``: no login, no redirect; clients take anything but 200 with JSON for another kind of server."""
    body = json.dumps(status(features)).encode()
    headers = [
        (b"Content-Type", b"application/json"),
        (b"Access-Control-Allow-Origin", b"*"),
        (b"Cache-Control", b"no-store"),
    ]

    async def answer(request: Request) -> Response:
        if request.raw_path != b"/status.php":
            raise NotFound("there is nothing under this address")
        return _only_reading(request) or Response(200, list(headers), body)

    return answer


def connectivity(request_path: bytes = b"/index.php/204") -> Handler:
    """``/index.php/204``: Nextcloud clients ask it to see whether they are online."""

    async def answer(request: Request) -> Response:
        if request.raw_path != request_path:
            raise NotFound("there is nothing under this address")
        return _only_reading(request) or Response(204)

    return answer


def dav_redirect() -> Handler:
    """``/.well-known/webdav``: where the WebDAV service is (in the manner of RFC 6764 section 5)."""

    async def answer(request: Request) -> Response:
        if request.raw_path != b"/.well-known/webdav":
            raise NotFound("there is nothing under this address")
        return Response(301, [(b"Location", request.base_url.encode("latin-1") + b"/remote.php/dav/")])

    return answer


def front_page(features: Features) -> Handler:
    """``/`` and ``/index.php`` for people with a browser."""

    async def answer(request: Request) -> Response:
        if request.raw_path not in (b"/", b"/index.php", b"/index.php/"):
            raise NotFound("there is nothing under this address")
        page = _PAGE.format(product=escape(features.product), version=escape(features.version), url=escape(request.base_url))
        headers = [
            (b"Content-Type", b"text/html; charset=utf-8"),
            (b"Content-Security-Policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
            (b"X-Content-Type-Options", b"nosniff"),
        ]
        return _only_reading(request) or Response(200, headers, page.encode())

    return answer


def _only_reading(request: Request) -> Response | None:
    if request.verb in ("GET", "HEAD"):
        return None
    return Response(405, [(b"Allow", b"GET, HEAD"), (b"Content-Type", b"text/plain; charset=utf-8")], b"this can only be read\n")


def handlers(features: Features) -> dict[str, Handler]:
    """All of them by prefix, as a router takes them."""
    return {
        "/status.php": status_page(features),
        "/index.php/204": connectivity(),
        "/.well-known/webdav": dav_redirect(),
        "/index.php": front_page(features),
        "/": front_page(features),
    }

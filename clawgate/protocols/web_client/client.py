"""Answers for the build: its files, its configuration, and its page under every address that only it knows."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from ...errors import NotFound
from ...settings import Web as Settings
from ...web import dates
from ...web.conditions import Outcome, evaluate
from ...web.request import Request
from ...web.response import Response
from . import config
from .config import Provider
from .folder import Folder, Found
from .markup import LARGEST, Page, page
from .names import INDEX, caching, encodings, is_name, is_route, media_type, segments
from .policy import policy

METADATA = "/.well-known/openid-configuration"
PAGES = 8
"""Pages that are kept as they are sent."""
_SAFE = [
    (b"X-Content-Type-Options", b"nosniff"),
    (b"X-Frame-Options", b"SAMEORIGIN"),
    # Addresses of the way back from a login service hold what others must not see.
    (b"Referrer-Policy", b"strict-origin-when-cross-origin"),
]


class WebClient:
    """Everything that no other handler answers. Nobody needs to be logged in for that."""

    def __init__(self, folder: Folder, settings: Settings, provider: Provider | None, issuers: Sequence[str]) -> None:
        """`issuers`: origins of all login services."""
        self._folder = folder
        self._settings = settings
        self._provider = provider
        self._issuers = tuple(issuers)
        self._pages: OrderedDict[str, Page] = OrderedDict()

    async def __call__(self, request: Request) -> Response:
        """Answer `request`. Raises `NotFound`, `StorageUnavailable`, `Overloaded`."""
        if request.verb not in ("GET", "HEAD"):
            text = b"this can only be read\n"
            return Response(405, [(b"Allow", b"GET, HEAD"), (b"Content-Type", b"text/plain; charset=utf-8")], text)
        if request.raw_path == b"/config.json":
            return _json(await self._config(request.base_url))
        if request.raw_path == b"/app/list":
            # Documents that others edit (app providers): there are none.
            return _json({"mime-types": []})
        parts, accepted = segments(request.raw_path), encodings(request.header("accept-encoding"))
        wanted = parts if parts != [""] else [INDEX]
        found = await self._find(wanted, accepted) if is_name(wanted) else None
        if found is None:
            # Below a folder of the build nothing is made up: a script that is missing is missing.
            if not is_route(parts) or await self._folder.has(parts[0]):
                raise NotFound("there is nothing under this address")
            wanted = [INDEX]
            found = await self._find(wanted, accepted)
            if found is None:
                raise NotFound(f"the web client is not there: web.root has no {INDEX}")
        return await self._answer(request, wanted[-1], "/".join(wanted), found)

    async def _find(self, parts: Sequence[str], accepted: Sequence[str]) -> Found | None:
        # Pages are changed before they are sent.
        return await self._folder.open(parts, () if parts[-1].endswith(".html") else accepted)

    async def _answer(self, request: Request, name: str, path: str, found: Found) -> Response:
        """The file; closes it, or sees to it."""
        etag = f"{found.mtime_ns:x}-{found.size:x}" + (f"-{found.encoding}" if found.encoding else "")
        try:
            shown = await self._page(path, etag, found) if name.endswith(".html") and found.size <= LARGEST else None
            headers = self._headers(name, etag, found, shown)
            mtime = found.mtime_ns // 1_000_000_000
            if evaluate(request.header, request.verb, etag, mtime, True) is Outcome.NOT_MODIFIED:
                response = Response(304, headers)
            elif shown is not None or found.data is not None:
                response = Response(200, headers, shown.body if shown is not None else found.data or b"")
            else:
                body = self._folder.stream(found)
                return Response(200, headers, body, found.size, close=lambda: self._folder.close(found))
        except BaseException:
            await self._folder.close(found)
            raise
        await self._folder.close(found)
        return response

    def _headers(self, name: str, etag: str, found: Found, shown: Page | None) -> list[tuple[bytes, bytes]]:
        rules = self._settings.policy or policy(self._issuers, self._settings.sources, shown.hashes if shown is not None else ())
        headers = [
            *_SAFE,
            (b"Content-Security-Policy", rules.encode()),
            (b"Content-Type", media_type(name).encode()),
            (b"Cache-Control", caching(name).encode()),
            (b"ETag", f'"{etag}"'.encode()),
            (b"Last-Modified", dates.render(found.mtime_ns // 1_000_000_000)),
            (b"Vary", b"Accept-Encoding"),
        ]
        if found.encoding:
            headers.append((b"Content-Encoding", found.encoding.encode()))
        return headers

    async def _page(self, path: str, etag: str, found: Found) -> Page:
        key = f"{path} {etag}"
        known = self._pages.get(key)
        if known is None:
            data = found.data
            if data is None:
                data = b"".join([block async for block in self._folder.stream(found)])
            known = self._pages[key] = page(data)
            if len(self._pages) > PAGES:
                self._pages.popitem(last=False)
        return known

    async def _config(self, base_url: str) -> dict[str, Any]:
        build = await self._folder.build(self._settings.theme, self._settings.apps)
        found = config.document(base_url, build, self._provider, METADATA)
        if not self._settings.config:
            return found
        return config.merged(found, await self._folder.overrides(self._settings.config))


def _json(value: dict[str, Any]) -> Response:
    headers = [*_SAFE, (b"Content-Type", b"application/json"), (b"Cache-Control", b"no-cache")]
    return Response(200, headers, json.dumps(value).encode())

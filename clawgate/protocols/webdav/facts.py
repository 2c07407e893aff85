"""Multistatus answers about what is no file in a tree, as in `parents`: a handful of properties that are known beforehand."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence

from ...web.request import Request
from ...web.response import Response
from . import multistatus
from .depth import Depth
from .depth import parse as parse_depth
from .elements import CONTENT_TYPE, Name, element, empty
from .handler import DavHandler
from .requests import Mode, PropertySet, propfind

Facts = Mapping[Name, str]
"""The inside of each property's element, as XML."""
Entry = tuple[str, Facts]
"""Href, percent-encoded, and facts."""

BATCH = 100
"""Entries that are rendered in one go."""


async def asked(request: Request, handler: DavHandler) -> tuple[PropertySet, Depth]:
    """What a PROPFIND wants to know; all of a tree is not more than what is in it here. Raises `InvalidRequest`."""
    limits = handler.dav.settings
    depth = parse_depth(request.header("depth"), Depth.ONE)
    return propfind(await request.body.read_all(limits.xml_bytes), depth=limits.xml_depth), depth


async def listed(wanted: PropertySet, pages: AsyncGenerator[Sequence[Entry], None]) -> Response:
    """207 with all entries, rendered page by page. What fails before the second page is an error as any other."""
    render = _renderer(wanted)
    first = await _next(pages)
    second = await _next(pages) if first is not None else None
    if second is None:
        return Response(207, [CONTENT_TYPE], multistatus.body(map(render, first or ())))
    held = [first or (), second]

    async def stream() -> AsyncIterator[bytes]:
        yield multistatus.HEAD.encode()
        while held:
            page = held.pop(0)
            for start in range(0, len(page), BATCH):
                yield "".join(map(render, page[start : start + BATCH])).encode()
            following = await _next(pages)
            if following is not None:
                held.append(following)
        yield multistatus.TAIL.encode()

    return Response(207, [CONTENT_TYPE], stream(), close=pages.aclose)


async def _next(pages: AsyncGenerator[Sequence[Entry], None]) -> Sequence[Entry] | None:
    async for page in pages:
        return page
    return None


def shown(wanted: PropertySet, entries: Sequence[Entry]) -> Response:
    """207 with these entries."""
    return Response(207, [CONTENT_TYPE], multistatus.body(map(_renderer(wanted), entries)))


def _renderer(wanted: PropertySet) -> Callable[[Entry], str]:
    # An empty list of properties means all to ownCloud's SDK and to ownCloud Web, which send it for versions.
    some = wanted.mode is Mode.SOME and bool(wanted.names)

    def render(entry: Entry) -> str:
        href, known = entry
        if some:
            found = [element(name, known[name]) for name in wanted.names if name in known]
            missing = [empty(name) for name in wanted.names if name not in known]
        else:
            values = wanted.mode is not Mode.NAMES
            found, missing = [element(name, text if values else "") for name, text in known.items()], []
        parts = [multistatus.propstat(found, multistatus.OK)] if found or not missing else []
        if missing:
            parts.append(multistatus.propstat(missing, multistatus.MISSING))
        return multistatus.response(href, parts)

    return render

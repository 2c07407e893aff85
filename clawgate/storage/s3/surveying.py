"""Looking at many folders, by nothing but listings: one call a thousand entries, none for a single object."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import blake2b

from ...errors import Forbidden, InvalidRequest, NotAFolder, NotFound
from ...interfaces import Explored, Glance, Listing, Survey
from ...model.node import Identity
from ...model.path import Path
from .facts import seen
from .ground import Ground
from .keys import HIDDEN
from .listing import Children
from .parallel import each

List = Callable[[Path], Awaitable[Listing]]
Identify = Callable[[Path, Sequence[str]], Awaitable[Mapping[str, Identity]]]

_NONE = (Forbidden, InvalidRequest, NotAFolder, NotFound)
"""What says something of one folder; whatever else is raised concerns the service, of whose folders nothing may be said then."""


class S3Survey(Survey):
    """Surveys of the bucket below one prefix. Raises `StorageUnavailable`, `StorageTimeout`, `Overloaded`."""

    def __init__(self, ground: Ground, listed: List, identify: Identify) -> None:
        """`listed` is `Storage.list`, `identify` is `Ids.identify`."""
        self._ground = ground
        self._list = listed
        self._identify = identify

    async def survey(self, folders: Sequence[Path]) -> Sequence[Glance | None]:
        """See `Survey.survey`."""
        return await each(folders, self._glance, self._ground.options.parallel)

    async def explore(self, folders: Sequence[Path], entries: int) -> Sequence[Explored | None]:
        """See `Survey.explore`. Folders are listed at the same time as far as they are likely to fit."""
        found: list[Explored | None] = []
        left, together = entries, 1
        while left > 0 and len(found) < len(folders):
            some = folders[len(found) : len(found) + together]
            known = await each(some, lambda path: self._explored(path, entries), self._ground.options.parallel)
            for one in known:
                if one is not None and len(one.children) > left and found:
                    return found
                found.append(one)
                left -= len(one.children) if one is not None else 0
                if left <= 0:
                    return found
            # By what those so far were like; what does not fit is listed again.
            ordinary = max(1, (entries - left) // len(found))
            together = max(1, min(self._ground.options.parallel, left // ordinary))
        return found

    async def _glance(self, path: Path) -> Glance | None:
        try:
            return await self._looked(path)
        except _NONE:
            return None

    async def _looked(self, path: Path) -> Glance:
        ground = self._ground
        if path.partition("/")[0] == HIDDEN:
            raise NotFound(f"{path}: there is no such folder")
        prefix = ground.keys.folder(path)
        page = await ground.control.page(prefix)
        if path and not page.objects and not page.prefixes and not await ground.has_marker(prefix):
            raise NotFound(f"{path}: there is no such folder")
        children = Children(prefix, root=not path)
        marks: list[str] = []
        names: list[str] = []
        while True:
            for name, one in children.of(page):
                if one is not None:
                    marks.append(_mark(name, seen(one.etag, one.size), one.size))
                else:
                    marks.append(_mark(name, "", 0))
                    names.append(name)
            if not page.more:
                return _glance_of(marks, names)
            page = await ground.control.page(prefix, page.more)

    async def _explored(self, path: Path, entries: int) -> Explored | None:
        try:
            listing = await self._list(path)
            children = [node async for page in listing.pages for node in page]
            known = await self._identify(path, [node.name for node in children]) if 0 < len(children) <= entries else None
        except _NONE:
            return None
        # Folders bear a mark only where there is no index; it is not the same in every process.
        marks = [_mark(node.name, "" if node.is_folder else node.seen, node.size) for node in children]
        glance = _glance_of(marks, [node.name for node in children if node.is_folder])
        return Explored(listing.folder, children, known if children else {}, glance)


def _mark(name: str, seen: str, size: int) -> str:
    return f"{name}/{seen}/{size:x}"


def _glance_of(marks: list[str], folders: list[str]) -> Glance:
    marks.sort()
    folders.sort()
    # No name has a slash or NUL.
    digest = blake2b("\0".join(marks).encode(), digest_size=8).digest()
    return Glance(int.from_bytes(digest, "big", signed=True), folders, len(marks))

"""Listings as they are asked for: which facts they need, from the cache or rendered, whole or in a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import attrs

from ...errors import NotAFolder, NotFound
from ...gateway.bookmarks import Bookmark
from ...interfaces import Listing, Position, Room
from ...model.node import Node
from ...model.path import Path, join, name, parent
from ...model.people import Actor
from ...model.permissions import Permissions
from ...model.space import Place
from ...web.request import Request
from ...web.response import Response
from .address import Address
from .dav import Dav
from .lock_xml import discovery
from .multistatus import HEAD, TAIL, Plan, Sight, many, one, plan
from .properties import Scene
from .requests import PropertySet

BATCH = 128
"""Entries rendered in one go: about 64 KiB."""
CHUNK = 65536
"""Bytes of a stream's pieces, at least."""
_UNKNOWN = Room(None, None)

Headers = list[tuple[bytes, bytes]]


class Look:
    """One request's look at a file or folder."""

    __slots__ = ("_actor", "_address", "_cacheable", "_dav", "_judged", "_place", "_plan", "_reckon", "_scene")

    def __init__(
        self, dav: Dav, actor: Actor, address: Address, place: Place, needs: Plan, scene: Scene, *, judged: bool
    ) -> None:
        """`judged`: the storage has an opinion on what may be done with each entry, and that is asked for."""
        self._dav = dav
        self._actor = actor
        self._address = address
        self._place = place
        self._plan = needs
        self._scene = scene
        self._judged = judged
        self._reckon: Callable[[Node], Position] | None = None
        # The seconds that a lock still lives are different each time; what the storage permits changes without any other change.
        moving = judged or needs.tokens or (needs.locks and dav.locks.any(place.space.id))
        self._cacheable = needs.wanted.common and not moving

    @classmethod
    async def at(
        cls, dav: Dav, request: Request, actor: Actor, address: Address, place: Place, wanted: PropertySet, minimal: bool
    ) -> Look:
        """Look at `place`, which is at `address`."""
        needs = plan(wanted)
        space = place.space
        above = ""
        if needs.parent and place.path:
            above = (await dav.tree.stat(attrs.evolve(place, path=parent(place.path)))).id
        scene = Scene(
            permissions=place.permissions,
            space=space.id,
            owner=space.owner if needs.owner else "",
            owner_name=_display_name(space.owner, actor) if needs.owner else "",
            base_url=request.base_url if needs.link else "",
            room=await dav.tree.room(place) if needs.room else _UNKNOWN,
            parent=above,
            minimal=minimal,
        )
        judged = needs.rights and (await dav.tree.abilities(space)).rights is not None
        look = cls(dav, actor, address, place, needs, scene, judged=judged)
        if needs.journal:
            have = await dav.tree.abilities(space)
            look._scene = scene._replace(journal=have.journal is not None, searchable=have.search is not None)
            if needs.tokens and have.journal is not None:
                look._reckon = have.journal.reckoning()
        return look

    async def alone(self, node: Node) -> bytes:
        """The whole multistatus of the node itself (Depth 0)."""
        self._remember_restoring()
        cache = self._dav.listings
        key = self._key(0)
        stamp = (node, self._scene.room, self._versions())
        if self._cacheable and (kept := cache.get(key, stamp)) is not None:
            return kept[0]
        rendered = f"{HEAD}{self._itself(node, await self._alone([node]))}{TAIL}".encode()
        if self._cacheable:
            cache.put(key, stamp, (rendered,))
        return rendered

    async def folder(self, listing: Listing, headers: Headers, *, deep: bool) -> Response:
        """The answer for a folder with its children, or with all below (`deep`)."""
        self._remember_restoring()
        cache = self._dav.listings
        key = self._key(1)
        stamp = (listing.folder, listing.version, self._scene.room, self._versions())
        keep = self._cacheable and bool(listing.version) and not deep
        if keep and (kept := cache.get(key, stamp)) is not None:
            await _close(listing.pages)
            if len(kept) == 1:
                return Response(207, headers, kept[0])
            return Response(207, headers, _replay(kept), sum(map(len, kept)))
        chunks = _chunks(self._pieces(listing, deep))
        # What fails this early can still be answered with an error, and small listings get a Content-Length.
        try:
            first = [chunk async for chunk in _take(chunks, 2)]
        except BaseException:
            await _close(listing.pages)
            raise
        if len(first) == 1:
            if keep:
                cache.put(key, stamp, first)
            return Response(207, headers, first[0])

        async def stream() -> AsyncIterator[bytes]:
            kept: list[bytes] = []
            size = 0
            for chunk in first:
                size += len(chunk)
                kept.append(chunk)
                yield chunk
            async for chunk in chunks:
                size += len(chunk)
                if keep and size <= cache.largest:
                    kept.append(chunk)
                else:
                    kept.clear()
                yield chunk
            if keep and size <= cache.largest:
                cache.put(key, stamp, kept)

        async def close() -> None:
            await _close(chunks)
            await _close(listing.pages)

        return Response(207, headers, stream(), close=close)

    async def scattered(self, found: AsyncIterator[tuple[Path, Node] | str], headers: Headers) -> Response:
        """The answer for nodes anywhere below, which `found` gives with their paths."""
        return await assembled(self.entries(found), headers)

    async def entries(self, found: AsyncIterator[tuple[Path, Node] | str]) -> AsyncIterator[str]:
        """The response elements of nodes anywhere below; elements among `found` that are finished go out in their place."""
        batch: list[tuple[Path, Node]] = []
        async for entry in found:
            if not isinstance(entry, str):
                batch.append(entry)
                if len(batch) < BATCH:
                    continue
            if batch:
                yield await self._batch(batch)
                batch.clear()
            if isinstance(entry, str):
                yield entry
        if batch:
            yield await self._batch(batch)

    def _remember_restoring(self) -> None:
        """Show what is known of restored backups, which looking at the folder may just have brought to light."""
        if not self._place.path:
            self._scene = self._scene._replace(fingerprint=self._dav.fingerprint(self._place.space.id))

    def _key(self, depth: int) -> tuple[object, ...]:
        scene = self._scene._replace(room=_UNKNOWN) if self._plan.room else self._scene
        # A space has another name without anything in it being different.
        name = "" if self._place.path else self._place.space.name
        return (depth, self._address.prefix, self._place.path, name, self._actor.id, self._plan, scene)

    def _versions(self) -> tuple[int, int]:
        needs, space = self._plan, self._place.space.id
        return (
            self._dav.locks.version(space) if needs.locks else 0,
            self._dav.properties.version(space) if needs.dead or needs.favourites or needs.tags else 0,
        )

    async def _alone(self, nodes: Sequence[Node]) -> Sight:
        """What is known of the place itself."""
        sight = await self._sight(nodes)
        if self._judged:
            sight.rights = await self._rights_of(self._place, nodes)
        return sight

    async def _rights_of(self, place: Place, nodes: Sequence[Node]) -> Mapping[str, Permissions] | None:
        found = await self._dav.tree.permitted_in(place, ("",))
        return None if found is None else {node.name: found.get("", Permissions.NONE) for node in nodes}

    async def _sight(self, nodes: Sequence[Node], folder: Path | None = None) -> Sight:
        """What is known of children of `folder`; None: of nodes that are not said to be in one folder, whose rights are not."""
        needs, space, stored = self._plan, self._place.space.id, self._dav.properties
        sight = Sight()
        if self._dav.previews is not None:
            sight.shown = self._dav.previews.shown
        if (needs.dead or needs.favourites or needs.tags) and stored.any(space):
            ids = [node.id for node in nodes]
            if needs.dead:
                sight.dead = await stored.load(space, ids)
            if needs.favourites:
                sight.favourites = await stored.favourites(self._actor.id, space, ids)
            if needs.tags and stored.tags is not None:
                sight.tags = await stored.tags.load(space, ids)
        if self._judged and folder is not None:
            names = [node.name for node in nodes]
            sight.rights = await self._dav.tree.permitted_in(attrs.evolve(self._place, path=folder), names)
        if (reckon := self._reckon) is not None:
            sight.token = lambda folder: Bookmark(reckon(folder)).text()
        if needs.locks:
            sight.locks = discovery(self._dav.locks, space, self._address, self._dav.now())
        return sight

    def _itself(self, node: Node, sight: Sight) -> str:
        path = self._place.path
        href = self._address.href(path, node.is_folder)
        return one(self._plan, self._scene, node, href, name(path) or self._place.space.name, path, sight)

    async def _pieces(self, listing: Listing, deep: bool) -> AsyncIterator[str]:
        yield HEAD + self._itself(listing.folder, await self._alone([listing.folder]))
        below = [self._place.path]
        while below:
            path = below.pop()
            if path != self._place.path:
                try:
                    listing = await self._dav.tree.list(attrs.evolve(self._place, path=path))
                except (NotFound, NotAFolder):
                    # Gone since its parent was listed.
                    continue
            async for piece in self._children(path, listing, below if deep else None):
                yield piece
        yield TAIL

    async def _children(self, path: Path, listing: Listing, folders: list[Path] | None) -> AsyncIterator[str]:
        base = self._address.href(path, True)
        scene = self._scene._replace(parent=listing.folder.id) if self._plan.parent else self._scene
        async for page in listing.pages:
            for start in range(0, len(page), BATCH):
                nodes = page[start : start + BATCH]
                yield many(self._plan, scene, nodes, base, path, await self._sight(nodes, path))
                if folders is not None:
                    folders += [join(path, node.name) for node in nodes if node.is_folder]

    async def _batch(self, entries: Sequence[tuple[Path, Node]]) -> str:
        sight = await self._sight([node for _, node in entries])
        scene, parts = self._scene, []
        for path, node in entries:
            if self._plan.parent:
                try:
                    above = await self._dav.tree.stat(attrs.evolve(self._place, path=parent(path)))
                except NotFound:
                    # Gone since it was found.
                    continue
                scene = scene._replace(parent=above.id)
            href = self._address.href(path, node.is_folder)
            if self._judged:
                sight.rights = await self._rights_of(attrs.evolve(self._place, path=path), [node])
            parts.append(one(self._plan, scene, node, href, node.name, path, sight))
        return "".join(parts)


async def assembled(pieces: AsyncIterator[str], headers: Headers, tail: Callable[[], str] = str) -> Response:
    """The answer made of response elements; `tail` is asked, once they are all out, for what follows them."""
    chunks = _chunks(_framed(pieces, tail))
    first = [chunk async for chunk in _take(chunks, 2)]
    if len(first) == 1:
        return Response(207, headers, first[0])

    async def stream() -> AsyncIterator[bytes]:
        for chunk in first:
            yield chunk
        async for chunk in chunks:
            yield chunk

    return Response(207, headers, stream(), close=lambda: _close(chunks))


async def _framed(pieces: AsyncIterator[str], tail: Callable[[], str]) -> AsyncIterator[str]:
    yield HEAD
    async for piece in pieces:
        yield piece
    yield tail() + TAIL


def _display_name(owner: str, actor: Actor) -> str:
    return actor.user.display_name if owner == actor.id else owner


async def _chunks(pieces: AsyncIterator[str]) -> AsyncIterator[bytes]:
    buffered: list[bytes] = []
    size = 0
    async for piece in pieces:
        data = piece.encode()
        buffered.append(data)
        size += len(data)
        if size >= CHUNK:
            yield b"".join(buffered)
            buffered.clear()
            size = 0
    if buffered:
        yield b"".join(buffered)


async def _take(chunks: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk
        count -= 1
        if not count:
            return


async def _replay(chunks: Sequence[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def _close(iterator: AsyncIterator[object]) -> None:
    """End a generator that may not have been read to its end."""
    close = getattr(iterator, "aclose", None)
    if close is not None:
        await close()

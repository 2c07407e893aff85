"""Small pictures of files: of which there are some, and where a picture comes from."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from typing import Protocol

from ..errors import Overloaded
from ..interfaces import Reader
from ..model.preview import NoPicture, Order, Picture, Wish
from ..settings import Preview

IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/tiff", "image/bmp", "image/x-ms-bmp")
TEXTS = ("text/plain", "text/markdown", "text/csv")
TEXT_BYTES = 16384
"""Of a text that are read."""
_DRAWN = "1"
"""To be changed when pictures are made otherwise than before, so that those that were kept are made anew."""
_REFUSED = 10000
"""Files of which it is remembered that there is no picture."""
_AGAIN = 600.0
"""Seconds after which a picture is tried again that went beyond a limit."""


class Maker(Protocol):
    """Makes pictures."""

    async def paint(self, order: Order, content: Callable[[], AsyncIterator[bytes]], wanted: Callable[[], bool]) -> Picture:
        """Make one. Raises `NoPicture`, `Overloaded`, `Disconnected`."""


class Shelf(Protocol):
    """Keeps pictures."""

    async def get(self, key: str) -> Picture | None:
        """A picture that was kept."""

    async def put(self, key: str, picture: Picture) -> None:
        """Keep one."""


class Previews:
    """Pictures of files that were opened for somebody, and may be read therefore."""

    def __init__(self, maker: Maker, shelf: Shelf, settings: Preview, types: tuple[str, ...], clock: Callable[[], float]) -> None:
        """`types` are the media types of which there are pictures, `clock` tells seconds."""
        self._maker = maker
        self._shelf = shelf
        self._settings = settings
        self._clock = clock
        self._refused: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self.types = types
        """Media types of which there are pictures."""
        self._held = 0
        self.hits = 0
        """Pictures that had been kept."""
        self.misses = 0
        """Those that had not."""

    def shown(self, kind: str, size: int) -> bool:
        """Whether there is a picture of a sound file of the media type `kind` with `size` bytes."""
        return kind in self.types and size > 0 and (kind in TEXTS or size <= self._settings.input_bytes)

    def hold(self, size: int) -> Callable[[], None]:
        """Keep a picture of `size` bytes in memory for somebody who may be slow; returns what is to be called at the end. Raises
        `Overloaded` if there is no room."""
        if self._held and self._held + size > self._settings.answer_bytes:
            raise Overloaded("too many previews are on their way at the moment")
        self._held += size

        def release() -> None:
            self._held -= size

        return release

    def bounded(self, wish: Wish) -> Wish:
        """The same within the longest side, in the same shape as far as whole pixels allow."""
        scale = min(1.0, self._settings.side / max(wish.x, wish.y))
        return wish._replace(x=max(1, round(wish.x * scale)), y=max(1, round(wish.y * scale)))

    async def picture(self, reader: Reader, kind: str, wish: Wish, wanted: Callable[[], bool]) -> Picture:
        """The picture of an opened file of the media type `kind`; `wanted` tells whether somebody still waits for it. Raises
        `NoPicture`, `Overloaded`, `Disconnected`, and what reading raises."""
        node = reader.node
        if not self.shown(kind, node.size):
            raise NoPicture("there are no previews of such files")
        content = sha256(f"{_DRAWN}\n{node.id}\n{node.etag}\n{kind}".encode()).hexdigest()
        key = sha256(f"{content}\n{wish}".encode()).hexdigest()
        known = bool(node.id and node.etag)
        if known and (kept := await self._shelf.get(key)) is not None:
            self.hits += 1
            return kept
        if known:
            self._check(content)
        self.misses += 1
        text = kind in TEXTS
        order = Order("text" if text else "image", min(node.size, TEXT_BYTES) if text else node.size, wish)
        try:
            picture = await self._maker.paint(order, lambda: reader.stream(0, order.size), wanted)
        except NoPicture as error:
            if known:
                self._refuse(content, error)
            raise
        if known:
            await self._shelf.put(key, picture)
        return picture

    def _check(self, content: str) -> None:
        """Whoever sends a bomb has it tried once, not as often as it is asked for."""
        why, until = self._refused.get(content, ("", 0.0))
        if self._clock() < until:
            raise NoPicture(why)

    def _refuse(self, content: str, error: NoPicture) -> None:
        until = self._clock() + _AGAIN if error.limit else float("inf")
        self._refused[content] = (str(error), until)
        self._refused.move_to_end(content)
        if len(self._refused) > _REFUSED:
            self._refused.popitem(last=False)

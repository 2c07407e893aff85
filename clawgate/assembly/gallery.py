"""Previews, where they are set and can be made."""

from __future__ import annotations

from typing import Any

from ..gateway.previews import IMAGES, TEXTS, Previews
from ..previews.installed import installed, webp
from ..previews.painters import Painters
from ..previews.shelf import DiskShelf, MemoryShelf
from ..settings import Settings
from ..workers import Workers
from .core import Core

FOLDER = "previews"
"""In the data directory."""
THREADS = 2
"""That start processes, and see their ends."""


class Gallery:
    """The processes that make pictures, and the shelf where they are kept."""

    def __init__(self, core: Core, reactor: Any) -> None:
        """Nothing is started here."""
        settings = core.settings.preview
        most = settings.cache_bytes
        # A storage that hangs keeps the threads for files, and a process whose end nobody sees keeps its place.
        self._workers = Workers(reactor, "previews", THREADS, 2 * settings.processes)
        core.metrics.pool(self._workers)
        self._painters = painters = Painters(reactor, self._workers, settings)
        self._shelf = MemoryShelf(most) if settings.cache == "memory" else DiskShelf(core.path(FOLDER), most, core.files)
        types = tuple(kind for kind in IMAGES if kind != "image/webp" or webp())
        self.previews = previews = Previews(painters, self._shelf, settings, (*types, *TEXTS), reactor.seconds)
        core.metrics.cache("previews", lambda: (previews.hits, previews.misses))
        core.metrics.gauge("preview_bytes_kept", "Bytes of previews that are kept", lambda: self._shelf.bytes)
        core.metrics.gauge("previews_waiting", "Previews that wait for a process", lambda: painters.waiting)
        core.metrics.count("preview_processes", "Processes started to make previews", lambda: painters.started)

    @staticmethod
    def possible(settings: Settings) -> bool:
        """Whether there are previews at all."""
        return settings.preview.enabled and installed()

    async def start(self) -> None:
        """See what is kept."""
        self._workers.start()
        await self._shelf.start()

    async def stop(self) -> None:
        """End the processes."""
        await self._painters.stop()
        self._workers.stop()

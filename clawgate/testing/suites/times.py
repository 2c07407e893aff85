"""What a storage has to do that sets times."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import pytest

from ...errors import NotFound
from ...interfaces import Storage, Times
from ...model.path import Path
from ..tools import needs
from .sample import Sample


class TimesConformance(Sample):
    """See `conformance.StorageConformance`."""

    def times(self, storage: Storage) -> Times:
        """The ability, or the test is skipped."""
        if storage.abilities.times is None:
            pytest.skip("no times")
        return storage.abilities.times

    @needs("times")
    async def test_touch(self, storage: Storage) -> None:
        times = self.times(storage)
        await self.some(storage)
        for path in ("file", "a"):
            before = await storage.stat(Path(path))
            node = await times.touch(Path(path), self.mtime + 1)
            assert (node.name, node.mtime_ns) == (path, self.mtime + 1)
            assert (await storage.stat(Path(path))).mtime_ns == self.mtime + 1
            assert node.seen != before.seen
        with pytest.raises(NotFound):
            await times.touch(Path("gone"), self.mtime)

from __future__ import annotations

import pytest

from clawgate.storage.s3 import joining
from clawgate.storage.s3.options import SMALLEST_PART
from clawgate.storage.s3.segments import Run


class Upload:
    """Notes which parts are asked for."""

    def __init__(self):
        self.parts = []

    async def copy_whole(self, key):
        self.parts.append(key)

    async def copy(self, key, start, stop):
        self.parts.append((key, start, stop))

    async def send(self, pieces):
        self.parts.append(b"".join(pieces))


@pytest.fixture
def joined(monkeypatch):
    async def read(ground, run):
        return b"r" * run.length

    monkeypatch.setattr(joining, "read", read)

    def join(*made):
        upload = Upload()
        with pytest.raises(StopIteration):
            joining.join(None, upload, made).send(None)
        return upload.parts

    return join


def test_whole_segments_are_not_copied_by_range(joined):
    """S3 takes ranges only of objects above 5 MiB, and a segment may have exactly that."""
    size = SMALLEST_PART
    assert joined(Run("a", 0, size, True), Run("b", 0, size, True), Run("c", 0, 1, True)) == ["a", "b", "c"]


def test_the_rest_of_a_segment_is_copied_by_range(joined):
    size = SMALLEST_PART
    made = Run("a", 0, 3 * size), Run("b", 0, 10, True), Run("c", 0, 3 * size, True)
    assert joined(*made) == [("a", 0, 3 * size), b"r" * size, ("c", size - 10, 3 * size)]

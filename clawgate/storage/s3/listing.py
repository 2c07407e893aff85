"""What the pages of a listing mean: names of files and folders."""

from __future__ import annotations

from collections.abc import Iterator

from .control import Found, Page
from .keys import HIDDEN, shown


class Children:
    """Those of one folder, one page after the other: a file and a folder of one name come in this order, though not on the same
    page."""

    def __init__(self, prefix: str, *, root: bool) -> None:
        """`prefix` is what all keys begin with; `root`: of the storage, where something is hidden."""
        self._prefix = prefix
        self._root = root
        self._files: set[str] = set()

    def of(self, page: Page) -> Iterator[tuple[str, Found | None]]:
        """Names that can be shown, each with the object; a folder has none."""
        start = len(self._prefix)
        for one in page.objects:
            label = shown(one.key[start:]) if one.key != self._prefix else None
            if label is not None:
                self._files.add(label)
                yield label, one
        for below in page.prefixes:
            label = shown(below[start:-1])
            if label in self._files:
                label = shown(below[start:-1], beside=True)
            if label is not None and not (self._root and label == HIDDEN):
                yield label, None

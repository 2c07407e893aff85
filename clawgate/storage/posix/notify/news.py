"""What a batch of events comes to for the trees that somebody listens for."""

from __future__ import annotations

from collections.abc import Iterable

from ....interfaces import Hint
from ....model.path import Path, join
from ..ground import BESIDE, STAGING
from ..names import to_text
from .tree import Tree

NAMES = 64
"""Of so many names in one folder a batch tells one by one; if there are more, of files only that any may have changed."""


class News:
    """Gathers what is to be told; each folder and name once."""

    def __init__(self, events: int = 0) -> None:
        self.events = events
        """So many events it took."""
        self.overflowed = False
        """The kernel's queue, or ours, was full."""
        self.lost: set[Tree] = set()
        """Some of their events may be missing, and nothing in them is covered any more."""
        self.uncovered: dict[Tree, list[Path]] = {}
        """Folders that had to make room."""
        self._names: dict[tuple[Tree, Path], dict[bytes, bool]] = {}

    def add(self, tree: Tree, folder: Path, name: bytes, deep: bool) -> None:
        """Something happened to `name` in `folder`, or to `folder` itself if it is empty; `deep` as in `Hint`."""
        if name.startswith(BESIDE) or (name == STAGING and not folder):
            return
        names = self._names.setdefault((tree, folder), {})
        if deep or name not in names:
            names[name] = deep

    @property
    def trees(self) -> set[Tree]:
        """Those in which something happened."""
        return {tree for tree, _ in self._names}

    def hints(self) -> dict[Tree, list[Hint]]:
        """All of it, by tree."""
        found: dict[Tree, list[Hint]] = {}
        for (tree, folder), names in self._names.items():
            hints = found.setdefault(tree, [])
            if len(names) > NAMES:
                hints.append(Hint(folder))
                names = {name: deep for name, deep in names.items() if deep}
            hints += [Hint(folder, to_text(name), deep) for name, deep in names.items()]
        return found


def all_lost(trees: Iterable[Tree], events: int = 0) -> News:
    """Nobody knows what happened in `trees`."""
    news = News(events)
    news.overflowed = True
    news.lost.update(trees)
    return news


def path_of(raw: bytes) -> Path | None:
    """What clients call the folder that is `raw` below the root; None for what they never see."""
    if raw.isascii() and b".clawgate" not in raw:
        return Path(raw.decode())
    segments = raw.split(b"/")
    if segments[0] == STAGING or any(segment.startswith(BESIDE) for segment in segments):
        return None
    return Path("/".join([to_text(segment) for segment in segments]))


def child(folder: Path, name: bytes) -> Path:
    """The path of `name` in `folder`."""
    return join(folder, to_text(name))

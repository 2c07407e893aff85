"""What a storage told of changes and nobody has looked at yet: gathered, bounded, with rests for what changes all the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..interfaces import Hint
from ..model.path import Path

MANY = 20
"""From so many names in one folder on, reading the whole folder costs less than looking at each."""
KEPT = 200
"""So many names of one folder are told apart; more are the whole folder."""
SHARE = 4
"""What takes long to look at may rest this many times as long before the next look."""


class Task(NamedTuple):
    """Something to look at."""

    folder: Path
    names: tuple[str, ...]
    """Children; empty: all of them."""
    since: float
    """When the first word of it came (clock seconds)."""
    deep: tuple[str, ...] = ()
    """Folders there that came, went or were replaced."""


class _Folder:
    __slots__ = ("deep", "names", "whole")

    def __init__(self) -> None:
        self.deep: set[str] = set()
        self.names: dict[str, float] = {}
        self.whole: float | None = None


class Hints:
    """Hints that wait; each folder and name once, with the time when it was first told of."""

    def __init__(self, limit: int) -> None:
        """At most `limit` names and folders wait."""
        self._limit = limit
        self._folders: dict[Path, _Folder] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def oldest(self) -> float | None:
        """When the first word came of what waits longest; None: nothing waits."""
        times = [time for folder in self._folders.values() for time in (*folder.names.values(), folder.whole) if time is not None]
        return min(times, default=None)

    def add(self, hint: Hint, now: float) -> bool:
        """Take in one hint that came at `now`; False: there is no room for it."""
        folder = self._folders.get(hint.folder)
        if folder is not None:
            if hint.deep:
                folder.deep.add(hint.name)
            if folder.whole is not None or hint.name in folder.names:
                return len(folder.deep) <= self._limit
        if folder is None or (hint.name and len(folder.names) < KEPT):
            if self._size >= self._limit:
                return False
            self._size += 1
        if folder is None:
            folder = self._folders[hint.folder] = _Folder()
            folder.deep.update((hint.name,) if hint.deep else ())
        if hint.name and len(folder.names) < KEPT:
            folder.names[hint.name] = now
        else:
            self._widen(folder, now)
        return True

    def _widen(self, folder: _Folder, since: float) -> None:
        if folder.names:
            self._size -= len(folder.names) - 1
        folder.whole = min((since, *folder.names.values()))
        folder.names = {}

    def back(self, task: Task) -> None:
        """Put back what could not be looked at; there is room for it, whatever the limit says."""
        folder = self._folders.setdefault(task.folder, _Folder())
        folder.deep.update(task.deep)
        if folder.whole is not None:
            folder.whole = min(folder.whole, task.since)
        elif task.names:
            for name in task.names:
                self._size += name not in folder.names
                folder.names[name] = task.since
        else:
            self._size += not folder.names
            self._widen(folder, task.since)

    def take(self, now: float, ready: Callable[[Path, str], float]) -> tuple[list[Task], float | None]:
        """What may be looked at now, folders before what is below them, and when the rest may (None: there is none).

        `ready` tells for a folder and name (empty: the whole folder) from when on it may be looked at.
        """
        tasks: list[Task] = []
        later: list[float] = []
        for path, folder in sorted(self._folders.items()):
            if folder.whole is None:
                busy = {name: at for name in folder.names if (at := ready(path, name)) > now}
                names = tuple([name for name in folder.names if name not in busy])
                if len(names) <= MANY:
                    later += busy.values()
                    if names:
                        deep = folder.deep.intersection(names)
                        folder.deep -= deep
                        tasks.append(Task(path, names, min([folder.names.pop(name) for name in names]), tuple(deep)))
                        self._size -= len(names)
                    if not folder.names:
                        del self._folders[path]
                    continue
            at = ready(path, "")
            if at > now:
                later.append(at)
                continue
            since = min(folder.names.values()) if folder.whole is None else folder.whole
            tasks.append(Task(path, (), since, tuple(folder.deep)))
            self._size -= len(folder.names) or 1
            del self._folders[path]
        return tasks, min(later, default=None)

    def clear(self) -> None:
        """Forget all; somebody looks at everything."""
        self._folders.clear()
        self._size = 0


class Pace:
    """How often one thing is looked at that changes all the time: at most once in so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ready: dict[tuple[Path, str], float] = {}

    def ready(self, folder: Path, name: str) -> float:
        """From when on it may be looked at (clock seconds)."""
        return self._ready.get((folder, name), 0.0)

    def looked(self, folder: Path, name: str, began: float, ended: float) -> None:
        """Somebody has looked, from `began` to `ended`."""
        self._ready[folder, name] = began + max(self._seconds, SHARE * (ended - began))

    def rest(self, task: Task, until: float) -> None:
        """Nobody is to look before `until`."""
        for name in task.names or ("",):
            self._ready[task.folder, name] = until

    def forget(self, now: float) -> None:
        """Drop what may be looked at anyway."""
        self._ready = {key: at for key, at in self._ready.items() if at > now}

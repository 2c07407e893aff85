"""Which folders are watched, as trees: whoever is in them has all that is above him watched, so that every move is noticed.

A folder that moves takes itself and all below it out: nobody has to guess what it is called now, and whoever finds it at its new
place has it watched again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from ....model.path import Path
from .tree import Tree


class Watch:
    """One watched folder of one tree."""

    __slots__ = ("attached", "children", "id", "name", "parent", "path", "tree", "used")

    def __init__(self, tree: Tree, parent: Watch | None, name: bytes, path: Path, id: int, now: float) -> None:
        self.tree = tree
        self.parent = parent
        """None: this is the root."""
        self.name = name
        self.path = path
        self.id = id
        """The kernel's number for the folder; those of several trees, or of moved folders, may share it."""
        self.used = now
        """When it was last wanted, or told of something."""
        self.children: dict[bytes, Watch] = {}
        self.attached = True


class WatchTree:
    """All watches of one inotify descriptor. Not for several threads at once."""

    def __init__(self, release: Callable[[int], None]) -> None:
        """`release` is called with the number of a watch that no folder needs any more."""
        self._release = release
        self._by_id: dict[int, list[Watch]] = {}
        self._roots: dict[Tree, Watch] = {}
        self._by_use: OrderedDict[Watch, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_use)

    @property
    def trees(self) -> list[Tree]:
        """Those with at least one watch."""
        return list(self._roots)

    def root(self, tree: Tree) -> Watch | None:
        """The watch on the root of `tree`."""
        return self._roots.get(tree)

    def child(self, tree: Tree, parent: Watch | None, name: bytes) -> Watch | None:
        """The watch on `name` in `parent`; the root's if that is None."""
        if parent is None:
            return self._roots.get(tree)
        return parent.children.get(name) if parent.attached else None

    def of(self, id: int) -> list[Watch]:
        """The folders that the kernel means by `id`."""
        return list(self._by_id.get(id, ()))

    def attach(self, tree: Tree, parent: Watch | None, name: bytes, path: Path, id: int, now: float) -> Watch:
        """Note that `name` in `parent` is watched as `id`; what was known under this name goes, unless it is the same."""
        known = self.child(tree, parent, name)
        if known is not None and known.id == id:
            return known
        watch = Watch(tree, parent, name, path, id, now)
        # First this: an id that the old ones have as well must not be released.
        self._by_id.setdefault(id, []).append(watch)
        if known is not None:
            self.detach(known)
        if parent is not None:
            parent.children[name] = watch
        else:
            self._roots[tree] = watch
        self._by_use[watch] = None
        self.touch(watch, now)
        return watch

    def detach(self, watch: Watch) -> list[Watch]:
        """Take out `watch` and all below it, which are returned."""
        if watch.parent is not None:
            del watch.parent.children[watch.name]
        else:
            del self._roots[watch.tree]
        gone = list(_below(watch))
        for one in gone:
            one.attached = False
            del self._by_use[one]
            sharing = self._by_id[one.id]
            sharing.remove(one)
            if not sharing:
                del self._by_id[one.id]
                self._release(one.id)
        return gone

    def touch(self, watch: Watch, now: float) -> None:
        """Note that `watch` is wanted, and so all above it."""
        above: Watch | None = watch
        while above is not None:
            above.used = now
            self._by_use.move_to_end(above)
            above = above.parent

    def idlest(self) -> Watch | None:
        """The one not wanted for longest; nothing below it is watched."""
        return next(iter(self._by_use), None)

    def clear(self) -> None:
        """Take out all."""
        for root in list(self._roots.values()):
            self.detach(root)


def _below(watch: Watch) -> Iterator[Watch]:
    """`watch` and all below it."""
    todo = [watch]
    while todo:
        one = todo.pop()
        yield one
        todo += one.children.values()

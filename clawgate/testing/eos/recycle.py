"""The trash (section 7.7)."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable

import attrs

from .failures import EosError
from .nodes import SECOND, Container, File, split
from .tree import Tree

BIN = "/eos/dev/proc/recycle"


@attrs.frozen
class Recycled:
    """What lies in the trash."""

    key: str
    """`fxid:<16 hex>` or `pxid:<16 hex>`."""
    path: str
    """Where it was."""
    node: Container | File
    uid: int
    time: int
    """Seconds since 1970."""


class Recycle:
    """The bins of all users."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.entries: dict[str, Recycled] = {}
        self.full = False
        """Whether nothing more goes in: deleting fails with ENOSPC then."""

    def take(self, node: Container | File, name: str | None = None) -> Recycled:
        """Put something there; `name` if it is to be known by another one."""
        path = node.path if name is None else split(node.path)[0].rstrip("/") + "/" + name
        now = self._tree.now()
        day = time.strftime("%Y/%m/%d", time.gmtime(now // SECOND))
        project = node.parent.xattr.get("sys.forced.recycleid", "") if node.parent is not None else ""
        owner = 0 if project else node.uid
        place = self._folder(f"{BIN}/{f'rid:{project}' if project else f'uid:{node.uid}'}/{day}/0", owner)
        tree = isinstance(node, Container)
        mangled = path.replace("/", "#:#") + f".{node.id:016x}" + (".d" if tree else "")
        self._tree.detach(node)
        self._tree.attach(node, place, mangled)
        node.ctime = now
        entry = Recycled(f"{'pxid' if tree else 'fxid'}:{node.id:016x}", path, node, node.uid, now // SECOND)
        self.entries[entry.key] = entry
        return entry

    def _folder(self, path: str, uid: int) -> Container:
        node = self._tree.root
        for part in path.strip("/").split("/"):
            child = node.containers.get(part)
            if child is None:
                child = self._tree.new_container(node, part, uid if part[:4] == "uid:" else node.uid, node.gid, 0o500)
                child.xattr = {key: value for key, value in child.xattr.items() if key == "sys.acl"}
            node = child
        return node

    def share(self, id: str, acl: str) -> None:
        """Make the bin of a project, into which the `acl` lets people look: `eos recycle project`."""
        self._folder(f"{BIN}/rid:{id}", 0).xattr["sys.acl"] = acl

    def of(self, uid: int) -> list[Recycled]:
        """The trash of somebody."""
        return [entry for entry in self.entries.values() if entry.uid == uid]

    def find(self, key: str, uid: int, reads: Callable[[Container], bool] = lambda place: False) -> Recycled:
        """An entry: ENOENT, EPERM if it is somebody else's; in the bin of a project, if they may not read that (`reads`)."""
        entry = self.entries.get(key)
        if entry is None:
            raise EosError(errno.ENOENT, "restore", key)
        place = entry.node.parent
        shared = place is not None and "/rid:" in place.path
        if uid not in (0, entry.uid) and not (shared and place is not None and reads(place)):
            raise EosError(errno.EPERM, "restore", key)
        return entry

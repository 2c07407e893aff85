"""Quota nodes: what users and groups hold below a directory, and how much they may (section 7.9)."""

from __future__ import annotations

from collections import defaultdict

import attrs

from .nodes import Container, File
from .tree import Tree


@attrs.define
class Limit:
    """How much somebody may hold below a node; logical bytes, None for no limit."""

    bytes: int | None
    files: int | None = None


@attrs.define
class Use:
    """What somebody holds."""

    bytes: int = 0
    files: int = 0


class Quota:
    """All nodes."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.users: dict[int, dict[int, Limit]] = {}
        """Limits by node, then uid."""
        self.used: defaultdict[tuple[int, str, int], Use] = defaultdict(Use)
        """By node, "u" or "g", and number."""

    def node_of(self, container: Container | None) -> Container | None:
        """The nearest node at or above a directory."""
        while container is not None and container.id not in self.users:
            container = container.parent
        return container

    def set(self, container: Container, uid: int, limit: Limit) -> None:
        """Give somebody a limit, which makes the directory a node."""
        new = container.id not in self.users
        self.users.setdefault(container.id, {})[uid] = limit
        if new:
            self.recharge(container)

    def remove(self, container: Container, uid: int) -> None:
        """Take somebody's entry away; the node stays."""
        self.users[container.id].pop(uid, None)

    def exceeded(self, container: Container, uid: int, booking: int) -> bool:
        """Whether somebody may not write `booking` more bytes; without an entry in the node nobody may, save root."""
        node = self.node_of(container)
        if node is None or uid == 0:
            return False
        limit = self.users[node.id].get(uid)
        if limit is None:
            return True
        use = self.used[node.id, "u", uid]
        over = limit.bytes is not None and use.bytes + booking >= limit.bytes
        return over or (limit.files is not None and use.files + 1 > limit.files)

    def charge(self, file: File) -> None:
        """Count a file as it is now, wherever it is."""
        self._count(file, -1)
        node = self.node_of(file.parent)
        file.charged = (node.id, file.uid, file.gid, file.size) if node is not None else None
        self._count(file, 1)

    def release(self, file: File) -> None:
        """A file is gone."""
        self._count(file, -1)
        file.charged = None

    def recharge(self, container: Container) -> None:
        """Count all below a directory that became a node or was moved."""
        for below in container.walk():
            if isinstance(below, File):
                self.charge(below)

    def _count(self, file: File, sign: int) -> None:
        if file.charged is None:
            return
        node, uid, gid, size = file.charged
        for kind, number in (("u", uid), ("g", gid)):
            use = self.used[node, kind, number]
            use.bytes += sign * size
            use.files += sign

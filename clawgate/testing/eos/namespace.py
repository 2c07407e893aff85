"""What may be done to the namespace and what follows from it: rights, versions, trash, quota, etags above (section 7)."""

from __future__ import annotations

import errno
import re
from typing import Any

from . import names
from .acl import may, rights
from .failures import EosError
from .identity import Identities, Identity
from .nodes import SECOND, VERSIONS, Container, File, split, there
from .profile import Profile
from .propagation import Propagation
from .quota import Quota
from .recycle import Recycle, Recycled
from .store import Store
from .tree import Tree

DEEP = 4
"""Levels above which a recursive delete is refused (section 4.1)."""


class Namespace:
    """The MGM without its wire."""

    def __init__(
        self, profile: Profile, clock: Any, identities: Identities, store: Store, propagation: Propagation, tree: Tree
    ) -> None:
        self.profile = profile
        self.clock = clock
        self.identities = identities
        self.store = store
        self.tree = tree
        self.propagation = propagation
        self.quota = Quota(tree)
        self.recycle = Recycle(tree)

    def may(self, who: Identity, want: str, container: Container, file: File | None = None) -> bool:
        """Whether somebody may do something; see `acl.may`."""
        return may(who, want, container, self.identities, file)

    def need(self, who: Identity, want: str, container: Container, operation: str, path: str, file: File | None = None) -> None:
        """EACCES unless somebody may."""
        if not self.may(who, want, container, file):
            raise EosError(errno.EACCES, operation, path)

    def changed(self, container: Container) -> None:
        """Entries of a directory changed."""
        self.propagation.changed(container, self.tree.now())

    def checked(self, who: Identity, path: str, operation: str) -> Container | File:
        """What is at a path, if somebody may look at it: EACCES, ENOENT."""
        node = self.tree.look(path)
        if node is None:
            above = self.tree.look(split(path)[0])
            if isinstance(above, Container):
                self.need(who, "x", above, operation, path)
            raise EosError(errno.ENOENT, operation, path)
        if isinstance(node, Container):
            self.need(who, "r", node, operation, path)
        elif node.parent is not None:
            self.need(who, "r", node.parent, operation, path, node)
        return node

    # Directories.

    def mkdir(self, who: Identity, path: str, *, parents: bool = False) -> Container:
        """Make a directory; one that exists is fine. ENOENT for a missing parent, EEXIST for a file."""
        names.check(self.profile, path, "create directory")
        present = self.tree.look(path)
        if isinstance(present, Container):
            return present
        if present is not None:
            raise EosError(errno.EEXIST, "create directory", path)
        above, name = split(path)
        parent = self.tree.look(above)
        if parent is None and parents:
            parent = self.mkdir(who, above, parents=True)
        if not isinstance(parent, Container):
            raise EosError(errno.ENOENT, "create directory", path)
        self.need(who, "w", parent, "create directory", path)
        made = self.tree.new_container(parent, name, self.owner(who, parent).uid, self.owner(who, parent).gid)
        self.changed(parent)
        return made

    def owner(self, who: Identity, parent: Container) -> Identity:
        """Who owns what somebody makes here: `sys.owner.auth` gives it to the directory's owner."""
        wanted = parent.xattr.get("sys.owner.auth", "").split(",")
        if "*" in wanted or f"https:{who.name}" in wanted:
            return self.identities.numbered(parent.uid, parent.gid)
        return who

    def rmdir(self, who: Identity, path: str) -> None:
        """Remove an empty directory: ENOTEMPTY, ENOTDIR."""
        node = self.tree.directory(path)
        parent = self.above(node, "remove directory")
        self._need_removal(who, parent, path)
        if node.containers or node.files:
            raise EosError(errno.ENOTEMPTY, "remove directory", path)
        self.vanish(node)
        self.changed(parent)

    # Removal.

    def remove(self, who: Identity, path: str, *, recursive: bool = False, deep: bool = False) -> None:
        """Run `rm` on the text of a path: a `*` anywhere makes the last part a pattern (section 4.1.1)."""
        above, last = split(path)
        if "*" not in path:
            self._remove(who, self.tree.find(path), recursive=recursive, deep=deep)
            return
        pattern = re.compile(last.replace("*", ".*"))
        place = self.tree.look(above)
        found = [one for one in place.children() if pattern.fullmatch(one.name)] if isinstance(place, Container) else []
        if not found and "*" in above:
            found = self._matching(path)
        if not found:
            raise EosError(errno.ENOENT, "remove", path)
        for one in found:
            self._remove(who, one, recursive=recursive, deep=deep)

    def _matching(self, path: str) -> list[Container | File]:
        node: Container | File = self.tree.root
        parts = [part for part in path.split("/") if part]
        for part in parts[:-1]:
            child = node.child(part) if isinstance(node, Container) else None
            if child is None:
                return []
            node = child
        pattern = re.compile(parts[-1].replace("*", ".*"))
        return [one for one in node.children() if pattern.fullmatch(one.name)] if isinstance(node, Container) else []

    def _remove(self, who: Identity, node: Container | File, *, recursive: bool, deep: bool) -> None:
        path = node.path
        parent = self.above(node, "remove")
        if isinstance(node, Container):
            if not recursive:
                raise EosError(errno.EISDIR, "remove", path)
            if not deep and path.count("/") < DEEP:
                raise EosError(errno.EPERM, "remove", path)
        self._need_removal(who, parent, path)
        folder = self.version_folder(node) if isinstance(node, File) else None
        self._note_versions(node, folder)
        for one in there(node, folder):
            self.discard(who, one)
        self.changed(parent)

    def _note_versions(self, node: Container | File, folder: Container | None) -> None:
        """What goes to the trash says there which versions it has (`Recycle.cc`, gRecyclingVersionKey)."""
        if folder is not None and self.above(node, "remove").xattr.get("sys.recycle"):
            node.xattr["sys.recycle.version.key"] = f"pxid:{folder.id:016x}"

    def discard(self, who: Identity, node: Container | File, name: str | None = None) -> None:
        """To the trash if the directory has one, else away."""
        parent = self.above(node, "remove")
        wanted = parent.xattr.get("sys.recycle")
        size = node.tree_size if isinstance(node, Container) else node.size
        self.propagation.settle_sizes()
        if not wanted:
            self.vanish(node)
            return
        if who.uid == 99:
            raise EosError(errno.EPERM, "remove", node.path)
        if self.recycle.full:
            raise EosError(errno.ENOSPC, "remove", node.path)
        self.propagation.sized(parent, -size)
        entry = self.recycle.take(node, name)
        self.propagation.sized(self.above(entry.node, "remove"), size)
        self._recharge(node)

    def vanish(self, node: Container | File) -> None:
        """Take something away without trash, rights or times."""
        parent = self.above(node, "remove")
        self.propagation.settle_sizes()
        self.propagation.sized(parent, -(node.tree_size if isinstance(node, Container) else node.size))
        self.tree.detach(node)
        below = [node, *(node.walk() if isinstance(node, Container) else ())]
        self.tree.forget(node)
        for one in below:
            if isinstance(one, File):
                self.quota.release(one)
                self.store.remove(one.id)

    def _need_removal(self, who: Identity, parent: Container, path: str) -> None:
        if not self.may(who, "d", parent):
            raise EosError(errno.EACCES, "remove", path)

    def above(self, node: Container | File, operation: str) -> Container:
        """The directory of something; EPERM for the root."""
        if node.parent is None:
            raise EosError(errno.EPERM, operation, node.path)
        return node.parent

    def _recharge(self, node: Container | File) -> None:
        if isinstance(node, File):
            self.quota.charge(node)
        else:
            self.quota.recharge(node)

    def recycled(self, who: Identity, key: str) -> Recycled:
        """What somebody may restore: ENOENT, EPERM (`Recycle::IsAllowedToRestore`)."""

        def reads(place: Container) -> bool:
            return "r" in rights(place.xattr.get("sys.acl", ""), who, self.identities).granted

        return self.recycle.find(key, who.uid, reads)

    def restore(
        self, entry: Recycled, who: Identity | None = None, *, force: bool = False, versions: bool = False, parents: bool = False
    ) -> None:
        """Put something from the trash back to where it was: EEXIST (with `force` what stands there is renamed), ENOENT if the
        directory is gone (with `parents` it is made, as `who`); `versions`: those of a file come along."""
        above, name = split(entry.path)
        parent = self.tree.look(above)
        if parent is None and parents and who is not None:
            parent = self.mkdir(who, above, parents=True)
        there = parent.child(name) if isinstance(parent, Container) else None
        if isinstance(parent, Container) and there is not None and force:
            self.place(there, parent, f"{name}.{there.id:016x}")
        if not isinstance(parent, Container):
            raise EosError(errno.ENOENT, "restore", entry.path)
        if parent.child(name) is not None:
            raise EosError(errno.EEXIST, "restore", entry.path)
        del self.recycle.entries[entry.key]
        self.place(entry.node, parent, name)
        self.changed(parent)
        kept = self.recycle.entries.get(entry.node.xattr.get("sys.recycle.version.key", ""))
        if versions and kept is not None:
            self.restore(kept, who, force=force, versions=True)

    # Renaming.

    def rename(self, who: Identity, old: str, new: str, *, replace: bool) -> Container | File:
        """Move something; onto a directory means into it, onto a file replaces that with `replace`, else EEXIST."""
        names.check(self.profile, new, "rename")
        node = self.tree.find(old)
        above, name = split(new)
        present = self.tree.look(new)
        if isinstance(present, Container) and present is not node:
            parent, name = present, node.name
            present = parent.child(name)
        else:
            found = self.tree.look(above)
            if not isinstance(found, Container):
                raise EosError(errno.ENOENT, "rename", new)
            parent = found
        source = self.above(node, "rename")
        self._need_removal(who, source, old)
        self.need(who, "w", parent, "rename", new)
        if isinstance(node, Container):
            if node.id in self.quota.users:
                raise EosError(errno.EACCES, "rename", old)
            if node is parent or node in _chain(parent):
                raise EosError(errno.EINVAL, "rename", new)
        if present is node:
            return node
        if present is not None:
            if not replace or isinstance(present, Container):
                raise EosError(errno.EEXIST, "rename", new)
            folder = self.version_folder(present)
            self._note_versions(present, folder)
            for one in there(present, folder):
                self.discard(who, one)
        folder = self.version_folder(node) if isinstance(node, File) else None
        self.place(node, parent, name)
        if folder is not None:
            self.place(folder, parent, VERSIONS + name)
        for place in {source, parent}:
            self.changed(place)
        return node

    def place(self, node: Container | File, parent: Container, name: str) -> None:
        """Move something without rights or times."""
        source = self.above(node, "rename")
        self.propagation.settle_sizes()
        size = node.tree_size if isinstance(node, Container) else node.size
        self.propagation.sized(source, -size)
        self.propagation.sized(parent, size)
        self.tree.detach(node)
        self.tree.attach(node, parent, name)
        node.ctime = self.tree.now()
        self._recharge(node)

    def version_folder(self, file: File) -> Container | None:
        """The folder of a file's versions, if there is one."""
        return file.parent.containers.get(VERSIONS + file.name) if file.parent is not None else None

    def resize(self, file: File, size: int) -> None:
        """A file has another size now."""
        if file.parent is not None:
            self.propagation.sized(file.parent, size - file.size)
        file.size = size
        self.quota.charge(file)

    def now_seconds(self) -> int:
        """Seconds since 1970."""
        return self.tree.now() // SECOND


def _chain(container: Container) -> list[Container]:
    found = [container]
    while found[-1].parent is not None:
        found.append(found[-1].parent)
    return found

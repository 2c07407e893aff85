"""The subcommands of `file` (section 4.3)."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import names, versioning
from .failures import EosError
from .identity import Identity
from .locks import APP
from .namespace import Namespace
from .nodes import Container, File, split
from .opening import Openings
from .output import Output

if TYPE_CHECKING:
    from .proc import Call


class FileCommands:
    """rename, touch, version, versions, purge, symlink, copy."""

    def __init__(self, namespace: Namespace, openings: Openings) -> None:
        self._namespace = namespace
        self._openings = openings

    def run(self, call: Call, subcommand: str) -> Output:
        """One of them; EINVAL for any other."""
        known: dict[str, Callable[[Call], Output]] = {
            "rename": self._rename,
            "touch": self._touch,
            "version": self._version,
            "versions": self._versions,
            "purge": self._purge,
            "symlink": self._symlink,
            "copy": self._copy,
        }
        if subcommand not in known:
            return Output(errno=errno.EINVAL, error=f"error: no such file command '{subcommand}'")
        return known[subcommand](call)

    def _rename(self, call: Call) -> Output:
        old, new = call.path(), call.path("mgm.file.target")
        self._namespace.rename(call.who, old, new, replace=True)
        return Output(f"success: renamed '{old}' to '{new}'")

    def _touch(self, call: Call) -> Output:
        path, here = call.path(), self._namespace
        names.check(here.profile, path, "touch")
        node = here.tree.look(path)
        if isinstance(node, Container):
            raise EosError(errno.EISDIR, "touch", path)
        above, name = split(path)
        parent = here.tree.look(above)
        if not isinstance(parent, Container):
            raise EosError(errno.ENOENT, "touch", path)
        here.need(call.who, "w", parent, "touch", path)
        operation = call.keys.get("mgm.file.touch.lockop")
        if operation:
            if node is None:
                raise EosError(errno.ENOENT, "touch", path)
            return self._lock(call, node, operation)
        if node is None:
            owner = here.owner(call.who, parent)
            node = here.tree.new_file(parent, name, owner.uid, owner.gid)
            here.quota.charge(node)
            here.changed(parent)
        else:
            node.mtime = here.tree.now()
        if call.keys.get("mgm.file.touch.truncate") == "1":
            here.store.remove(node.id)
            here.resize(node, 0)
        return Output(f"success: touched '{path}'")

    def _lock(self, call: Call, file: File, operation: str) -> Output:
        now, lock = self._namespace.now_seconds(), file.xattr.get("sys.app.lock")
        if operation == "unlock":
            file.xattr.pop("sys.app.lock", None)
            return Output("success: removed lock")
        if lock is not None and not _owned(lock, call.who, now):
            raise EosError(errno.EBUSY, "lock", file.path)
        lifetime = min(int(call.keys.get("mgm.file.touch.lockop.lifetime", "86400")), 7 * 86400)
        wildcard = call.keys.get("mgm.file.touch.wildcard")
        owner = f"{'*' if wildcard == 'user' else call.who.name}:{'*' if wildcard == 'app' else APP}"
        file.xattr["sys.app.lock"] = f"expires:{now + lifetime},type:exclusive,owner:{owner}"
        return Output("success: created lock")

    def _version(self, call: Call) -> Output:
        path, here = call.path(), self._namespace
        file = here.tree.file(path)
        parent = file.parent
        if parent is None:
            raise EosError(errno.ENOENT, "version", path)
        here.need(call.who, "w", parent, "version", path)
        name = file.name
        versioning.keep(here, file, versioning.wanted(parent) or 1)
        made = here.tree.new_file(parent, name, file.uid, file.gid)
        self._duplicate(file, made)
        here.changed(parent)
        return Output()

    def _duplicate(self, source: File, target: File) -> None:
        here = self._namespace
        here.store.copy(source.id, target.id)
        target.checksum, target.checksum_type, target.mtime = source.checksum, source.checksum_type, source.mtime
        target.xattr.update(source.xattr)
        here.resize(target, source.size)

    def _versions(self, call: Call) -> Output:
        path, wanted = call.path(), call.keys.get("mgm.grab.version", "-1")
        if wanted != "-1":
            versioning.restore(self._namespace, call.who, path, wanted)
            return Output(f"success: restored version {wanted}")
        folder = self._namespace.version_folder(self._namespace.tree.file(path))
        lines = [f"-rw-r--r-- 1 {one.uid} {one.gid} {one.size} {one.name}" for one in (folder.files.values() if folder else ())]
        return Output("\n".join(lines))

    def _purge(self, call: Call) -> Output:
        versioning.purge(self._namespace, call.who, call.path(), int(call.keys.get("mgm.purge.version", "-1")))
        return Output()

    def _symlink(self, call: Call) -> Output:
        here, link, target = self._namespace, call.path("mgm.file.source"), call.path("mgm.file.target")
        above, name = split(link)
        parent = here.tree.directory(above)
        here.need(call.who, "w", parent, "symlink", link)
        present = parent.child(name)
        if present is not None:
            if call.keys.get("mgm.file.force") != "1" or isinstance(present, Container):
                raise EosError(errno.EEXIST, "symlink", link)
            here.vanish(present)
        made = here.tree.new_file(parent, name, call.who.uid, call.who.gid)
        made.target, made.mode = target, 0o777
        here.changed(parent)
        return Output()

    def _copy(self, call: Call) -> Output:
        here, target = self._namespace, call.path("mgm.file.target")
        source = here.checked(call.who, call.path(), "copy")
        if isinstance(source, Container):
            raise EosError(errno.EISDIR, "copy", source.path)
        if here.tree.look(target) is not None and "f" not in call.keys.get("mgm.file.option", ""):
            raise EosError(errno.EEXIST, "copy", target)
        opened = self._openings.write(call.who, target, booking=source.size, atomic=True)
        here.store.copy(source.id, opened.file.id)
        opened.uses = 1
        self._openings.commit(opened, source.size, source.checksum, None)
        return Output(f"success: copied '{source.path}' to '{target}'")


def _owned(lock: str, who: Identity, now: int) -> bool:
    fields = dict(part.partition(":")[::2] for part in lock.split(","))
    return int(fields.get("expires", "0")) <= now or fields.get("owner", "").partition(":")[0] in ("*", who.name)

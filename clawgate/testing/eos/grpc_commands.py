"""What `Exec` does of the MGM's gRPC port (section 5 of the reference)."""

from __future__ import annotations

import errno
import os
import re
from typing import Any

from . import attributes, names, versioning
from .failures import EosError
from .file_commands import FileCommands
from .grpc_messages import FIELDS, MESSAGES
from .identity import Identity
from .nodes import File
from .proc import Call
from .record import Exchange

_PATTERN = re.compile(r"[*?\[]")


class GrpcCommands:
    """Runs commands; all of them succeed as far as gRPC can tell."""

    def __init__(self, double: Any) -> None:
        self._namespace = double.namespace
        self._record = double.record
        self._files = FileCommands(double.namespace, double.openings)

    def run(self, who: Identity, name: str, command: Any, one: Exchange) -> Any:
        """The answer to one command."""
        field = FIELDS.get(name, "error")
        known = getattr(self, f"_{name}", None) if name else None
        if known is None:
            return MESSAGES["NSResponse"](error={"code": errno.EINVAL, "msg": "error: command not supported"})
        try:
            known(who, command, one)
        except EosError as error:
            one.status = error.errno
            # Of making a version the number comes back negative.
            code = -error.errno if name == "version" and not command.cmd else error.errno
            return MESSAGES["NSResponse"](**{field: {"code": code, "msg": f"error: {os.strerror(error.errno)}"}})
        return MESSAGES["NSResponse"](**{field: {"code": 0, "msg": f"info: {name} done"}})

    def _touch(self, who: Identity, command: Any, one: Exchange) -> None:
        self._files.run(Call(who, {"mgm.path": one.path}, mhd=True), "touch")

    def _rmdir(self, who: Identity, command: Any, one: Exchange) -> None:
        self._namespace.rmdir(who, one.path)

    def _unlink(self, who: Identity, command: Any, one: Exchange) -> None:
        # Nothing is a pattern here.
        self._namespace._remove(who, self._namespace.tree.find(one.path), recursive=False, deep=False)

    def _rm(self, who: Identity, command: Any, one: Exchange) -> None:
        if _PATTERN.search(one.path):
            self._record.violated("rm of what is a pattern", one)
        self._namespace.remove(who, one.path, recursive=command.recursive)

    def _rename(self, who: Identity, command: Any, one: Exchange) -> None:
        target = command.target.decode("utf-8", "surrogateescape")
        self._namespace.rename(who, one.path, target, replace=False)

    def _xattr(self, who: Identity, command: Any, one: Exchange) -> None:
        for key, value in command.xattrs.items():
            attributes.set_attribute(self._namespace, who, one.path, key, value.decode("utf-8", "surrogateescape"))

    def _recycle(self, who: Identity, command: Any, one: Exchange) -> None:
        """As `GrpcNsInterface::Recycle` and `Recycle.cc` do it: on purging nobody's rights are looked at."""
        bin = self._namespace.recycle
        if command.cmd == 1:
            if self._namespace.profile.console_fields == "old":
                self._record.violated("purged by a key that is a pattern to this release, as root", one)
            entry = bin.find(command.key, 0)
            if command.purgedate.year:
                raise EosError(errno.EINVAL, "purge", command.key)
            del bin.entries[entry.key]
            self._namespace.vanish(entry.node)
            return
        if command.cmd:
            raise EosError(errno.EINVAL, "recycle", command.key)
        flags = command.restoreflag
        entry = self._namespace.recycled(who, command.key)
        self._namespace.restore(entry, who, force=flags.force, versions=flags.versions, parents=flags.mkpath)

    def _version(self, who: Identity, command: Any, one: Exchange) -> None:
        if command.cmd == 3:
            versioning.restore(self._namespace, who, one.path, command.grabversion)
            return
        if command.cmd:
            raise EosError(errno.EINVAL, "version", one.path)
        path = one.path
        if command.id.id:
            file = self._namespace.tree.files.get(command.id.id)
            if not isinstance(file, File):
                raise EosError(errno.EINVAL, "version", "")
            path = file.path
        elif "&" in path:
            # It is pasted into a query.
            raise EosError(errno.ENOENT, "version", path)
        names.check(self._namespace.profile, path, "version")
        self._files.run(Call(who, {"mgm.path": path}, mhd=True), "version")

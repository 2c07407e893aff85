"""The commands behind `/proc/user/` that take plain keys (section 4.3); own files say what `file` and `quota` do."""

from __future__ import annotations

import base64
import errno
import os
from collections.abc import Callable

from . import attributes, names
from .failures import EosError
from .file_commands import FileCommands
from .fileinfo import IDS, by_id, id_of, json_of
from .identity import Identity
from .namespace import Namespace
from .nodes import SECOND, Container, File, etag_of, inode_of
from .opening import Openings
from .output import Output, encoded
from .quota_commands import QuotaCommands

Keys = dict[str, str]


class Call:
    """One command's keys, with paths taken as EOS takes them."""

    def __init__(self, who: Identity, keys: Keys, *, mhd: bool) -> None:
        self.who = who
        self.keys = keys
        self._mhd = mhd

    def path(self, name: str = "mgm.path") -> str:
        """A path; one without a slash in front is an id."""
        path = names.sealed_path(self.keys, name, mhd=self._mhd)
        return path if path == "/" else path.rstrip("/")

    def option(self, letter: str) -> bool:
        """Whether `mgm.option` has a letter."""
        return letter in self.keys.get("mgm.option", "")


class Proc:
    """Runs commands."""

    def __init__(self, namespace: Namespace, openings: Openings) -> None:
        self._namespace = namespace
        self._files = FileCommands(namespace, openings)
        self._quotas = QuotaCommands(namespace)

    def run(self, who: Identity, keys: Keys, *, mhd: bool, admin: bool) -> bytes:
        """The answer to one command; raises EosError only with `mgm.retc=1`."""
        command, subcommand = keys.get("mgm.cmd", ""), keys.get("mgm.subcmd", "")
        call = Call(who, keys, mhd=mhd)
        try:
            if admin:
                output = self._quotas.administer(call, command, subcommand)
            elif command == "quota":
                output = self._quotas.run(call)
            elif command == "file":
                output = self._files.run(call, subcommand)
            else:
                known: Callable[[Call], Output] | None = getattr(self, f"_{command}", None) if command in COMMANDS else None
                if known is None:
                    output = Output(errno=errno.EOPNOTSUPP, error=f"error: no such user command '{command}'")
                else:
                    output = known(call)
        except EosError as error:
            output = Output(errno=error.errno, error=f"error: {error.operation} {error.path}: {os.strerror(error.errno)}")
        if output.errno and "mgm.retc" in keys:
            raise EosError(output.errno, "execute command", command)
        return encoded(output, command, subcommand, keys.get("mgm.format", ""))

    # Who and what.

    def _whoami(self, call: Call) -> Output:
        who = call.who
        if not call.option("m"):
            return Output(f"Virtual Identity: uid {who.uid} gid {who.gid} [authz:https]")
        uids = "99" if who.uid == 99 else f"99,{who.uid}"
        gids = ",".join(str(gid) for gid in sorted({99, *who.groups}))
        sudo = "true" if who.sudo else "false"
        return Output(f"uid={who.uid} uids={uids} gid={who.gid} gids={gids} authz=https sudo={sudo}")

    def _version(self, call: Call) -> Output:
        profile = self._namespace.profile
        if not call.option("m"):
            return Output(f"EOS_SERVER_VERSION {profile.version} EOS_SERVER_RELEASE 1")
        return Output(
            f"eos.instance.name=eosdev eos.instance.version={profile.version} eos.instance.release=1 eos.encodepath=curl "
            f"eos.inodeencodingscheme={int(profile.new_inodes)} eos.lazyopen=true xrootd.version={profile.xrootd}"
        )

    # Looking.

    def _fileinfo(self, call: Call) -> Output:
        path, tree = call.path(), self._namespace.tree
        if path.startswith(IDS):
            node = by_id(tree, path)
            if node is None:
                return Output(native={"id": id_of(path), "errc": errno.ENOENT, "errmsg": os.strerror(errno.ENOENT)})
        else:
            names.check(self._namespace.profile, path, "stat")
            node = tree.look(path)
        if node is None:
            native = {"errormsg": f"error: cannot stat '{path}'\n", "fileinfo": None, "retc": "2"}
            return Output(errno=errno.ENOENT, error=f"error: cannot stat '{path}'", native=native)
        if call.keys.get("mgm.format") != "json":
            return Output("\n".join(f"{key}={value}" for key, value in json_of(tree, node, children=False).items()))
        return Output(native=json_of(tree, node))

    def _ls(self, call: Call) -> Output:
        path = call.path()
        node = self._namespace.checked(call.who, path, "list")
        if isinstance(node, File):
            return Output(node.name)
        every = call.option("a")
        return Output("\n".join(sorted(one.name for one in node.children() if every or not one.name.startswith("."))))

    def _find(self, call: Call) -> Output:
        path = call.path()
        node = self._namespace.checked(call.who, path, "find")
        found = [node, *(node.walk() if isinstance(node, Container) else ())]
        if call.option("f") != call.option("d"):
            found = [one for one in found if isinstance(one, File) == call.option("f")]
        line = self._long if call.option("I") else lambda one: one.path
        # JSON is not made of this (section 4.6).
        call.keys.pop("mgm.format", None)
        return Output("\n".join(line(one) for one in found) + "\n")

    def _long(self, one: Container | File) -> str:
        profile = self._namespace.profile
        path = one.path + ("/" if isinstance(one, Container) else "")
        size = one.size if isinstance(one, File) else one.tree_size
        parts = [f"keylength.file={len(path.encode('utf-8', 'surrogateescape'))} file={path} size={size}"]
        parts.append(f"mtime={one.mtime // SECOND}.{one.mtime % SECOND} ctime={one.ctime // SECOND}.{one.ctime % SECOND}")
        parts.append(f"mode={one.mode:o} uid={one.uid} gid={one.gid} fxid={one.id:08x} fid={one.id}")
        parts.append(f"ino={inode_of(profile, one)} pid={one.parent.id if one.parent is not None else 1}")
        if isinstance(one, File):
            parts.append(f"xstype={one.checksum_type} xs={one.checksum or ''}")
        else:
            parts.append(f"treesize={one.tree_size} container={len(one.containers)} files={len(one.files)}")
            parts.append(f"stime={one.tmtime // SECOND}.{one.tmtime % SECOND}")
        parts.append(f"etag={etag_of(one)}")
        return " ".join([*parts, *(f"xattrn={key} xattrv={value}" for key, value in one.xattr.items())])

    # Changing.

    def _mkdir(self, call: Call) -> Output:
        path = call.path()
        try:
            self._namespace.mkdir(call.who, path, parents=call.option("p"))
        except EosError as error:
            number = errno.EPERM if error.errno == errno.EACCES else error.errno
            return Output(errno=number, error="error: unable to create directory")
        return Output()

    def _rmdir(self, call: Call) -> Output:
        self._namespace.rmdir(call.who, call.path())
        return Output()

    def _rm(self, call: Call) -> Output:
        deep = call.keys.get("mgm.deletion") == "deep"
        self._namespace.remove(call.who, call.path(), recursive=call.option("r"), deep=deep)
        return Output()

    def _chmod(self, call: Call) -> Output:
        path = call.path()
        for one in self._below(path, recursive=call.option("r")):
            attributes.chmod(self._namespace, call.who, one, int(call.keys["mgm.chmod.mode"], 8))
        return Output(f"success: mode of file/directory {path} is now '{call.keys['mgm.chmod.mode']}'")

    def _chown(self, call: Call) -> Output:
        uid, _, gid = call.keys["mgm.chown.owner"].partition(":")
        for one in self._below(call.path(), recursive="r" in call.keys.get("mgm.chown.option", "")):
            attributes.chown(self._namespace, call.who, one, int(uid), int(gid) if gid else None)
        return Output()

    def _below(self, path: str, *, recursive: bool) -> list[str]:
        node = self._namespace.tree.find(path)
        below = node.walk() if recursive and isinstance(node, Container) else ()
        return [path, *(one.path for one in below)]

    def _attr(self, call: Call) -> Output:
        path, subcommand, key = call.path(), call.keys.get("mgm.subcmd", ""), call.keys.get("mgm.attr.key", "")
        node = self._namespace.tree.find(path)
        if subcommand in ("ls", "get"):
            wanted = {key: node.xattr[key]} if key in node.xattr else node.xattr if subcommand == "ls" else {}
            if subcommand == "get" and not wanted:
                raise EosError(errno.ENODATA, "get attribute", path)
            return Output("\n".join(f'{name}="{value}"' for name, value in wanted.items()))
        if subcommand not in ("set", "rm"):
            raise EosError(errno.EINVAL, "attr", path)
        value = attribute_value(call.keys.get("mgm.attr.value", "")) if subcommand == "set" else None
        for one in self._below(path, recursive=call.option("r")):
            attributes.set_attribute(self._namespace, call.who, one, key, value, create=call.option("c"))
        return Output()


COMMANDS = frozenset({"whoami", "version", "fileinfo", "ls", "find", "mkdir", "rmdir", "rm", "chmod", "chown", "attr"})


def attribute_value(text: str) -> str:
    """`base64:` is exact; anything else loses its quotes."""
    if text.startswith("base64:"):
        return base64.b64decode(text.removeprefix("base64:")).decode("utf-8", "surrogateescape")
    return text.replace('"', "")

"""What EOS says by gRPC, in the words in which it says the same over HTTP, which `facts` understands. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....errors import StorageBroken
from ....model.permissions import Permissions
from ....model.space import Persona
from .. import facts
from ..facts import Entry
from ..rights import of_folder, within
from .proto import CONTAINER, FILE

_BYTES = {"ADLER32": 4, "CRC32C": 4, "MD5": 16, "SHA1": 20, "SHA256": 32}
"""How long checksums are: EOS fills some up to 32 bytes."""
_INSIDE = Entry("", False, 0, 0, "")
_LETTERS = {
    Permissions.READ: "R",
    Permissions.WRITE: "W",
    Permissions.CREATE: "CK",
    Permissions.MOVE: "NV",
    Permissions.DELETE: "D",
}


def fileinfo(told: Any) -> dict[str, Any]:
    """One ``MDResponse`` as ``fileinfo`` has it. Raises `StorageBroken` for what is neither a file nor a folder.

    `type` decides: some releases fill a part of ``fmd`` for folders, too.
    """
    if told.type == CONTAINER and told.HasField("cmd"):
        folder = told.cmd
        return {**_common(folder), "inode": folder.inode or folder.id, "treesize": folder.tree_size, "mode": folder.mode}
    if told.type != FILE or not told.HasField("fmd"):
        raise StorageBroken("the storage answers with something that is no file and no folder")
    file = told.fmd
    if not file.inode:
        raise StorageBroken("the storage does not tell inodes of files by gRPC; it is too old for that")
    found = {**_common(file), "inode": file.inode, "size": file.size, **_checksum(file)}
    if file.link_name:
        found["target"] = _text(file.link_name)
    return found


def entry(told: Any) -> Entry:
    """The same as an entry."""
    return facts.entry(fileinfo(told))


def letters(folder: Entry, file: Entry | None, who: Persona) -> str:
    """``oc:permissions`` as EOS says them over HTTP of a folder, or of a file in it; by gRPC it does not. Groups that only EOS
    can resolve give nothing here."""
    if file is not None:
        found = within(folder, file, who)
    else:
        found = of_folder(folder, who) | within(folder, _INSIDE, who) & (Permissions.DELETE | Permissions.MOVE)
    return "".join(letter for permission, letter in _LETTERS.items() if permission in found)


def _common(node: Any) -> dict[str, Any]:
    return {
        "id": node.id,
        "name": _text(node.name),
        "path": _text(node.path),
        "uid": node.uid,
        "gid": node.gid,
        "mtime": node.mtime.sec,
        "ctime": node.ctime.sec,
        "etag": node.etag,
        "xattr": {key: _text(value) for key, value in node.xattrs.items()},
    }


def _checksum(file: Any) -> Mapping[str, str]:
    for checksum in (*file.checksums, file.checksum):
        length = _BYTES.get(facts.TYPES.get(checksum.type.lower(), ""))
        if length and len(checksum.value) >= length:
            return {"checksumtype": checksum.type, "checksumvalue": checksum.value[:length].hex()}
    return {}


def _text(value: bytes) -> str:
    # Names that are not UTF-8 are not shown; they must not hide the others.
    return value.decode("utf-8", "replace")

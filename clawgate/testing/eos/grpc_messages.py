"""The messages of EOS's ``Rpc.proto`` that the double understands. Written down a second time on purpose: what a gateway has
wrong in its own table would be right here if both had one."""

from __future__ import annotations

from typing import Any

from ...protobuf import classes


def _fields(*lines: str) -> dict[str, tuple[int, str]]:
    """Fields as ``Rpc.proto`` has them: ``uint64 uid = 1``, ``map<string, bytes> xattrs = 15``."""
    found = {}
    for line in lines:
        kind, _, rest = line.replace("map<string, bytes>", "map+bytes").rpartition(" = ")[0].rpartition(" ")
        name, number = rest, int(line.rpartition(" = ")[2])
        found[name] = (number, kind.replace("+", " "))
    return found


TABLE = {
    "PingRequest": _fields("string authkey = 1", "bytes message = 2"),
    "PingReply": _fields("bytes message = 1"),
    "NsStatRequest": _fields("string authkey = 1"),
    "NsStatResponse": _fields(
        "int64 code = 1", "string emsg = 2", "string state = 3", "uint64 nfiles = 4", "uint64 ncontainers = 5"
    ),
    "Time": _fields("uint64 sec = 1", "uint64 n_sec = 2"),
    "Checksum": _fields("bytes value = 1", "string type = 2"),
    "FileMdProto": _fields(
        *("uint64 id = 1", "uint64 cont_id = 2", "uint64 uid = 3", "uint64 gid = 4", "uint64 size = 5", "uint32 layout_id = 6"),
        *("uint32 flags = 7", "bytes name = 8", "bytes link_name = 9", "Time ctime = 10", "Time mtime = 11"),
        *("Checksum checksum = 12", "repeated uint32 locations = 13", "repeated uint32 unlink_locations = 14"),
        *("map<string, bytes> xattrs = 15", "bytes path = 16", "string etag = 17", "uint64 inode = 18"),
        "repeated Checksum checksums = 19",
    ),
    "ContainerMdProto": _fields(
        *("uint64 id = 1", "uint64 parent_id = 2", "uint64 uid = 3", "uint64 gid = 4", "uint32 mode = 5", "int64 tree_size = 6"),
        *("uint32 flags = 7", "bytes name = 8", "Time ctime = 9", "Time mtime = 10", "Time stime = 11"),
        *("map<string, bytes> xattrs = 12", "bytes path = 13", "string etag = 14", "uint64 inode = 15", "uint64 files = 16"),
        "uint64 containers = 17",
    ),
    "RoleId": _fields(
        *(
            "uint64 uid = 1",
            "uint64 gid = 2",
            "string username = 3",
            "string groupname = 4",
            "string app = 5",
            "string trace = 6",
        ),
        "string onbehalf = 7",
    ),
    "MDId": _fields("bytes path = 1", "fixed64 id = 2", "fixed64 ino = 3", "int32 type = 4"),
    "MDRequest": _fields("int32 type = 1", "MDId id = 2", "string authkey = 3", "RoleId role = 4"),
    "MDResponse": _fields("int32 type = 1", "FileMdProto fmd = 2", "ContainerMdProto cmd = 3"),
    "FindRequest": _fields("int32 type = 1", "MDId id = 2", "RoleId role = 3", "string authkey = 4", "uint64 maxdepth = 5"),
    "RmdirRequest": _fields("MDId id = 1"),
    "TouchRequest": _fields("MDId id = 1"),
    "UnlinkRequest": _fields("MDId id = 1", "bool norecycle = 3"),
    "RmRequest": _fields("MDId id = 1", "bool recursive = 2", "bool norecycle = 3"),
    "RenameRequest": _fields("MDId id = 1", "bytes target = 2"),
    "VersionRequest": _fields("MDId id = 1", "int32 cmd = 2", "int32 maxversion = 3", "string grabversion = 4"),
    "SetXAttrRequest": _fields(
        *("MDId id = 1", "map<string, bytes> xattrs = 2", "bool recursive = 3", "repeated string keystodelete = 4"),
        "bool create = 5",
    ),
    "RestoreFlags": _fields("bool force = 1", "bool mkpath = 2", "bool versions = 3"),
    "PurgeDate": _fields("int32 year = 1", "int32 month = 2", "int32 day = 3"),
    "RecycleRequest": _fields(
        *("string key = 1", "string recycleId = 2", "int32 cmd = 3", "RestoreFlags restoreflag = 4", "PurgeDate purgedate = 5")
    ),
    "OldRecycleRequest": _fields("string key = 1", "int32 cmd = 2", "RestoreFlags restoreflag = 3", "PurgeDate purgedate = 4"),
    "OldNSRequest": _fields("string authkey = 1", "RoleId role = 2", "OldRecycleRequest recycle = 29"),
    "NSRequest": _fields(
        *(
            "string authkey = 1",
            "RoleId role = 2",
            "RmdirRequest rmdir = 22",
            "TouchRequest touch = 23",
            "UnlinkRequest unlink = 24",
        ),
        *("RmRequest rm = 25", "RenameRequest rename = 26", "VersionRequest version = 28", "RecycleRequest recycle = 29"),
        "SetXAttrRequest xattr = 30",
    ),
    "ErrorResponse": _fields("int64 code = 1", "string msg = 2"),
    "VersionResponse": _fields("int64 code = 1", "string msg = 2"),
    "RecycleResponse": _fields("int64 code = 1", "string msg = 2"),
    "NSResponse": _fields("ErrorResponse error = 1", "VersionResponse version = 2", "RecycleResponse recycle = 3"),
}

MESSAGES: dict[str, Any] = classes("eos.rpc", TABLE)
FILE, CONTAINER, LISTING, STAT = 0, 1, 2, 3
COMMANDS = ("rmdir", "touch", "unlink", "rm", "rename", "version", "recycle", "xattr")
FIELDS = {"version": "version", "recycle": "recycle"}
"""In which field of an answer commands say how they ended; the others: ``error``."""

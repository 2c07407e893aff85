"""The messages that are used of EOS's interface ``eos.rpc``: the numbers of ``Rpc.proto`` in cern-eos/grpc-proto, which are the
same in all of its versions since 2020, but for the recycle bin (eos.md, section 5.1)."""

from __future__ import annotations

from typing import Any

from ....protobuf import classes

PACKAGE = "eos.rpc"
SERVICE = f"/{PACKAGE}.Eos/"

FILE, CONTAINER, LISTING, STAT = range(4)
"""``TYPE``: what is asked for, and what an answer is."""
VERSION_CREATE, VERSION_GRAB = 0, 3
"""``VersionRequest.VERSION_CMD``."""
RECYCLE_PURGE = 1
"""``RecycleRequest.RECYCLE_CMD``; bringing back is 0."""

_ANSWER = {"code": (1, "int64"), "msg": (2, "string")}

TABLE = {
    "PingRequest": {"authkey": (1, "string"), "message": (2, "bytes")},
    "PingReply": {"message": (1, "bytes")},
    "NsStatRequest": {"authkey": (1, "string")},
    "NsStatResponse": {"code": (1, "int64"), "emsg": (2, "string"), "state": (3, "string")},
    "Time": {"sec": (1, "uint64"), "n_sec": (2, "uint64")},
    "Checksum": {"value": (1, "bytes"), "type": (2, "string")},
    "RoleId": {"uid": (1, "uint64"), "gid": (2, "uint64")},
    "MDId": {"path": (1, "bytes"), "id": (2, "fixed64"), "ino": (3, "fixed64"), "type": (4, "int32")},
    "FileMdProto": {
        "id": (1, "uint64"),
        "cont_id": (2, "uint64"),
        "uid": (3, "uint64"),
        "gid": (4, "uint64"),
        "size": (5, "uint64"),
        "name": (8, "bytes"),
        "link_name": (9, "bytes"),
        "ctime": (10, "Time"),
        "mtime": (11, "Time"),
        "checksum": (12, "Checksum"),
        "xattrs": (15, "map bytes"),
        "path": (16, "bytes"),
        "etag": (17, "string"),
        "inode": (18, "uint64"),
        "checksums": (19, "repeated Checksum"),
    },
    "ContainerMdProto": {
        "id": (1, "uint64"),
        "parent_id": (2, "uint64"),
        "uid": (3, "uint64"),
        "gid": (4, "uint64"),
        "mode": (5, "uint32"),
        "tree_size": (6, "int64"),
        "name": (8, "bytes"),
        "ctime": (9, "Time"),
        "mtime": (10, "Time"),
        "stime": (11, "Time"),
        "xattrs": (12, "map bytes"),
        "path": (13, "bytes"),
        "etag": (14, "string"),
        "inode": (15, "uint64"),
    },
    "MDRequest": {"type": (1, "int32"), "id": (2, "MDId"), "authkey": (3, "string"), "role": (4, "RoleId")},
    "MDResponse": {"type": (1, "int32"), "fmd": (2, "FileMdProto"), "cmd": (3, "ContainerMdProto")},
    # Key and role the other way round than in MDRequest.
    "FindRequest": {
        "type": (1, "int32"),
        "id": (2, "MDId"),
        "role": (3, "RoleId"),
        "authkey": (4, "string"),
        "maxdepth": (5, "uint64"),
    },
    "RmdirRequest": {"id": (1, "MDId")},
    "TouchRequest": {"id": (1, "MDId")},
    "UnlinkRequest": {"id": (1, "MDId"), "norecycle": (3, "bool")},
    "RmRequest": {"id": (1, "MDId"), "recursive": (2, "bool"), "norecycle": (3, "bool")},
    "RenameRequest": {"id": (1, "MDId"), "target": (2, "bytes")},
    "VersionRequest": {"id": (1, "MDId"), "cmd": (2, "int32"), "maxversion": (3, "int32"), "grabversion": (4, "string")},
    "SetXAttrRequest": {"id": (1, "MDId"), "xattrs": (2, "map bytes")},
    "NSRequest": {
        "authkey": (1, "string"),
        "role": (2, "RoleId"),
        "rmdir": (22, "RmdirRequest"),
        "touch": (23, "TouchRequest"),
        "unlink": (24, "UnlinkRequest"),
        "rm": (25, "RmRequest"),
        "rename": (26, "RenameRequest"),
        "version": (28, "VersionRequest"),
        "xattr": (30, "SetXAttrRequest"),
    },
    # Commands for the recycle bin have had two numberings (`Rpc.proto` before and after there was a ``recycleId`` in them). Where
    # they differ the types differ as well, and a field of another type than expected counts as unknown: both are sent, and each
    # server reads its own. The command is field 2 or 3, the flags are field 3 or 4.
    "RestoreFlags": {"force": (1, "bool"), "mkpath": (2, "bool"), "versions": (3, "bool")},
    "RestoreRequest": {"key": (1, "string"), "flags_before": (3, "RestoreFlags"), "flags": (4, "RestoreFlags")},
    "PurgeRequest": {"key": (1, "string"), "cmd_before": (2, "int32"), "cmd": (3, "int32")},
    "NSRestoreRequest": {"authkey": (1, "string"), "role": (2, "RoleId"), "recycle": (29, "RestoreRequest")},
    "NSPurgeRequest": {"authkey": (1, "string"), "role": (2, "RoleId"), "recycle": (29, "PurgeRequest")},
    "ErrorResponse": _ANSWER,
    "RecycleResponse": _ANSWER,
    "VersionResponse": _ANSWER,
    "NSResponse": {"error": (1, "ErrorResponse"), "version": (2, "VersionResponse"), "recycle": (3, "RecycleResponse")},
}

MESSAGES: dict[str, Any] = classes(PACKAGE, TABLE)

"""What EOS's error numbers and statuses mean here: one table each (eos.md, section 8)."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping

from ...errors import (
    AlreadyExists,
    ChecksumMismatch,
    ClawgateError,
    Forbidden,
    InvalidRequest,
    IsAFolder,
    Locked,
    NotAFolder,
    NotFound,
    NotSupported,
    Overloaded,
    ParentMissing,
    PreconditionFailed,
    QuotaExceeded,
    StorageBroken,
    StorageUnavailable,
)

_Meaning = tuple[type[ClawgateError], str]

_NOTHING: _Meaning = (NotFound, "there is no such file or folder")
_DENIED: _Meaning = (Forbidden, "the storage does not permit this")
_FULL: _Meaning = (QuotaExceeded, "the quota on the storage is used up, or it is full")
_BUSY: _Meaning = (Overloaded, "the storage is busy")
_BROKEN: _Meaning = (StorageBroken, "the storage failed")
_AWAY: _Meaning = (StorageUnavailable, "the disk servers that have this cannot be reached")

ERRNO: Mapping[int, _Meaning] = {
    errno.EPERM: _DENIED,
    errno.ENOENT: _NOTHING,
    errno.EIO: _BROKEN,
    errno.EAGAIN: _BUSY,
    errno.EACCES: _DENIED,
    errno.EBUSY: (Locked, "a program holds a lock on this file"),
    errno.EEXIST: (AlreadyExists, "the name is taken"),
    errno.ENODEV: (StorageUnavailable, "the storage is not set up for this"),
    errno.ENOTDIR: (NotAFolder, "this is not a folder"),
    errno.EISDIR: (IsAFolder, "this is a folder"),
    errno.EINVAL: _BROKEN,
    errno.ETXTBSY: (StorageUnavailable, "the file is in use on the storage"),
    errno.ENOSPC: _FULL,
    errno.ENAMETOOLONG: (InvalidRequest, "the path is too long for the storage"),
    errno.ENOTEMPTY: (AlreadyExists, "the folder is not empty"),
    errno.ENODATA: (NotFound, "there is no such attribute"),
    errno.ENONET: _AWAY,
    errno.EREMCHG: (PreconditionFailed, "somebody else wrote this file at the same time"),
    errno.EILSEQ: (InvalidRequest, "the storage cannot hold this name"),
    errno.EOPNOTSUPP: (NotSupported, "the storage cannot do this"),
    errno.ENETUNREACH: _AWAY,
    errno.EDQUOT: _FULL,
}

STATUS: Mapping[int, _Meaning] = {
    400: _BROKEN,
    401: _DENIED,
    403: _DENIED,
    404: _NOTHING,
    405: (NotSupported, "the storage cannot do this"),
    409: _BUSY,
    411: _BROKEN,
    412: (PreconditionFailed, "the file was changed meanwhile"),
    415: _BROKEN,
    416: _BROKEN,
    422: (InvalidRequest, "the storage cannot hold this name"),
    424: (StorageUnavailable, "the file is on tape only"),
    429: _BUSY,
    500: _BROKEN,
    501: _BUSY,
    502: (StorageUnavailable, "the storage cannot be reached"),
    503: _BUSY,
    504: (StorageUnavailable, "the storage cannot be reached"),
    507: _FULL,
}

_FOR: Mapping[tuple[str, int], _Meaning] = {
    ("PUT", 409): (ParentMissing, "the folder does not exist"),
    ("MKCOL", 409): (ParentMissing, "the folder does not exist"),
    ("MKCOL", 500): (AlreadyExists, "the name is taken"),
    ("MOVE", 412): (AlreadyExists, "the name is taken"),
    ("FST", 412): (ChecksumMismatch, "the content does not have the checksum that was announced"),
}
"""What a status means for one method; FST: for content on its way to a disk server."""

_TAILS: Mapping[str, int] = {
    "Machine is not on the network": errno.ENONET,
    "Network is unreachable": errno.ENETUNREACH,
    "File name too long": errno.ENAMETOOLONG,
    "Remote address changed": errno.EREMCHG,
    "Disk quota exceeded": errno.EDQUOT,
    "No space left on device": errno.ENOSPC,
    "Device or resource busy": errno.EBUSY,
    "Not a directory": errno.ENOTDIR,
    "Is a directory": errno.EISDIR,
    "File exists": errno.EEXIST,
    "Permission denied": errno.EACCES,
    "No such file or directory": errno.ENOENT,
    "Operation not supported": errno.EOPNOTSUPP,
    "Text file busy": errno.ETXTBSY,
}
"""How the line ends in which some releases say why they answer 500."""
_TAIL = re.compile(rb";\s*([^;<>]{3,60}?)\s*(?:<|$)")
STOPPING = b"shutting down"


def by_number(number: int, path: str = "") -> ClawgateError:
    """The domain's error for an errno; unknown ones are `StorageBroken`."""
    kind, text = ERRNO.get(abs(number), (StorageBroken, f"the storage failed (error {number})"))
    return _made(kind, text, path)


def by_status(method: str, status: int, body: bytes = b"", path: str = "") -> ClawgateError:
    """The domain's error for an answer; unknown statuses are `StorageBroken`. `path` is the client's, never that on EOS."""
    if status in (409, 500):
        found = [_TAILS[tail[1].decode("ascii", "replace")] for tail in _TAIL.finditer(body[:4096]) if _known(tail[1])]
        if found and not (status == 409 and method in ("PUT", "MKCOL")):
            return by_number(found[-1], path)
    kind, text = _FOR.get((method, status)) or STATUS.get(status) or (StorageBroken, f"the storage failed ({status})")
    return _made(kind, text, path)


def _known(tail: bytes) -> bool:
    return tail.decode("ascii", "replace") in _TAILS


def _made(kind: type[ClawgateError], text: str, path: str) -> ClawgateError:
    return kind(f"{path}: {text}" if path else text)

"""What the operating system's error numbers mean here: one table."""

from __future__ import annotations

import errno
from types import TracebackType

from ...errors import (
    AlreadyExists,
    ClawgateError,
    Forbidden,
    InvalidRequest,
    IsAFolder,
    NotAFolder,
    NotFound,
    NotSupported,
    Overloaded,
    QuotaExceeded,
    StorageTimeout,
    StorageUnavailable,
)

_TABLE: dict[int, tuple[type[ClawgateError], str]] = {
    errno.ENOENT: (NotFound, "there is no such file or folder"),
    errno.ENOTDIR: (NotAFolder, "this is not a folder"),
    errno.EISDIR: (IsAFolder, "this is a folder"),
    errno.EEXIST: (AlreadyExists, "the name is taken"),
    errno.ENOTEMPTY: (AlreadyExists, "the folder is not empty"),
    errno.EACCES: (Forbidden, "the storage does not permit this"),
    errno.EPERM: (Forbidden, "the storage does not permit this"),
    errno.EROFS: (Forbidden, "the storage is read-only"),
    errno.ETXTBSY: (Forbidden, "the file is in use"),
    errno.EBUSY: (Forbidden, "the folder is in use by the system"),
    errno.ENAMETOOLONG: (InvalidRequest, "the name is too long for the storage"),
    errno.EINVAL: (InvalidRequest, "the storage cannot hold this name or do this"),
    errno.EILSEQ: (InvalidRequest, "the storage cannot hold this name"),
    errno.EFBIG: (QuotaExceeded, "the file is too large for the storage"),
    errno.ENOSPC: (QuotaExceeded, "the storage is full"),
    errno.EDQUOT: (QuotaExceeded, "the quota on the storage is used up"),
    errno.EMLINK: (QuotaExceeded, "the folder cannot hold more folders"),
    errno.EXDEV: (NotSupported, "this is not possible between two file systems"),
    errno.EOPNOTSUPP: (NotSupported, "the storage cannot do this"),
    errno.EIO: (StorageUnavailable, "the storage reports an input/output error"),
    errno.ESTALE: (StorageUnavailable, "the storage was replaced meanwhile"),
    errno.ENODEV: (StorageUnavailable, "the storage is gone"),
    errno.ENXIO: (StorageUnavailable, "the storage is gone"),
    errno.EHOSTDOWN: (StorageUnavailable, "the storage cannot be reached"),
    errno.EHOSTUNREACH: (StorageUnavailable, "the storage cannot be reached"),
    errno.ECONNREFUSED: (StorageUnavailable, "the storage cannot be reached"),
    errno.ENOTCONN: (StorageUnavailable, "the storage cannot be reached"),
    errno.ESHUTDOWN: (StorageUnavailable, "the storage cannot be reached"),
    errno.ETIMEDOUT: (StorageTimeout, "the storage did not answer in time"),
    errno.EMFILE: (Overloaded, "too many files are open"),
    errno.ENFILE: (Overloaded, "too many files are open"),
    errno.ENOMEM: (Overloaded, "the storage is short of memory"),
    errno.EAGAIN: (Overloaded, "the storage is busy"),
}


def translate(error: OSError, path: str = "") -> ClawgateError:
    """The domain's error for `error` at `path`; unknown numbers become `StorageUnavailable`."""
    kind, text = _TABLE.get(error.errno or 0, (StorageUnavailable, "the storage failed"))
    return kind(f"{path}: {text}" if path else text)


class guarded:
    """Context in which every `OSError` becomes the domain's error for `path`."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, OSError):
            raise translate(error, self._path) from error

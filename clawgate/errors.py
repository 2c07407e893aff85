"""Failures of the domain, in the domain's words.

Every error's text is written for the person at the other end: it is what a client shows. HTTP statuses are not here;
``web/failures.py`` holds the one table that maps these classes to them.
"""

from __future__ import annotations


class ClawgateError(Exception):
    """The root of all failures that clawgate foresees; ``str(error)`` is safe to show to a client."""


class SettingsError(ClawgateError):
    """A setting is missing, unknown or wrong; the text names the key, the file and what to do."""


class InvalidRequest(ClawgateError):
    """A path, name, header or XML body that cannot be understood or is not allowed."""


class LengthMismatch(InvalidRequest):
    """The body was shorter or longer than announced."""


class ChecksumMismatch(InvalidRequest):
    """The body does not have the checksum that the client announced; nothing was changed."""


class PieceMismatch(ChecksumMismatch):
    """A piece of an upload does not have the checksum that was announced for the piece; it does not count."""


class Unauthenticated(ClawgateError):
    """No credentials, or wrong ones."""


class Forbidden(ClawgateError):
    """The actor is known and may not do this."""


class NotFound(ClawgateError):
    """Nothing is there, or nothing that this actor may know of."""


class NotAFolder(ClawgateError):
    """A folder was needed and a file is there."""


class IsAFolder(ClawgateError):
    """A file was needed and a folder is there."""


class NotSupported(ClawgateError):
    """This storage or this resource cannot do that."""


class AlreadyExists(ClawgateError):
    """The name is taken."""


class ParentMissing(ClawgateError):
    """The folder that should hold the new node does not exist."""


class OffsetMismatch(ClawgateError):
    """An upload was continued at another place than where it stands."""

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text)
        self.offset = offset


class UploadGone(ClawgateError):
    """The upload session is unknown, expired or finished."""


class PreconditionFailed(ClawgateError):
    """A condition of the request (If-Match, If, Overwrite: F ...) does not hold; nothing was changed."""


class TooLarge(ClawgateError):
    """The body is larger than the settings or the storage allow."""


class RangeNotSatisfiable(ClawgateError):
    """No requested byte range overlaps the file."""

    def __init__(self, size: int) -> None:
        super().__init__(f"no requested range lies within the {size} bytes of the file")
        self.size = size


class Locked(ClawgateError):
    """A lock stands in the way and its token was not given. ``root`` is the locked path within the space."""

    def __init__(self, text: str, root: str = "") -> None:
        super().__init__(text)
        self.root = root


class LockMismatch(ClawgateError):
    """The lock token is not that of a lock in whose scope the resource is (RFC 4918 9.11: 409)."""


class Overloaded(ClawgateError):
    """A queue is full; ``retry_after`` is in seconds."""

    def __init__(self, text: str, retry_after: int = 5) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class TooManyAttempts(ClawgateError):
    """Too many failed logins; ``retry_after`` is in seconds."""

    def __init__(self, text: str, retry_after: int) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class StorageUnavailable(ClawgateError):
    """The storage cannot be reached or refuses to work (I/O error, stale handle, read-only file system)."""


class StorageBroken(StorageUnavailable):
    """The storage answered, but with something that makes no sense."""


class StorageTimeout(StorageUnavailable):
    """The storage did not answer in time."""


class QuotaExceeded(ClawgateError):
    """The disk is full or the actor's quota is used up."""


class Disconnected(ClawgateError):
    """The client went away before its body was complete or its answer was sent; nobody reads the answer."""

"""The one table from failures of the domain to HTTP statuses, and the plain answers for what no protocol rendered itself."""

from __future__ import annotations

from .. import errors
from . import credentials
from .response import Response

_STATUS: dict[type, int] = {
    errors.SettingsError: 500,
    errors.InvalidRequest: 400,
    errors.LengthMismatch: 400,
    errors.ChecksumMismatch: 400,
    errors.PieceMismatch: 460,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.NotAFolder: 409,
    errors.IsAFolder: 405,
    errors.NotSupported: 501,
    errors.AlreadyExists: 409,
    errors.ParentMissing: 409,
    errors.OffsetMismatch: 409,
    errors.UploadGone: 404,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.RangeNotSatisfiable: 416,
    errors.Locked: 423,
    errors.LockMismatch: 409,
    errors.Overloaded: 503,
    errors.TooManyAttempts: 429,
    errors.StorageUnavailable: 503,
    errors.StorageBroken: 502,
    errors.StorageTimeout: 504,
    errors.QuotaExceeded: 507,
    errors.Disconnected: 499,
}


def status_of(error: BaseException) -> int:
    """The status for `error`; 500 for what the table does not know, 499 for a client that is gone (only ever logged)."""
    for kind in type(error).__mro__:
        if kind in _STATUS:
            return _STATUS[kind]
    return 500


def headers_of(error: BaseException) -> list[tuple[bytes, bytes]]:
    """Headers that belong to the error whatever its body looks like: Retry-After, Content-Range of a 416, and of a 403 what a
    bearer token lacks (RFC 6750 section 3.1); the challenges of a 401 depend on the request."""
    if isinstance(error, (errors.Overloaded, errors.TooManyAttempts)):
        return [(b"Retry-After", b"%d" % error.retry_after)]
    if isinstance(error, errors.StorageUnavailable):
        return [(b"Retry-After", b"30")]
    if isinstance(error, errors.Forbidden) and (lacking := credentials.parameters(error)):
        return [(b"WWW-Authenticate", credentials.challenge("Bearer", lacking))]
    if isinstance(error, errors.RangeNotSatisfiable):
        return [(b"Content-Range", b"bytes */%d" % error.size)]
    return []


def plain(error: BaseException, request_id: str) -> Response:
    """A plain-text answer; for anything but a `ClawgateError` it gives away nothing but the id under which the log has it."""
    if isinstance(error, errors.ClawgateError):
        text = str(error) or "the request cannot be fulfilled"
    else:
        text = f"something went wrong here; the log knows more under {request_id}"
    headers = [(b"Content-Type", b"text/plain; charset=utf-8"), *headers_of(error)]
    return Response(status_of(error), headers, (text + "\n").encode("utf-8", "replace"))

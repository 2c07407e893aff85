"""What the errors of S3 and of the way to it mean here: one table."""

from __future__ import annotations

from botocore.exceptions import (  # type: ignore[import-untyped]
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    ReadTimeoutError,
    TokenRetrievalError,
)

from ...errors import (
    ClawgateError,
    Forbidden,
    InvalidRequest,
    NotFound,
    Overloaded,
    PreconditionFailed,
    QuotaExceeded,
    StorageBroken,
    StorageTimeout,
    StorageUnavailable,
    UploadGone,
)


class Denied(StorageUnavailable):
    """The service does not accept who asks, or when: asking again is of no use."""


_DENIED = (Denied, "the credentials for the storage are not accepted (any more)")

_CODES: dict[str, tuple[type[ClawgateError], str]] = {
    "NoSuchKey": (NotFound, "there is no such file or folder"),
    "404": (NotFound, "there is no such file or folder"),
    "NoSuchBucket": (Denied, "the bucket is gone"),
    "NoSuchUpload": (UploadGone, "there is no such upload"),
    "AccessDenied": (Forbidden, "the storage does not permit this"),
    "403": (Forbidden, "the storage does not permit this"),
    "ExpiredToken": _DENIED,
    "ExpiredTokenException": _DENIED,
    "InvalidToken": _DENIED,
    "InvalidAccessKeyId": _DENIED,
    "SignatureDoesNotMatch": _DENIED,
    "TokenRefreshRequired": _DENIED,
    "RequestTimeTooSkewed": (Denied, "the clock of this machine or that of the storage is wrong"),
    "PreconditionFailed": (PreconditionFailed, "the file was changed meanwhile"),
    "ConditionalRequestConflict": (PreconditionFailed, "the file was changed meanwhile"),
    "412": (PreconditionFailed, "the file was changed meanwhile"),
    "KeyTooLongError": (InvalidRequest, "the path is too long for the storage"),
    "EntityTooLarge": (QuotaExceeded, "the file is too large for the storage"),
    "QuotaExceeded": (QuotaExceeded, "the quota on the storage is used up"),
    "XMinioStorageFull": (QuotaExceeded, "the storage is full"),
    "InsufficientStorage": (QuotaExceeded, "the storage is full"),
    "SlowDownWrite": (Overloaded, "the storage is busy"),
    "SlowDownRead": (Overloaded, "the storage is busy"),
    "SlowDown": (Overloaded, "the storage is busy"),
    "TooManyRequests": (Overloaded, "the storage is busy"),
    "ServiceUnavailable": (Overloaded, "the storage is busy"),
    "503": (Overloaded, "the storage is busy"),
    "RequestTimeout": (StorageTimeout, "the storage did not answer in time"),
    "XAmzContentSHA256Mismatch": (StorageBroken, "the content changed on its way to the storage"),
    "XAmzContentChecksumMismatch": (StorageBroken, "the content changed on its way to the storage"),
    "BadDigest": (StorageBroken, "the content changed on its way to the storage"),
    "IncompleteBody": (StorageBroken, "the content did not reach the storage as a whole"),
}


def code_of(error: ClientError) -> str:
    """The code of S3, or the status where there is no body to say it."""
    return str(error.response.get("Error", {}).get("Code", "")) or str(status_of(error))


def status_of(error: ClientError) -> int:
    """The status of the answer."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def by_code(code: str, status: int, path: str = "") -> ClawgateError:
    """The domain's error for an answer; unknown ones become `StorageUnavailable`."""
    kind, text = _CODES.get(code) or _CODES.get(str(status)) or (StorageUnavailable, f"the storage failed ({code or status})")
    return kind(f"{path}: {text}" if path else text)


def translate(error: BotoCoreError | ClientError, path: str = "") -> ClawgateError:
    """The domain's error for one of boto3."""
    if isinstance(error, ClientError):
        return by_code(code_of(error), status_of(error), path)
    if isinstance(error, (ConnectTimeoutError, ReadTimeoutError)):
        return StorageTimeout("the storage did not answer in time")
    if isinstance(error, (NoCredentialsError, TokenRetrievalError)):
        return Denied("there are no credentials for the storage")
    return StorageUnavailable("the storage cannot be reached")

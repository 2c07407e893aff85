"""Failures as ``odata.error``."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from ... import errors
from ...web import failures

_CODES: tuple[tuple[type[errors.ClawgateError], str], ...] = (
    (errors.Unauthenticated, "unauthenticated"),
    (errors.Forbidden, "accessDenied"),
    (errors.NotFound, "itemNotFound"),
    (errors.NotSupported, "notSupported"),
    (errors.AlreadyExists, "nameAlreadyExists"),
    (errors.InvalidRequest, "invalidRequest"),
    (errors.QuotaExceeded, "quotaLimitReached"),
    (errors.PreconditionFailed, "preconditionFailed"),
    (errors.Locked, "itemIsLocked"),
    (errors.TooManyAttempts, "activityLimitReached"),
    (errors.Overloaded, "serviceNotAvailable"),
    (errors.StorageUnavailable, "serviceNotAvailable"),
)


def code_of(error: errors.ClawgateError) -> str:
    """What the specification calls a failure."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), "generalException")


def render(error: errors.ClawgateError, request_id: str, now: float) -> tuple[int, bytes]:
    """Status and body; `now` in seconds since 1970."""
    date = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = {"code": code_of(error), "message": str(error), "innererror": {"date": date, "request-id": request_id}}
    return failures.status_of(error), json.dumps({"error": told}, ensure_ascii=False).encode("utf-8", "replace")

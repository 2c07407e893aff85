"""Error bodies as sabre/dav writes them, because that is what the clients read (clients.md 1.4, 2.5, 3.1)."""

from __future__ import annotations

from functools import lru_cache

from ... import errors
from ...model.path import Path
from ...web.failures import headers_of, status_of
from ...web.response import Response
from .address import Address, ForeignAddress
from .elements import CONTENT_TYPE, DECLARATION, escape


class Refused(errors.ClawgateError):
    """A refusal that only WebDAV knows, with its status.

    `condition` is the precondition element (RFC 4918 16) as XML, `allow` the verbs that are possible instead (405).
    """

    def __init__(self, status: int, text: str, condition: str = "", allow: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.condition = condition
        self.allow = allow


UNAVAILABLE = "Storage is temporarily not available"
"""Without these words the desktop takes the exception's name for maintenance and stops the whole run (clients.md 2.5)."""

_BY_STATUS = {
    400: "BadRequest",
    401: "NotAuthenticated",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    411: "LengthRequired",
    412: "PreconditionFailed",
    415: "UnsupportedMediaType",
    416: "RequestedRangeNotSatisfiable",
    423: "Locked",
    501: "NotImplemented",
    503: "ServiceUnavailable",
    507: "InsufficientStorage",
}


@lru_cache(maxsize=64)
def _exception(status: int) -> str:
    if status == 413:
        return "OCA\\DAV\\Connector\\Sabre\\Exception\\EntityTooLarge"
    return "Sabre\\DAV\\Exception" + ("\\" + _BY_STATUS[status] if status in _BY_STATUS else "")


def status(error: errors.ClawgateError) -> int:
    """The status of an error on WebDAV's side."""
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, ForeignAddress):
        return 502
    if isinstance(error, errors.LockMismatch):
        return 409
    return status_of(error)


def condition(error: errors.ClawgateError, address: Address | None) -> str:
    """The precondition element that says why, as XML; empty if RFC 4918 has none for it."""
    if isinstance(error, Refused):
        return error.condition
    if isinstance(error, errors.LockMismatch):
        return "<d:lock-token-matches-request-uri/>"
    if isinstance(error, errors.Locked):
        if address is None:
            return "<d:lock-token-submitted/>"
        href = address.href(Path(error.root), False)
        return f"<d:lock-token-submitted><d:href>{href}</d:href></d:lock-token-submitted>"
    if isinstance(error, errors.QuotaExceeded):
        return "<d:quota-not-exceeded/>"
    return ""


def render(error: errors.ClawgateError, address: Address | None = None) -> Response:
    """The answer to a failed request; `address` is the request's, for hrefs of locks."""
    code = status(error)
    text = str(error) or _BY_STATUS.get(code, "the request cannot be fulfilled")
    if code in (502, 503, 504):
        text = f"{UNAVAILABLE}: {text}" if not isinstance(error, ForeignAddress) else text
    body = (
        f'{DECLARATION}<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns">{condition(error, address)}'
        f"<s:exception>{_exception(code)}</s:exception><s:message>{escape(text)}</s:message></d:error>"
    )
    headers = [CONTENT_TYPE, *headers_of(error)]
    if isinstance(error, Refused) and error.allow:
        headers.append((b"Allow", error.allow.encode()))
    return Response(code, headers, body.encode())

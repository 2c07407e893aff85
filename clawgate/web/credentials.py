"""The Authorization header and its counterpart, the challenges of a 401."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Protocol, runtime_checkable

from ..model.people import Bearer, Credentials, Password

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_NOT_PLAIN = re.compile(r"[^ -~]")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def parse(authorization: str | None) -> Credentials | None:
    """The credentials in an Authorization header: Basic (RFC 7617) or Bearer (RFC 6750).

    None if there are none, the scheme is another one, or they cannot be read. User and password are UTF-8, or Latin-1 where
    they are not valid UTF-8 (old browsers).
    """
    if not authorization:
        return None
    scheme, _, rest = authorization.partition(" ")
    scheme = scheme.lower()
    rest = rest.strip(" \t")
    if scheme == "bearer":
        return Bearer(rest) if _TOKEN68.fullmatch(rest) else None
    if scheme != "basic" or not _BASE64.fullmatch(rest):
        return None
    try:
        digits = rest.rstrip("=").replace("-", "+").replace("_", "/")
        raw = b64decode(digits + "=" * (-len(digits) % 4))
    except Error:
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    user, colon, secret = text.partition(":")
    if not colon or "\0" in text:
        return None
    return Password(user, secret)


@runtime_checkable
class Challenging(Protocol):
    """A failed login that knows what the Bearer challenge must say about it."""

    challenge: Mapping[str, str]
    """Parameters by name: ``error``, ``error_description`` ... (RFC 6750 section 3)."""


Parameters = tuple[tuple[str, str], ...]
INVALID: Parameters = (("error", "invalid_token"), ("error_description", "nobody here knows the token"))
"""Of a challenge after a bearer token that nobody has judged."""


def parameters(error: BaseException) -> Parameters:
    """What `error` adds to the Bearer challenge."""
    return tuple(error.challenge.items()) if isinstance(error, Challenging) else ()


@lru_cache(64)
def challenges(realm: str, bearer: bool, basic: bool, xhr: bool, more: Parameters = ()) -> list[tuple[bytes, bytes]]:
    """The WWW-Authenticate headers of a 401. Do not change the list.

    Bearer comes first: clients that know both must find it; `more` are its further parameters. With `xhr` (the request came from
    a script in a browser) there is no Basic challenge, which would make the browser open its own login window.
    """
    common = (("realm", realm), ("charset", "UTF-8"))
    found = []
    if bearer:
        found.append((b"WWW-Authenticate", challenge("Bearer", (*common, *more))))
    if basic and not xhr:
        found.append((b"WWW-Authenticate", challenge("Basic", common)))
    return found


def challenge(scheme: str, pairs: Iterable[tuple[str, str]]) -> bytes:
    """One challenge (RFC 9110 section 11.6.1)."""
    return f"{scheme} {', '.join(f'{name}={_quoted(value)}' for name, value in pairs)}".encode("ascii")


def _quoted(value: str) -> str:
    """A quoted string; what is not ASCII is replaced, and control characters."""
    plain = _NOT_PLAIN.sub("?", value)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'

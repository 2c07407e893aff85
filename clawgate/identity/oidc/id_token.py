"""Whether an ID token tells who has just logged in with a browser, and tells it us (OpenID Connect Core section 3.1.3.7)."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

import attrs

from .errors import InvalidToken
from .rules import Rules, time_of

_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


@attrs.frozen
class Expected:
    """What the ID token of one login must say."""

    client_id: str
    nonce: str = attrs.field(repr=False)


def judge(claims: Mapping[str, Any], rules: Rules, expected: Expected, now: float) -> None:
    """Raise `InvalidToken` unless `claims`, whose signature was verified, fit at `now`, seconds since 1970.

    Of `rules` issuer, acr and leeway count; who the audience is, and which scopes are needed, is another matter for tokens that
    others show us.
    """
    if claims.get("iss") != rules.issuer:
        raise _wrong("its issuer is another one")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise _wrong("sub is missing")
    made_for = claims.get("aud")
    made_for = [made_for] if isinstance(made_for, str) else made_for
    if not isinstance(made_for, list) or expected.client_id not in made_for:
        raise _wrong(f"its aud is {str(made_for)[:200]}")
    party = claims.get("azp")
    if party != expected.client_id and (party is not None or len(made_for) > 1):
        raise _wrong(f"its azp is {str(party)[:200]!r}")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not compare_digest(nonce.encode("utf-8", "surrogatepass"), expected.nonce.encode()):
        raise _wrong("its nonce is not that of this login")
    expires = time_of(claims, "exp")
    if expires is None or now >= expires + rules.leeway:
        raise _wrong("it has expired")
    for name in ("iat", "nbf"):
        start = time_of(claims, name)
        if start is not None and now < start - rules.leeway:
            raise _wrong(f"{name} is {start - now:.0f} s ahead of our clock")
    if rules.acr and claims.get("acr") not in rules.acr:
        raise InvalidToken("a stronger login is needed", f"the acr of the ID token is {str(claims.get('acr'))[:40]!r}")


def belongs(claims: Mapping[str, Any], algorithm: str, access_token: str) -> None:
    """Raise `InvalidToken` if the ID token says that it was issued with another access token (section 3.1.3.8)."""
    stated = claims.get("at_hash")
    hashing = _HASHES.get(algorithm[-3:])
    # With EdDSA nobody has agreed on which hash it is.
    if stated is None or hashing is None:
        return
    digest = hashing(access_token.encode()).digest()
    if stated != urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("="):
        raise _wrong("its at_hash is that of another access token")


def unusable(detail: str) -> InvalidToken:
    """What to raise about an answer that a provider should not give; `detail` is for the log."""
    return InvalidToken("the login service's answer cannot be used; try again", detail)


def _wrong(detail: str) -> InvalidToken:
    return unusable(f"the ID token: {detail}")

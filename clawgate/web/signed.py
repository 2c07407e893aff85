"""The signature in a request's address, if there is one (clients.md 4, signed URLs)."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qsl

from ..errors import Unauthenticated
from ..model.signing import SignedUrl

AHEAD_SECONDS = 300.0
"""How far a client's clock may be ahead."""
_LAST = (b"OC-Algo=", b"OC-Signature=")
ALGORITHM = "PBKDF2/10000-SHA512"


def is_signed(query: bytes) -> bool:
    """Whether a signature is in this query."""
    return b"OC-Signature=" in query


def read(verb: str, base_url: str, raw_path: bytes, query: bytes, now: float, longest: float) -> SignedUrl:
    """What the query of an address says of its signature; `longest` seconds may be between its date and its end.

    The signed text is the address as the client called it, without the two parameters that were added at last. Raises
    `Unauthenticated` for another verb, before and after its time, and for what cannot be understood.
    """
    try:
        fields = dict(parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict"))
        user, signature = fields["OC-Credential"], fields["OC-Signature"]
        begins, lasts = _seconds(fields["OC-Date"]), int(fields["OC-Expires"])
        meant = fields["OC-Verb"].upper()
    except (KeyError, ValueError):
        raise Unauthenticated("this address is not correctly signed") from None
    if fields.get("OC-Algo", ALGORITHM) != ALGORITHM:
        raise Unauthenticated(f"addresses are signed by {ALGORITHM} here")
    if meant != "GET" or verb not in ("GET", "HEAD"):
        raise Unauthenticated("this address is signed for downloads only")
    if not 0 < lasts <= longest or not begins - AHEAD_SECONDS <= now < begins + lasts:
        raise Unauthenticated("this address is not good any more")
    kept = b"&".join(part for part in query.split(b"&") if not part.startswith(_LAST))
    text = base_url + (raw_path + b"?" + kept).decode("latin-1")
    return SignedUrl(user, text, signature, begins + lasts)


def _seconds(text: str) -> float:
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError("a time without a zone")
    return when.timestamp()

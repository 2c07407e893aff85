"""Whether a token that its issuer vouches for lets somebody in here: for whom it was made, when, and what for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs

from ...settings import Oidc
from .errors import InsufficientScope, InvalidToken

ANY = "*"
"""Among the audiences: tokens may be made for anybody."""


@attrs.frozen
class Rules:
    """What the claims of a token must say."""

    issuer: str
    audiences: frozenset[str]
    clients: frozenset[str]
    scopes: frozenset[str]
    acr: tuple[str, ...]
    leeway: float

    @classmethod
    def of(cls, settings: Oidc) -> Rules:
        """As the settings have them."""
        return cls(
            settings.issuer,
            frozenset(settings.audiences),
            frozenset(settings.clients),
            frozenset(settings.scopes),
            tuple(settings.acr),
            settings.leeway,
        )


def judge(claims: Mapping[str, Any], rules: Rules, now: float, *, asked: bool = False) -> float | None:
    """Raise `InvalidToken` or `InsufficientScope` unless `claims` fit `rules` at `now`, seconds since 1970.

    Returns the second in which the token expires, leeway not counted. With `asked` the issuer itself has just called the token
    active (RFC 7662): then it may leave out who it is and when the token expires, and None stands for the latter.
    """
    if claims.get("iss", rules.issuer if asked else None) != rules.issuer:
        raise InvalidToken("the token comes from another login service")
    _kind(claims)
    expires = time_of(claims, "exp")
    if expires is None and not asked:
        raise InvalidToken("the token does not say when it expires")
    if expires is not None and now >= expires + rules.leeway:
        raise InvalidToken("the token has expired")
    for name in ("nbf", "iat"):
        start = time_of(claims, name)
        if start is not None and now < start - rules.leeway:
            raise InvalidToken("the token is not valid yet", f"{name} is {start - now:.0f} s ahead of our clock")
    _audience(claims, rules)
    if not rules.scopes <= words(claims, "scope") | words(claims, "scp"):
        raise InsufficientScope(rules.scopes)
    if rules.acr and claims.get("acr") not in rules.acr:
        # RFC 9470 section 3
        raise InvalidToken(
            "a stronger login is needed",
            f"its acr is {str(claims.get('acr'))[:40]!r}",
            error="insufficient_user_authentication",
            acr_values=" ".join(rules.acr),
        )
    return expires


def _kind(claims: Mapping[str, Any]) -> None:
    """Keycloak's kinds of token differ in the claim typ alone, RFC 7662 calls it token_type. A token bound to a key (RFC 9449
    section 7.1, RFC 8705 section 3) must not be taken from whoever shows it."""
    for name in ("typ", "token_type"):
        kind = claims.get(name)
        if kind is not None and str(kind).lower() not in ("bearer", "jwt", "at+jwt", "access_token"):
            raise InvalidToken("the token is of another kind", f"its {name} is {str(kind)[:40]!r}")
    bound = claims.get("cnf")
    if bound is not None and (not isinstance(bound, dict) or {"jkt", "x5t#S256"} & bound.keys()):
        raise InvalidToken("the token is bound to a key")


def time_of(claims: Mapping[str, Any], name: str) -> float | None:
    """A claim that is a time, seconds since 1970; None if it is missing. Raises `InvalidToken` if it is none."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidToken("the token cannot be read", f"{name} is no time")
    return float(value)


def _audience(claims: Mapping[str, Any], rules: Rules) -> None:
    made_for = claims.get("aud", [])
    made_for = [made_for] if isinstance(made_for, str) else made_for
    if not isinstance(made_for, list) or not all(isinstance(name, str) for name in made_for):
        raise InvalidToken("the token cannot be read", "aud is neither a text nor a list of texts")
    made_through = [claims[name] for name in ("azp", "client_id") if isinstance(claims.get(name), str)]
    if ANY in rules.audiences or not rules.audiences.isdisjoint(made_for) or not rules.clients.isdisjoint(made_through):
        return
    raise InvalidToken(
        "the token was made for another service", f"its aud is {str(made_for)[:200]}, its client {str(made_through)[:200]}"
    )


def words(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    """Scopes, as RFC 8693 section 4.2 writes them, or as a list."""
    value = claims.get(name)
    found = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(word for word in found if isinstance(word, str))

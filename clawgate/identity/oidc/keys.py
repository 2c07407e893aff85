"""A provider's public keys (RFC 7517)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import attrs
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from .errors import NoAnswer

RSA_BITS = 2048
"""Shorter keys are not used (RFC 7518 section 3.3)."""
TRIES = 8
"""Keys that a token without a key id is tried with."""

_PUBLIC = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x")}
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES = {("EC", "P-256"): "ES256", ("EC", "P-384"): "ES384", ("EC", "P-521"): "ES512", ("OKP", "Ed25519"): "EdDSA"}


@attrs.frozen
class Key:
    """One key, ready to verify with each algorithm that it may be used for."""

    id: str | None
    by_algorithm: Mapping[str, jwt.PyJWK]


def parse(document: Mapping[str, Any], algorithms: Collection[str]) -> tuple[Key, ...]:
    """The keys that may sign tokens with one of `algorithms`; others are left out (section 5). Raises `NoAnswer` for none."""
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise NoAnswer("the document of keys has no list of them")
    found = tuple(key for entry in entries if isinstance(entry, dict) for key in _key(entry, algorithms))
    if not found:
        raise NoAnswer("the document of keys has none that can be used with " + ", ".join(algorithms))
    return found


def fitting(keys: Sequence[Key], id: str | None, algorithm: str) -> list[jwt.PyJWK]:
    """What may verify a token with this key id and algorithm; without an id all that know the algorithm, though not many."""
    found = [key.by_algorithm[algorithm] for key in keys if id in (None, key.id) and algorithm in key.by_algorithm]
    return found[:TRIES]


def _key(entry: Mapping[str, Any], algorithms: Collection[str]) -> Iterator[Key]:
    """The key, or nothing."""
    kind, id, use, purposes = (entry.get(name) for name in ("kty", "kid", "use", "key_ops"))
    if not isinstance(kind, str) or kind not in _PUBLIC or not isinstance(id, str | None):
        return
    if use not in (None, "sig") or (purposes is not None and (not isinstance(purposes, list) or "verify" not in purposes)):
        return
    possible = _RSA if kind == "RSA" else (_CURVES.get((kind, str(entry.get("crv"))), ""),)
    usable = [name for name in possible if name in algorithms and entry.get("alg") in (None, name)]
    # A provider that shows its private key by mistake is not helped by our using it.
    public = {name: entry[name] for name in _PUBLIC[kind] if name in entry}
    try:
        ready = {name: jwt.PyJWK(public, name) for name in usable}
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        return
    if any(isinstance(key.key, RSAPublicKey) and key.key.key_size < RSA_BITS for key in ready.values()):
        return
    if ready:
        yield Key(id, ready)

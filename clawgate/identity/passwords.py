"""Password hashes: argon2id as PHC strings."""

from __future__ import annotations

import base64
import os
from collections import Counter
from collections.abc import Iterable

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
"""19 MiB and one thread a verification: the smallest memory that OWASP's password storage cheat sheet names, because
verifications run beside transfers that are promised a small process."""


def hash_password(password: str) -> str:
    """The PHC string to keep. Takes some 20 ms of CPU."""
    return _HASHER.hash(password)


def matches(phc: str, password: str) -> bool:
    """Whether `password` belongs to the hash `phc`, whatever its parameters. As slow as they make it."""
    try:
        return _HASHER.verify(phc, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


def is_hash(phc: str) -> bool:
    """Whether `phc` is an argon2 PHC string."""
    try:
        extract_parameters(phc)
    except InvalidHashError:
        return False
    return True


def decoy(hashes: Iterable[str]) -> str:
    """A hash that no password matches and that costs what most of `hashes` cost, for users that do not exist."""
    usual = Counter(phc.rsplit("$", 2)[0] for phc in hashes).most_common(1)
    parameters = usual[0][0] if usual else f"$argon2id$v=19$m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return "$".join((parameters, _random(16), _random(32)))


def _random(length: int) -> str:
    return base64.b64encode(os.urandom(length)).decode().rstrip("=")

"""The secrets of app passwords: five groups of five signs, ``7K2QX-0M4TD-...``."""

from __future__ import annotations

import hashlib
import re
import secrets

SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's 32: nothing that is mistaken for another one when it is typed."""
_RANDOM = 24
"""Random signs, 120 bits."""
_FORM = re.compile(f"[{SIGNS}]{{5}}(?:-[{SIGNS}]{{5}}){{3}}-[{SIGNS}]{{4}}[0-9]")


def make() -> str:
    """A new secret."""
    signs = "".join(secrets.choice(SIGNS) for _ in range(_RANDOM))
    signs += _check(signs)
    return "-".join(signs[i : i + 5] for i in range(0, len(signs), 5))


def is_one(text: str) -> bool:
    """Whether `text` can only be a secret of ours: its last sign is a digit that the others determine.

    Words joined by dashes, which people choose as passwords, end in a letter, and most slips of typing change the digit.
    """
    return _FORM.fullmatch(text) is not None and text[-1] == _check(text.replace("-", "")[:-1])


def digest(secret: str) -> str:
    """What is kept of a secret, and looked up.

    A fast hash, and no salt: those make guessing hard where people choose, and 120 random bits cannot be guessed. So a login
    costs one look into a table, and a copy of the table lets nobody in. Nor does the time that the look-up takes help: whoever
    measures it does not know the hash of what they send any better than anybody else, and cannot choose its beginning at will.
    """
    return hashlib.blake2b(secret.encode(), digest_size=32, person=b"clawgate-app-pw").hexdigest()


def new_id() -> str:
    """The id of a new app password: ten small letters and digits."""
    return "".join(secrets.choice(SIGNS) for _ in range(10)).lower()


def _check(signs: str) -> str:
    return str(int.from_bytes(hashlib.blake2b(signs.encode(), digest_size=4, person=b"clawgate-check").digest(), "big") % 10)

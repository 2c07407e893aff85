"""App passwords: secrets that let programs log in as a person, each with an end and limits of its own."""

from __future__ import annotations

import unicodedata

import attrs

from .people import Scope, User

NAME_LETTERS = 120
"""Letters of a name; further ones are cut off."""


@attrs.frozen
class AppPassword:
    """What is known of an app password; its secret is not."""

    id: str
    """Short, for people to name it by; tells nothing about the secret."""
    user: str
    """The id of its owner."""
    name: str
    """What it is for, or which program made it; to show."""
    scope: Scope
    created: float
    """Seconds since 1970, as the others."""
    expires: float | None = None
    """From then on it is worth nothing; None: no such time."""
    used: float | None = None
    """About when somebody last logged in with it; None: not yet."""
    foreign: bool = False
    """Its owner is known only by the token or login that made it, not by a directory."""
    login: str = ""
    """The name its owner had logged in by when it was made, if that is not the id: programs go on sending it."""


@attrs.frozen
class Snapshot:
    """A person of whom no directory knows, as a login described them."""

    user: User
    seen: float
    """When that was, about; seconds since 1970."""


def clean_name(text: str) -> str:
    """A name of one printable line, from what a program or a person says; never empty."""
    visible = "".join(letter if letter.isprintable() else " " for letter in unicodedata.normalize("NFC", text))
    return " ".join(visible.split())[:NAME_LETTERS].rstrip() or "app password"

"""How far a space has come, so that it is noticed when its storage goes back."""

from __future__ import annotations

import attrs


@attrs.frozen
class Generation:
    """What the state knows of one space."""

    number: int
    """The last one that the storage had for certain."""
    fingerprint: str = ""
    """What clients are told, another one after each restored backup; empty: there was none."""
    explained: str = ""
    """A note in the storage that is older than `number`, and what follows from that is done; empty: there is none."""
    stamp: str = ""
    """The index and its last change when `number` was noted."""


@attrs.frozen
class Note:
    """What lies in the storage."""

    number: int
    fingerprint: str = ""

    def __str__(self) -> str:
        return f"generation={self.number}\nfingerprint={self.fingerprint}\n"


def parse(text: str) -> Note | None:
    """The note that `text` is; None: there is none, or nobody can read it."""
    fields = dict(line.partition("=")[::2] for line in text.splitlines())
    number = fields.get("generation", "")
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    return Note(int(number), fields.get("fingerprint", ""))

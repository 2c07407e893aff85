"""Distinguished names as text (RFC 4514)."""

from __future__ import annotations

import re

from .filters import PLACE

_UNSAFE = re.compile(r"[\x00-\x7f]")
_SAFE = re.compile(r"[A-Za-z0-9._@-]")
_TYPE = re.compile(r" *(?P<type>[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*) *= *")
_PIECE = re.compile(r"\\(?P<hex>[0-9A-Fa-f]{2})|\\(?P<sign>.)|(?P<plain>[^\\,;+])", re.DOTALL)


def escaped(value: str) -> str:
    """`value` as the value of an attribute in a DN, with more escaped than section 2.4 demands."""
    return _UNSAFE.sub(lambda match: match[0] if _SAFE.fullmatch(match[0]) else f"\\{ord(match[0]):02x}", value)


def fill(template: str, name: str) -> str:
    """`template`, a DN with ``{user}`` as part of a value, with `name` in its place."""
    return template.replace(PLACE, escaped(name))


def own_name(dn: str) -> dict[str, str]:
    """The attributes that name an entry among its neighbours, by lower-case type: its relative DN.

    Empty if it cannot be understood; values that are not text (``#04024869``) are left out.
    """
    found: dict[str, str] = {}
    position = 0
    while (kind := _TYPE.match(dn, position)) is not None:
        value, position = _value(dn, kind.end())
        if value is not None:
            found[kind["type"].lower()] = value
        if dn[position : position + 1] != "+":
            return found if dn[position : position + 1] in ("", ",", ";") else {}
        position += 1
    return {}


def _value(dn: str, start: int) -> tuple[str | None, int]:
    """The value that begins at `start`, None if it is not text, and where it ends."""
    position = start
    raw = b""
    kept = 0
    while (piece := _PIECE.match(dn, position)) is not None:
        position = piece.end()
        if piece["hex"] is not None:
            raw += bytes.fromhex(piece["hex"])
        else:
            raw += (piece["sign"] or piece["plain"]).encode("utf-8", "surrogatepass")
        if piece["plain"] != " ":
            # Blanks at the end belong to the value only if they are escaped.
            kept = len(raw)
    if dn.startswith("#", start):
        return None, position
    try:
        return raw[:kept].decode(), position
    except UnicodeDecodeError:
        return None, position

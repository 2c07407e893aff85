"""Search filters (RFC 4515). Whatever comes from outside goes through `escaped`."""

from __future__ import annotations

import re

_UNSAFE = re.compile(rb"[^A-Za-z0-9._@-]")
PLACE = "{user}"
"""Where templates take a user's name."""


def escaped(value: str | bytes) -> str:
    """`value` as part of an assertion, with more escaped than section 3 demands: blanks at the ends do not survive elsewhere."""
    raw = value.encode() if isinstance(value, str) else value
    return _UNSAFE.sub(lambda match: b"\\%02x" % match[0][0], raw).decode()


def equal(attribute: str, value: str | bytes) -> str:
    """`attribute` is `value`, as the attribute's own rule compares."""
    return f"({attribute}={escaped(value)})"


def contains(attribute: str, value: str) -> str:
    """`value` is somewhere in `attribute`."""
    return f"({attribute}=*{escaped(value)}*)"


def ends(attribute: str, value: str) -> str:
    """`attribute` ends with `value`, which may be empty."""
    return f"({attribute}=*{escaped(value)})"


def all_of(*filters: str) -> str:
    """All hold; empty ones do not count, and of nothing but them nothing comes."""
    return _joined("&", filters)


def any_of(*filters: str) -> str:
    """At least one holds; empty ones do not count."""
    return _joined("|", filters)


def fill(template: str, name: str) -> str:
    """`template` with `name` in its place."""
    return template.replace(PLACE, escaped(name))


def anybody(template: str) -> str:
    """`template` as it fits all people: with anything in the name's place."""
    return template.replace(PLACE, "*")


def _joined(sign: str, filters: tuple[str, ...]) -> str:
    wanted = [one for one in filters if one]
    return f"({sign}{''.join(wanted)})" if len(wanted) > 1 else "".join(wanted)

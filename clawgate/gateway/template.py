"""Templates over a person's attributes: ``/eos/user/{user.id[0]}/{user.id}``."""

from __future__ import annotations

import re

from ..errors import Forbidden, SettingsError
from ..model.people import User

_FIELD = re.compile(r"\{user\.(?P<attribute>id|name|mail)(?:\[(?P<start>\d*)(?P<colon>:)?(?P<stop>\d*)\])?(?P<lower>\.lower)?\}")


def expand(template: str, user: User) -> str:
    """Fill in `user`'s attributes.

    ``{user.id}``, slices ``{user.id[0]}`` and ``{user.id[0:2]}``, lower case ``{user.id.lower}``. Raises `Forbidden` when a value
    would lead elsewhere than into one directory level, or is empty.
    """

    def fill(match: re.Match[str]) -> str:
        value = str(getattr(user, match["attribute"]))
        if match["start"] is not None:
            start, stop = int(match["start"] or 0), int(match["stop"]) if match["stop"] else None
            value = value[start:stop] if match["colon"] else value[start : start + 1]
        if match["lower"]:
            value = value.lower()
        if not value or value in (".", "..") or "/" in value or "\0" in value:
            raise Forbidden(f"the name {user.id!r} cannot be used for a directory")
        return value

    return _FIELD.sub(fill, template)


def check(template: str, key: str) -> None:
    """Raise `SettingsError` naming the setting `key` if `template` has a field that cannot be filled."""
    rest = _FIELD.sub("", template)
    if "{" in rest or "}" in rest:
        raise SettingsError(f"{key}: {template!r} has a field that is not known; possible are {{user.id}}, {{user.id[0]}}, ...")

"""People as text in a column: whom nobody else can describe again."""

from __future__ import annotations

import json

from ..model.people import User


def written(user: User) -> str:
    """All of a person but the id; equal text for equal people."""
    known = {
        "name": user.name,
        "mail": user.mail,
        "groups": sorted(user.groups),
        "quota": user.quota,
        "uid": user.uid,
        "gid": user.gid,
        "attributes": dict(user.attributes),
    }
    return json.dumps(known, sort_keys=True)


def read(id: str, text: str) -> User:
    """The person with this id."""
    known = json.loads(text)
    return User(id, **(known | {"groups": frozenset(known["groups"])}))

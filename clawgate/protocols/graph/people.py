"""People as ``user``, their groups as ``group``."""

from __future__ import annotations

from typing import Any

from ...interfaces import Match
from ...model.people import User


def user(person: User, *, groups: bool = False) -> dict[str, Any]:
    """A person; with `groups` those the person is in. The account name is what clients put into addresses."""
    found: dict[str, Any] = {
        "id": person.id,
        "displayName": person.display_name,
        "onPremisesSamAccountName": person.id,
        "mail": person.mail,
        "userType": "Member",
        "accountEnabled": True,
    }
    if groups:
        found["memberOf"] = [group(name) for name in sorted(person.groups)]
    return found


def match(one: Match) -> dict[str, Any]:
    """Somebody whom a search found."""
    return {
        "id": one.id,
        "displayName": one.name or one.id,
        "onPremisesSamAccountName": one.id,
        "mail": one.mail,
        "userType": "Member",
    }


def group(name: str) -> dict[str, Any]:
    """A group, which is known by its name; nobody can change it here."""
    return {"id": name, "displayName": name, "groupTypes": ["ReadOnly"]}

"""Visitors as text."""

from __future__ import annotations

import json

import attrs

from ..model.login_flow import Visitor
from ..model.people import User


def text_of(visitor: Visitor) -> str:
    """JSON."""
    user = attrs.asdict(visitor.user, recurse=False)
    user |= {"groups": sorted(visitor.user.groups), "attributes": dict(visitor.user.attributes)}
    return json.dumps({"user": user, "foreign": visitor.foreign})


def visitor_of(text: str) -> Visitor:
    """Whom `text_of` described."""
    known = json.loads(text)
    user = known["user"]
    return Visitor(User(**(user | {"groups": frozenset(user["groups"])})), known["foreign"])

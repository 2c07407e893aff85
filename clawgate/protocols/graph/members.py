"""Members of spaces as ``permission``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import MAXYEAR, UTC, datetime
from typing import Any

from ...errors import InvalidRequest, NotFound
from ...gateway.making import Membership
from ...gateway.rules import principals
from ...gateway.spaces import Overview
from ...model.made_space import Role as Kind
from ...model.people import Actor
from ...model.permissions import Permissions
from .roles import BY_KIND, ROLES, Role, definition, role_of

USER, GROUP = "u:", "g:"
"""What the id of a permission begins with, as in oCIS; the id of the person or the name of the group follows."""

EXPIRES = "expirationDateTime"
MOST = 100
"""Recipients of one invitation: each of them is asked for."""


def shown(overview: Overview, actor: Actor, names: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Those that the actor may know of: managers all, others what they have themselves. `names` are to show, by member."""
    known = {actor.id: actor.user.display_name, **(names or {})}
    made = overview.made
    if made is None:
        return [_permission(actor.id, role_of(overview.root.permissions).id, known)]
    own = set(principals(actor.user))
    all_of_them = Permissions.MANAGE in overview.root.permissions
    return [
        _permission(one, BY_KIND[role].id, known, made.until.get(one))
        for one, role in sorted(made.members.items())
        if all_of_them or one in own
    ]


def collection(permissions: list[dict[str, Any]], roles: Sequence[Role] = ROLES) -> dict[str, Any]:
    """With the roles that members can be given."""
    return {
        "@libre.graph.permissions.roles.allowedValues": [definition(role) for role in roles],
        "@libre.graph.permissions.actions.allowedValues": sorted({action for role in roles for action in role.actions}),
        "value": permissions,
    }


def selected(found: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The members of a collection that a ``$select`` names; all if it is blank."""
    wanted = {name.strip() for name in text.split(",") if name.strip()}
    return {name: value for name, value in found.items() if not wanted or name in wanted}


def member_of(id: str) -> str:
    """The member that the id of a permission stands for. Raises `NotFound`."""
    for prefix, mark in ((USER, ""), (GROUP, "@")):
        if id.startswith(prefix) and id != prefix:
            return mark + id.removeprefix(prefix)
    raise NotFound("there is no such permission")


def kind_of(roles: Any) -> Kind:
    """The one role that is to be given. Raises `InvalidRequest`."""
    for kind, role in BY_KIND.items():
        if roles == [role.id]:
            return kind
    raise InvalidRequest(f"roles must be one of {', '.join(role.id for role in ROLES)}")


def invited(body: Mapping[str, Any]) -> tuple[list[str], Kind, float | None]:
    """The members that a ``driveItemInvite`` names, what they shall be, and until when. Raises `InvalidRequest`."""
    if body.get("@libre.graph.permissions.actions"):
        raise InvalidRequest("members have roles here, not single actions")
    recipients = body.get("recipients")
    if not isinstance(recipients, list) or not 0 < len(recipients) <= MOST:
        raise InvalidRequest(f"recipients must name somebody, and {MOST} at most")
    return [_recipient(one) for one in recipients], kind_of(body.get("roles")), _end(body)


def altered(body: Mapping[str, Any]) -> Callable[[Membership], Membership]:
    """What a ``permission`` that was sent makes of a membership: what it does not say stays. Raises `InvalidRequest`."""
    if "roles" not in body and EXPIRES not in body:
        raise InvalidRequest(f"roles or {EXPIRES} must be given")
    kind = kind_of(body["roles"]) if "roles" in body else None
    until = _end(body)

    def change(one: Membership) -> Membership:
        return Membership(kind or one.role, until if EXPIRES in body else one.until)

    return change


def _end(body: Mapping[str, Any]) -> float | None:
    """Seconds since 1970; None for no end. RFC 3339, as the document of the API says."""
    text = body.get(EXPIRES)
    if text is None or text == "":
        return None
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    # The last year is left out: with another zone, or rounded, its end is in a year that cannot be shown.
    if moment is None or moment.tzinfo is None or not 1970 <= moment.year < MAXYEAR:
        raise InvalidRequest(f"{EXPIRES} must be a date and a time with its zone, such as 2030-12-31T23:59:59Z")
    return moment.timestamp()


def _recipient(one: Any) -> str:
    id = one.get("objectId") if isinstance(one, dict) else None
    kind = one.get("@libre.graph.recipient.type", "user") if isinstance(one, dict) else ""
    if not isinstance(id, str) or not id or kind not in ("user", "group"):
        raise InvalidRequest("a recipient has an objectId, and the type user or group")
    return f"@{id}" if kind == "group" else id


def _permission(member: str, role: str, names: Mapping[str, str], until: float | None = None) -> dict[str, Any]:
    group = member.startswith("@")
    id = member[1:] if group else member
    granted = {"id": id, "displayName": names.get(member) or id}
    found: dict[str, Any] = {
        "id": (GROUP if group else USER) + id,
        "grantedToV2": {"group" if group else "user": granted},
        "roles": [role],
    }
    if until is not None:
        found[EXPIRES] = datetime.fromtimestamp(until, UTC).isoformat().replace("+00:00", "Z")
    return found

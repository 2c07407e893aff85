"""What clients send, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import InvalidRequest
from ...gateway.making import Change
from ...web.request import Request

PARTS = ("image", "readme")
"""Special folders that a space can be given."""


def read(request: Request, *, optional: bool = False) -> dict[str, Any]:
    """The object in the body; with `optional` an empty body stands for an empty one. Raises `InvalidRequest`."""
    sent = request.content.read() if request.content is not None else b""
    if optional and not sent:
        return {}
    try:
        found = json.loads(sent)
    except (ValueError, RecursionError):
        raise InvalidRequest("the body is not JSON") from None
    if not isinstance(found, dict):
        raise InvalidRequest("the body is no JSON object")
    return found


def change(body: Mapping[str, Any]) -> Change:
    """What a ``drive`` or ``driveUpdate`` wants to be different; what only servers say is left out. Raises `InvalidRequest`."""
    quota = body.get("quota")
    total = _of(dict, quota, "quota").get("total") if quota is not None else None
    special = dict(_special(body.get("special")))
    return Change(
        name=_text(body, "name"),
        description=_text(body, "description"),
        quota=_of(int, total, "quota.total") if total is not None else None,
        image=special.get("image"),
        readme=special.get("readme"),
    )


def _special(given: Any) -> Iterator[tuple[str, str]]:
    """One or a list of them: the document shows the first, ownCloud Web sends the second."""
    for one in given if isinstance(given, list) else [] if given is None else [given]:
        folder = _of(dict, _of(dict, one, "special").get("specialFolder"), "special.specialFolder")
        if folder.get("name") not in PARTS:
            raise InvalidRequest(f"special.specialFolder.name must be one of {', '.join(PARTS)}")
        yield folder["name"], _of(str, one.get("id", ""), "special.id")


def tags(body: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Id and tags of a ``tagAssignment``. Raises `InvalidRequest`."""
    names = _of(list, body.get("tags"), "tags")
    return _of(str, body.get("resourceId"), "resourceId"), [_of(str, name, "tags") for name in names]


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return None if value is None else _of(str, value, name)


def _of(kind: type, value: Any, name: str) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InvalidRequest(f"{name} is missing or not of the right type")
    return value

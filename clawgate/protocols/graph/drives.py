"""Spaces as ``drive``, files and folders as ``driveItem``."""

from __future__ import annotations

import mimetypes
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import attrs

from ...gateway.spaces import Overview, Special
from ...interfaces import Room
from ...model.node import Node
from ...model.path import Path, join, name, parent
from ...model.people import Actor
from ...model.space import Place, Space
from . import members

NEARING, CRITICAL = 0.75, 0.9
"""From which part of a quota on its state is called so, as oCIS has it."""
_SAFE = "/!$'()*+,;=:@"


def drive(overview: Overview, actor: Actor, base_url: str) -> dict[str, Any]:
    """One space. The desktop wants the etag at the drive and at its root, equal to that of WebDAV (clients.md 7.1)."""
    space, node = overview.space, overview.node
    etag, changed = f'"{node.etag}"', time_text(node.mtime_ns)
    found: dict[str, Any] = {
        "id": space.id,
        "name": space.name,
        "driveType": space.kind.value,
        "driveAlias": space.alias,
        "eTag": etag,
        "lastModifiedDateTime": changed,
        "webUrl": f"{base_url}/f/{quote(space.id, _SAFE)}",
        "quota": quota(space, overview.room),
        "root": {
            "id": space.id,
            "eTag": etag,
            "webDavUrl": webdav_url(base_url, space),
            "permissions": members.shown(overview, actor),
        },
    }
    if overview.made is not None:
        found["description"] = overview.made.description
        found["createdDateTime"] = time_text(int(overview.made.created * 1e9))
    if overview.disabled:
        found["root"]["deleted"] = {"state": "trashed"}
    if space.owner:
        shown = actor.user.display_name if space.owner == actor.id else space.owner
        found["owner"] = {"user": {"id": space.owner, "displayName": shown}}
    if overview.special:
        found["special"] = [special(one, space, base_url) for one in overview.special]
    return found


def quota(space: Space, room: Room) -> dict[str, Any]:
    """How full it is. A total of 0 stands for no limit, which clients show as such."""
    used = room.used or 0
    found: dict[str, Any] = {"total": space.quota or 0, "used": used}
    if room.available is not None:
        found["remaining"] = room.available
    limit = space.quota or (used + room.available if room.available is not None else 0)
    found["state"] = _state(used, limit)
    return found


def _state(used: int, limit: int) -> str:
    if not limit:
        return "normal"
    share = used / limit
    return "normal" if share < NEARING else "nearing" if share < CRITICAL else "critical" if share < 1 else "exceeded"


def special(one: Special, space: Space, base_url: str) -> dict[str, Any]:
    """The picture or the description of a space."""
    return {
        **_facts(one.node),
        "file": {"mimeType": media(one.node.name)},
        "specialFolder": {"name": one.role},
        "webDavUrl": webdav_url(base_url, space, one.path),
    }


def child(folder: Place, node: Node, base_url: str) -> dict[str, Any]:
    """What is in a folder."""
    return item(attrs.evolve(folder, path=join(folder.path, node.name)), node, base_url)


def item(place: Place, node: Node, base_url: str) -> dict[str, Any]:
    """A file or folder."""
    space, path = place.space, place.path
    found = {**_facts(node), "webUrl": f"{base_url}/f/{quote(node.id if path else space.id, _SAFE)}"}
    found["webDavUrl"] = webdav_url(base_url, space, path)
    if not path:
        return {**found, "id": space.id, "name": space.name, "root": {}, "folder": {}}
    found["parentReference"] = {
        "driveId": space.id,
        "driveType": space.kind.value,
        "path": f"/{parent(path)}",
        "name": name(parent(path)) or space.name,
    }
    found |= {"folder": {}} if node.is_folder else {"file": {"mimeType": media(node.name)}}
    return found


def _facts(node: Node) -> dict[str, Any]:
    return {
        "id": node.id,
        "name": node.name,
        "eTag": f'"{node.etag}"',
        "size": node.size,
        "lastModifiedDateTime": time_text(node.mtime_ns),
    }


def webdav_url(base_url: str, space: Space, path: Path | str = "") -> str:
    """The whole address of something in a space."""
    return f"{base_url}/dav/spaces/{quote(space.id, _SAFE)}" + (f"/{quote(path, _SAFE)}" if path else "")


def media(file_name: str) -> str:
    """The content type that a name stands for."""
    return mimetypes.guess_type(file_name, strict=False)[0] or "application/octet-stream"


def time_text(mtime_ns: int) -> str:
    """A time as the specification writes it, in UTC; what lies outside of its calendar is the nearest that does not."""
    seconds = min(max(mtime_ns // 1_000_000_000, -62_135_596_800), 253_402_300_799)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")

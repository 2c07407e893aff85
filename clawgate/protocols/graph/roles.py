"""Roles: what somebody may do in a space, under the ids that oCIS and OpenCloud share and that clients know by heart."""

from __future__ import annotations

from typing import Any

import attrs

from ...model.permissions import Permissions

READ = (
    "libre.graph/driveItem/path/read",
    "libre.graph/driveItem/quota/read",
    "libre.graph/driveItem/content/read",
    "libre.graph/driveItem/children/read",
    "libre.graph/driveItem/basic/read",
)
WRITE = (
    "libre.graph/driveItem/children/create",
    "libre.graph/driveItem/standard/delete",
    "libre.graph/driveItem/upload/create",
    "libre.graph/driveItem/path/update",
)
DELETED = ("libre.graph/driveItem/deleted/read",)
RESTORE = ("libre.graph/driveItem/deleted/update", "libre.graph/driveItem/deleted/delete")
VERSIONS = ("libre.graph/driveItem/versions/read",)
REVERT = ("libre.graph/driveItem/versions/update",)


@attrs.frozen
class Role:
    """One role in a space."""

    id: str
    name: str
    description: str
    actions: tuple[str, ...]
    weight: int


VIEWER = Role("a8d5fe5e-96e3-418d-825b-534dbdf22b99", "Can view", "View and download.", READ + DELETED, 10)
EDITOR = Role(
    "58c63c02-1d89-4572-916a-870abc5a1b7d",
    "Can edit",
    "View, download, upload, edit, add and delete.",
    READ + WRITE + DELETED + RESTORE + VERSIONS + REVERT,
    50,
)
ROLES = (VIEWER, EDITOR)
"""Nobody manages spaces by a client: who has which is in the settings."""


def role_of(permissions: Permissions) -> Role:
    """The role that comes nearest to what somebody may do, and never says more."""
    whole = Permissions.WRITE | Permissions.CREATE | Permissions.DELETE | Permissions.MOVE
    return EDITOR if permissions & whole == whole else VIEWER


def definition(role: Role) -> dict[str, Any]:
    """As a ``unifiedRoleDefinition``."""
    return {
        "id": role.id,
        "displayName": role.name,
        "description": role.description,
        "@libre.graph.weight": role.weight,
        "rolePermissions": [{"allowedResourceActions": list(role.actions), "condition": "exists @Resource.Root"}],
    }

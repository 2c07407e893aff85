"""Roles: what somebody may do in a space, under the ids that oCIS and OpenCloud share and that clients know by heart."""

from __future__ import annotations

from typing import Any

import attrs

from ...model.made_space import Role as Kind
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
MANAGE = (
    "libre.graph/driveItem/permissions/create",
    "libre.graph/driveItem/permissions/read",
    "libre.graph/driveItem/permissions/update",
    "libre.graph/driveItem/permissions/delete",
)


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
MANAGER = Role(
    "312c0871-5ef7-4b3a-85b6-0e4074c64049",
    "Can manage",
    "View, download, upload, edit, add, delete and manage members.",
    (*EDITOR.actions, *MANAGE),
    100,
)
ROLES = (VIEWER, EDITOR, MANAGER)
BY_KIND = {Kind.VIEWER: VIEWER, Kind.EDITOR: EDITOR, Kind.MANAGER: MANAGER}
"""Those of members of spaces that people made."""


def role_of(permissions: Permissions) -> Role:
    """The role that comes nearest to what somebody may do, and never says more."""
    if Permissions.MANAGE in permissions:
        return MANAGER
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

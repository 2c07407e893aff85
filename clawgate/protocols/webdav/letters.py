"""What an actor may do, in the letters of ``oc:permissions`` and the bits of ``ocs:share-permissions`` (clients.md 2.3)."""

from __future__ import annotations

from functools import lru_cache

from ...model.permissions import Permissions


@lru_cache(maxsize=256)
def letters(permissions: Permissions, folder: bool) -> str:
    """``RDNVW`` for a file, ``RDNVCK`` for a folder, as far as granted. Empty: read only."""
    text = "R" if Permissions.SHARE in permissions else ""
    text += "D" if Permissions.DELETE in permissions else ""
    text += "NV" if Permissions.MOVE in permissions else ""
    if folder:
        return text + ("CK" if Permissions.CREATE in permissions else "")
    return text + ("W" if Permissions.WRITE in permissions else "")


@lru_cache(maxsize=256)
def mask(permissions: Permissions, folder: bool) -> int:
    """The bits of the share API: read 1, update 2, create 4, delete 8, share 16; files have no create and delete."""
    bits = 1 if Permissions.READ in permissions else 0
    bits |= 2 if Permissions.WRITE in permissions else 0
    bits |= 16 if Permissions.SHARE in permissions else 0
    if folder:
        bits |= 4 if Permissions.CREATE in permissions else 0
        bits |= 8 if Permissions.DELETE in permissions else 0
    return bits

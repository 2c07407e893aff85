"""What an actor may do with a node."""

from __future__ import annotations

from enum import Flag, auto


class Permissions(Flag):
    """Rights, one bit each; CS3's resource permissions cut down to what a file server can grant."""

    NONE = 0
    READ = auto()
    """Read content and list."""
    WRITE = auto()
    """Replace content and set properties."""
    CREATE = auto()
    """Make files and folders inside."""
    DELETE = auto()
    MOVE = auto()
    """Rename and move."""
    SHARE = auto()
    MANAGE = auto()
    """Change the space itself: its name, its quota, its members."""
    ALL = READ | WRITE | CREATE | DELETE | MOVE | SHARE


READ_ONLY = Permissions.READ
READ_WRITE = Permissions.READ | Permissions.WRITE | Permissions.CREATE | Permissions.DELETE | Permissions.MOVE

"""Spaces: the roots of what a person sees, and places within them."""

from __future__ import annotations

from enum import Enum

import attrs

from .path import Path
from .permissions import Permissions


class SpaceKind(Enum):
    """What a space is for, in the words of LibreGraph's ``driveType``."""

    PERSONAL = "personal"
    PROJECT = "project"


@attrs.frozen
class Persona:
    """A person as the operating system of a storage knows them."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    """Supplementary groups, sorted."""
    name: str = ""
    """What a storage calls the person that works as people by their names (EOS); empty elsewhere."""


@attrs.frozen
class Space:
    """One tree of files with one root, on one mount."""

    id: str
    """``MOUNT$KEY``; appears in addresses and at the front of every node id."""
    name: str
    kind: SpaceKind
    mount: str
    """The name of the mount in the settings."""
    owner: str
    """User id; empty for a project space."""
    root: str
    """Where the mount's driver finds the space's root (POSIX: an absolute directory)."""
    quota: int | None = None
    """Bytes; None: only the storage's own limit."""
    persona: Persona | None = None
    """As whom the storage is worked on for this person; None: as the gateway's own user."""
    alias: str = attrs.field(default="", eq=False)
    """What it is called in addresses of web pages, ``personal/alice``; no other space has the same."""


@attrs.frozen
class Place:
    """A path in a space, with what the actor may do there."""

    space: Space
    path: Path
    permissions: Permissions

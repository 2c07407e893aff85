"""Personal directories that are to be made."""

from __future__ import annotations

import attrs


@attrs.frozen
class NewHome:
    """One of them, with all that must be right about it before anybody sees it."""

    above: str
    """The directory that must be there: the part of the path that is the same for everybody."""
    below: tuple[str, ...]
    """The names from there on; the last one is the home's own."""
    base: str = ""
    """A directory that `above` lies in, from which on everything may be made; empty: `above` must be there."""
    mode: int = 0o700
    uid: int = -1
    """Whose it and all in it is; -1: whoever makes it."""
    gid: int = -1
    parents: int | None = None
    """The mode of folders between that are made; None: they must be there."""
    skeleton: str = ""
    """The directory whose content is copied into it; empty: none."""
    skeleton_bytes: int = 0
    """Bytes of all files in that; more: nothing is made."""
    skeleton_entries: int = 0
    """Files, folders and links in it; more: nothing is made."""
    durability: str = "data"
    """What has reached the disk when it is shown, as for uploads: ``none``, ``data`` or ``full``."""

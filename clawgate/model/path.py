"""Paths within a storage or a space.

A ``Path`` is text without leading or trailing slash; the root is the empty string. Every segment is valid UTF-8,
neither empty nor ``.`` nor ``..``, without ``/`` and NUL, and at most 255 bytes long. Names are never normalised: NFC and NFD
spellings are different names, as they are on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NewType

from ..errors import InvalidRequest

Path = NewType("Path", str)

ROOT = Path("")
NAME_MAX = 255
"""Longest name in bytes, as ext4, XFS, Btrfs and ZFS have it."""
ESCAPE = "\u201b"
"""Stands before the hexadecimal value of a byte that cannot be shown otherwise."""


def check_name(name: str) -> str:
    """Return `name` if it can be one segment of a path, else raise `InvalidRequest`."""
    if not name or name in (".", ".."):
        raise InvalidRequest("a name must not be empty, '.' or '..'")
    if "/" in name or "\0" in name:
        raise InvalidRequest("a name must not contain '/' or NUL")
    try:
        length = len(name) if name.isascii() else len(name.encode())
    except UnicodeEncodeError:
        raise InvalidRequest("a name must be valid UTF-8") from None
    # Bytes on disk that are not UTF-8 are shown as several characters (`storage/posix/names.py`); the driver counts them.
    if length > NAME_MAX and (ESCAPE not in name or length > 5 * NAME_MAX):
        raise InvalidRequest(f"the name is {length} bytes long, at most {NAME_MAX} are possible")
    return name


def check_new_name(name: str) -> None:
    """Raise `InvalidRequest` for a name that may be there but must not be made: Windows takes a backslash for a separator."""
    if "\\" in name:
        raise InvalidRequest("a name must not contain a backslash")


def make(*segments: str) -> Path:
    """Build a path from checked segments; raises `InvalidRequest`."""
    return Path("/".join(check_name(s) for s in segments))


def join(folder: Path, name: str) -> Path:
    """The path of the child `name` (already checked) of `folder`."""
    return Path(f"{folder}/{name}" if folder else name)


def split(path: Path) -> tuple[Path, str]:
    """Parent and last name; the root gives ``("", "")``."""
    head, _, tail = path.rpartition("/")
    return Path(head), tail


def parent(path: Path) -> Path:
    """The folder that holds `path`; the root's parent is the root."""
    return Path(path.rpartition("/")[0])


def name(path: Path) -> str:
    """The last segment, empty for the root."""
    return path.rpartition("/")[2]


def ancestors(path: Path) -> Iterator[Path]:
    """All folders above `path`, nearest first, the root last; nothing for the root itself."""
    while path:
        path = parent(path)
        yield path


def is_within(path: Path, folder: Path) -> bool:
    """Whether `path` is `folder` or lies below it."""
    return path == folder or not folder or path.startswith(folder + "/")


def rebase(path: Path, old: Path, new: Path) -> Path:
    """`path`, which is within `old`, as it is called once `old` is called `new`."""
    rest = path[len(old) :].lstrip("/")
    return Path(f"{new}/{rest}" if new and rest else new or rest)

"""Names as EOS takes them, and how paths are written in requests. Pure.

Sources: eos.md sections 2.2 (encoding), 4.1.1 (deleting), 7.9 (names).
"""

from __future__ import annotations

import re
from urllib.parse import quote

from ...errors import InvalidRequest, NotFound
from ...model.path import NAME_MAX, Path, check_name

OWN = ".sys.reva#.clawgate-"
"""What our own temporary names begin with."""
ASIDE = f"{OWN}aside-"
"""What makes room for something else; a mark (`marks`) and, after a dot, the old name follow."""
GOING = f"{OWN}going-"
"""What is about to be deleted; a mark follows, and its name may follow after a dot."""
HELD = f"{OWN}held-"
"""What makes room for what comes back from the recycle bin by way of the name that it had; a mark and, after a dot, that name
follow."""
PARTS = f"{OWN}parts-"
"""An upload in pieces; a mark follows."""
STAGING = f"{OWN}uploads"
"""A folder in the root of a space in which uploads in pieces lie, where whoever runs EOS has made one: what happens in it moves
no etag above if it lacks ``sys.mtime.propagation``."""
CHECKSUMS = "user.clawgate.checksums"
"""Attribute of a file: its inode, whether it replaced one, and checksums that EOS does not work out."""
EMPTY = "user.clawgate.empty"
"""Attribute of an empty file, and of the upload in pieces that it came from: the inode of the latter, and whether the file
replaced one."""
TARGET = "user.clawgate.target"
"""Attribute of an upload in pieces that has taken over the versions of a file: the name of that, in hexadecimal digits, and the
inode of the folder that it is in."""
VERSIONS = ".sys.v#."
"""A file's version folder has this before the file's name."""
ATOMIC = ".sys.a#."
"""What a file is called while it is written."""
DESTINATION_MAX = 1023
"""Longest path in bytes that a rename can have as its destination."""

_RESERVED = re.compile(r"\.sys\.[^/]*#\.")
_WORDS = ("&mgm.", "&eos.", "&xrd.", "&callback", "&authz")
_SPELLED = ("#AND#", "#and#", "#space#")
_ARROW = " ->"
_SAFE = "/"


def check_new(path: Path) -> None:
    """Raise `InvalidRequest` unless something may be made at `path`: EOS takes some names and does harm with them later."""
    for name in path.split("/") if path else ():
        check_name(name)
        if _RESERVED.match(name):
            raise InvalidRequest("names that begin with .sys. and have #. behind are EOS's own")
        if "\r" in name or "\n" in name:
            raise InvalidRequest("a name must not contain line ends here")
        if any(word in name for word in (*_WORDS, *_SPELLED)) or _ARROW in name:
            raise InvalidRequest("this name cannot be told apart from a command of the storage")


def check_old(path: Path) -> None:
    """Raise `NotFound` for what is never shown, `InvalidRequest` for what is no path."""
    for name in path.split("/") if path else ():
        check_name(name)
        if not shown(name):
            raise NotFound(f"{path}: there is no such file or folder")


def shown(name: str) -> bool:
    """Whether a name that EOS tells is one that people see: not EOS's own, and one that requests can be made with."""
    if _RESERVED.match(name) or "\r" in name or "\n" in name or any(word in name for word in (*_WORDS, *_SPELLED)):
        return False
    try:
        return bool(name) and len(name.encode()) <= NAME_MAX and "\ufffd" not in name
    except UnicodeEncodeError:
        return False


def globs(path: str) -> bool:
    """Whether deleting `path` would delete everything that it matches as a pattern."""
    return "*" in path


def versions_of(path: str) -> str:
    """The version folder of the file at the full `path`."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{VERSIONS}{name}"


def file_of(path: str) -> str:
    """What the full `path` of an inode belongs to: the file, if it is that of a version folder."""
    folder, _, name = path.rstrip("/").rpartition("/")
    return f"{folder}/{name.removeprefix(VERSIONS)}"


def in_url(path: str) -> bytes:
    """The full `path` in the first line of a request, percent-encoded once."""
    return quote(path, safe=_SAFE).encode()


def query(keys: dict[str, str], paths: dict[str, str], *, encodepath: bool) -> bytes:
    """A query of ``/proc``: `keys` are words of ours, `paths` have full paths as values."""
    pairs = [f"{key}={quote(value, safe=':._-')}" for key, value in keys.items()]
    pairs += [f"{key}={quote(value, safe=_SAFE)}" for key, value in paths.items()]
    if encodepath:
        pairs.append("eos.encodepath=1")
    return "&".join(pairs).encode()

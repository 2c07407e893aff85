"""Rights: POSIX bits and the ACL in `sys.acl`; either may grant, what is denied is denied (section 7.8)."""

from __future__ import annotations

import re

import attrs

from .identity import Identities, Identity
from .nodes import Container, File

_FLAG = re.compile(r"[!+][a-z]|wo|[a-zA-Z]")


@attrs.frozen
class Rights:
    """What the entries that apply to somebody say."""

    granted: frozenset[str]
    denied: frozenset[str]


def rights(acl: str, who: Identity, identities: Identities) -> Rights:
    """All flags of the entries of `acl` that apply to `who`."""
    granted: set[str] = set()
    denied: set[str] = set()
    for entry in filter(None, acl.split(",")):
        kind, _, rest = entry.partition(":")
        name, colon, flags = rest.rpartition(":")
        if kind == "z":
            name, flags = "", rest
        elif not colon:
            continue
        if not _applies(kind, name, who, identities):
            continue
        for flag in _FLAG.findall(flags):
            if flag[0] == "!":
                denied.add(flag[1:])
            else:
                granted.add(flag)
    return Rights(frozenset(granted), frozenset(denied - {flag[1:] for flag in granted if flag[0] == "+"}))


def _applies(kind: str, name: str, who: Identity, identities: Identities) -> bool:
    if kind == "u":
        return name in (str(who.uid), who.name)
    if kind == "g":
        return any(name in (str(gid), identities.group_name(gid)) for gid in who.groups)
    if kind == "egroup":
        return any(name == identities.group_name(gid) for gid in who.groups)
    return kind == "z"


def acl_of(container: Container, file: File | None = None) -> str:
    """The ACL that counts; a file's own is appended to its directory's."""
    found = [container.xattr.get("sys.acl", "")]
    if "sys.eval.useracl" in container.xattr:
        found.append(container.xattr.get("user.acl", ""))
    if file is not None:
        found.append(file.xattr.get("sys.acl", ""))
    return ",".join(filter(None, found))


def may(who: Identity, want: str, container: Container, identities: Identities, file: File | None = None) -> bool:
    """Whether `who` may `want` ("r" read and list, "w" write, "x" look up, "d" delete in, "u" overwrite in, "m" chmod)."""
    if who.root:
        return True
    found = rights(acl_of(container, file), who, identities)
    posix = "w" if want in "du" else want
    if want in found.denied or posix in found.denied:
        return False
    if want == "m":
        return "m" in found.granted or who.uid == (file or container).uid
    if "i" in found.granted and posix == "w":
        return False
    if posix in found.granted or (want == "d" and "+d" in found.granted):
        return True
    if want == "w" and "wo" in found.granted:
        return True
    shift = 6 if who.uid == container.uid else 3 if container.gid in who.groups else 0
    bits = container.mode >> shift & 7
    need = {"r": 5, "w": 3, "x": 1}[posix]
    return bits & need == need

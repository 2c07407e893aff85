"""Attributes, modes and owners; none of them moves an etag (section 7.2)."""

from __future__ import annotations

import errno

from .acl import acl_of, rights
from .failures import EosError
from .identity import Identity
from .namespace import Namespace
from .nodes import Container, File


def set_attribute(here: Namespace, who: Identity, path: str, key: str, value: str | None, *, create: bool = False) -> None:
    """Set an attribute, or remove it with None: EPERM for `sys.*` of those without sudo, ENODATA, EEXIST."""
    node = here.tree.find(path)
    container = node if isinstance(node, Container) else here.above(node, "set attribute")
    if key.startswith("sys."):
        allowed = who.sudo or (who.uid == container.uid and "A" in rights(acl_of(container), who, here.identities).granted)
    else:
        allowed = who.sudo or who.uid == node.uid or here.may(who, "w", container)
    if not allowed:
        raise EosError(errno.EPERM, "set attribute", path)
    if value is None and key not in node.xattr:
        raise EosError(errno.ENODATA, "remove attribute", path)
    if create and key in node.xattr:
        raise EosError(errno.EEXIST, "set attribute", path)
    if value is None:
        del node.xattr[key]
    else:
        node.xattr[key] = value
    node.ctime = here.tree.now()


def chmod(here: Namespace, who: Identity, path: str, mode: int) -> None:
    """Set the permission bits; EPERM."""
    node = here.tree.find(path)
    container = node if isinstance(node, Container) else here.above(node, "chmod")
    if not here.may(who, "m", container, node if isinstance(node, File) else None):
        raise EosError(errno.EPERM, "chmod", path)
    node.mode = (node.mode & ~0o7777) | (mode & 0o7777)
    node.ctime = here.tree.now()


def chown(here: Namespace, who: Identity, path: str, uid: int, gid: int | None) -> None:
    """Give something to somebody; EPERM without sudo."""
    node = here.tree.find(path)
    if not who.sudo:
        raise EosError(errno.EPERM, "chown", path)
    node.uid, node.gid = uid, node.gid if gid is None else gid
    if isinstance(node, File):
        here.quota.charge(node)

"""The native JSON of `fileinfo`, and what its path may be (section 4.5)."""

from __future__ import annotations

import errno
from typing import Any

from .failures import EosError
from .nodes import DIRECTORY, SECOND, Container, File, etag_of, inode_of
from .tree import Tree

IDS = ("fid:", "fxid:", "pid:", "pxid:", "inode:", "cid:", "cxid:")


def by_id(tree: Tree, path: str) -> Container | File | None:
    """What one of the forms of ids names."""
    kind, _, text = path.partition(":")
    try:
        number = int(text, 16 if kind in ("fxid", "pxid", "cxid") else 10)
    except ValueError as error:
        raise EosError(errno.EINVAL, "stat", path) from error
    if kind == "inode":
        return tree.by_inode(number)
    return tree.files.get(number) if kind in ("fid", "fxid") else tree.containers.get(number)


def id_of(path: str) -> int:
    """The number in one of the forms of ids."""
    kind, _, text = path.partition(":")
    return int(text, 16 if kind in ("fxid", "pxid", "cxid") else 10)


def json_of(tree: Tree, node: Container | File, *, children: bool = True) -> dict[str, Any]:
    """What `fileinfo` says."""
    return _container(tree, node, children) if isinstance(node, Container) else _file(tree, node)


def _times(**times: int) -> dict[str, int]:
    found = {}
    for name, time in times.items():
        found[name], found[f"{name}_ns"] = time // SECOND, time % SECOND
    return found


def _file(tree: Tree, file: File) -> dict[str, Any]:
    fxid = f"{file.id:08x}"
    found: dict[str, Any] = {
        "id": file.id,
        "fxid": fxid,
        "inode": inode_of(tree.profile, file),
        **_times(ctime=file.ctime, mtime=file.mtime, btime=file.btime, atime=0),
        "size": file.size,
        "uid": file.uid,
        "gid": file.gid,
        "mode": file.mode & 0o7777,
        "nlink": 1,
        "name": file.name,
        "path": file.path,
        "detached": file.parent is None,
        "pid": file.parent.id if file.parent is not None else 0,
        "layout": "replica",
        "nstripes": tree.profile.replicas,
        "checksumtype": file.checksum_type,
        "checksumvalue": file.checksum or "",
        "status": "healthy" if file.committed else "locations::uncommitted",
        "locations": [
            {
                "fsid": 1, "host": "fst1.example.org", "mountpoint": "/data01", "fstpath": f"/data01/00000000/{fxid}",
                "schedgroup": "default.0", "status": "booted", "geotag": "a::b",
            }
        ],
        "cache_location": 0,
        "etag": etag_of(file),
    }  # fmt: skip
    if file.target:
        found["target"] = file.target
    found["xattr"] = {"sys.eos.btime": f"{file.btime // SECOND}.{file.btime % SECOND}", **file.xattr}
    return found


def _container(tree: Tree, node: Container, children: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": node.id,
        "inode": node.id,
        **_times(ctime=node.ctime, atime=node.ctime, mtime=node.mtime, tmtime=node.tmtime, btime=node.btime),
        "treesize": node.tree_size,
        "uid": node.uid,
        "gid": node.gid,
        "flags": 0,
        "mode": DIRECTORY | (node.mode & 0o7777),
        "nlink": 1,
        "name": node.name,
        "path": node.path.rstrip("/") + "/",
        "detached": False,
        "pid": node.parent.id if node.parent is not None else 1,
        "nndirectories": len(node.containers),
        "nfiles": len(node.files),
        "children": [json_of(tree, one, children=False) for one in node.children()] if children else None,
        "etag": etag_of(node),
    }
    if tree.profile.tree_counts and children:
        below = list(node.walk())
        found["treefiles"] = sum(isinstance(one, File) for one in below)
        found["treecontainers"] = len(below) - found["treefiles"]
    if node.xattr:
        found["xattr"] = dict(node.xattr)
    return found

"""How files and folders are known apart from their names.

An inode's *own* name is its file handle (name_to_handle_at(2): inode number and generation, so that a reused number is told from
the old one), or only its number where the file system has no handles. It is the id as long as nothing else is written down, so
that a tree which existed before is served without a change to any of its files.

An overwrite makes a new inode. It takes on the id of the old one by a record in the extended attribute ``user.clawgate``, which
also holds checksums. The record names the inode it was written for and counts only there:

- ``cp -a`` copies the attribute to another inode: ignored, the copy has an id of its own.
- ``rsync -X`` and restored backups make new inodes with the old attribute: ignored. While the index lives it finds the file at
  its place and pins the id again; without it the file has a new id, and clients see a new file under the old name.
- File system images, ``btrfs send`` and snapshots that keep inode and generation keep ids as well; others as restored backups.

Checksums are bound to size, modification time and time of change besides, so that those of changed content are ignored, also
if somebody has set the modification time back. Whatever else is done to the inode later, a rename for instance, makes them
doubtful, too.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import blake2b

from ...errors import NotFound
from ...model.node import Identity, Node
from ...model.path import Path, join, split
from . import kernel
from .attributes import RECORD
from .failures import guarded
from .ground import Descriptor, Ground, node_of
from .names import to_bytes

SLACK_NS = 10_000_000_000
"""So long after its record was made a file may have been given its place: until then its content is brought to the disk."""
_LONG = 20
"""Bytes of a handle above which a hash of it is used."""


def own_of(root: Descriptor, folder: int, name: bytes) -> str:
    """The own name of `name` in `folder` (of `folder` itself if empty). Raises `OSError` if there is nothing."""
    found = kernel.handle(folder, name) if root.mount is not None else None
    if found is None:
        state = os.stat(name, dir_fd=folder, follow_symlinks=False) if name else os.fstat(folder)
        text = f"i{state.st_ino:x}"
        return text if state.st_dev == root.device else f"{text}-{_file_system(folder, name):x}"
    data = found.data
    text = f"{found.kind:x}.{data.hex() if len(data) <= _LONG else blake2b(data, digest_size=_LONG).hexdigest()}"
    if found.mount != root.mount:
        state = os.stat(name, dir_fd=folder, follow_symlinks=False) if name else os.fstat(folder)
        if state.st_dev != root.device:
            return f"{text}-{_file_system(folder, name):x}"
    return text


def _file_system(folder: int, name: bytes) -> int:
    if not name:
        return os.fstatvfs(folder).f_fsid
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        return os.fstatvfs(fd).f_fsid
    finally:
        os.close(fd)


def identify(root: Descriptor, folder: int, name: bytes) -> Identity:
    """The identity of `name` in `folder`, of `folder` itself if empty. Raises `OSError` if there is nothing."""
    own = own_of(root, folder, name)
    if name:
        raw = kernel.get_xattr_of(folder, name, RECORD)
    else:
        raw = kernel.get_xattr(b"/proc/self/fd/%d" % folder, RECORD, follow=True)
    if not raw:
        return Identity(own, own)
    fields = _parse(raw)
    if fields.get("own") != own:
        return Identity(own, own)
    checksums = fields.get("sums", "")
    if checksums:
        state = os.stat(name, dir_fd=folder, follow_symlinks=False) if name else os.fstat(folder)
        if fields.get("of") != f"{state.st_size}:{state.st_mtime_ns}" or not _is_recent(fields.get("at", ""), state):
            checksums = ""
    return Identity(fields.get("id") or own, own, checksums)


def keep(target: int | bytes, identity: Identity, state: os.stat_result | None) -> None:
    """Write the record of the inode `target` (descriptor or path), if there is anything to say. Left where it is not possible.

    `state` is its present one, and of this moment; only needed for checksums.
    """
    more = "" if identity.id == identity.own else f"\nid={identity.id}"
    if identity.checksums and state is not None:
        more += f"\nof={state.st_size}:{state.st_mtime_ns}\nat={state.st_ctime_ns}\nsums={identity.checksums}"
    try:
        if more:
            os.setxattr(target, RECORD, f"own={identity.own}{more}".encode())
        elif kernel.get_xattr(target if isinstance(target, bytes) else b"/proc/self/fd/%d" % target, RECORD, follow=True):
            os.removexattr(target, RECORD)
    except OSError:
        return


def identities(ground: Ground, folder: Path, names: Sequence[str]) -> dict[str, Identity]:
    """Identities of children, of `folder` itself for the empty name; without those that are not there. Raises `NotFound`."""
    found: dict[str, Identity] = {}
    with guarded(folder):
        fd = ground.open(folder, os.O_PATH | os.O_DIRECTORY)
        try:
            root = ground.root()
            for name in names:
                try:
                    if name and ground.follow:
                        found[name] = _followed(ground, root, join(folder, name))
                    else:
                        found[name] = identify(root, fd, to_bytes(name))
                except (FileNotFoundError, NotFound):
                    continue
        finally:
            os.close(fd)
    return found


def pin(ground: Ground, path: Path, id: str) -> None:
    """Make the inode at `path` carry `id`. Raises `NotFound`."""
    with guarded(path):
        fd, state = ground.probe(path)
        try:
            identity = identify(ground.root(), fd, b"")
            if identity.id != id:
                pinned = identity._replace(id=id)
                keep(b"/proc/self/fd/%d" % fd, pinned, state)
                if identity.checksums:
                    # The first time was a change of the inode.
                    keep(b"/proc/self/fd/%d" % fd, pinned, os.fstat(fd))
        finally:
            os.close(fd)


def touch(ground: Ground, path: Path, mtime_ns: int) -> Node:
    """Set the modification time; checksums stay. Raises `NotFound`."""
    with guarded(path):
        fd, state = ground.probe(path)
        try:
            identity = identify(ground.root(), fd, b"")
            target = b"/proc/self/fd/%d" % fd
            os.utime(target, ns=(state.st_atime_ns, mtime_ns))
            if identity.checksums:
                keep(target, identity, os.fstat(fd))
            return node_of(split(path)[1], os.fstat(fd))._replace(checksums=identity.checksums)
        finally:
            os.close(fd)


def _is_recent(at: str, state: os.stat_result) -> bool:
    """Whether the inode was last changed about when its record was made `at`, the same time of change in nanoseconds."""
    return at.isdigit() and abs(state.st_ctime_ns - int(at)) <= SLACK_NS


def _followed(ground: Ground, root: Descriptor, path: Path) -> Identity:
    fd, _ = ground.probe(path)
    try:
        return identify(root, fd, b"")
    finally:
        os.close(fd)


def _parse(raw: bytes) -> dict[str, str]:
    fields = {}
    for line in raw.decode("utf-8", "replace").split("\n"):
        key, _, value = line.partition("=")
        fields[key] = value
    return fields

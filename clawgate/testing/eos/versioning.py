"""Versions of files: how they are called, which go, and how one comes back (section 7.5)."""

from __future__ import annotations

import errno

from .failures import EosError
from .identity import ROOT, Identity
from .namespace import Namespace
from .nodes import SECOND, VERSIONS, Container, File


def wanted(parent: Container) -> int:
    """How many versions the files of a directory have; 0 for none, as in a folder of versions."""
    if parent.name.startswith(VERSIONS):
        return 0
    for key in ("sys.versioning", "user.versioning"):
        value = parent.xattr.get(key)
        if value is not None:
            return int(value) if value.isdigit() else 0
    return 0


def atomic(parent: Container, asked: bool) -> bool:
    """Whether uploads into a directory are atomic (section 3.2); what is forced does not count in a folder of versions."""
    if parent.name.startswith(VERSIONS):
        return asked
    for key in ("sys.forced.atomic", "user.forced.atomic"):
        value = parent.xattr.get(key)
        if value is not None:
            return value == "1"
    return asked


def _entry_name(folder: Container, file: File) -> str:
    """`<ctime sec>.<fxid>`, a second later where that is taken."""
    second = file.ctime // SECOND
    while (name := f"{second}.{file.id:08x}") in folder.files:
        second += 1
    return name


def _surplus(folder: Container, most: int) -> list[File]:
    """Those beyond `most`; the very first stays, because purging is by age and not by order."""
    ordered = sorted(folder.files.values(), key=lambda one: one.name)
    if most <= 0 or len(ordered) <= most + 1:
        return []
    return ordered[1 : len(ordered) - most]


def keep(here: Namespace, file: File, most: int) -> None:
    """Make the current content of a file its newest version; its name is free then."""
    parent = here.above(file, "version")
    folder = here.version_folder(file)
    if folder is None:
        folder = here.tree.new_container(parent, VERSIONS + file.name, file.uid, file.gid)
    here.place(file, folder, _entry_name(folder, file))
    for old in _surplus(folder, most):
        here.discard(ROOT, old)
    here.changed(folder)


def restore(here: Namespace, who: Identity, path: str, version: str) -> None:
    """The current content becomes a version, the named version the content: ENOENT, EACCES."""
    file = here.tree.file(path)
    parent = here.above(file, "restore")
    here.need(who, "w", parent, "restore", path)
    folder = here.version_folder(file)
    chosen = folder.files.get(version) if folder is not None else None
    if folder is None or chosen is None:
        raise EosError(errno.ENOENT, "restore", path)
    name = file.name
    here.place(file, folder, _entry_name(folder, file))
    here.place(chosen, parent, name)
    # By source (File.cc, subcommand versions): those of what was current, but for two.
    chosen.xattr.update({key: value for key, value in file.xattr.items() if key not in ("sys.utrace", "sys.vtrace")})
    here.changed(folder)
    here.changed(parent)


def purge(here: Namespace, who: Identity, path: str, left: int) -> None:
    """Leave so many versions: ENOENT, EACCES."""
    file = here.tree.file(path)
    here.need(who, "w", here.above(file, "purge"), "purge", path)
    folder = here.version_folder(file)
    if folder is None:
        return
    ordered = sorted(folder.files.values(), key=lambda one: one.name)
    for old in ordered[: len(ordered) - left] if left > 0 else ordered:
        here.vanish(old)
    here.changed(folder)

"""What each person may do through the gateway is what they may do on disk, and what is shown is what then succeeds."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import pytest

from clawgate.errors import ClawgateError, Forbidden
from clawgate.model.content import Intent
from clawgate.model.path import Path as NodePath
from clawgate.model.permissions import Permissions
from clawgate.testing.tools import body_of

from .people import PEOPLE, facl, run_as, storage_for
from .probes import FILE, FOLDER, WHOLE

PROBES = Path(__file__).parent / "probes.py"

FOLDERS = [
    # owner, group, mode, ACL
    (3001, 3001, 0o755, ""),
    (3001, 3100, 0o770, ""),
    (0, 3100, 0o775, ""),
    (0, 0, 0o1777, ""),
    (3001, 3100, 0o1770, ""),
    (0, 3100, 0o2775, ""),
    (3001, 3001, 0o711, ""),
    (0, 0, 0o733, ""),
    (0, 0, 0o744, ""),
    (0, 0, 0o700, "u:3002:rwx"),
    (0, 0, 0o750, "g:3200:rwx"),
    (0, 3100, 0o777, "u:3001:---"),
    (0, 3300, 0o2770, "u:3002:rwx,d:u:3003:rw"),
    (3001, 3001, 0o555, ""),
]
FILES = [
    (3001, 3001, 0o644, ""),
    (3002, 3100, 0o660, ""),
    (0, 0, 0o666, ""),
    (0, 0, 0o600, ""),
    (3001, 3100, 0o464, ""),
    (0, 0, 0o640, "u:3002:rw"),
    (3001, 3100, 0o676, "u:3001:r,g:3100:---"),
]
SUBFOLDERS = [
    # and what is in it: owner, mode
    (3001, 3001, 0o755, [(3001, 0o644), (3002, 0o600)]),
    (0, 0, 0o755, [(3001, 0o644)]),
    (0, 0, 0o700, []),
    (3002, 3002, 0o777, [(0, 0o644)]),
    (0, 0, 0o1777, [(3001, 0o644)]),
    (3001, 3100, 0o1770, [(3002, 0o644)]),
    (3001, 3001, 0o500, [(3001, 0o644)]),
]
UNKNOWN = 2


def cases():
    """Number of the folder, of the file, of the sub-folder, and the operation."""
    for number, _ in enumerate(FOLDERS):
        for file, operation in itertools.product(range(len(FILES)), FILE):
            yield number, file, 0, operation
        for below, operation in itertools.product(range(len(SUBFOLDERS)), FOLDER):
            yield number, 0, below, operation
        for operation in WHOLE:
            yield number, 0, 0, operation


CASES = list(cases())


def plant(top: Path, persona) -> None:
    """A tree for each case."""
    acls: dict[str, list[Path]] = {}

    def dress(path: Path, owner: int, group: int, mode: int, acl: str = "") -> None:
        os.chown(path, owner, group)
        os.chmod(path, mode)
        if acl:
            acls.setdefault(acl, []).append(path)

    top.mkdir()
    for index, (number, file, below, _) in enumerate(CASES):
        tree = top / str(index)
        (tree / "s").mkdir(parents=True)
        (tree / "f").write_bytes(b"old")
        dress(tree / "f", *FILES[file])
        owner, group, mode, content = SUBFOLDERS[below]
        for at, (whose, rights) in enumerate(content):
            (tree / "s" / str(at)).write_bytes(b"below")
            dress(tree / "s" / str(at), whose, whose, rights)
        dress(tree / "s", owner, group, mode)
        dress(tree, *FOLDERS[number])
    scratch = top / "scratch"
    scratch.mkdir()
    dress(scratch, persona.uid, persona.gid, 0o700)
    staging = top / ".clawgate"
    staging.mkdir()
    dress(staging, 0, 0, 0o1733)
    for spec, paths in acls.items():
        facl(spec, *paths)


async def attempt(storage, tree: str, operation: str) -> None:
    """As `probes.attempt`, by way of the gateway. Raises `ClawgateError`."""
    file, folder = NodePath(f"{tree}/f"), NodePath(f"{tree}/s")
    if operation == "read":
        reader = await storage.read(file)
        await reader.close()
    elif operation == "overwrite":
        await storage.write(file, body_of(b"new"), Intent(size=3))
    elif operation == "rename":
        await storage.move(file, NodePath(f"{tree}/g"), replace=False)
    elif operation == "move":
        await storage.move(file, NodePath(f"scratch/{tree}"), replace=False)
    elif operation in ("delete", "rmdir"):
        await storage.remove(file if operation == "delete" else folder)
    elif operation == "rename_folder":
        await storage.move(folder, NodePath(f"{tree}/t"), replace=False)
    elif operation == "move_folder":
        await storage.move(folder, NodePath(f"scratch/{tree}"), replace=False)
    elif operation == "copy":
        await storage.abilities.copy.copy(folder, NodePath(f"scratch/{tree}"), replace=False)
    elif operation == "make_in":
        await storage.make_folder(NodePath(f"{tree}/s/made"))
    elif operation == "list":
        [node async for page in (await storage.list(NodePath(tree))).pages for node in page]
    elif operation == "write":
        await storage.write(NodePath(f"{tree}/new"), body_of(b"new"), Intent(size=3))
    elif operation == "mkdir":
        await storage.make_folder(NodePath(f"{tree}/made"))


SHOWN = {
    # of which node which right says that an operation succeeds
    "read": ("f", Permissions.READ),
    "overwrite": ("f", Permissions.WRITE),
    "rename": ("f", Permissions.MOVE),
    "move": ("f", Permissions.MOVE),
    "delete": ("f", Permissions.DELETE),
    "move_folder": ("s", Permissions.MOVE),
    "rmdir": ("s", Permissions.DELETE),
    "make_in": ("s", Permissions.CREATE),
    "list": ("", Permissions.READ),
    "write": ("", Permissions.CREATE),
    "mkdir": ("", Permissions.CREATE),
}


def facts(tree: Path):
    """Everything about a tree that an operation could change, but times and numbers."""
    found = {}
    for path in (tree, *sorted(tree.rglob("*"))):
        state = path.lstat()
        acls = {name: os.getxattr(path, name) for name in os.listxattr(path) if name.startswith("system.")}
        found[str(path.relative_to(tree))] = (oct(state.st_mode), state.st_uid, state.st_gid, acls)
    return found


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.parametrize("name", PEOPLE)
async def test_what_may_be_done_is_what_may_be_done_on_disk(tmp_path, people, door, umask, name):
    persona = PEOPLE[name]
    ours, theirs = tmp_path / "root", tmp_path / "twin"
    plant(ours, persona)
    plant(theirs, persona)
    storage = storage_for(ours, persona, people, door, shared=True, durability="none")
    shown = []
    for index, (_, _, _, operation) in enumerate(CASES):
        node, _ = SHOWN.get(operation, ("", None))
        try:
            shown.append((await storage.abilities.rights.rights(NodePath(str(index)), [node])).get(node, Permissions.NONE))
        except Forbidden:
            shown.append(Permissions.NONE)
    tried = [(str(index), operation) for index, (_, _, _, operation) in enumerate(CASES)]
    expected = json.loads(run_as(persona, PROBES, theirs, json.dumps(["scratch", tried])))
    wrong = []
    for index, ((*what, operation), refused) in enumerate(zip(CASES, expected, strict=True)):
        before = facts(ours / str(index))
        try:
            await attempt(storage, str(index), operation)
            outcome = ""
        except ClawgateError as error:
            outcome = f"{type(error).__name__}: {error}"
            if not isinstance(error, Forbidden) or facts(ours / str(index)) != before:
                wrong.append((operation, what, outcome, "changed something"))
        if bool(outcome) != bool(refused):
            wrong.append((operation, what, f"gateway {outcome!r}", f"disk {refused!r}"))
        if not refused and operation in ("write", "mkdir", "make_in", "rename", "delete", "list", "read"):
            ours_now, theirs_now = facts(ours / str(index)), facts(theirs / str(index))
            if ours_now != theirs_now:
                wrong.append((operation, what, "made", {k: (v, theirs_now.get(k)) for k, v in ours_now.items()}))
        if operation == "rmdir" and what[2] == UNKNOWN and not shown[index]:
            # Empty, but who cannot look into it cannot know.
            continue
        if operation in SHOWN and (SHOWN[operation][1] in shown[index]) != (not refused):
            wrong.append((operation, what, f"shown {shown[index]}", f"disk {refused!r}"))
    assert not wrong, "\n".join(map(str, wrong))
    assert {bool(refused) for refused in expected} == {True, False}

"""What people could prepare on disk to get the gateway to do something for them."""

from __future__ import annotations

import json
import os

import pytest

from clawgate.errors import ClawgateError, Forbidden, StorageUnavailable
from clawgate.model.content import Intent
from clawgate.model.path import ROOT
from clawgate.model.path import Path as NodePath
from clawgate.storage.posix import PosixOptions, PosixStorage
from clawgate.storage.posix.identity import own_of
from clawgate.storage.posix.kernel import handle
from clawgate.testing.tools import body_of

from .people import ANN, BOB, facl, storage_for

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def shared(root):
    root.chmod(0o777)
    (root / ".clawgate").mkdir()
    (root / ".clawgate").chmod(0o1733)
    return root


def give(path, persona, mode=None):
    os.chown(path, persona.uid, persona.gid)
    if mode is not None:
        path.chmod(mode)


async def put(storage, path, content=b"new"):
    return await storage.write(NodePath(path), body_of(content), Intent(size=len(content)))


@pytest.mark.parametrize("how", ["a link", "a link on the way", "a file"])
async def test_the_way_to_a_root_through_a_folder_of_somebody(tmp_path, people, door, how):
    """The gateway opens roots with its own rights: nobody leads it to where they cannot go."""
    (tmp_path / "secret" / "root").mkdir(parents=True)
    (tmp_path / "secret").chmod(0o700)
    (tmp_path / "home").mkdir()
    root = tmp_path / "home" / "way" / "root"
    if how == "a link":
        root.parent.mkdir()
        root.symlink_to(tmp_path / "secret" / "root")
        os.chown(root, ANN.uid, ANN.gid, follow_symlinks=False)
    elif how == "a link on the way":
        root.parent.symlink_to("../secret")
        os.chown(root.parent, ANN.uid, ANN.gid, follow_symlinks=False)
    else:
        root.parent.mkdir()
        root.write_bytes(b"")
    storage = storage_for(root, ANN, people, door)
    with pytest.raises(StorageUnavailable):
        await storage.stat(ROOT)
    # What the administrator has put there is followed.
    for path in (root, root.parent):
        if path.is_symlink():
            os.chown(path, 0, 0, follow_symlinks=False)
            assert await storage.stat(ROOT)


async def test_notes_of_others_are_not_believed(shared, workers, people, door):
    """Clearing up moves and removes with the gateway's rights what the gateway has left, and nothing else."""
    staging = shared / ".clawgate"
    (shared / "keep").mkdir()
    give(shared / "keep", BOB, 0o700)
    descriptor = PosixStorage(str(shared), workers, PosixOptions())._ground.root()
    waiting = staging / f"in-{TOKEN}"
    waiting.write_bytes(b"planted")
    own = own_of(descriptor, descriptor.fd, f".clawgate/in-{TOKEN}".encode())
    note = staging / f"note-{TOKEN}"
    note.write_text(json.dumps({"own": own, "source": "keep/planted", "target": "keep/target"}))
    away = staging / f"away-{TOKEN}"
    away.write_text("keep")
    (shared / "keep" / f".clawgate-tmp-{TOKEN}").write_bytes(b"bob's, on its way")
    for path in (waiting, note, away):
        give(path, ANN, 0o666)

    async def nobody(uid, gid):
        raise Forbidden("not here")

    caretaker = PosixStorage(str(shared), workers, PosixOptions(), colleague=nobody)
    assert await caretaker.abilities.janitor.sweep(frozenset(), 0) == 0
    assert sorted(os.listdir(shared / "keep")) == [f".clawgate-tmp-{TOKEN}"]
    assert {path.name for path in staging.iterdir()} == {waiting.name, note.name, away.name}
    # Its own are.
    for path in (waiting, note, away):
        os.chown(path, 0, 0)
    await caretaker.abilities.janitor.sweep(frozenset(), 0)
    assert os.listdir(shared / "keep") == ["planted"]
    assert handle(descriptor.fd, b"keep") is not None


async def test_a_staging_folder_of_somebody_else(shared, people, door):
    storage = storage_for(shared, ANN, people, door, shared=True)
    own = shared / ".clawgate" / str(ANN.uid)
    own.mkdir(0o777)
    give(own, BOB, 0o777)
    with pytest.raises(StorageUnavailable, match="somebody else has taken the place"):
        await put(storage, "new")
    own.rmdir()
    for owner, mode, reason in (
        (BOB.uid, 0o1733, "belongs to a person"),
        (0, 0o733, "not protected"),
        (0, 0o1711, "nobody may put"),
    ):
        os.chown(shared / ".clawgate", owner, 0)
        (shared / ".clawgate").chmod(mode)
        with pytest.raises(StorageUnavailable, match=reason):
            await put(storage_for(shared, ANN, people, door, shared=True), "new")
    (shared / ".clawgate").rmdir()
    (shared / ".clawgate").symlink_to("elsewhere")
    with pytest.raises(ClawgateError):
        await put(storage_for(shared, ANN, people, door, shared=True), "new")
    assert sorted(os.listdir(shared)) == [".clawgate"]


async def test_ones_own_staging_folder_must_be_ones_own(root, people, door):
    give(root, ANN, 0o777)
    (root / ".clawgate").mkdir()
    give(root / ".clawgate", BOB, 0o777)
    with pytest.raises(StorageUnavailable, match="somebody else has taken the place"):
        await put(storage_for(root, ANN, people, door), "new")
    assert os.listdir(root / ".clawgate") == []


async def test_what_is_replaced_hands_down_no_more_than_it_should(shared, people, door):
    """Neither the rights to run as somebody, nor a group's rights to another group."""
    cases = {
        # name: owner, group, mode, ACL -> group and mode as bob's
        "own": ((BOB.uid, BOB.gid, 0o6755, ""), (BOB.gid, 0o755)),
        "suid": ((ANN.uid, 3100, 0o6777, ""), (3100, 0o777)),
        "common": ((ANN.uid, 3100, 0o664, ""), (3100, 0o664)),
        "foreign": ((ANN.uid, 3300, 0o662, ""), (BOB.gid, 0o622)),
        "acl": ((ANN.uid, 3300, 0o660, "u:3002:rw,g::rw"), (BOB.gid, 0o660)),
    }
    for name, ((uid, gid, mode, acl), _) in cases.items():
        (shared / name).write_bytes(b"old")
        os.chown(shared / name, uid, gid)
        (shared / name).chmod(mode)
        if acl:
            facl(acl, shared / name)
    storage = storage_for(shared, BOB, people, door, shared=True)
    for name, (_, (gid, mode)) in cases.items():
        await put(storage, name)
        state = (shared / name).stat()
        assert (state.st_uid, state.st_gid, oct(state.st_mode & 0o7777)) == (BOB.uid, gid, oct(mode)), name
    # The mask still lets bob's own entry count; the group itself has what everybody has.
    acl = os.getxattr(shared / "acl", "system.posix_acl_access")
    entries = {
        int.from_bytes(acl[at : at + 2], "little"): int.from_bytes(acl[at + 2 : at + 4], "little") for at in range(4, len(acl), 8)
    }
    assert (entries[2], entries[4], entries[0x20]) == (6, 0, 0)


async def test_a_copy_of_what_cannot_all_be_read_leaves_nothing(shared, people, door, staged):
    (shared / "tree" / "below").mkdir(parents=True)
    (shared / "tree" / "open").write_bytes(b"x")
    (shared / "tree" / "below" / "shut").write_bytes(b"x")
    (shared / "tree" / "below" / "shut").chmod(0o600)
    storage = storage_for(shared, ANN, people, door, shared=True)
    with pytest.raises(Forbidden):
        await storage.abilities.copy.copy(NodePath("tree"), NodePath("copied"), replace=False)
    assert sorted(os.listdir(shared)) == [".clawgate", "tree"]
    assert await staged(below=str(ANN.uid)) == []


async def test_a_folder_is_removed_as_a_whole_or_not_at_all(shared, people, door, staged):
    """Also when what is in the way lies deep, and when it is replaced."""
    storage = storage_for(shared, ANN, people, door, shared=True)
    deep = shared / "tree" / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"x")
    for path in (shared / "tree", shared / "tree" / "a"):
        path.chmod(0o777)
    (shared / "mine").mkdir()
    give(shared / "mine", ANN)
    for attempt in (
        lambda: storage.remove(NodePath("tree")),
        lambda: storage.move(NodePath("mine"), NodePath("tree"), replace=True),
        lambda: storage.abilities.copy.copy(NodePath("mine"), NodePath("tree"), replace=True),
    ):
        with pytest.raises(Forbidden):
            await attempt()
        assert (deep / "file").exists()
        assert (shared / "mine").exists()
    deep.chmod(0o777)
    (shared / "tree" / "a" / "empty").mkdir()
    await storage.move(NodePath("mine"), NodePath("tree"), replace=True)
    assert os.listdir(shared / "tree") == []
    assert (shared / "tree").stat().st_uid == ANN.uid
    # Folders of others in it are gone as well: who may empty them may remove them.
    assert await staged(below=str(ANN.uid)) == []

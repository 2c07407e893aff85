"""Trash and versions of people who work as themselves."""

from __future__ import annotations

import os

import pytest
import pytest_twisted

from clawgate.errors import Forbidden, NotFound
from clawgate.model.path import Path
from clawgate.testing.conformance import SMALL, StorageConformance, children, get, put
from clawgate.testing.history import trashed

from .people import ANN, BOB, storage_for

KEEPING = {"trash": "hidden", "versions": True, "durability": "none"}


@pytest.fixture
def shared(root):
    """A folder that both may change, and a staging folder for all."""
    root.chmod(0o777)
    (root / ".clawgate").mkdir()
    (root / ".clawgate").chmod(0o1733)
    return root


class TestSharedTree(StorageConformance):
    @pytest.fixture
    def storage(self, root, people, door, staged):
        os.chown(root, ANN.uid, ANN.gid)
        (root / ".clawgate").mkdir()
        (root / ".clawgate").chmod(0o1733)
        self.staged = staged
        return storage_for(root, ANN, people, door, shared=True, small_bytes=100, **KEEPING)

    async def leftovers(self, storage):
        return await self.staged(below=str(ANN.uid), apart=("trash", "versions"))


def two(root, people, door):
    return [storage_for(root, who, people, door, shared=True, **KEEPING) for who in (ANN, BOB)]


@pytest_twisted.ensureDeferred
async def test_everybody_has_a_trash_of_their_own(shared, people, door):
    ann, bob = two(shared, people, door)
    await put(ann, "ann's", SMALL)
    (shared / "ann's").chmod(0o666)
    await ann.make_folder(Path("folder"))
    await put(ann, "folder/file", SMALL)
    await bob.abilities.trash.discard(Path("ann's"))
    assert sorted(await children(bob)) == ["folder"]
    assert list(await trashed(bob.abilities.trash)) == ["ann's"]
    assert await trashed(ann.abilities.trash) == {}
    key = (await trashed(bob.abilities.trash))["ann's"].key
    with pytest.raises(NotFound):
        await ann.abilities.trash.find(key)
    with pytest.raises(NotFound):
        await ann.abilities.trash.purge(key)
    # What cannot be emptied cannot be discarded.
    with pytest.raises(Forbidden):
        await bob.abilities.trash.discard(Path("folder"))
    assert sorted(await children(ann)) == ["folder"]
    await bob.abilities.trash.restore(key, Path("back"), replace=False)
    assert await get(ann, "back") == SMALL
    assert os.stat(shared / "back").st_uid == ANN.uid
    assert {entry.st_uid for entry in (os.stat(path) for path in (shared / ".clawgate").iterdir())} == {ANN.uid, BOB.uid}


@pytest_twisted.ensureDeferred
async def test_whoever_overwrites_keeps_the_version(shared, people, door):
    ann, bob = two(shared, people, door)
    await put(ann, "file", b"of ann")
    (shared / "file").chmod(0o666)
    await put(bob, "file", b"of bob")
    assert [one.size for one in await bob.abilities.versions.list(Path("file"))] == [6]
    assert not await ann.abilities.versions.list(Path("file"))
    (one,) = await bob.abilities.versions.list(Path("file"))
    await bob.abilities.versions.restore(Path("file"), one.key)
    assert await get(ann, "file") == b"of ann"
    # The inode is ann's, and bob could not give it mode and ACL of the present one.
    assert os.stat(shared / "file").st_uid == BOB.uid


@pytest_twisted.ensureDeferred
async def test_a_file_that_may_not_be_read_is_replaced_all_the_same(shared, people, door):
    ann, bob = two(shared, people, door)
    await put(ann, "file", b"of ann")
    (shared / "file").chmod(0o622)
    await put(bob, "file", b"of bob")
    assert (shared / "file").read_bytes() == b"of bob"
    assert not await bob.abilities.versions.list(Path("file")), "the kernel gives no second name for it"
    (shared / "file").chmod(0o600)
    await put(bob, "other", b"other")
    await bob.move(Path("other"), Path("file"), replace=True)
    assert (shared / "file").read_bytes() == b"other"

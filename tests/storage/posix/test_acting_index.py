"""What several people see of one index: each what they may, and nobody makes the others lose something."""

from __future__ import annotations

import os

import pytest
import pytest_twisted

from clawgate.errors import Forbidden, NotFound
from clawgate.index import schema
from clawgate.index.index import Index
from clawgate.model.content import Intent
from clawgate.model.path import ROOT
from clawgate.model.path import Path as NodePath
from clawgate.state.engine import Database
from clawgate.storage.wrappers.indexed import Indexed
from clawgate.testing.tools import body_of

from .people import ANN, BOB, storage_for


@pytest_twisted.async_yield_fixture
async def both(root, tmp_path, workers, people, door):
    """Ann's and Bob's storage of one tree, of which Ann has seen everything."""
    root.chmod(0o777)
    (root / ".clawgate").mkdir()
    (root / ".clawgate").chmod(0o1733)
    private = root / "private"
    (private / "below").mkdir(parents=True)
    (private / "file").write_bytes(b"secret")
    (private / "below" / "deep").write_bytes(b"secret")
    for path in (private, *private.rglob("*")):
        os.chown(path, ANN.uid, ANN.gid)
    private.chmod(0o700)
    (root / "open").write_bytes(b"open")
    database = Database(f"sqlite:///{tmp_path}/index.db", workers, schema.SCHEMA, synchronous="NORMAL")
    await database.start()
    index = await Index(database, 1000, 30.0).space("common$common")
    clock = lambda: 1000.0  # noqa: E731 - time stands still: nothing gets old
    storages = [Indexed(storage_for(root, one, people, door, shared=True), index, clock, 0, guest=True) for one in (ANN, BOB)]
    for folder in ("", "private", "private/below"):
        await names(storages[0], folder)
    yield storages
    await database.stop()


async def names(storage, path):
    return sorted([node.name async for page in (await storage.list(NodePath(path))).pages for node in page])


async def test_what_others_have_seen_is_not_shown(both):
    ann, bob = both
    secret = (await ann.stat(NodePath("private/below/deep"))).id
    assert await names(bob, "") == ["open", "private"]
    for path in ("private/file", "private/below", "private/below/deep", "private/nothing"):
        with pytest.raises(Forbidden):
            await bob.stat(NodePath(path))
        with pytest.raises(Forbidden):
            await bob.read(NodePath(path))
        with pytest.raises(Forbidden):
            await bob.write(NodePath(path), body_of(b"x"), Intent(size=1))
    for path in ("private", "private/below"):
        with pytest.raises(Forbidden):
            await bob.list(NodePath(path))
    with pytest.raises(Forbidden):
        await bob.abilities.find.find(secret)
    assert await ann.abilities.find.find(secret) == "private/below/deep"


async def test_what_one_may_not_see_is_not_gone(both):
    ann, bob = both
    before = {path: await ann.stat(NodePath(path)) for path in ("", "private", "private/file", "private/below/deep")}
    for path in ("private", "private/below", "private/file"):
        for attempt in (bob.list, bob.stat, bob.read, bob.remove):
            # That it is there, and is a folder, can be seen from above.
            if path != "private" or attempt not in (bob.stat, bob.read):
                with pytest.raises(Forbidden):
                    await attempt(NodePath(path))
    assert {path: await ann.stat(NodePath(path)) for path in before} == before
    assert await names(ann, "private") == ["below", "file"]


async def test_a_change_in_a_shut_folder_does_not_shut_what_is_above(both, root):
    """It shows from outside that something was made in there; nobody needs to see what."""
    ann, bob = both
    (root / "private" / "new").write_bytes(b"new")
    assert await names(bob, "") == ["open", "private"]
    assert (await bob.stat(ROOT)).is_folder
    assert await names(ann, "private") == ["below", "file", "new"]


async def test_a_root_that_can_only_be_passed(both, root):
    ann, bob = both
    os.chown(root, ANN.uid, ANN.gid)
    root.chmod(0o711)
    (root / "more").write_bytes(b"more")
    assert (await bob.stat(NodePath("open"))).size == 4
    assert (await bob.stat(NodePath("more"))).size == 4
    with pytest.raises(Forbidden):
        await bob.list(ROOT)
    assert await names(ann, "") == ["more", "open", "private"]


async def test_a_second_name_does_not_take_away_the_first(both, root):
    """Bob finds a name of a file whose other one he cannot look for."""
    ann, bob = both
    before = await ann.stat(NodePath("private/file"))
    os.link(root / "private" / "file", root / "linked")
    assert "linked" in await names(bob, "")
    assert (await bob.stat(NodePath("linked"))).id != before.id
    assert (await ann.stat(NodePath("private/file"))).id == before.id


@pytest.mark.parametrize("hers", ["private/file", "unreadable"])
async def test_nobody_takes_over_the_id_of_anothers_file(both, root, hers):
    """By writing it into the attribute of one's own, and being the one who finds it."""
    ann, bob = both
    for content in (b"first", b"newer"):
        # Only what was replaced has an id that the inode alone does not tell.
        await ann.write(NodePath(hers), body_of(content), Intent(size=5))
        (root / hers).chmod(0o600)
    before = await ann.stat(NodePath(hers))
    await bob.write(NodePath("mine"), body_of(b"x"), Intent(size=1))
    own = (await bob.inner.identify(ROOT, ["mine"]))["mine"].own
    os.setxattr(root / "mine", "user.clawgate", f"own={own}\nid={before.id.partition('!')[2]}".encode())
    os.rename(root / "mine", root / "renamed")
    await names(bob, "")
    await names(ann, "")
    assert (await ann.stat(NodePath(hers))).id == before.id
    assert (await bob.stat(NodePath("renamed"))).id != before.id
    assert await ann.abilities.find.find(before.id) == hers


async def test_what_is_really_gone_is_gone_for_all(both, root):
    ann, bob = both
    (root / "open").unlink()
    with pytest.raises(NotFound):
        await bob.stat(NodePath("open"))
    assert await names(ann, "") == ["private"]

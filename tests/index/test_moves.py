"""Renames by others, seen in whichever order: ids, and what hangs on them, stay."""

from __future__ import annotations

import os

import pytest
import pytest_twisted

from clawgate.model.content import Checksum, Intent
from clawgate.model.node import Identity
from clawgate.model.path import ROOT, Path
from clawgate.storage.posix import identity as posix_identity
from clawgate.storage.posix import kernel

from .outside import agrees, known, learn

KEPT = 3600


async def once(data: bytes):
    yield data


async def start(house):
    for path in ("a/d/sub", "b"):
        (house.root / path).mkdir(parents=True)
    for path in ("a/f", "a/d/one", "a/d/sub/two"):
        (house.root / path).write_bytes(path.encode())
    await learn(house.storage)
    # Replaced through the gateway: its id is not that of its inode any more.
    await house.storage.write(Path("a/f"), once(b"new"), Intent(checksums=(Checksum("SHA1", SHA1),)))
    return await known(house.storage)


SHA1 = "c2a6b03f190dfb2b4aa91f8af8d477a9bc3401dc"

orders = pytest.mark.parametrize("order", [("a", "b"), ("b", "a")], ids=["source first", "target first"])


async def scan(storage, order) -> None:
    for path in order:
        await storage.observer.scan(Path(path))


@orders
@pytest_twisted.ensureDeferred
async def test_a_file(house, order):
    before = await start(house)
    (house.root / "a/f").rename(house.root / "b/g")
    await scan(house.storage, order)
    after = await known(house.storage)
    assert after["b/g"] == before["a/f"]
    assert after["b/g"].checksums == f"SHA1:{SHA1}"
    assert "a/f" not in after
    assert all(before[path].etag != after[path].etag for path in ("", "a", "b"))
    assert after["a/d"] == before["a/d"]
    assert await agrees(house.storage)


@orders
@pytest_twisted.ensureDeferred
async def test_a_folder_with_all_below(house, order):
    before = await start(house)
    (house.root / "a/d").rename(house.root / "b/e")
    await scan(house.storage, order)
    after = await known(house.storage)
    for path in ("", "/one", "/sub", "/sub/two"):
        assert after[f"b/e{path}"] == before[f"a/d{path}"]
    assert await agrees(house.storage)
    assert (await house.storage.stat(Path("b"))).size == len("a/d/one" + "a/d/sub/two")
    assert await house.storage.abilities.find.find((await house.storage.stat(Path("b/e/sub/two"))).id) == "b/e/sub/two"


@orders
@pytest_twisted.ensureDeferred
async def test_changed_on_the_way(house, order):
    before = await start(house)
    (house.root / "a/f").rename(house.root / "b/f")
    (house.root / "b/f").write_bytes(b"longer than before")
    (house.root / "a/d").rename(house.root / "b/d")
    (house.root / "b/d/more").touch()
    (house.root / "b/d/sub/more").touch()
    await scan(house.storage, order)
    after = await known(house.storage)
    for old, new in (("a/f", "b/f"), ("a/d", "b/d"), ("a/d/sub", "b/d/sub")):
        assert after[new].id == before[old].id
        assert after[new].etag != before[old].etag
    assert after["b/f"].checksums == ""
    assert (await house.storage.stat(Path("b/f"))).size == 18
    assert after["b/d/one"] == before["a/d/one"]
    assert await agrees(house.storage)


@orders
@pytest_twisted.ensureDeferred
async def test_where_the_storage_cannot_keep_ids(house, order, monkeypatch):
    monkeypatch.setattr(kernel, "get_xattr", lambda path, name, *, follow: b"")
    monkeypatch.setattr(posix_identity, "keep", lambda target, identity, state: None)
    before = await start(house)
    (house.root / "a/f").rename(house.root / "b/g")
    await scan(house.storage, order)
    assert (await known(house.storage))["b/g"].id == before["a/f"].id
    assert await agrees(house.storage)


@orders
@pytest_twisted.ensureDeferred
async def test_a_second_name_of_a_file(house, order):
    await start(house)
    os.link(house.root / "a/f", house.root / "a/second")
    await scan(house.storage, ["a"])
    before = await known(house.storage)
    assert before["a/second"].id != before["a/f"].id
    (house.root / "a/second").rename(house.root / "b/second")
    await scan(house.storage, order)
    after = await known(house.storage)
    assert after["b/second"].id == before["a/second"].id
    assert after["a/f"].id == before["a/f"].id
    os.link(house.root / "a/f", house.root / "b/third")
    os.link(house.root / "a/f", house.root / "a/second")
    await scan(house.storage, order)
    after = await known(house.storage)
    names = {after[path].id for path in ("a/f", "a/second", "b/second", "b/third")}
    assert len(names) == 4
    assert await agrees(house.storage)


@orders
@pytest_twisted.ensureDeferred
async def test_over_another_file(house, order):
    before = await start(house)
    (house.root / "b/g").write_bytes(b"replaced")
    await scan(house.storage, ["b"])
    (house.root / "a/d/one").rename(house.root / "b/g")
    await scan(house.storage, ["a/d" if path == "a" else path for path in order])
    after = await known(house.storage)
    assert after["b/g"].id == before["a/d/one"].id
    assert await agrees(house.storage)


@pytest_twisted.ensureDeferred
async def test_the_old_folder_is_gone_as_well(house):
    before = await start(house)
    (house.root / "a/d/one").rename(house.root / "b/one")
    (house.root / "a/d/sub/two").rename(house.root / "b/two")
    (house.root / "a/d/sub").rmdir()
    (house.root / "a/d").rmdir()
    await scan(house.storage, ["b"])
    after = await known(house.storage)
    assert after["b/one"].id == before["a/d/one"].id
    assert after["b/two"].id == before["a/d/sub/two"].id
    await scan(house.storage, ["a"])
    assert await agrees(house.storage)


@pytest_twisted.ensureDeferred
async def test_out_of_a_folder_that_was_moved_and_has_vanished(house):
    before = await start(house)
    (house.root / "a/d/sub").rename(house.root / "b/sub")
    (house.root / "a/d").rename(house.root / "b/sub/d")
    await scan(house.storage, ["a", "b"])
    after = await known(house.storage)
    assert after["b/sub"].id == before["a/d/sub"].id
    assert after["b/sub/d"].id == before["a/d"].id
    assert await agrees(house.storage)


@pytest_twisted.ensureDeferred
async def test_a_folder_into_what_was_below_it_and_that_in_its_place(house):
    """What the index says of the places would be a circle."""
    before = await start(house)
    (house.root / "a/d/sub").rename(house.root / "a/x")
    (house.root / "a/d").rename(house.root / "a/x/d")
    (house.root / "a/new").mkdir()
    (house.root / "a/x").rename(house.root / "a/new/sub")
    (house.root / "a/new").rename(house.root / "a/d")
    # The deepest one first.
    await house.storage.observer.look(Path("a/d/sub/d"))
    await learn(house.storage)
    await scan(house.storage, ["a"])
    await learn(house.storage)
    after = await known(house.storage)
    assert after["a/d/sub"].id == before["a/d/sub"].id
    assert after["a/d/sub/d"].id == before["a/d"].id
    assert after["a/d"].id not in (before["a/d"].id, before["a/d/sub"].id)
    assert await agrees(house.storage)


@pytest_twisted.ensureDeferred
async def test_it_is_remembered_for_a_while(house):
    before = await start(house)
    now = [1_800_000_000.0]
    house.index._now = house.storage.index._now = lambda: now[0]
    elsewhere = house.root.with_name("elsewhere")
    for wait in (KEPT - 10, KEPT + 10):
        (house.root / "a/d").rename(elsewhere)
        await scan(house.storage, ["a"])
        now[0] += wait
        await house.index.tidy()
        elsewhere.rename(house.root / "b/back")
        await scan(house.storage, ["b"])
        after = await known(house.storage)
        # The id is written in the folder itself; what was learned of it is known as long as it is remembered.
        assert after["b/back"].id == before["a/d"].id
        assert ("b/back/sub/two" in after) == (wait < KEPT)
        (house.root / "b/back").rename(house.root / "a/d")
        await scan(house.storage, ["a", "b"])
        await learn(house.storage)
    assert await agrees(house.storage)
    left = await house.database.read(lambda c: c.raw.execute("SELECT count(*) FROM index_node WHERE parent = -1").fetchone()[0])
    assert left == 0


@pytest_twisted.ensureDeferred
async def test_what_was_removed_through_the_gateway_is_swept_a_little_at_a_time(house, monkeypatch):
    monkeypatch.setattr("clawgate.index.sweeping.ROWS", 3)
    await start(house)
    for number in range(10):
        (house.root / f"a/d/sub/n{number}").touch()
        (house.root / f"a/d/m{number}").mkdir()
    await scan(house.storage, ["a/d", "a/d/sub"])
    await learn(house.storage)
    await house.storage.remove(Path("a"))

    def count(connection):
        return connection.raw.execute("SELECT count(*) FROM index_node").fetchone()[0]

    assert await house.database.read(count) > 20
    await house.index.tidy()
    # The root and b.
    assert await house.database.read(count) == 2
    assert await house.database.read(lambda c: c.raw.execute("SELECT count(*) FROM index_print").fetchone()[0]) == 2


@pytest_twisted.ensureDeferred
async def test_a_number_that_is_used_again_where_there_is_nothing_else(house, monkeypatch):
    """File systems without file handles."""
    monkeypatch.setattr(kernel, "handle", lambda folder, name: None)
    storage = await house.reopen(forget=True)
    house.storage = storage
    (house.root / "a").mkdir()
    (house.root / "b").mkdir()
    (house.root / "a/f").write_bytes(b"first")
    await learn(storage)
    before = await known(storage)
    number = before["a/f"].id
    assert number == f"i{(house.root / 'a/f').stat().st_ino:x}"
    (house.root / "a/f").unlink()
    await scan(storage, ["a"])
    (house.root / "b/other").write_bytes(b"another one")

    async def identify(folder, names):
        return {name: Identity(number, number) for name in names}

    monkeypatch.setattr(storage.observer._ids, "identify", identify)
    await scan(storage, ["b"])
    monkeypatch.undo()
    after = await known(storage)
    assert after["b/other"].etag != before["a/f"].etag
    assert (await storage.stat(Path("b/other"))).size == 11
    rows = await storage.index.database.read(lambda c: c.raw.execute("SELECT no, name FROM index_node").fetchall())
    # It is not the row of the first one, which is forgotten.
    assert len([name for _, name in rows if name == "other"]) == 1
    assert (await storage.stat(ROOT)).size == 11

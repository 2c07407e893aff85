"""Storage and index together, on a real directory."""

from __future__ import annotations

import os
import random
import subprocess

import pytest
import pytest_twisted

from clawgate.errors import NotFound, StorageUnavailable
from clawgate.index import maintenance
from clawgate.model.content import Intent
from clawgate.model.path import ROOT, Path, is_within, join, split

pytestmark = pytest.mark.usefixtures("house")


async def once(data: bytes):
    if data:
        yield data


async def put(storage, path: str, data: bytes, **intent):
    return (await storage.write(Path(path), once(data), Intent(size=len(data), **intent))).node


async def listing(storage, path: str = ""):
    found = await storage.list(Path(path))
    return found.folder, {node.name: node async for page in found.pages for node in page}


async def snapshot(storage, path: Path = ROOT):
    """etag and id of everything below `path`, by listing it all."""
    folder, children = await listing(storage, path)
    found = {path: (folder.etag, folder.id)}
    for name, node in children.items():
        below = join(path, name)
        found[below] = (node.etag, node.id)
        if node.is_folder:
            found.update(await snapshot(storage, below))
    return found


async def settled(storage):
    """Snapshot once nothing is left to learn."""
    await snapshot(storage)
    return await snapshot(storage)


async def check(house):
    findings = await maintenance.verify(house.database, house.storage.inner, "home$alice", lambda folders, nodes: None)
    assert findings == []


@pytest_twisted.ensureDeferred
async def test_existing_tree_is_learned_without_moving_etags(house):
    (house.root / "a/b").mkdir(parents=True)
    (house.root / "a/b/c.txt").write_bytes(b"hello")
    before = (await house.storage.stat(ROOT)).etag
    first = await snapshot(house.storage)
    second = await snapshot(house.storage)

    assert first == second
    assert first[ROOT][0] == before
    assert (await house.storage.stat(Path("a"))).size == 5
    assert (await house.storage.stat(ROOT)).size == 5
    await check(house)


@pytest_twisted.ensureDeferred
async def test_every_change_moves_exactly_the_etags_above(house):
    storage = house.storage
    rng = random.Random(7)
    tree: dict[str, str] = {"": "folder"}
    await listing(storage)

    def folders():
        return [path for path, kind in tree.items() if kind == "folder"]

    def files():
        return [path for path, kind in tree.items() if kind == "file"]

    def fresh():
        return join(Path(rng.choice(folders())), f"n{rng.randrange(10**6)}")

    def drop(path):
        for known in [p for p in tree if p == path or p.startswith(f"{path}/")]:
            del tree[known]

    for _step in range(150):
        before = await settled(storage)
        action = rng.choice(["put", "put", "over", "mkcol", "remove", "move", "copy", "touch"])
        touched: set[str] = set()
        gone = new = None
        if action == "put":
            new = fresh()
            await put(storage, new, os.urandom(rng.randrange(100)))
            tree[new] = "file"
        elif action == "over" and files():
            path = rng.choice(files())
            await put(storage, path, os.urandom(50), mtime_ns=1_700_000_000_000_000_000)
            touched.add(path)
        elif action == "touch" and files():
            path = rng.choice(files())
            await storage.abilities.times.touch(Path(path), rng.randrange(10**18))
            touched.add(path)
        elif action == "mkcol":
            new = fresh()
            await storage.make_folder(Path(new))
            tree[new] = "folder"
        elif action == "remove" and len(tree) > 5:
            gone = rng.choice([path for path in tree if path])
            await storage.remove(Path(gone))
            drop(gone)
        elif action in ("move", "copy") and len(tree) > 3:
            source = rng.choice([path for path in tree if path])
            targets = [p for p in folders() if p != source and not p.startswith(f"{source}/")]
            new = join(Path(rng.choice(targets)), f"m{rng.randrange(10**6)}")
            below = {new + path[len(source) :]: kind for path, kind in tree.items() if is_within(Path(path), Path(source))}
            if action == "move":
                gone = source
                await storage.move(Path(source), Path(new), replace=False)
                drop(source)
            else:
                await storage.abilities.copy.copy(Path(source), Path(new), replace=False)
            tree.update(below)
        else:
            continue
        after = await snapshot(storage)

        assert set(after) == set(tree)
        changed = {path for path in before if path in after and before[path][0] != after[path][0]}
        expected = set(touched)
        for path in (*touched, *filter(None, (gone, new))):
            at = Path(path)
            while at:
                at = split(at)[0]
                expected.add(at)
        assert changed == {path for path in expected if path in before and path in after}, action
        assert all(before[path][1] == after[path][1] for path in before if path in after), "ids stay"
        if action == "move" and gone:
            assert before[gone][1] == after[new][1]
        assert len({id for _, id in after.values()}) == len(after)
    await check(house)
    disk = {str(path.relative_to(house.root)) for path in house.root.rglob("*")}
    assert {p for p in disk if not p.startswith(".clawgate")} == set(tree) - {""}


@pytest_twisted.ensureDeferred
async def test_outside_changes_show_in_a_listing_and_move_the_root(house):
    storage = house.storage
    await put(storage, "keep.txt", b"1")
    await storage.make_folder(Path("d"))
    await put(storage, "d/x.txt", b"x")
    before = await settled(storage)

    (house.root / "d/x.txt").write_bytes(b"changed outside")
    (house.root / "d/new.txt").write_bytes(b"new")
    _, children = await listing(storage, "d")

    assert children["x.txt"].size == 15
    assert set(children) == {"x.txt", "new.txt"}
    after = await snapshot(storage)
    assert {path for path in before if before[path][0] != after[path][0]} == {"", "d", "d/x.txt"}
    assert after["d/x.txt"][1] == before["d/x.txt"][1]
    assert (await storage.stat(ROOT)).size == 1 + 15 + 3

    os.unlink(house.root / "d/x.txt")
    _, children = await listing(storage, "d")
    assert set(children) == {"new.txt"}
    await check(house)


@pytest_twisted.ensureDeferred
async def test_a_change_one_level_down_shows_in_the_parents_listing(house):
    storage = house.storage
    await storage.make_folder(Path("d"))
    await put(storage, "d/x.txt", b"x")
    before = await settled(storage)

    (house.root / "d/y.txt").write_bytes(b"y")
    house.clock.now += house.staleness + 1
    folder, children = await listing(storage)

    assert children["d"].etag != before["d"][0]
    assert folder.etag != before[""][0]


@pytest_twisted.ensureDeferred
async def test_ids_and_file_etags_survive_the_loss_of_the_index(house):
    storage = house.storage
    await storage.make_folder(Path("d"))
    await put(storage, "d/a", b"1")
    await put(storage, "d/a", b"22")
    (house.root / "old.txt").write_bytes(b"older than the gateway")
    before = await settled(storage)

    storage = await house.reopen(forget=True)
    after = await settled(storage)

    assert {path: id for path, (_, id) in after.items()} == {path: id for path, (_, id) in before.items()}
    assert after["d/a"] == before["d/a"]
    assert after["old.txt"] == before["old.txt"]
    assert after["d"][0] != before["d"][0]
    assert after[""][0] != before[""][0]


@pytest_twisted.ensureDeferred
async def test_changes_while_the_gateway_was_down_are_found(house):
    storage = house.storage
    await storage.make_folder(Path("d"))
    await put(storage, "d/a", b"1")
    before = await settled(storage)
    await house.close()
    (house.root / "d/a").write_bytes(b"while it was down")
    (house.root / "e").mkdir()

    storage = await house.open()
    await listing(storage, "d")
    after = await snapshot(storage)

    assert after["d/a"][0] != before["d/a"][0]
    assert after["d"][0] != before["d"][0]
    assert after[""][0] != before[""][0]
    assert "e" in after


@pytest_twisted.ensureDeferred
async def test_an_outside_move_keeps_the_id(house):
    storage = house.storage
    await storage.make_folder(Path("d"))
    await storage.make_folder(Path("e"))
    await put(storage, "d/a", b"1")
    await put(storage, "d/a", b"2")
    before = await settled(storage)

    os.rename(house.root / "d/a", house.root / "e/b")
    after = await settled(storage)
    assert after["e/b"] == before["d/a"]
    assert "d/a" not in after

    os.rename(house.root / "e", house.root / "d/f")
    after = await settled(storage)
    assert after["d/f"][1] == before["e"][1]
    assert after["d/f/b"] == before["d/a"]
    await check(house)


@pytest_twisted.ensureDeferred
async def test_hard_links_and_copies_have_ids_of_their_own(house):
    storage = house.storage
    await put(storage, "a", b"1")
    await put(storage, "a", b"2")
    before = await settled(storage)
    os.link(house.root / "a", house.root / "b")
    subprocess.run(["cp", "-a", house.root / "a", house.root / "c"], check=True)  # noqa: ASYNC221
    after = await settled(storage)

    assert after["a"][1] == before["a"][1]
    assert len({id for _, id in after.values()}) == 4
    assert await settled(storage) == after


@pytest_twisted.ensureDeferred
async def test_replacing_by_rename_outside_keeps_the_id_of_the_name(house):
    storage = house.storage
    await put(storage, "a", b"1")
    before = await settled(storage)
    (house.root / "a.tmp").write_bytes(b"saved by an editor")
    os.rename(house.root / "a.tmp", house.root / "a")
    after = await settled(storage)

    assert after["a"][1] == before["a"][1]
    assert after["a"][0] != before["a"][0]
    await house.close()
    storage = await house.reopen(forget=True)
    assert (await settled(storage))["a"] == after["a"]


@pytest_twisted.ensureDeferred
async def test_a_listing_served_by_a_voucher_is_still_true(house):
    storage = house.storage
    await storage.make_folder(Path("d"))
    await put(storage, "d/a", b"1")
    first = await storage.list(Path("d"))
    await first.pages.aclose()
    second = await storage.list(Path("d"))
    await second.pages.aclose()
    assert first.version
    third = await storage.list(Path("d"))
    await third.pages.aclose()
    assert third.version == second.version

    (house.root / "d/a").write_bytes(b"22")
    changed = await storage.list(Path("d"))
    assert changed.version != third.version
    nodes = {node.name: node async for page in changed.pages for node in page}
    assert nodes["a"].size == 2

    os.rename(house.root / "d", house.root / "moved")
    with pytest.raises(NotFound):
        await storage.list(Path("d"))


@pytest_twisted.ensureDeferred
async def test_reading_gives_the_etag_of_what_is_read(house):
    storage = house.storage
    node = await put(storage, "a", b"1")
    (house.root / "a").write_bytes(b"outside")
    reader = await storage.read(Path("a"))
    data = b"".join([chunk async for chunk in reader.stream()])
    await reader.close()

    assert data == b"outside"
    assert reader.node.etag != node.etag
    assert reader.node.id == node.id
    assert (await storage.stat(Path("a"))).etag == reader.node.etag


@pytest_twisted.ensureDeferred
async def test_a_file_system_that_is_not_mounted_is_no_empty_space(house):
    await house.storage.make_folder(Path("d"))
    await put(house.storage, "d/a", b"1")
    await settled(house.storage)
    await house.close()
    house.root.rename(house.root.with_name("elsewhere"))
    house.root.mkdir()

    storage = await house.open()
    for call in (storage.list(ROOT), storage.stat(ROOT), storage.stat(Path("d/a")), storage.read(Path("d/a"))):
        with pytest.raises(StorageUnavailable, match="mounted"):
            await call

    await house.close()
    house.root.rmdir()
    house.root.with_name("elsewhere").rename(house.root)
    storage = await house.open()
    assert "d" in (await listing(storage))[1]

    # The same while the gateway runs.
    house.root.rename(house.root.with_name("elsewhere"))
    house.root.mkdir()
    house.clock.now += house.staleness + 1
    for call in (storage.list(ROOT), storage.list(Path("d")), storage.stat(Path("d/a")), storage.stat(ROOT)):
        with pytest.raises(StorageUnavailable, match="mounted"):
            await call
    house.root.rmdir()
    house.root.with_name("elsewhere").rename(house.root)
    assert set((await listing(storage, "d"))[1]) == {"a"}

"""How often EOS is asked, and what only the memory of the gateway makes right: etags after changes of its own."""

from __future__ import annotations

import pytest

from clawgate.model.content import Intent
from clawgate.model.path import ROOT, Path
from clawgate.storage.wrappers.native import Native
from clawgate.testing.conformance import body_of, children, get, put


@pytest.fixture
def version():
    return "5.4"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def calls(double):
    found = double.record.calls()
    double.record.clear()
    return found


async def opened(mounting, seconds=1.0, **flags):
    mounted = await mounting(**flags)
    clock = Clock()
    storage = Native(await mounted.open(), "home$alice", clock, seconds)
    # From now on it is known who she is and what she may see.
    await storage.stat(ROOT)
    await storage.list(ROOT)
    clock.now += 10
    mounted.double.record.clear()
    return storage, mounted.double, clock


async def test_polls(mounting):
    storage, double, clock = await opened(mounting)
    first = await storage.stat(ROOT)
    assert calls(double) == ["mgm PROPFIND"]
    for _ in range(5):
        assert await storage.stat(ROOT) == first
    assert calls(double) == []
    clock.now += 1
    await storage.stat(ROOT)
    assert calls(double) == ["mgm PROPFIND"]


async def test_trash_moves_etags(mounting):
    """Also where EOS has yet to move its own; nothing that was known of what comes back is taken for it."""
    storage, double, _clock = await opened(mounting, propagation=1000.0)
    await storage.make_folder(Path("a"))
    await storage.make_folder(Path("b"))
    await put(storage, "a/file", b"x")

    async def seen():
        return [(await storage.stat(Path(path))).etag for path in ("", "a", "b")]

    etags = [await seen()]
    await storage.abilities.trash.discard(Path("a/file"))
    etags.append(await seen())
    assert etags[0][:2] != etags[1][:2] and etags[0][0] != etags[1][0] and etags[0][1] != etags[1][1]
    (one,) = [one async for page in storage.abilities.trash.list() for one in page]
    assert one.node.id.startswith("home$alice!")
    assert await storage.abilities.trash.find(one.key) == one
    node = await storage.abilities.trash.restore(one.key, Path("b/file"), replace=False)
    assert node.id == one.node.id
    etags.append(await seen())
    assert all(before != after for before, after in zip(etags[1], etags[2], strict=True))
    assert double.record.violations == []


async def test_listings(mounting):
    storage, double, _clock = await opened(mounting)
    for count in (3, 700):
        for number in range(count):
            double.put(f"/eos/user/a/alice/{count} {number}", b"x", owner="alice")
        await children(storage)
        assert calls(double) == ["mgm fileinfo"]
    await storage.abilities.rights.rights(ROOT, ["3 0", "3 1"])
    assert calls(double) == []


async def test_uploads(mounting):
    storage, double, _clock = await opened(mounting)
    for content in (b"new", b"overwritten", b""):
        await put(storage, "file", content)
        assert calls(double) == ["mgm PROPFIND", "mgm PUT", "fst PUT"]
    await storage.write(Path("other"), body_of(b"of unknown length"), Intent())
    assert calls(double) == ["mgm PROPFIND", "mgm PUT", "fst PUT"]


async def test_downloads(mounting):
    storage, double, _clock = await opened(mounting)
    await put(storage, "file", b"0123456789")
    reader = await storage.read(Path("file"))
    assert b"".join([data async for data in reader.stream()]) == b"0123456789"
    calls(double)
    assert b"".join([data async for data in reader.stream(2, 5)]) == b"234"
    assert calls(double) == ["mgm GET", "fst GET"]


@pytest.mark.parametrize("propagates", [True, False])
async def test_etags_have_moved_when_a_change_is_done(mounting, propagates):
    """EOS takes seconds for that, and for ever where it is not set up for it."""
    storage, double, clock = await opened(mounting, propagation=3600)
    if not propagates:
        double.set_attribute("/eos/user/a/alice", "sys.mtime.propagation", None)
    for path in ("a", "a/b", "other"):
        await storage.make_folder(Path(path))
    double.settle()

    async def etags():
        listed = await children(storage)
        found = [(await storage.stat(Path(path))).etag for path in ("", "a", "a/b", "other")]
        assert [listed["a"].etag, listed["other"].etag] == [found[1], found[3]]
        assert (await storage.list(ROOT)).folder.etag == found[0]
        return found

    before = await etags()
    changes = [
        (put(storage, "a/b/file", b"1"), 3),
        (put(storage, "a/b/file", b"2"), 3),
        (storage.move(Path("a/b/file"), Path("a/b/moved"), replace=False), 3),
        (storage.make_folder(Path("a/b/folder")), 3),
        (storage.remove(Path("a/b/folder")), 3),
        (storage.remove(Path("a/b/moved")), 3),
    ]
    seen = [{etag} for etag in before]
    for change, depth in changes:
        await change
        now = await etags()
        for index in range(depth):
            assert now[index] not in seen[index], "an etag did not move, or moved back"
            seen[index].add(now[index])
        assert now[3] == before[3], "an etag moved though nothing changed below"
        assert await etags() == now
        clock.now += 10
        assert await etags() == now


async def test_the_storages_own_etags_are_shown_once_they_have_moved(mounting):
    storage, double, clock = await opened(mounting, propagation=3600)
    await storage.make_folder(Path("a"))
    await storage.stat(ROOT)
    await put(storage, "a/file", b"1")
    clock.now += 10
    assert (await storage.stat(ROOT)).etag != double.etag("/eos/user/a/alice")
    double.settle()
    clock.now += 10
    assert (await storage.stat(ROOT)).etag == double.etag("/eos/user/a/alice")


async def test_a_poll_that_was_overtaken_is_not_kept(mounting):
    storage, _double, _clock = await opened(mounting, seconds=60)
    before = await storage.stat(ROOT)
    await put(storage, "file", b"1")
    assert (await storage.stat(ROOT)).etag != before.etag


async def test_a_change_beside_the_gateway_is_seen(mounting):
    storage, double, clock = await opened(mounting, propagation=0)
    await storage.make_folder(Path("a"))
    before = (await storage.stat(ROOT)).etag
    double.put("/eos/user/a/alice/a/file", b"x", owner="alice")
    clock.now += 1
    assert (await storage.stat(ROOT)).etag != before
    assert await get(storage, "a/file") == b"x"


async def test_a_moved_folder_keeps_what_is_known_of_its_etag(mounting):
    storage, double, _clock = await opened(mounting, propagation=3600)
    for path in ("a", "a/b", "c"):
        await storage.make_folder(Path(path))
    double.settle()
    await storage.stat(Path("a"))
    await put(storage, "a/b/file", b"1")
    shown = (await storage.stat(Path("a"))).etag
    await storage.move(Path("a"), Path("c/moved"), replace=False)
    assert (await storage.stat(Path("c/moved"))).etag == shown


async def test_ids_are_those_of_the_space(mounting):
    storage, _double, _clock = await opened(mounting)
    node = (await put(storage, "file", b"1")).node
    assert node.id.startswith("home$alice!")
    assert (await storage.stat(Path("file"))).id == (await children(storage))["file"].id == node.id
    assert await storage.abilities.find.find(node.id) == Path("file")
    await storage.move(Path("file"), Path("moved"), replace=False)
    assert await storage.abilities.find.find(node.id) == Path("moved")

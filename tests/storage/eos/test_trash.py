"""The recycle bin beyond the conformance suite: whose it is, other ways back, kills in between, instances without one."""

from __future__ import annotations

from contextlib import suppress

import pytest

from clawgate.errors import ClawgateError, Forbidden, NotFound, ParentMissing, QuotaExceeded, StorageBroken, StorageUnavailable
from clawgate.model.path import ROOT, Path
from clawgate.storage.eos import leftovers, recycled
from clawgate.storage.eos.leftovers import sweep
from clawgate.storage.eos.names import HELD
from clawgate.testing.conformance import SMALL, children, get, put, tree
from clawgate.testing.eos import Fault
from clawgate.testing.history import trashed


async def keys(storage) -> dict[str, str]:
    return {origin: one.key for origin, one in (await trashed(storage.abilities.trash)).items()}


@pytest.fixture(params=["5.3"])
def version(request):
    return request.param


async def test_names_in_the_bin(eos):
    """Also those that had to be renamed before EOS could remove them."""
    names = ["with space", "100%", "a&b+c", "a#b", "%2A", "star*", "s*t%2A*", "ä🦞", "dot.d", "x.0123456789abcdef"]
    for name in names:
        await put(eos, name, name.encode())
        await eos.make_folder(Path(f"d {name}"))
        await put(eos, f"d {name}/{name}", SMALL)
    for name in names:
        await eos.abilities.trash.discard(Path(name))
        await eos.abilities.trash.discard(Path(f"d {name}"))
    assert await tree(eos) == {}
    found = await keys(eos)
    assert sorted(found) == sorted([*names, *(f"d {name}" for name in names)])
    for name in names:
        await eos.abilities.trash.restore(found[name], Path(name), replace=False)
        assert await get(eos, name) == name.encode()
        (one,) = await eos.abilities.trash.inside(found[f"d {name}"], ROOT)
        assert one.name == name
        await eos.abilities.trash.restore(found[f"d {name}"], Path(f"back {name}"), replace=False)
    assert await keys(eos) == {}
    assert sorted(await children(eos)) == sorted([*names, *(f"back {name}" for name in names)])


async def test_nobody_gets_what_is_anothers(mounted, eos):
    double = mounted.double
    double.make_home("bob")
    other = await mounted.open("bob", "/eos/user/b/bob")
    double.put("/eos/user/b/bob/secret", b"bob's", owner="bob")
    # His file in her home goes to his bin, though she removes it.
    double.put(f"{mounted.root}/his", b"bob's", owner="bob")
    double.put("/eos/user/a/elsewhere", b"alice's", owner="alice")
    await other.abilities.trash.discard(Path("secret"))
    await eos.abilities.trash.discard(Path("his"))
    double.set_attribute("/eos/user/a", "sys.recycle", "/eos/dev/proc/recycle/")
    double.remove("/eos/user/a/elsewhere")
    found = {one.path: one.key for name in ("alice", "bob") for one in double.recycled(name)}
    assert len(found) == 3
    assert await keys(eos) == {}
    assert list(await keys(other)) == ["secret"]
    for key in found.values():
        for call in (eos.abilities.trash.find, eos.abilities.trash.purge):
            with pytest.raises(NotFound):
                await call(key)
        for call in (eos.abilities.trash.look, eos.abilities.trash.read, eos.abilities.trash.inside):
            with pytest.raises(NotFound):
                await call(key, ROOT)
        with pytest.raises(NotFound):
            await eos.abilities.trash.restore(key, Path("mine"), replace=False)
    # A live file has a key as well, and is in no bin.
    double.put(f"{mounted.root}/alive", b"x", owner="alice")
    with pytest.raises(NotFound):
        await eos.abilities.trash.find(f"fxid:{double.find(f'{mounted.root}/alive').id:016x}")


async def test_a_folder_of_her_own_is_no_bin(mounted, eos):
    """Where it looks like one."""
    fake = f"{mounted.root}/uid:1001/2026/01/01/0"
    for number in range(fake.count("/") - 4, 0, -1):
        mounted.double.mkdir(fake.rsplit("/", number)[0], owner="alice")
    mounted.double.mkdir(fake, owner="alice")
    mounted.double.put(f"{fake}/#:#eos#:#user#:#a#:#alice#:#x.{5:016x}", b"x", owner="alice")
    assert await keys(eos) == {}


async def test_elsewhere_while_its_place_is_taken(mounted, eos):
    await eos.make_folder(Path("a"))
    await put(eos, "a/file", b"old")
    await eos.abilities.trash.discard(Path("a/file"))
    await put(eos, "a/file", b"new")
    before = await eos.stat(Path("a/file"))
    key = (await keys(eos))["a/file"]
    await put(eos, "target", b"replaced")
    await eos.abilities.trash.restore(key, Path("target"), replace=True)
    assert await get(eos, "target") == b"old"
    assert await eos.stat(Path("a/file")) == before
    assert list(await keys(eos)) == ["target"]
    assert mounted.double.names(f"{mounted.root}/a") == ["file"]


async def test_elsewhere_without_the_folder_that_it_was_in(mounted, eos):
    for folder in ("a", "a/b"):
        await eos.make_folder(Path(folder))
    await put(eos, "a/b/file", SMALL)
    await eos.abilities.trash.discard(Path("a/b/file"))
    await eos.abilities.trash.discard(Path("a"))
    key = (await keys(eos))["a/b/file"]
    with pytest.raises(ParentMissing):
        await eos.abilities.trash.restore(key, Path("a/b/file"), replace=False)
    await eos.abilities.trash.restore(key, Path("file"), replace=False)
    assert await tree(eos) == {"file": SMALL}
    assert list(await keys(eos)) == ["a"]
    assert mounted.double.names(mounted.root) == ["file"]
    await eos.abilities.trash.discard(Path("file"))
    await put(eos, "a", b"a file now")
    assert sorted(await keys(eos)) == ["a", "file"]


@pytest.mark.parametrize("done", [True, False])
async def test_when_the_answer_is_lost(mounted, eos, done):
    await put(eos, "file", SMALL)
    await eos.abilities.trash.discard(Path("file"))
    key = (await keys(eos))["file"]
    mounted.double.faults.add(Fault(server="mgm", command="recycle restore", lose=done, drop=not done))
    if done:
        await eos.abilities.trash.restore(key, Path("file"), replace=False)
    else:
        with pytest.raises(StorageUnavailable):
            await eos.abilities.trash.restore(key, Path("file"), replace=False)
        assert await keys(eos) == {"file": key}
        await eos.abilities.trash.restore(key, Path("file"), replace=False)
    assert await tree(eos) == {"file": SMALL}


@pytest.mark.parametrize("killed", ["before it came back", "after"])
async def test_a_kill_in_between(mounted, eos, monkeypatch, killed):
    """What stood there stands there again; what came back is there as well, or still in the trash."""
    monkeypatch.setattr(leftovers, "GAP_SECONDS", 0.0)
    await put(eos, "file", b"old")
    await eos.abilities.trash.discard(Path("file"))
    (entry,) = mounted.double.recycled("alice")
    await put(eos, "file", b"new")
    mounted.double.rename(f"{mounted.root}/file", f"{mounted.root}/{HELD}{0:016x}.file")
    if killed == "after":
        mounted.double.restore(entry.key, "alice")
    again = await mounted.open()
    again._ground.litter(ROOT)
    await sweep(again._ground, frozenset(), 0.0, 2e9)
    assert await get(again, "file") == b"new"
    assert [name for name in mounted.double.names(mounted.root) if name.startswith(HELD)] == []
    if killed == "after":
        (other,) = [name for name in await children(again) if name != "file"]
        assert other.startswith("file (restored ") and await get(again, other) == b"old"
    else:
        assert list(await keys(again)) == ["file"]


async def test_a_bin_that_is_full(mounted, eos):
    await put(eos, "file", SMALL)
    mounted.double.namespace.recycle.full = True
    with pytest.raises(QuotaExceeded):
        await eos.abilities.trash.discard(Path("file"))
    assert await tree(eos) == {"file": SMALL}


async def test_where_there_is_none(mounting):
    """No attribute; or commands for it are not answered; or the settings know it though no attribute does."""
    mounted = await mounting(options={"recycle_bin": ""})
    mounted.double.set_attribute(mounted.root, "sys.recycle", None)
    assert (await mounted.open()).abilities.trash is None
    silent = await mounting(console=False)
    assert (await silent.open()).abilities.trash is None
    known = await mounting(options={"recycle_bin": "/eos/dev/proc/recycle"})
    storage = await known.open()
    await put(storage, "file", SMALL)
    await storage.abilities.trash.discard(Path("file"))
    assert list(await keys(storage)) == ["file"]


@pytest.mark.parametrize("version", ["5.1", "5.5"], indirect=True)
async def test_oldest_and_newest(eos):
    """Whose fields have other numbers."""
    await put(eos, "file", SMALL)
    await eos.abilities.trash.discard(Path("file"))
    await eos.abilities.trash.restore((await keys(eos))["file"], Path("other"), replace=False)
    assert await tree(eos) == {"other": SMALL}


async def test_calls(mounted, eos):
    """As many as there are days, and a fixed number for what comes back."""
    for number in range(20):
        await put(eos, f"file{number}", SMALL)
        await eos.abilities.trash.discard(Path(f"file{number}"))
    mounted.double.record.clear()
    found = await keys(eos)
    assert len(found) == 20
    assert len(mounted.double.record.calls()) == 5
    mounted.double.record.clear()
    await eos.abilities.trash.restore(found["file3"], Path("file3"), replace=False)
    assert len(mounted.double.record.calls()) <= 7


def test_words_of_the_bin():
    name = "#:#eos#:#x#:#a.d.000000000000000a.d"
    assert (recycled.place_of(name), recycled.key_of(name)) == ("/eos/x/a.d", "pxid:000000000000000a")
    assert recycled.place_of("other") == recycled.key_of("#:#x.0a") == ""
    assert recycled.lies_in("/bin/uid:1", f"/bin/uid:1/2026/01/01/0/{name}")
    for path in (f"/bin/uid:11/2026/01/01/0/{name}", f"/bin/uid:1/2026/01/01/0/{name}/b", f"/bin/uid:1/{name}", f"/eos/{name}"):
        assert not recycled.lies_in("/bin/uid:1", path)
    assert recycled.origin_of("/eos/" + recycled.starless("x")) == "/eos/x"
    assert recycled.restore_command("fxid:00000000000000ff").isalnum()
    assert recycled.probe_command().isalnum()
    assert recycled.reply(b"mgm.proc.stdout=a&b&mgm.proc.stderr=x&mgm.proc.retc=2").number == 2
    with pytest.raises(StorageBroken):
        recycled.reply(b"error: no such user command ''")


async def test_purging_is_refused(eos):
    await put(eos, "file", SMALL)
    await eos.abilities.trash.discard(Path("file"))
    key = (await keys(eos))["file"]
    with pytest.raises(Forbidden):
        await eos.abilities.trash.purge(key)
    assert await keys(eos) == {"file": key}


@pytest.mark.parametrize("how", [{"stall": True}, {"status": 503}, {"drop": True}, {"status": 403}], ids=str)
async def test_a_bin_of_an_eos_that_is_busy_is_not_forgotten(mounted, how):
    """Whether it has one is remembered for an hour; that it could not say so just now is not."""
    mounted.double.faults.add(Fault(command="recycle ls", times=0, **how))
    with suppress(ClawgateError):
        assert await mounted.metadata.recycle_bin("alice", mounted.root) == ""
    assert [one for one in mounted.double.record.exchanges if one.command == "recycle ls"]
    mounted.double.faults.clear()
    assert await mounted.metadata.recycle_bin("alice", mounted.root) != ""
    assert (await mounted.open()).abilities.trash is not None

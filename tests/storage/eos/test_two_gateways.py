"""Two gateways on one EOS: what one is at the other leaves alone, and what one has left behind the other mends."""

from __future__ import annotations

import os
import time

import attrs
import pytest
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred

from clawgate.errors import Forbidden, NotFound, StorageUnavailable, UploadGone
from clawgate.model.content import Intent
from clawgate.model.path import ROOT, Path
from clawgate.storage.eos import leftovers, marks, moving
from clawgate.storage.eos.driver import EosStorage
from clawgate.storage.eos.http_metadata import HttpMetadata
from clawgate.storage.eos.instance import Instance
from clawgate.storage.eos.leftovers import sweep
from clawgate.storage.eos.marks import FOREIGN, FRESH, STALE, Known, is_late, is_left, is_left_upload, lease, mark, upload_mark
from clawgate.storage.eos.names import ASIDE, GOING, HELD
from clawgate.testing.conformance import SMALL, body_of, get, put, tree

ELSEWHERE = "ffffff000001"
"""A process of another machine."""
GONE = 0xFFFFFF
"""No process has such a number."""


@pytest.fixture(params=["5.3"])
def version(request):
    return request.param


def of(process: int, since: float) -> str:
    """A mark of another process of this machine."""
    return f"{marks._machine()}{process:06x}{int(since):08x}{0:08x}"


def test_marks():
    now = time.time()
    assert is_left(mark(now), now, 0, 60)
    assert is_left("0" * 16, now, 0, 60)
    assert is_left(of(GONE, now), now, 0, 60)
    elsewhere = f"{ELSEWHERE}{int(now):08x}{0:08x}"
    for others in (of(os.getppid(), now), elsewhere):
        # Clocks may differ, and be set.
        for later in (-2 * STALE, -3600, 0, 3600):
            assert not is_left(others, now + later, 59, 60)
            assert is_left(others, now + later, 60, 60)
        assert is_left(others, now + STALE + 1, 0, 60)


def test_since_when_a_mark_is_known(monkeypatch):
    monkeypatch.setattr(marks, "_SEEN", 2)
    known = Known()
    assert known.since("one", 100.0) == 0 and known.since("two", 101.0) == 0
    assert known.since("one", 130.0) == 30
    # There is a bound.
    assert known.since("three", 131.0) == 0
    assert known.since("one", 132.0) == 0


def test_a_process_that_may_not_be_looked_at_lives(monkeypatch):
    """Of another account, or where /proc shows none but ours."""

    def kill(number, signal):
        assert signal == 0
        raise PermissionError

    monkeypatch.setattr(marks.os, "kill", kill)
    assert not is_left(of(GONE, time.time()), time.time(), 0, 60)


def test_others_wait_longer_than_work_goes_on():
    for timeout in (0.5, 30, 300):
        late = next(second for second in range(2000) if is_late(0, second, timeout))
        assert late + timeout <= lease(timeout)


def test_marks_of_uploads(monkeypatch):
    ours = upload_mark("us", staged=False)
    assert is_left_upload(ours, "us", 0)
    assert not is_left_upload(ours, "them", FOREIGN - 1) and is_left_upload(ours, "them", FOREIGN)
    assert not is_left_upload("0" * 32, "us", FOREIGN - 1)
    monkeypatch.setattr(marks, "_process", lambda: ELSEWHERE)
    another = upload_mark("us", staged=True)
    assert not is_left_upload(another, "us", FRESH - 1) and is_left_upload(another, "us", FRESH)
    assert marks.is_staged(another) and not marks.is_staged(ours)


async def second(mounted, **options) -> EosStorage:
    """Of a gateway of its own."""
    instance = Instance(reactor, attrs.evolve(mounted.instance.options, **options), mounted.workers)
    metadata = HttpMetadata(instance)
    persona = await mounted.accounts.persona("alice")
    return EosStorage(instance, metadata, persona, mounted.root, bin=await metadata.recycle_bin("alice", mounted.root))


async def test_an_upload_of_another_gateway_stays(mounted, eos):
    """That keeps its sessions elsewhere, so that none of ours names it."""
    handle = await eos.abilities.parts.begin(None)
    await eos.abilities.parts.write_at(handle, 0, body_of(SMALL))
    other = await second(mounted, deployment="them")
    assert await other.sweep(frozenset(), 0) == 0
    assert (await eos.abilities.parts.finish(handle, Path("file"), Intent())).node.size == len(SMALL)
    handle = await eos.abilities.parts.begin(None)
    assert await sweep(other._ground, frozenset(), 0, time.time() + FOREIGN + 60) == 1
    with pytest.raises(UploadGone):
        await eos.abilities.parts.write_at(handle, 0, body_of(SMALL))


async def test_an_upload_that_a_colleague_has_just_begun_stays(mounted, eos, monkeypatch):
    """Its session may not be written down yet."""
    monkeypatch.setattr(marks, "_process", lambda: ELSEWHERE)
    handle = await eos.abilities.parts.begin(None)
    monkeypatch.undo()
    other = await second(mounted)
    assert await other.sweep(frozenset(), 0) == 0
    assert await sweep(other._ground, frozenset({handle}), 0, time.time() + FRESH + 60) == 0
    assert await sweep(other._ground, frozenset(), 0, time.time() + FRESH + 60) == 1


@pytest.mark.parametrize("kind", [ASIDE, HELD, GOING], ids=["aside", "held", "going"])
@pytest.mark.parametrize("taken", [False, True], ids=["free", "taken"])
@pytest.mark.parametrize("how", ["watched", "stale"])
async def test_what_another_gateway_is_at_is_left_alone(mounted, eos, monkeypatch, kind, taken, how):
    """Until it has taken longer than it may."""
    double = mounted.double
    await put(eos, "file", b"old")
    hidden = f"{kind}{ELSEWHERE}{int(time.time()):08x}{0:08x}.file"
    double.rename(f"{mounted.root}/file", f"{mounted.root}/{hidden}")
    if taken:
        await put(eos, "file", b"new")
    before = double.names(mounted.root)
    eos._ground.litter(ROOT)
    assert await sweep(eos._ground, frozenset(), 0, time.time()) == 0
    assert double.names(mounted.root) == before
    eos._ground.litter(ROOT)
    # Also if clocks differ by an hour.
    assert await sweep(eos._ground, frozenset(), 0, time.time() + 3600) == 0
    assert await sweep(eos._ground, frozenset(), 0, time.time() - 3600) == 0
    assert double.names(mounted.root) == before
    eos._ground.litter(ROOT)
    if how == "watched":
        monkeypatch.setattr(Known, "since", lambda self, text, clock: lease(mounted.instance.options.timeout))
    assert await sweep(eos._ground, frozenset(), 0, time.time() + (STALE if how == "stale" else 0)) == 1
    assert hidden not in double.names(mounted.root)
    if kind != GOING or taken:
        assert "file" in await tree(eos)
    if taken and kind == HELD:
        # What came back by way of the name has another one now.
        assert await get(eos, "file") == b"old" and len(await tree(eos)) == 2


async def test_a_listing_waits_for_what_another_gateway_replaces(mounted, eos, monkeypatch):
    """And is refused rather than without the name, which clients would take for deleted."""
    await eos.make_folder(Path("folder"))
    hidden = f"{mounted.root}/{ASIDE}{ELSEWHERE}{int(time.time()):08x}{0:08x}.folder"
    mounted.double.rename(f"{mounted.root}/folder", hidden)
    monkeypatch.setattr(leftovers, "PAUSE_SECONDS", 0.0)
    for path in (ROOT, Path("folder"), Path("folder/below")):
        with pytest.raises(StorageUnavailable):
            await eos.list(path)
    with pytest.raises(NotFound):
        await eos.list(Path("other"))
    looks = 0
    known = mounted.metadata.look

    async def look(who, path):
        nonlocal looks
        looks += path == f"{mounted.root}/folder"
        if looks == 3:
            mounted.double.mkdir(path, owner="alice")
        return await known(who, path)

    mounted.metadata.look = look
    assert list(await tree(eos)) == ["folder"]
    assert looks == 3


async def test_a_folder_that_is_left_aside_is_found_when_it_is_asked_for(mounted, eos):
    await eos.make_folder(Path("folder"))
    await put(eos, "folder/file", SMALL)
    mounted.double.rename(f"{mounted.root}/folder", f"{mounted.root}/{ASIDE}{of(GONE, time.time())}.folder")
    assert [node.name for page in [page async for page in (await eos.list(Path("folder"))).pages] for node in page] == ["file"]


async def test_who_may_only_read_sees_the_rest(mounted, eos):
    """What is left behind cannot be put back by everybody."""
    double = mounted.double
    double.make_home("bob")
    await put(eos, "file", SMALL)
    double.rename(f"{mounted.root}/file", f"{mounted.root}/{ASIDE}{of(GONE, time.time())}.file")
    await put(eos, "other", SMALL)
    double.set_attribute(mounted.root, "sys.acl", "u:1002:rx")
    reader = await mounted.open("bob", mounted.root)
    assert list(await tree(reader)) == ["other"]
    # Nor where nothing is to be changed.
    persona = await mounted.accounts.persona("alice")
    quiet = EosStorage(mounted.instance, mounted.metadata, persona, mounted.root, mends=False)
    assert list(await tree(quiet)) == ["other"] and quiet.abilities.janitor is None
    assert sorted(await tree(eos)) == ["file", "other"]


async def test_work_that_takes_too_long_is_given_up(mounted, eos, monkeypatch):
    """Another gateway may be about to put back what was set aside: into that EOS would put what comes now."""
    double = mounted.double
    for name in ("new", "old"):
        await eos.make_folder(Path(name))
        await put(eos, f"{name}/in {name}", SMALL)
    before = await tree(eos)
    monkeypatch.setattr(moving, "is_late", lambda begun, clock, timeout: True)
    with pytest.raises(StorageUnavailable):
        await eos.move(Path("new"), Path("old"), replace=True)
    assert await tree(eos) == before
    assert double.names(mounted.root) == ["new", "old"] and double.recycled("alice") == []


async def test_nobody_waits_for_it_any_more(mounted, eos):
    """The client has gone while something was being replaced."""
    for name in ("new", "old"):
        await eos.make_folder(Path(name))
        await put(eos, f"{name}/in {name}", SMALL)
    before, known, begun = await tree(eos), mounted.metadata.rename, Deferred()

    async def rename(who, source, target, *, replace):
        if source.endswith("/new"):
            reactor.callLater(0, begun.callback, None)
            await Deferred()
        await known(who, source, target, replace=replace)

    mounted.metadata.rename = rename
    work = Deferred.fromCoroutine(eos.move(Path("new"), Path("old"), replace=True))
    await begun
    assert "old" not in mounted.double.names(mounted.root)
    work.cancel()
    with pytest.raises(CancelledError):
        await work
    mounted.metadata.rename = known
    assert mounted.double.names(mounted.root) == ["new", "old"]
    assert await tree(eos) == before


async def test_what_cannot_be_removed_keeps_nothing_else_from_being(mounted, eos):
    double, gone = mounted.double, of(GONE, time.time())
    for name in ("1", "2", "3"):
        double.put(f"{mounted.root}/{GOING}{gone}.{name}", SMALL, owner="alice")
    known = mounted.metadata.remove

    async def remove(who, path):
        if path.endswith(".2"):
            raise Forbidden("not this one")
        await known(who, path)

    mounted.metadata.remove = remove
    with pytest.raises(Forbidden):
        await sweep(eos._ground, frozenset(), 0, time.time())
    assert double.names(mounted.root) == [f"{GOING}{gone}.2"]
    del mounted.metadata.remove
    assert await sweep(eos._ground, frozenset(), 0, time.time()) == 1
    assert double.names(mounted.root) == []

"""Managers that fail, disk servers that die, answers that are lost, redirects that lead elsewhere, content that is damaged."""

from __future__ import annotations

import zlib

import pytest

from clawgate.errors import (
    ChecksumMismatch,
    ClawgateError,
    Locked,
    NotFound,
    Overloaded,
    PreconditionFailed,
    StorageBroken,
    StorageTimeout,
    StorageUnavailable,
)
from clawgate.model.content import Checksum, Intent, Target
from clawgate.model.path import ROOT, Path
from clawgate.testing.conformance import LARGE, SMALL, Broken, Held, body_of, breaking, children, get, put, start, tree
from clawgate.testing.eos import Fault


@pytest.fixture
def version():
    return "5.4"


QUICK = {"timeout": 1.0, "idle": 1.0}


async def test_a_manager_that_is_shutting_down(mounting):
    mounted = await mounting(mgms=2)
    storage = await mounted.open()
    mounted.double.mgms[0].stopping = True
    await put(storage, "file", SMALL)
    assert await tree(storage) == {"file": SMALL}
    mounted.double.mgms[1].stopping = True
    with pytest.raises(StorageUnavailable, match="shutting down"):
        await storage.stat(ROOT)


async def test_a_manager_that_is_away(mounting):
    mounted = await mounting(mgms=2)
    storage = await mounted.open()
    await put(storage, "file", SMALL)
    await mounted.double.mgms[0].stop()
    await storage.move(Path("file"), Path("moved"), replace=False)
    await storage.remove(Path("moved"))
    await put(storage, "new", SMALL)
    assert await tree(storage) == {"new": SMALL}
    calls = mounted.instance.calls
    await storage.stat(ROOT)
    # It is not asked first any more.
    assert mounted.instance.calls == calls + 1


async def test_what_may_take_long(mounting):
    """EOS answers when a whole tree is gone, or all content was copied."""
    mounted = await mounting(options={"timeout": 1.0, "stable_ids": True})
    storage = await mounted.open()
    await storage.make_folder(Path("folder"))
    await put(storage, "file", SMALL)
    mounted.double.faults.add(Fault(method="DELETE", delay=2.0))
    await storage.remove(Path("folder"))
    mounted.double.faults.add(Fault(command="file version", delay=2.0))
    await mounted.metadata.keep_version("alice", f"{mounted.root}/file")
    mounted.double.faults.add(Fault(method="PROPFIND", delay=2.0, times=0))
    with pytest.raises(StorageTimeout):
        await storage.stat(Path("file"))


async def test_a_kept_connection_that_was_closed(mounting):
    """Nobody hears of it, unless something would be done twice or the connection was a new one."""
    mounted = await mounting(options={"attempts": 1})
    double, storage = mounted.double, await mounted.open()
    await put(storage, "file", SMALL)
    assert await get(storage, "file") == SMALL
    for server, method in (("mgm", "PROPFIND"), ("mgm", "HEAD"), ("mgm", "GET"), ("fst", "GET")):
        double.faults.add(Fault(server=server, method=method, drop=True))
        again = await mounted.open()
        assert await get(again, "file") == SMALL
    double.faults.add(Fault(server="mgm", method="PROPFIND", drop=True, times=2))
    with pytest.raises(StorageUnavailable, match="broke"):
        await storage.stat(Path("file"))
    double.faults.add(Fault(server="mgm", method="DELETE", lose=True))
    with pytest.raises(StorageUnavailable, match="broke"):
        await storage.remove(Path("file"))
    assert len(double.record.of(method="DELETE")) == 1


async def test_a_manager_that_follows_another(mounting):
    mounted = await mounting(mgms=2)
    storage = await mounted.open()
    mounted.double.mgms[0].follower = True
    await put(storage, "file", SMALL)
    mounted.double.mgms[1].follower = True
    with pytest.raises(StorageUnavailable):
        await put(storage, "other", SMALL)
    assert sorted(await children(storage)) == ["file"]


async def test_a_namespace_that_boots(mounting):
    mounted = await mounting(QUICK)
    storage = await mounted.open()
    mounted.double.booting = True
    with pytest.raises(StorageTimeout):
        await storage.stat(ROOT)
    mounted.double.booting = False
    assert (await storage.stat(ROOT)).is_folder


async def test_stalls(mounting):
    mounted = await mounting()
    storage = await mounted.open()
    faults = mounted.double.faults
    for method in ("PUT", "GET"):
        faults.add(Fault(server="mgm", method=method, path=r"/eos/.*", times=2, stall=True))
        if method == "PUT":
            await put(storage, "file", SMALL)
        else:
            assert await get(storage, "file") == SMALL
    faults.add(Fault(server="mgm", method="PUT", times=0, stall=True))
    with pytest.raises(Overloaded):
        await put(storage, "other", SMALL)


async def test_what_does_no_harm_is_asked_again(mounting):
    mounted = await mounting()
    storage = await mounted.open()
    await put(storage, "file", SMALL)
    for fault in ({"drop": True}, {"lose": True}):
        for method in ("PROPFIND", "GET", "PUT", "HEAD", "MKCOL"):
            mounted.double.faults.add(Fault(server="mgm", method=method, **fault))
        fresh = await mounted.open()
        assert sorted(await children(fresh)) == ["file"]
        await put(fresh, "file", SMALL)
        assert await get(fresh, "file") == SMALL
        await fresh.make_folder(Path("folder"))
        await fresh.remove(Path("folder"))
        mounted.double.faults.clear()


@pytest.mark.parametrize("fault", [{"lose": True}, {"drop": True}])
async def test_what_may_do_harm_is_not(mounting, fault):
    mounted = await mounting()
    storage = await mounted.open()
    for name in ("a", "b"):
        await put(storage, name, name.encode())
    mounted.double.record.clear()
    for method, command, call in (
        ("DELETE", "", lambda: storage.remove(Path("a"))),
        ("MOVE", "", lambda: storage.move(Path("b"), Path("c"), replace=False)),
        ("GET", "file rename", lambda: storage.move(Path("c"), Path("d"), replace=True)),
    ):
        if command:
            for name in ("c", "d"):
                await put(storage, name, b"")
            mounted.double.record.clear()
        mounted.double.faults.add(Fault(server="mgm", method=method, command=command, times=2, **fault))
        with pytest.raises(StorageUnavailable):
            await call()
        assert len(mounted.double.record.of(method=method, command=command)) == 1
        mounted.double.faults.clear()


# Redirects


@pytest.mark.parametrize(
    "location",
    ["http://evil.example.org/x?encURI=%26cap.msg%3Dx", "http://127.0.0.1:1/x?encURI=%26cap.msg%3Dx", "{location}"],
)
async def test_redirects_to_hosts_that_are_not_allowed(mounting, location):
    mounted = await mounting({"redirect_hosts": ("127.0.0.2",)})
    storage = await mounted.open()
    mounted.double.faults.add(Fault(server="mgm", method="PUT", times=0, location=location))
    with pytest.raises(StorageBroken, match="redirect_hosts") as caught:
        await put(storage, "file", SMALL)
    assert not mounted.double.record.leaked(str(caught.value))
    assert not mounted.double.record.of(server="fst")


async def test_a_link_to_the_world(mounting):
    mounted = await mounting()
    storage = await mounted.open()
    await put(storage, "file", SMALL)
    mounted.double.faults.add(Fault(server="mgm", method="GET", path=r"/eos/.*", times=0, location="https://example.org/secrets"))
    with pytest.raises(StorageUnavailable):
        await get(storage, "file")


# Disk servers


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
async def test_a_disk_server_that_dies(mounting, content):
    mounted = await mounting(QUICK)
    storage = await mounted.open()
    await put(storage, "file", b"old")
    for fault in ({"receive": 5}, {"drop": True}, {"status": 500}):
        mounted.double.faults.add(Fault(server="fst", method="PUT", **fault))
        with pytest.raises(StorageUnavailable):
            await put(storage, "file", content)
        assert await tree(storage) == {"file": b"old"}
    await mounted.double.kill_fst()
    for path in ("file", "new"):
        with pytest.raises(StorageUnavailable):
            await put(storage, path, content)
    with pytest.raises(StorageUnavailable):
        await get(storage, "file")
    await mounted.double.start_fst()
    await put(storage, "file", content)
    assert await tree(storage) == {"file": content}


@pytest.mark.parametrize("content", [SMALL, LARGE, b""], ids=["small", "large", "empty"])
async def test_an_answer_that_is_lost_after_all_was_written(mounting, content):
    """Whether it is there is looked up."""
    mounted = await mounting(QUICK)
    storage = await mounted.open()
    for path in ("file", "file", "new"):
        mounted.double.faults.add(Fault(server="fst", method="PUT", lose=True))
        written = await put(storage, path, content + path.encode() if content else b"")
        assert written.node == (await storage.stat(Path(path)))._replace(checksums="")


async def test_a_disk_server_that_does_not_go_on(mounting):
    mounted = await mounting(QUICK)
    storage = await mounted.open()
    await put(storage, "file", LARGE)
    mounted.double.faults.add(Fault(server="fst", times=0, hang=True))
    with pytest.raises(StorageTimeout):
        await get(storage, "file")
    with pytest.raises(StorageUnavailable):
        await put(storage, "file", LARGE)
    mounted.double.faults.clear()
    assert await get(storage, "file") == LARGE


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_download_goes_on_where_it_broke(mounting, chunked):
    mounted = await mounting(chunked_reads=chunked)
    storage = await mounted.open()
    await put(storage, "file", LARGE)
    mounted.double.faults.add(Fault(server="fst", method="GET", times=2, send=100_000))
    assert await get(storage, "file") == LARGE
    mounted.double.faults.add(Fault(server="fst", method="GET", times=0, send=0))
    with pytest.raises(StorageUnavailable):
        await get(storage, "file")


async def test_ranges_that_are_framed_are_not_asked_for(mounting):
    """Of 5.5.0, as its source says."""
    mounted = await mounting({"version": "5.5.0"}, chunked_reads=True, framed_ranges=True)
    storage = await mounted.open()
    await put(storage, "file", LARGE)
    assert await get(storage, "file", 1000, 2000) == LARGE[1000:2000]
    assert not [one for one in mounted.double.record.of(server="fst") if one.header("range")]


async def test_content_that_was_damaged_is_not_given(mounting):
    mounted = await mounting()
    storage = await mounted.open()
    await put(storage, "file", LARGE)
    file = mounted.double.tree.file(f"{mounted.root}/file")
    mounted.double.store.write(file.id, LARGE[:-1] + b"!")
    reader = await storage.read(Path("file"))
    got = []
    with pytest.raises(StorageBroken, match="checksum"):
        async for data in reader.stream():
            got.append(data)
    assert len(b"".join(got)) < len(LARGE)


async def test_content_that_was_damaged_on_its_way_is_not_believed(mounting, monkeypatch):
    mounted = await mounting()
    storage = await mounted.open()
    write = mounted.double.store.create

    def create(fid):
        stream = write(fid)
        stream.write(b"!")
        return stream

    monkeypatch.setattr(mounted.double.store, "create", create)
    mounted.double.faults.clear()
    from clawgate.testing.eos import fst

    class Wrong:
        def __init__(self, kind):
            self.value = 1

        def update(self, data):
            self.value = zlib.adler32(data, self.value)

        def hexdigest(self):
            return f"{self.value ^ 1:08x}"

    monkeypatch.setattr(fst, "hasher", Wrong)
    with pytest.raises(StorageBroken, match="changed on its way"):
        await put(storage, "file", SMALL)


async def test_a_checksum_with_leading_zeros(mounting):
    mounted = await mounting()
    storage = await mounted.open()
    content = next(text for n in range(100_000) if zlib.adler32(text := f"{n}".encode()) < 1 << 24)
    for value in (f"{zlib.adler32(content):x}", f"{zlib.adler32(content):08x}"):
        await put(storage, "file", content, checksums=(Checksum("ADLER32", value),))
    assert (await storage.stat(Path("file"))).checksums == f"ADLER32:{zlib.adler32(content):08x}"


async def test_checksums_that_only_the_disk_server_finds_wrong(mounting):
    mounted = await mounting()
    storage = await mounted.open()
    mounted.double.faults.add(Fault(server="fst", method="PUT", status=412))
    with pytest.raises(ChecksumMismatch):
        await put(storage, "file", SMALL)


# Others at the same time


async def test_of_overlapping_writers_one_is_told(mounting):
    mounted = await mounting()
    storage = await mounted.open()
    for expected, error in ((Target.ANYTHING, Locked), (Target.NOTHING, PreconditionFailed)):
        path = Path(expected.value)
        held = Held(LARGE)
        writing = start(storage.write(path, held.__aiter__(), Intent(size=len(LARGE), expected=expected)))
        await held.reached
        mounted.double.put(f"{mounted.root}/{path}", b"another's", owner="alice")
        held.go_on.callback(None)
        with pytest.raises(error):
            await writing
        assert await get(storage, path) == b"another's"


async def test_what_came_between_look_and_handshake_is_noticed(mounting):
    mounted = await mounting()
    storage = await mounted.open()
    double, look = mounted.double, mounted.metadata.look

    async def slow(who, path):
        found = await look(who, path)
        double.put(path, b"another's", owner="alice")
        return found

    for expected in (Target.NOTHING, (await put(storage, "old", b"1")).node.seen):
        mounted.metadata.look = slow
        with pytest.raises(PreconditionFailed):
            await put(storage, "old" if isinstance(expected, str) else "new", SMALL, expected=expected)
        mounted.metadata.look = look
    assert await tree(storage) == {"old": b"another's", "new": b"another's"}


async def test_bodies_that_break_leave_nothing_that_is_seen(mounting):
    mounted = await mounting()
    storage = await mounted.open()
    for size in (len(LARGE) + 1, None):
        with pytest.raises(Broken):
            await storage.write(Path("file"), breaking(LARGE), Intent(size=size))
    assert await tree(storage) == {}


async def test_pieces_over_a_restart_of_everything(mounting):
    mounted = await mounting({"part_bytes": 100_000})
    parts = (await mounted.open()).abilities.parts
    handle = await parts.begin(len(LARGE))
    await parts.write_at(handle, 0, body_of(LARGE[:250_000]))
    await mounted.double.restart()
    storage = await mounted.open()
    parts = storage.abilities.parts
    await parts.write_at(handle, 250_000, body_of(LARGE[250_000:]))
    sum = Checksum("ADLER32", f"{zlib.adler32(LARGE):08x}")
    await parts.finish(handle, Path("file"), Intent(size=len(LARGE), checksums=(sum,)))
    assert await get(storage, "file") == LARGE
    assert (await parts.published(handle, Path("file"))).node.size == len(LARGE)


async def test_a_root_that_is_gone_is_no_empty_tree(mounting):
    """Clients delete what they are told is not there."""
    mounted = await mounting()
    storage = await mounted.open()
    mounted.double.rename(mounted.root, "/eos/user/a/elsewhere")
    mounted.instance.managers.works(mounted.double.mgm_url)
    for call in (storage.stat, storage.list):
        with pytest.raises(ClawgateError) as caught:
            await call(ROOT)
        assert not isinstance(caught.value, NotFound)


async def test_too_many_at_once(mounting):
    mounted = await mounting({"requests": 1, "queue": 0})
    storage = await mounted.open()
    mounted.double.booting = True
    waiting = start(storage.stat(ROOT))
    with pytest.raises(Overloaded):
        await storage.stat(ROOT)
    mounted.double.booting = False
    await waiting


async def test_a_listing_that_is_too_long(mounting):
    mounted = await mounting({"answer_bytes": 20_000})
    storage = await mounted.open()
    for number in range(40):
        mounted.double.put(f"{mounted.root}/{number}", b"", owner="alice")
    with pytest.raises(StorageUnavailable, match="answer_bytes"):
        await storage.list(ROOT)

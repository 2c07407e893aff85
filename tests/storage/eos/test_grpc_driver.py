"""The driver with metadata by gRPC: calls, identities, names, and what goes wrong on the way."""

from __future__ import annotations

import errno
import os

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from clawgate.errors import (
    ClawgateError,
    Forbidden,
    NotAFolder,
    NotFound,
    StorageBroken,
    StorageTimeout,
    StorageUnavailable,
)
from clawgate.model.path import ROOT, Path
from clawgate.model.permissions import Permissions
from clawgate.storage.eos.driver import EosStorage
from clawgate.storage.eos.failures import ERRNO
from clawgate.storage.eos.grpc import channels
from clawgate.storage.eos.http_metadata import HttpMetadata
from clawgate.storage.eos.rights import told
from clawgate.testing.conformance import children, get, put, tree

from .grpc_mounted import calls, grpc_mounted

awaited = pytest_twisted.ensureDeferred
HOME = "/eos/user/a/alice"
NAMES = ["with space", "100%", "%41", "a&b", "1+1", "#hash", 'quo"te', "se;mi", "wh?t", "[a]", "st*r", "na\u0308h", "x" * 250]


@pytest.fixture
def eos(tmp_path):
    """Makes what is mounted, for a `with`."""
    return lambda **options: grpc_mounted(tmp_path / "eos", **options)


def spoken(double):
    """What came by gRPC since the last time."""
    return [one for one in calls(double) if one.startswith("grpc")]


def alike(entry):
    """Modes of files count for nothing on EOS."""
    return entry if entry.is_folder else entry._replace(mode=0)


@awaited
async def test_calls(eos):
    async with eos() as mounted:
        storage = await mounted.open()
        for count in (3, 700):
            for number in range(count):
                mounted.double.put(f"{HOME}/{count} {number}", b"x", owner="alice")
            await storage.list(ROOT)
            calls(mounted.double)
            assert len(await children(storage)) >= count
            assert calls(mounted.double) == ["grpc Find"]
        await put(storage, "file", b"content")
        assert calls(mounted.double) == ["grpc STAT", "mgm PUT", "fst PUT"]
        await storage.stat(ROOT)
        assert calls(mounted.double) == ["grpc STAT"]
        assert await get(storage, "file") == b"content"
        assert spoken(mounted.double) == ["grpc STAT"]
        await storage.move(Path("file"), Path("moved"), replace=False)
        assert "grpc rename" in calls(mounted.double)
        await storage.remove(Path("moved"))
        assert calls(mounted.double) == ["grpc STAT", "grpc unlink"]
        await storage.make_folder(Path("folder"))
        calls(mounted.double)
        await storage.remove(Path("folder"))
        assert calls(mounted.double) == ["grpc STAT", "grpc rm"]


@pytest.mark.parametrize("new_inodes", [False, True])
@awaited
async def test_names_and_ids(eos, new_inodes):
    async with eos(flags={"new_inodes": new_inodes}, empty_missing=new_inodes) as mounted:
        storage = await mounted.open()
        for name in NAMES:
            await put(storage, name, name.encode())
            await storage.make_folder(Path(f"{name}d"))
            await storage.move(Path(name), Path(f"{name}d/{name}"), replace=False)
            await put(storage, name, b"second")
            await storage.move(Path(name), Path(f"{name}d/{name}"), replace=True)
            assert await get(storage, f"{name}d/{name}") == b"second"
            for path in (f"{name}d", f"{name}d/{name}"):
                node = await storage.stat(Path(path))
                assert await storage.abilities.find.find(node.id) == path
        assert set(await children(storage)) == {f"{name}d" for name in NAMES}
        mounted.double.put(f"{HOME}/still there", b"", owner="alice")
        for name in NAMES:
            await storage.remove(Path(f"{name}d/{name}"))
            await storage.remove(Path(f"{name}d"))
            with pytest.raises(NotFound):
                await storage.stat(Path(f"{name}d"))
        assert set(await tree(storage)) == {"still there"}
        for id in ("999999999", str(999 << 28), str(1 << 63 | 999), "999"):
            with pytest.raises(NotFound):
                await storage.abilities.find.find(id)


@awaited
async def test_the_same_as_over_http(eos):
    async with eos(flags={"propagation": 0, "accounting": 0}) as mounted:
        double, spoken_to, http = mounted.double, mounted.metadata, HttpMetadata(mounted.instance)
        double.mkdir(f"{HOME}/shared", owner="alice")
        double.mkdir(f"{HOME}/empty", owner="alice")
        double.set_attribute(f"{HOME}/shared", "sys.acl", "u:1002:rx,u:1003:rwx!d")
        double.find(HOME).mode |= 0o011
        for path in (f"{HOME}/file", f"{HOME}/shared/na\u0308me & 100%", f"{HOME}/file"):
            double.put(path, b"content", owner="alice", mtime=1_700_000_000)
        double.set_attribute(f"{HOME}/file", "sys.app.lock", "expires:1,type:exclusive,owner:alice:a")
        double.find(f"{HOME}/shared/na\u0308me & 100%").checksum_type = "md5"
        double.find(f"{HOME}/shared/na\u0308me & 100%").checksum = "0123456789abcdef0123456789abcdef"
        for path in (HOME, f"{HOME}/file", f"{HOME}/shared", f"{HOME}/shared/na\u0308me & 100%", f"{HOME}/missing"):
            found = await http.describe("alice", path)
            assert await spoken_to.describe("alice", path) == (found and alike(found))
            if found is not None:
                assert await spoken_to.locate("alice", found.inode) == await http.locate("alice", found.inode)
            for who in ("alice", "bob", "carol"):
                one, other = await http.permitted(who, path), None
                if found is None or who == "alice" or "shared" in path:
                    other = await spoken_to.permitted(who, path)
                if other is not None:
                    compared = Permissions.READ | Permissions.WRITE | Permissions.DELETE
                    assert told(other.letters) & compared == told(one.letters) & compared, (who, path)
        for path in (HOME, f"{HOME}/shared", f"{HOME}/empty"):
            one, other = await http.container("alice", path), await spoken_to.container("alice", path)
            assert other.folder == one.folder
            assert sorted(other.children) == sorted(map(alike, one.children))
        for path in (f"{HOME}/file", f"{HOME}/missing"):
            for ask in (http.container, spoken_to.container):
                with pytest.raises((NotAFolder, NotFound)) as raised:
                    await ask("alice", path)
                assert isinstance(raised.value, NotAFolder) == path.endswith("file")
        assert await spoken_to.keeps_versions("alice", HOME) is await http.keeps_versions("alice", HOME) is True
        double.set_attribute(f"{HOME}/empty", "sys.versioning", "0")
        assert await spoken_to.keeps_versions("alice", f"{HOME}/empty") is await http.keeps_versions("alice", f"{HOME}/empty")
        assert await spoken_to.room("alice", HOME) == await http.room("alice", HOME)


# Who.


@awaited
async def test_a_wrong_key(eos):
    async with eos(key="wrong") as mounted:
        with pytest.raises(StorageUnavailable, match="grpc_key"):
            await mounted.open()
        storage = EosStorage(mounted.instance, mounted.metadata, await mounted.accounts.persona("alice"), HOME)
        for what in (storage.stat(ROOT), storage.list(ROOT), storage.remove(Path("file"))):
            with pytest.raises(StorageUnavailable, match="grpc_key"):
                await what
        assert {one.who for one in mounted.double.record.of(server="grpc")} == {None}


@awaited
async def test_a_key_of_somebody_who_cannot_become_others(eos):
    async with eos() as mounted:
        for port in mounted.ports:
            port.keys["grpc-key"] = 1003
        with pytest.raises(StorageUnavailable, match="grpc_key"):
            await mounted.metadata.container("alice", HOME)
        with pytest.raises(StorageUnavailable, match="grpc_key"):
            await mounted.metadata.rename("alice", f"{HOME}/a", f"{HOME}/b", replace=False)


@awaited
async def test_nobody_and_the_system_do_nothing(eos):
    async with eos() as mounted:
        mounted.double.identities.sudoers.add(1002)
        for name in ("stranger", "nobody", "daemon", "root", "bob"):
            with pytest.raises(Forbidden):
                await mounted.metadata.look(name, HOME)
            with pytest.raises(Forbidden):
                await mounted.metadata.remove(name, f"{HOME}/file")
        assert spoken(mounted.double) == []
        mounted.double.record.violations.clear()


@awaited
async def test_others_see_nothing(eos):
    async with eos() as mounted:
        mounted.double.put(f"{HOME}/file", b"content", owner="alice")
        storage = await mounted.open("bob", HOME)
        for what in (storage.stat(Path("file")), storage.list(ROOT), storage.read(Path("file")), storage.remove(Path("file"))):
            with pytest.raises(Forbidden):
                await what
        assert mounted.double.content(f"{HOME}/file") == b"content"


@awaited
async def test_groups_that_a_role_does_not_have(eos):
    async with eos() as mounted:
        double = mounted.double
        folder = double.mkdir("/eos/project/p", owner="bob")
        folder.gid, folder.mode = 2000, 0o42770
        double.put("/eos/project/p/file", b"content", owner="bob")
        # alice has the group, as one of several; carol has not.
        storage = await mounted.open("alice", "/eos/project/p")
        assert set(await tree(storage)) == {"file"}
        await storage.move(Path("file"), Path("other"), replace=False)
        assert await get(storage, "other") == b"content"
        stranger = await mounted.open("carol", "/eos/project/p")
        with pytest.raises(Forbidden):
            await stranger.list(ROOT)
        double.record.clear()
        with pytest.raises(Forbidden):
            await mounted.metadata.container("carol", "/eos/project/p")
        assert calls(double) == ["grpc Find"]


@awaited
async def test_an_old_release_without_proc(eos):
    numbers = {"alice": (1001, 1000)}.get
    async with eos(version="5.1", proc_urls=(), numbers=numbers, stable_ids=True) as mounted:
        storage = await mounted.open()
        await put(storage, "file", b"first")
        await put(storage, "file", b"second")
        await put(storage, "other", b"other")
        await storage.move(Path("other"), Path("file"), replace=True)
        assert await get(storage, "file") == b"other"
        assert set(await children(storage)) == {"file"}
        assert (await storage.room()).used is None
        assert await mounted.metadata.recycle_bin("alice", HOME) == "/eos/dev/proc/recycle/"
        with pytest.raises(Forbidden, match="directory"):
            await mounted.open("bob")
        await storage.remove(Path("file"))


@awaited
async def test_an_old_release_where_nobody_is_believed(eos):
    async with eos(version="5.1", proc_urls=()) as mounted:
        with pytest.raises(StorageBroken):
            await mounted.open()
        assert spoken(mounted.double) == []


# What goes wrong on the way.


@awaited
async def test_every_errno_of_questions(eos):
    # bob is in one group only: where gRPC says no to him, nobody else is asked.
    async with eos() as mounted:
        for number, (kind, _) in ERRNO.items():
            mounted.double.fault(server="grpc", method="MD", status=number, body=os.strerror(number).encode(), times=0)
            if number == errno.ENOENT:
                assert await mounted.metadata.look("bob", HOME) is None
            else:
                kind = StorageBroken if number == errno.ENODATA else kind
                with pytest.raises(ClawgateError) as raised:
                    await mounted.metadata.look("bob", HOME)
                assert type(raised.value) is kind, os.strerror(number)
            mounted.double.faults.clear()


@awaited
async def test_every_errno_of_commands(eos):
    # bob is in one group only: where gRPC says no to him, nobody else is asked.
    async with eos() as mounted:
        for number, (kind, _) in ERRNO.items():
            for sign, ask in (
                (1, lambda: mounted.metadata.set_attribute("bob", HOME, "user.a", "b")),
                (1, lambda: mounted.metadata.restore_version("bob", HOME, "1.00000001")),
                (-1, lambda: mounted.metadata.restore_version("bob", HOME, "1.00000001")),
            ):
                mounted.double.fault(server="grpc", method="Exec", status=sign * number, body=b"why")
                with pytest.raises(ClawgateError) as raised:
                    await ask()
                assert type(raised.value) is kind, os.strerror(number)
        assert set(spoken(mounted.double)) == {"grpc xattr", "grpc version"}


@awaited
async def test_a_dead_manager_and_one_that_is_back(eos):
    async with eos(grpc={"down_seconds": 0.1, "attempts": 2}) as mounted:
        await mounted.metadata.look("alice", HOME)
        mounted.ports[0].stop()
        for what in (mounted.metadata.look("alice", HOME), mounted.metadata.container("alice", HOME)):
            with pytest.raises(StorageUnavailable):
                await what
        mounted.ports[0].start()
        for _ in range(300):
            try:
                found = await mounted.metadata.look("alice", HOME)
                break
            except StorageUnavailable:
                await deferLater(reactor, 0.1, lambda: None)
        assert found.is_folder


@awaited
async def test_the_next_manager(eos):
    async with eos(ports=3) as mounted:
        mounted.ports[0].stop()
        # Also what must not be done twice: it was not sent.
        mounted.double.put(f"{HOME}/file", b"content", owner="alice")
        await mounted.metadata.rename("alice", f"{HOME}/file", f"{HOME}/renamed", replace=False)
        mounted.double.fault(server="grpc", method="MD", drop=True)
        assert (await mounted.metadata.look("alice", f"{HOME}/renamed")).size == 7
        assert mounted.channels.managers.order(reactor.seconds())[0] == mounted.ports[2].url


@awaited
async def test_a_slow_manager(eos, monkeypatch):
    monkeypatch.setattr(channels, "LISTING", 1)
    async with eos(grpc={"timeout": 2, "attempts": 1}) as mounted:
        await mounted.metadata.whoami("alice")
        for method, what in (("MD", "look"), ("Find", "container")):
            mounted.double.fault(server="grpc", method=method, hang=True)
            with pytest.raises(StorageTimeout):
                await getattr(mounted.metadata, what)("alice", HOME)
        mounted.double.fault(server="grpc", command="rm", hang=True)
        mounted.double.mkdir(f"{HOME}/folder", owner="alice")
        with pytest.raises(StorageTimeout):
            await mounted.metadata.remove("alice", f"{HOME}/folder")
        assert spoken(mounted.double) == ["grpc STAT", "grpc Find", "grpc STAT", "grpc rm"]


@awaited
async def test_a_slow_manager_and_a_quick_one(eos):
    async with eos(ports=2, grpc={"timeout": 2}) as mounted:
        mounted.double.fault(server="grpc", method="MD", hang=True)
        assert (await mounted.metadata.look("alice", HOME)).is_folder


@pytest.mark.parametrize("command", ["rename", "unlink", "rm", "version", "rmdir"])
@awaited
async def test_an_answer_that_is_lost(eos, command):
    """What may have been done is not done again."""
    async with eos(ports=2) as mounted:
        metadata, double = mounted.metadata, mounted.double
        double.put(f"{HOME}/file", b"content", owner="alice")
        double.mkdir(f"{HOME}/folder", owner="alice")
        ask = {
            "rename": lambda: metadata.rename("alice", f"{HOME}/file", f"{HOME}/other", replace=False),
            "unlink": lambda: metadata.remove("alice", f"{HOME}/file"),
            "rm": lambda: metadata.remove("alice", f"{HOME}/folder"),
            "rmdir": lambda: metadata.remove_empty("alice", f"{HOME}/folder"),
            "version": lambda: metadata.keep_version("alice", f"{HOME}/file"),
        }[command]
        double.fault(server="grpc", command=command, lose=True)
        with pytest.raises(StorageUnavailable):
            await ask()
        assert spoken(double).count(f"grpc {command}") == 1


@awaited
async def test_what_does_no_harm_twice_is_done_again(eos):
    async with eos() as mounted:
        mounted.double.fault(server="grpc", command="touch", lose=True)
        mounted.double.fault(server="grpc", command="xattr", lose=True)
        assert await mounted.metadata.create("alice", f"{HOME}/new")
        await mounted.metadata.set_attribute("alice", f"{HOME}/new", "user.a", 'any "value" & more')
        assert mounted.double.find(f"{HOME}/new").xattr["user.a"] == 'any "value" & more'


@awaited
async def test_a_listing_that_breaks_off(eos):
    """Half of one would make clients delete the rest."""
    async with eos() as mounted:
        for number in range(10):
            mounted.double.put(f"{HOME}/{number}", b"x", owner="alice")
        mounted.double.fault(server="grpc", method="Find", send=4)
        assert len((await mounted.metadata.container("alice", HOME)).children) == 10
        mounted.double.fault(server="grpc", method="Find", send=4, times=0)
        with pytest.raises(StorageUnavailable):
            await mounted.metadata.container("alice", HOME)


@awaited
async def test_a_listing_that_is_too_long(eos):
    async with eos(grpc={"answer_bytes": 5000}) as mounted:
        for number in range(10):
            mounted.double.put(f"{HOME}/{number}", b"x", owner="alice")
        assert len((await mounted.metadata.container("alice", HOME)).children) == 10
        for number in range(100):
            mounted.double.put(f"{HOME}/more {number}", b"x", owner="alice")
        with pytest.raises(StorageUnavailable, match="answer_bytes"):
            await mounted.metadata.container("alice", HOME)


# Whether gRPC is used.


@awaited
async def test_nobody_answers(eos):
    async with eos(detect=True, grpc={"attempts": 1}) as mounted:
        mounted.ports[0].stop()
        storage = await mounted.open()
        await put(storage, "file", b"content")
        assert await get(storage, "file") == b"content"
        assert spoken(mounted.double) == []


@awaited
async def test_somebody_answers_who_does_not_take_the_key(eos):
    async with eos(detect=True, key="wrong") as mounted:
        storage = await mounted.open()
        assert await tree(storage) == {}
        assert spoken(mounted.double) == ["grpc Ping", "grpc NsStat"]


@awaited
async def test_somebody_answers(eos):
    async with eos(detect=True, grpc={"attempts": 1}) as mounted:
        storage = await mounted.open()
        assert await tree(storage) == {}
        assert spoken(mounted.double) == ["grpc Ping", "grpc NsStat", "grpc STAT", "grpc Find"]
        # Then nobody any more: the first question fails, the others go over HTTP.
        mounted.ports[0].stop()
        with pytest.raises(StorageUnavailable):
            await storage.list(ROOT)
        mounted.double.put(f"{HOME}/file", b"content", owner="alice")
        assert set(await tree(storage)) == {"file"}
        assert spoken(mounted.double) == []

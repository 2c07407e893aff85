"""The recycle bin by gRPC: what comes back, what can be removed for good and where, and whose it is."""

from __future__ import annotations

import pytest

from clawgate.errors import Forbidden, NotFound, ParentMissing, StorageUnavailable
from clawgate.model.path import Path
from clawgate.testing.conformance import SMALL, get, put, tree
from clawgate.testing.history import trashed

from .grpc_mounted import calls, grpc_mounted
from .test_grpc_driver import awaited


async def keys(storage) -> dict[str, str]:
    return {origin: one.key for origin, one in (await trashed(storage.abilities.trash)).items()}


@pytest.mark.parametrize("version", ["5.1", "5.4"])
@awaited
async def test_it_comes_back(tmp_path, version):
    """In both numberings of the command; with 5.1 where there is no /proc at all."""
    away = {"proc_urls": (), "numbers": {"alice": (1001, 1000)}.get} if version == "5.1" else {}
    async with grpc_mounted(tmp_path, version=version, stable_ids=True, **away) as mounted:
        storage = await mounted.open()
        await put(storage, "file", b"first")
        node = (await put(storage, "file", b"second")).node
        await storage.make_folder(Path("a"))
        await put(storage, "a/b", SMALL)
        for name in ("file", "a"):
            await storage.abilities.trash.discard(Path(name))
        found = await keys(storage)
        mounted.double.record.clear()
        await storage.abilities.trash.restore(found["file"], Path("file"), replace=False)
        assert "grpc recycle" in calls(mounted.double)
        await storage.abilities.trash.restore(found["a"], Path("elsewhere"), replace=False)
        assert await tree(storage) == {"file": b"second", "elsewhere": None, "elsewhere/b": SMALL}
        assert (await storage.stat(Path("file"))).id == node.id
        assert [one.size for one in await storage.abilities.versions.list(Path("file"))] == [5]
        assert await keys(storage) == {}


@awaited
async def test_removed_for_good(tmp_path):
    async with grpc_mounted(tmp_path, stable_ids=True) as mounted:
        storage = await mounted.open()
        await put(storage, "file", b"first")
        await put(storage, "file", b"second")
        await storage.make_folder(Path("a"))
        await put(storage, "a/b", SMALL)
        for name in ("file", "a"):
            await storage.abilities.trash.discard(Path(name))
        found = await keys(storage)
        for name in ("file", "a"):
            await storage.abilities.trash.purge(found[name])
            with pytest.raises(NotFound):
                await storage.abilities.trash.find(found[name])
        assert await keys(storage) == {}
        # Also the versions that the file had.
        assert mounted.double.recycled("alice") == []


@awaited
async def test_an_older_release_is_not_asked_to(tmp_path):
    """It would remove all in whose path there are the same digits, and patterns as root."""
    async with grpc_mounted(tmp_path, version="5.3") as mounted:
        storage = await mounted.open()
        await put(storage, "file", SMALL)
        await storage.abilities.trash.discard(Path("file"))
        key = (await keys(storage))["file"]
        mounted.double.record.clear()
        with pytest.raises(Forbidden):
            await storage.abilities.trash.purge(key)
        assert "grpc recycle" not in calls(mounted.double)
        assert await keys(storage) == {"file": key}


@awaited
async def test_nobody_gets_what_is_anothers(tmp_path):
    """By gRPC EOS would let anybody remove it."""
    async with grpc_mounted(tmp_path) as mounted:
        double = mounted.double
        double.make_home("bob")
        other, storage = await mounted.open("bob", "/eos/user/b/bob"), await mounted.open()
        await put(other, "secret", b"bob's")
        await other.abilities.trash.discard(Path("secret"))
        (entry,) = double.recycled("bob")
        await put(storage, "alive", SMALL)
        alive = f"fxid:{double.find(f'{mounted.root}/alive').id:016x}"
        for key in (entry.key, alive, "fxid:00000000000fffff", "pxid:0000000000000001"):
            for call in (storage.abilities.trash.find, storage.abilities.trash.purge):
                with pytest.raises(NotFound):
                    await call(key)
            with pytest.raises(NotFound):
                await storage.abilities.trash.restore(key, Path("mine"), replace=False)
        assert double.recycled("bob") == [entry]
        assert await get(storage, "alive") == SMALL


@awaited
async def test_what_may_fail(tmp_path):
    async with grpc_mounted(tmp_path) as mounted:
        storage, double = await mounted.open(), mounted.double
        await storage.make_folder(Path("a"))
        await put(storage, "a/file", SMALL)
        await storage.abilities.trash.discard(Path("a/file"))
        key = (await keys(storage))["a/file"]
        await storage.remove(Path("a"))
        with pytest.raises(ParentMissing):
            await mounted.metadata.bring_back("alice", key)
        await storage.make_folder(Path("a"))
        double.fault(server="grpc", command="recycle", drop=True)
        with pytest.raises(StorageUnavailable):
            await storage.abilities.trash.restore(key, Path("a/file"), replace=False)
        assert key in (await keys(storage)).values()
        # Only the answer is lost.
        double.fault(server="grpc", command="recycle", lose=True)
        await storage.abilities.trash.restore(key, Path("a/file"), replace=False)
        assert await get(storage, "a/file") == SMALL


@awaited
async def test_where_there_is_no_bin(tmp_path):
    async with grpc_mounted(tmp_path) as mounted:
        mounted.double.set_attribute(mounted.root, "sys.recycle", None)
        assert (await mounted.open()).abilities.trash is None
    async with grpc_mounted(tmp_path / "known", recycle_bin="/eos/dev/proc/recycle") as mounted:
        mounted.double.set_attribute(mounted.root, "sys.recycle", None)
        assert (await mounted.open()).abilities.trash is not None

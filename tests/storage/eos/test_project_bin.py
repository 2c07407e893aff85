"""The recycle bin of a project (``sys.forced.recycleid``): who may look into it sees what anybody has removed there."""

from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.errors import Forbidden, NotFound
from clawgate.model.path import ROOT, Path
from clawgate.storage.eos.recycled import bin_of, is_shared, shared_bin
from clawgate.testing.conformance import SMALL, put, tree
from clawgate.testing.history import trashed

from .grpc_mounted import grpc_mounted

PROJECT = "/eos/project/p/pots"
READERS = "u:1001:rx,g:2000:rx"


@pytest.fixture(params=["5.4"])
def version(request):
    return request.param


@pytest_twisted.async_yield_fixture(params=["http", "grpc"])
async def project(request, mounting, tmp_path):
    """bob's, into which alice and the group physics may write; carol may, too, but not look into its bin."""

    def prepare(mounted):
        double = mounted.double
        double.mkdir(PROJECT, owner="bob")
        for key, value in (("recycle", "/eos/dev/proc/recycle/"), ("acl", "u:1001:rwx,u:1003:rwx,g:2000:rwx")):
            double.set_attribute(PROJECT, f"sys.{key}", value)
        double.mkdir(f"{PROJECT}/a", owner="bob")
        double.share_bin(PROJECT, READERS)
        double.settle()
        return mounted

    if request.param == "http":
        yield prepare(await mounting())
        return
    async with grpc_mounted(tmp_path / "grpc") as mounted:
        yield prepare(mounted)


async def keys(storage) -> dict[str, str]:
    return {origin: one.key for origin, one in (await trashed(storage.abilities.trash)).items()}


async def test_everybody_sees_what_anybody_removed(project):
    alice, bob = await project.open("alice", PROJECT), await project.open("bob", PROJECT)
    await put(alice, "hers", b"alice's")
    await put(bob, "a/his", b"bob's")
    await bob.abilities.trash.discard(Path("hers"))
    await alice.abilities.trash.discard(Path("a"))
    found = await keys(alice)
    assert sorted(found) == ["a", "hers"]
    (one,) = await alice.abilities.trash.inside(found["a"], ROOT)
    assert one.name == "his"
    await alice.abilities.trash.restore(found["a"], Path("a"), replace=False)
    assert await tree(bob) == {"a": None, "a/his": b"bob's"}
    # The owner of the project may not look into the bin, which EOS made for those in its ACL.
    assert await keys(bob) == {}


async def test_who_may_not_look_into_it(project):
    alice, carol = await project.open("alice", PROJECT), await project.open("carol", PROJECT)
    await put(alice, "file", SMALL)
    await alice.abilities.trash.discard(Path("file"))
    (key,) = (await keys(alice)).values()
    assert await keys(carol) == {}
    for call in (carol.abilities.trash.find, carol.abilities.trash.purge):
        with pytest.raises(NotFound):
            await call(key)
    for call in (carol.abilities.trash.look, carol.abilities.trash.read):
        with pytest.raises(NotFound):
            await call(key, ROOT)
    with pytest.raises(NotFound):
        await carol.abilities.trash.restore(key, Path("mine"), replace=False)
    assert list(await keys(alice)) == ["file"]


async def test_for_good_goes_only_what_was_theirs(project):
    alice = await project.open("alice", PROJECT)
    project.double.put(f"{PROJECT}/his", SMALL, owner="bob")
    await put(alice, "hers", SMALL)
    for name in ("his", "hers"):
        await alice.abilities.trash.discard(Path(name))
    found = await keys(alice)
    with pytest.raises(Forbidden):
        await alice.abilities.trash.purge(found["his"])
    if project.metadata.__class__.__name__ == "GrpcMetadata":
        await alice.abilities.trash.purge(found["hers"])
        assert list(await keys(alice)) == ["his"]
    else:
        with pytest.raises(Forbidden):
            await alice.abilities.trash.purge(found["hers"])


async def test_another_project_with_the_same_bin_is_not_shown(project):
    """Several folders may have one id."""
    double = project.double
    double.mkdir("/eos/project/p/pans", owner="bob")
    for key in ("sys.acl", "sys.recycle", "sys.forced.recycleid"):
        double.set_attribute("/eos/project/p/pans", key, double.find(PROJECT).xattr[key])
    pots, pans = await project.open("alice", PROJECT), await project.open("alice", "/eos/project/p/pans")
    await put(pans, "pan", SMALL)
    await pans.abilities.trash.discard(Path("pan"))
    assert await keys(pots) == {}
    assert list(await keys(pans)) == ["pan"]


def test_where_it_is():
    shared = shared_bin("/eos/proc/recycle/", "42")
    assert shared == bin_of(shared, 1001) == "/eos/proc/recycle/rid:42" and is_shared(shared)
    for id in ("", "42/../43", "x"):
        assert shared_bin("/eos/proc/recycle", id) == "/eos/proc/recycle"
    assert not is_shared("/eos/proc/recycle/")
    assert bin_of("/eos/proc/recycle/", 1001) == "/eos/proc/recycle/uid:1001"

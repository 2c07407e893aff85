"""Spaces that nobody has used since the start, as they are visited; with real trees and databases."""

from __future__ import annotations

import gc
import os
import time
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path as Folder

import attrs
import pytest_twisted
from argon2 import PasswordHasher
from sqlalchemy import bindparam, update
from twisted.internet import reactor

from clawgate.assembly import Core
from clawgate.errors import StorageUnavailable
from clawgate.gateway.template import may_give
from clawgate.index import locations
from clawgate.index.schema import space
from clawgate.model.generation import Generation
from clawgate.model.made_space import Known, MadeSpace, Standing
from clawgate.model.path import ROOT
from clawgate.model.people import Actor, User
from clawgate.settings import S3, Mount, Settings
from clawgate.state.generations import StoredGenerations
from clawgate.state.prepared import Prepared

from ..ports import free_port

HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("pw")
PEOPLE = f'[users.ada]\npassword = "{HASH}"\nmail = "ada@example.org"\n'
YEAR = 365 * 86400.0


@asynccontextmanager
async def running(folder: Folder, **mounts):
    (folder / "users.toml").write_text(PEOPLE)
    core = Core(Settings(data=str(folder), mounts=mounts), reactor)
    await core.start()
    try:
        yield core
    finally:
        await core.stop()


def trash(root: Folder, name: str, age: float) -> Folder:
    """Something in the trash of a tree, as it lies there after so many seconds."""
    bin = root / ".clawgate" / "trash"
    for part in ("files", "info"):
        (bin / part).mkdir(parents=True, exist_ok=True)
    (bin / "files" / name).write_bytes(b"x" * 1000)
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() - age))
    (bin / "info" / f"{name}.trashinfo").write_text(f"[Trash Info]\nPath={name}\nDeletionDate={when}\n")
    return bin / "files" / name


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def ids(core, *mounts):
    return [id async for id in core.visits.ids(mounts)]


@pytest_twisted.ensureDeferred
async def test_all_that_anybody_knows_of(tmp_path):
    """Each once: from the index, from the state, which outlives it, and from the settings."""
    async with running(tmp_path, home=Mount(), lab=Mount(kind="project", root="lab"), other=Mount(root="o/{user.id}")) as core:
        for id in ("home$ada", "other$ada", "home$bob"):
            await core.index.space(id)
        for id in ("home$bob", "home$carol", "gone$x"):
            await StoredGenerations(core.state).keep(id, Generation(1))
        assert await ids(core, "home", "lab") == ["home$ada", "home$bob", "home$carol", "lab$lab"]
        assert await ids(core, "other") == ["other$ada"]
        await core.index.space("lab$lab")
        assert await ids(core, "lab") == ["lab$lab"]


@pytest_twisted.ensureDeferred
async def test_pages(tmp_path, monkeypatch):
    monkeypatch.setattr("clawgate.index.index.PAGE", 2)
    monkeypatch.setattr("clawgate.state.generations.PAGE", 2)
    async with running(tmp_path, home=Mount()) as core:
        for number in range(5):
            await core.index.space(f"home$i{number}")
            await StoredGenerations(core.state).keep(f"home$s{number}", Generation(1))
        assert await ids(core, "home") == [f"home${kind}{number}" for kind in "is" for number in range(5)]


@pytest_twisted.ensureDeferred
async def test_old_trash_goes_and_nothing_else_happens(tmp_path):
    """What a root needs besides the id the directories know. No home is made, and nothing stays open."""
    shards = Mount(root="shards/{user.mail}/{user.id}", quota=1)
    home, lab = Mount(kept_free_percent=0), Mount(kind="project", root="lab", kept_free_percent=0)
    async with running(tmp_path, home=home, shards=shards, lab=lab) as core:
        roots = [tmp_path / "files" / f"u{number}" for number in range(30)]
        roots += [tmp_path / "shards" / "ada@example.org" / "ada", tmp_path / "lab"]
        there = [(trash(root, "old", YEAR), trash(root, "young", 60)) for root in roots]
        for number in range(40):
            await core.index.space(f"home$u{number}")
        for id in ("shards$ada", "shards$nobody"):
            await core.index.space(id)
        # What a kill has left while it was on its way out of the trash.
        left = roots[0] / ".clawgate" / "trash-00112233445566778899aabbccddeeff"
        left.write_bytes(b"left")
        os.utime(left)
        before = descriptors()
        gc.disable()
        try:
            await core.keeper.run()
            while core.files.pending or core.scan.pending:
                await core.idle.sleep(0.01)
            # Databases may have opened a connection or two more.
            assert descriptors() < before + 10
        finally:
            gc.enable()
        assert [(old.exists(), young.exists()) for old, young in there] == [(False, True)] * len(roots)
        # It is younger than an hour.
        assert left.exists()
        assert core.storages.opened() == []
        assert core.opening.raw == {}
        assert sorted(path.name for path in (tmp_path / "files").iterdir()) == sorted(root.name for root in roots[:30])
        assert sorted(path.name for path in (tmp_path / "shards").rglob("*") if path.parent.parent == tmp_path / "shards") == [
            "ada"
        ]


@pytest_twisted.ensureDeferred
async def test_what_is_open_is_not_visited(tmp_path):
    async with running(tmp_path, home=Mount(create=True)) as core:
        (tmp_path / "files" / "ada").mkdir(parents=True)
        async with core.visits.visit("home$ada") as found:
            for space, storage in found:
                assert (space.root, space.quota) == (str(tmp_path / "files" / "ada"), None)
                assert storage.abilities.trash is not None
        assert storage.abilities.trash is None
        await core.storages.of(core.namespace.by_id("home$ada"))
        async with core.visits.visit("home$ada") as found:
            assert list(found) == []


@pytest_twisted.ensureDeferred
async def test_versions_go_too(tmp_path):
    async with running(tmp_path, home=Mount(versions_days=10)) as core:
        folder = tmp_path / "files" / "bob" / ".clawgate" / "versions" / ("a" * 32)
        folder.mkdir(parents=True)
        old, young = (folder / f"{int(time.time() - days * 86400)}.000000000" for days in (11, 9))
        old.write_bytes(b"old")
        young.write_bytes(b"young")
        await core.index.space("home$bob")
        await core.keeper.run()
        assert (old.exists(), young.exists()) == (False, True)


@pytest_twisted.ensureDeferred
async def test_where_only_its_people_tell_where_it_is(tmp_path):
    """What they told when they came last; until the settings lead to somewhere else."""
    shards = Mount(root="shards/{user.shard}/{user.id}", kept_free_percent=0)
    labs = Mount(kind="project", root="labs/{group}", groups="lab .*", kept_free_percent=0)
    people = User("Zoë|1", attributes={"shard": "s7"}, groups=frozenset({"lab of physics"}))
    roots = [tmp_path / "shards" / "s7" / "Zoë|1", tmp_path / "labs" / "lab of physics"]
    there = [(trash(root, "old", YEAR), trash(root, "young", 60)) for root in roots]
    async with running(tmp_path, shards=shards, labs=labs) as core:
        for place in await core.namespace.roots(Actor(people)):
            await core.storages.of(place.space)
        known = [await core.index_database.read(partial(locations.load, id=id)) for id in await ids(core, "shards", "labs")]
        assert {one.root for one in known} == set(map(str, roots))
    elsewhere = attrs.evolve(shards, root="others/{user.shard}/{user.id}")
    async with running(tmp_path, shards=elsewhere, labs=labs) as core:
        await core.keeper.run()
        assert [(old.exists(), young.exists()) for old, young in there] == [(True, True), (False, True)]
    async with running(tmp_path, shards=shards, labs=labs) as core:
        await core.keeper.run()
        assert [(old.exists(), young.exists()) for old, young in there] == [(False, True), (False, True)]


@pytest_twisted.ensureDeferred
async def test_what_the_id_tells_is_not_noted(tmp_path):
    async with running(tmp_path, home=Mount()) as core:
        (tmp_path / "files" / "bob").mkdir(parents=True)
        await core.storages.of(core.namespace.by_id("home$bob"))
        assert await core.index_database.read(partial(locations.load, id="home$bob")) is None
        assert await core.index_database.read(partial(locations.load, id="home$other")) is None


@pytest_twisted.ensureDeferred
async def test_another_folder_in_its_place_is_left_alone(tmp_path):
    """What is below the mount point of a disk that is away, or came from a backup, until somebody has used it."""
    home = tmp_path / "files" / "bob"
    old = trash(home, "old", YEAR)
    async with running(tmp_path, home=Mount(kept_free_percent=100)) as core:
        storage = await core.storages.of(core.namespace.by_id("home$bob"))
        await storage.stat(ROOT)
    home.rename(tmp_path / "disk")
    below = trash(home, "below", YEAR)
    async with running(tmp_path, home=Mount(kept_free_percent=100)) as core:
        await core.keeper.run()
        assert below.exists()
    below.parent.parent.parent.parent.rename(tmp_path / "mountpoint")
    (tmp_path / "disk").rename(home)
    async with running(tmp_path, home=Mount(kept_free_percent=100)) as core:
        await core.keeper.run()
        assert not old.exists()


@pytest_twisted.ensureDeferred
async def test_a_space_that_is_disabled_is_left_alone(tmp_path):
    mount = Mount(kind="project", root="made/{space.id}", creators=["ada"])
    async with running(tmp_path, made=mount) as core:
        left = {}
        for standing in Standing:
            one = MadeSpace("made", standing.value, standing.value, standing.value, "", None, Standing.READY, 1.0)
            core.made_spaces.known = Known(1, [*core.made_spaces.known.all(), attrs.evolve(one, standing=standing)])
            left[standing] = trash(tmp_path / "made" / standing.value, "old", YEAR)
        await core.keeper.run()
        assert {standing for standing, old in left.items() if not old.exists()} == {Standing.READY}


@pytest_twisted.ensureDeferred
async def test_a_location_is_that_of_one_space_only(tmp_path):
    """Also where the number of one that is forgotten is given to another one."""
    async with running(tmp_path, home=Mount()) as core:
        where = locations.Location("ada", "/somewhere")
        database = core.index_database
        await database.write(partial(locations.keep, id="home$ada", location=where))
        assert await database.read(partial(locations.load, id="home$ada")) == where
        other = Prepared(update(space).values(id=bindparam("other")), "other")
        await database.write(lambda connection: other.run(connection, "home$bob"))
        assert await database.read(partial(locations.load, id="home$bob")) is None


def test_roots_that_a_template_may_give():
    template = "/data/{user.shard}/{user.id[0]}-x/{user.id}"
    assert may_give(template, "/data/s7/a-x/ada")
    for root in ("/data/s7/a-x", "/data/s7/a-x/ada/more", "/data/s7/ada", "/data//a-x/ada", "/other/s7/a-x/ada"):
        assert not may_give(template, root)


@pytest_twisted.ensureDeferred
async def test_what_others_are_writing_stays(tmp_path, monkeypatch):
    """Another gateway may serve the space now. What was on its way out of the trash goes."""
    monkeypatch.setattr("clawgate.assembly.visits.AGE", 0.0)
    staging = tmp_path / "lab" / ".clawgate"
    staging.mkdir(parents=True)
    token = "00112233445566778899aabbccddeeff"
    for kind in ("part", "tmp", "in", "old", "trash", "lost"):
        (staging / f"{kind}-{token}").write_bytes(b"x")
    async with running(tmp_path, lab=Mount(kind="project", root="lab")) as core:
        await core.keeper.run()
        assert {path.name.partition("-")[0] for path in staging.iterdir()} == {"part", "tmp", "in", "old", "lost"}


@pytest_twisted.ensureDeferred
async def test_people_at_work_in_buckets_are_not_forgotten(tmp_path):
    """Over those who do not come, of whom there may be any number."""
    s3 = S3(bucket="b", endpoint=f"http://127.0.0.1:{free_port()}", access_key="{user.id}", secret_key="x", attempts=1)
    async with running(tmp_path, home=Mount(driver="s3", s3=attrs.evolve(s3, versioned=True))) as core:
        core.buckets.remember(User("ada"), "home")
        for number in range(3):
            # Nobody is there; that is noticed late enough.
            with suppress(StorageUnavailable):
                async with core.visits.visit(f"home$idle{number}"):
                    pass
            assert not core.buckets.remembers(f"idle{number}", "home")
        assert core.buckets.remembers("ada", "home")

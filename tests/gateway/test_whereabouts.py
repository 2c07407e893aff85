from __future__ import annotations

import attrs
import pytest
import pytest_twisted

from clawgate.errors import StorageUnavailable
from clawgate.gateway.namespace import Namespace
from clawgate.gateway.rules import rules_of
from clawgate.gateway.storages import Storages
from clawgate.gateway.whereabouts import Whereabouts
from clawgate.model.path import ROOT
from clawgate.model.people import User
from clawgate.model.upload import Upload
from clawgate.settings import Mount

ALICE = User("alice", groups=frozenset({"proj-x"}), attributes={"shard": "3"})
MOUNTS = {
    "home": Mount(root="/h/{user.id[0]}/{user.id}", title="{user.mail}"),
    "shards": Mount(root="/s/{user.shard}/{user.id}"),
    "lab": Mount(kind="project", root="/lab", members=["alice"]),
    "groups": Mount(kind="project", root="/g/{group/proj-(.+)/1}", groups="proj-.+"),
    "memory": Mount(driver="memory"),
}


@attrs.define
class World:
    people: dict[str, User] = attrs.field(factory=dict)
    missing: set[str] = attrs.field(factory=set)
    prepared: list[str] = attrs.field(factory=list)
    away: bool = False

    async def known(self, id: str) -> User | None:
        if self.away:
            raise StorageUnavailable("the directory is away")
        return self.people.get(id)

    async def reach(self, space):
        return space if space.root not in self.missing else None

    async def prepare(self, space, user):
        self.prepared.append(space.id)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def storages():
    async def build(space):
        return space.id

    return Storages(build)


@pytest.fixture
def where(world, storages):
    return Whereabouts(storages, Namespace(rules_of(MOUNTS, "/data"), world.prepare), world.known, world.reach)


def upload(space, owner="alice"):
    return Upload("1", owner, space, "handle", "tus", "key", ROOT, None, 0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("id", "expected"),
    [
        ("home$alice", "/h/a/alice"),
        ("lab$lab", "/lab"),
        ("groups$proj-x", "/g/x"),
        # What nobody can tell without the person, or what the rules do not have.
        ("shards$alice", None),
        ("home$0123456789abcdef0123", "/h/0/0123456789abcdef0123"),
        ("home$..", None),
        ("home$a/b", None),
        ("home$", None),
        ("home", None),
        ("lab$other", None),
        ("groups$other", None),
        ("groups$proj-", None),
        ("nothing$alice", None),
    ],
)
def test_by_the_rules_alone(id, expected):
    space = Namespace(rules_of(MOUNTS, "/data"), None).by_id(id)
    assert (space and space.root) == expected
    assert space is None or space.id == id
    if id == "home$alice":
        assert (space.owner, space.mount) == ("alice", "home")


@pytest_twisted.ensureDeferred
async def test_nobody_knows_the_owner(where, world):
    assert (await where.of(upload("home$alice"))).root == "/h/a/alice"
    assert (await where.of(upload("lab$lab"))).root == "/lab"
    assert await where.of(upload("shards$alice")) is None
    assert await where.of(upload("gone$alice")) is None
    world.missing.add("/h/a/alice")
    assert await where.of(upload("home$alice")) is None
    assert world.prepared == [], "nothing is made for somebody who is not there"


@pytest_twisted.ensureDeferred
async def test_somebody_knows_the_owner(where, world):
    world.people["alice"] = ALICE
    assert (await where.of(upload("shards$alice"))).root == "/s/3/alice"
    assert world.prepared == ["shards$alice"]
    # Who left a project has left something there all the same.
    world.people["bob"] = User("bob")
    assert (await where.of(upload("lab$lab", "bob"))).root == "/lab"


@pytest_twisted.ensureDeferred
async def test_one_that_is_open(where, world, storages):
    world.people["alice"] = ALICE
    space = await where.of(upload("shards$alice"))
    await storages.of(space)
    world.people.clear()
    world.away = True
    assert await where.of(upload("shards$alice")) is space
    assert await where.space("shards$alice") is space
    with pytest.raises(StorageUnavailable):
        await where.of(upload("home$alice"))

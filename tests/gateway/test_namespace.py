from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.errors import Forbidden, NotFound
from clawgate.gateway.namespace import Namespace
from clawgate.gateway.rules import Rule
from clawgate.model.path import ROOT, Path
from clawgate.model.people import Actor, User
from clawgate.model.permissions import READ_ONLY, READ_WRITE
from clawgate.model.space import SpaceKind

ALICE = Actor(User("alice", "Alice", groups=frozenset({"physics"})))
BOB = Actor(User("bob", quota=1000))
ODD = Actor(User("o'brien/../x"))


def rules():
    return {
        "home": Rule("home", SpaceKind.PERSONAL, "/srv/home/{user.id}", quota=5000),
        "lab": Rule("lab", SpaceKind.PROJECT, "/srv/lab", ("@physics",), title="The lab", read_only=True),
    }


@pytest.fixture
def prepared():
    return []


@pytest.fixture
def namespace(prepared):
    async def prepare(space, user):
        prepared.append(space.id)

    return Namespace(rules(), prepare)


@pytest_twisted.ensureDeferred
async def test_home(namespace, prepared):
    place = await namespace.home(ALICE, Path("a/b"))
    assert (place.space.id, place.space.root, place.path) == ("home$alice", "/srv/home/alice", "a/b")
    assert place.permissions == READ_WRITE
    assert place.space.name == "Alice"
    assert place.space.quota == 5000
    assert (await namespace.home(BOB, ROOT)).space.quota == 1000
    await namespace.home(ALICE, ROOT)
    assert prepared == ["home$alice", "home$bob"]


@pytest_twisted.ensureDeferred
async def test_other_peoples_trees(namespace):
    with pytest.raises(Forbidden):
        await namespace.files_of(ALICE, "bob", ROOT)
    with pytest.raises(NotFound):
        await namespace.in_space(ALICE, "home$bob", ROOT)
    with pytest.raises(NotFound):
        await namespace.in_space(ALICE, "nothing$x", ROOT)
    with pytest.raises(Forbidden):
        await namespace.home(ODD, ROOT)


@pytest_twisted.ensureDeferred
async def test_projects_are_for_their_members(namespace):
    place = await namespace.in_space(ALICE, "lab$lab", Path("x"))
    assert place.space.root == "/srv/lab"
    assert place.permissions == READ_ONLY
    with pytest.raises(NotFound):
        await namespace.in_space(BOB, "lab$lab", ROOT)
    assert [space.id for space in await namespace.spaces(ALICE)] == ["home$alice", "lab$lab"]
    assert [space.id for space in await namespace.spaces(BOB)] == ["home$bob"]


def test_explain(namespace):
    home, lab = namespace.explain(ALICE.user, Path("x"))
    assert home.place.space.root == "/srv/home/alice"
    assert lab.reasons == ("mount lab (project)", "member by group physics", "root template /srv/lab")

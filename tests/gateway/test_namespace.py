from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.errors import Forbidden, NotFound
from clawgate.gateway.namespace import Namespace
from clawgate.gateway.rules import Rule
from clawgate.model.path import ROOT, Path
from clawgate.model.people import Actor, Scope, User
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


def limited(actor, **scope):
    return Actor(actor.user, scope=Scope(**scope))


@pytest_twisted.ensureDeferred
async def test_credentials_for_reading_only(namespace):
    # Whoever asks first: what is remembered is not the other's.
    for _ in range(2):
        for actor, rights in ((limited(ALICE, read_only=True), READ_ONLY), (ALICE, READ_WRITE)):
            assert (await namespace.home(actor, ROOT)).permissions == rights
            assert (await namespace.files_of(actor, "alice", ROOT)).permissions == rights
            assert (await namespace.in_space(actor, "home$alice", ROOT)).permissions == rights
            assert len(await namespace.spaces(actor)) == 2
    with pytest.raises(Forbidden):
        await namespace.files_of(limited(ALICE, read_only=True), "bob", ROOT)


@pytest_twisted.ensureDeferred
async def test_credentials_for_one_space(namespace, prepared):
    project = limited(ALICE, space="lab$lab")
    for _ in range(2):
        assert [space.id for space in await namespace.spaces(project)] == ["lab$lab"]
        # It stands in for the home, where nothing else can be addressed.
        for place in (await namespace.home(project, Path("x")), await namespace.files_of(project, "alice", Path("x"))):
            assert (place.space.id, place.path, place.permissions) == ("lab$lab", "x", READ_ONLY)
        with pytest.raises(NotFound):
            await namespace.in_space(project, "home$alice", ROOT)
        assert prepared == ["lab$lab"], "nobody needs a home for that"
    assert (await namespace.home(ALICE, ROOT)).space.id == "home$alice"
    own = limited(ALICE, space="home$alice", read_only=True)
    assert (await namespace.home(own, ROOT)).permissions == READ_ONLY
    with pytest.raises(NotFound):
        await namespace.in_space(own, "lab$lab", ROOT)


@pytest.mark.parametrize("space", ["lab$lab", "home$alice", "nothing$x", "home"])
@pytest_twisted.ensureDeferred
async def test_credentials_for_a_space_that_the_person_does_not_have(namespace, space):
    bob = limited(BOB, space=space)
    assert await namespace.spaces(bob) == []
    for ask in (namespace.home(bob, ROOT), namespace.files_of(bob, "bob", ROOT), namespace.in_space(bob, space, ROOT)):
        with pytest.raises(NotFound):
            await ask

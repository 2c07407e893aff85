from __future__ import annotations

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, DeferredList
from twisted.logger import LogLevel, capturedLogs

from clawgate.errors import AlreadyExists, Forbidden, InvalidRequest, NotFound, SettingsError, StorageUnavailable
from clawgate.gateway.made_spaces import MadeSpaces
from clawgate.gateway.making import Change, Making
from clawgate.gateway.namespace import Namespace
from clawgate.gateway.rules import Rule, rules_of
from clawgate.model.made_space import MadeSpace, Role, Standing
from clawgate.model.path import ROOT
from clawgate.model.people import Actor, Scope, User
from clawgate.model.permissions import READ_ONLY, READ_WRITE, Permissions
from clawgate.model.space import Space, SpaceKind
from clawgate.settings import Graph, Mount
from clawgate.state.engine import Database
from clawgate.state.made_spaces import StoredSpaces, peek
from clawgate.state.schema import SCHEMA
from clawgate.workers import Workers

ADA, BOB = Actor(User("ada")), Actor(User("bob", groups=frozenset({"staff"})))


class Ground:
    def __init__(self):
        self.there = {"/p/taken", "/p/taken-2"}
        self.failure = None
        self.away = self.killed = False
        self.calls = []

    async def vacant(self, space):
        return space.root not in self.there

    async def make(self, space):
        if self.failure:
            raise self.failure
        self.there.add(space.root)

    async def clear(self, space):
        self.calls.append(("clear", space.root))
        if self.away:
            raise StorageUnavailable(f"{space.root} is missing; is its file system mounted?")
        self.there.discard(space.root)

    async def end(self, space):
        self.calls.append(("end", space.root))
        if self.killed:
            raise CancelledError


class World:
    def __init__(self, database, ground):
        rules = rules_of({"home": Mount(), "p": Mount(root="/p/{space.name}", kind="project", creators=["ada"])}, "/data")
        self.stored, self.ground, self.clock = StoredSpaces(database), ground, 0.0
        made = MadeSpaces(self.stored, lambda: self.clock)
        self.now = 1.5
        self.making = Making(rules, self.stored, made, ground, Graph(), lambda: self.now)

        async def prepare(space, user):
            pass

        self.namespace = Namespace(rules, prepare, made=made)


@pytest.fixture
def workers():
    pool = Workers(reactor, "state", threads=2, queue=50)
    pool.start()
    yield pool
    pool.stop()


@pytest_twisted.async_yield_fixture
async def database(new_database, workers):
    found = Database(new_database(), workers, SCHEMA)
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
def world(database):
    return World(database, Ground())


@pytest_twisted.ensureDeferred
async def test_labels_and_names(world):
    first = await world.making.create("p", Change("Taken"), "ada")
    second = await world.making.create("p", Change("..taken.."), "ada")
    odd = await world.making.create("p", Change("../.."), "ada")
    assert (first.label, second.label, odd.label) == ("taken-3", "taken-4", odd.key)
    assert {f"/p/{one.label}" for one in (first, second, odd)} <= world.ground.there
    with pytest.raises(AlreadyExists):
        await world.making.create("p", Change(" TAKEN "), "ada")
    with pytest.raises(NotFound):
        await world.making.create("home", Change("x"), "ada")
    assert first.created == 1.5


@pytest_twisted.ensureDeferred
async def test_names_that_look_the_same(world):
    rule = world.making._rules["p"]
    aliases = [rule.space_of(await world.making.create("p", Change(name), "ada")).alias for name in ("a b", "a-b", "A/B", "a b!")]
    assert aliases == ["project/a-b", "project/a-b-2", "project/a-b-3", "project/a-b-4"]


@pytest_twisted.ensureDeferred
async def test_a_folder_that_cannot_be_made_leaves_no_space(world):
    world.ground.failure = StorageUnavailable("away")
    with pytest.raises(StorageUnavailable):
        await world.making.create("p", Change("x"), "ada")
    assert (await world.stored.load()).all() == []
    world.ground.failure = None
    await world.making.create("p", Change("x"), "ada")


@pytest_twisted.ensureDeferred
async def test_roles_are_rights(world):
    one = await world.making.create("p", Change("x"), "ada")
    for role, rights in ((Role.VIEWER, READ_ONLY), (Role.EDITOR, READ_WRITE), (Role.MANAGER, READ_WRITE | Permissions.MANAGE)):
        await world.making.grant(ADA, one.id, ["@staff"], role, new=True)
        assert (await world.namespace.in_space(BOB, one.id, ROOT)).permissions == rights
    # Of several the one that may do most.
    await world.making.grant(ADA, one.id, ["bob"], Role.VIEWER, new=True)
    assert Permissions.MANAGE in (await world.namespace.in_space(BOB, one.id, ROOT)).permissions
    with pytest.raises(NotFound):
        await world.namespace.in_space(Actor(User("eve")), one.id, ROOT)
    reader = attrs.evolve(ADA, scope=Scope(read_only=True))
    assert (await world.namespace.in_space(reader, one.id, ROOT)).permissions == READ_ONLY
    for limited in (reader, attrs.evolve(ADA, scope=Scope(space="home$ada"))):
        with pytest.raises(Forbidden):
            world.making.mount_for(limited)
        with pytest.raises((Forbidden, NotFound)):
            await world.making.change(limited, one.id, Change("y"))


@pytest_twisted.ensureDeferred
async def test_other_processes(world, database):
    other = World(database, world.ground)
    assert [space.id for space in await other.namespace.spaces(ADA)] == ["home$ada"]
    one = await world.making.create("p", Change("x"), "ada")
    other.clock += 0.5
    assert [space.id for space in await other.namespace.spaces(ADA)] == ["home$ada"]
    other.clock += 0.6
    assert [space.id for space in await other.namespace.spaces(ADA)] == ["home$ada", one.id]
    await world.making.disable(ADA, one.id)
    # Whoever changes something judges by what is so now, and not by what was known.
    with pytest.raises(InvalidRequest):
        await other.making.grant(ADA, one.id, ["ada"], None)
    assert [place.space.id for place in await other.namespace.disabled(ADA)] == [one.id]
    assert await other.namespace.disabled(BOB) == []


@pytest_twisted.ensureDeferred
async def test_mending(world, database):
    one = await world.making.create("p", Change("one"), "ada")
    two = await world.making.create("p", Change("two"), "ada")
    await world.stored.change("p", one.key, lambda it: attrs.evolve(it, standing=Standing.MAKING))
    await world.stored.change("p", two.key, lambda it: attrs.evolve(it, standing=Standing.REMOVING))
    world.ground.there.discard("/p/one")
    later = World(database, world.ground)
    # The name of one that goes is free.
    three = await later.making.create("p", Change("two"), "ada")
    assert three.label == "two-2"
    world.ground.failure = StorageUnavailable("away")
    with pytest.raises(StorageUnavailable):
        await later.making.mend()
    await DeferredList(list(later.making.unmaking.running))
    assert "/p/two" not in world.ground.there
    world.ground.failure = None
    assert await later.making.mend() == 1
    assert "/p/one" in world.ground.there
    found = {found.id: found.standing for found in (await later.stored.load()).all()}
    assert found == {one.id: Standing.READY, three.id: Standing.READY}
    assert await later.making.mend() == 0


async def removed(world):
    await world.making.mend()
    await DeferredList(list(world.making.unmaking.running))


@pytest_twisted.ensureDeferred
async def test_what_is_away_is_not_removed(world):
    one = await world.making.create("p", Change("one"), "ada")
    await world.making.disable(None, one.id)
    await world.making.remove(None, one.id)
    world.ground.away = True

    def said(events):
        return [event["error"] for event in events if event["log_level"] is LogLevel.error]

    with capturedLogs() as events:
        for _ in range(3):
            await removed(world)
    # Once, and again while it is so.
    assert said(events) == ["/p/one is missing; is its file system mounted?"]
    assert world.making.pending == 1
    world.now += 4000
    with capturedLogs() as events:
        await removed(world)
        await removed(world)
    assert len(said(events)) == 1
    world.ground.away = False
    await removed(world)
    assert (world.making.pending, "/p/one" in world.ground.there) == (0, False)
    assert world.ground.calls[-2:] == [("clear", "/p/one"), ("end", "/p/one")]


@pytest_twisted.ensureDeferred
async def test_a_kill_after_all_is_gone(world, database):
    one = await world.making.create("p", Change("one"), "ada")
    await world.making.disable(None, one.id)
    await world.making.remove(None, one.id)
    world.ground.killed = True
    await removed(world)
    assert [it.standing for it in (await world.stored.load()).all()] == [Standing.EMPTIED]
    assert await world.namespace.disabled(ADA) == []
    assert world.namespace.by_id(one.id) is None
    later = World(database, world.ground)
    world.ground.killed, world.ground.calls = False, []
    # Its name is free, and nothing is cleared that may be another's by now.
    await later.making.create("p", Change("one"), "ada")
    await removed(later)
    assert world.ground.calls == [("end", "/p/one")]
    assert [it.label for it in (await world.stored.load()).all()] == ["one-2"]


@pytest_twisted.ensureDeferred
async def test_what_another_gateway_has_removed_meanwhile(world, database):
    one = await world.making.create("p", Change("one"), "ada")
    await world.making.disable(None, one.id)
    stale = await world.making.remove(None, one.id)
    other = World(database, world.ground)
    await removed(other)
    # The folder is that of another space now.
    new = await other.making.create("p", Change("one"), "ada")
    assert (new.label, new.id != one.id) == (one.label, True)
    world.ground.calls = []
    world.making.unmaking.begin(stale)
    await DeferredList(list(world.making.unmaking.running))
    assert (world.ground.calls, "/p/one" in world.ground.there) == ([], True)
    assert world.making.pending == 0


def test_what_is_not_there_is_nothing(tmp_path):
    assert peek(f"sqlite:///{tmp_path}/none.db").all() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (
            {"kind": "personal", "root": "/p/{space.id}"},
            "mounts.p.creators: people make spaces only on a mount of kind 'project'",
        ),
        ({"root": "/p"}, "mounts.p.root: with 'creators' it needs {space.id} or {space.name}"),
        ({"root": "/p/{group}"}, "mounts.p.root: {group} needs the setting 'groups'"),
        ({"root": "/p/{user.id}/{space.id}"}, "mounts.p.root: a project has one directory for all"),
        ({"members": ["bob"]}, "mounts.p.members: spaces that people make have members"),
        ({"title": "x"}, "mounts.p.title: spaces that people make have members and a name"),
        ({"read_only": True}, "mounts.p.creators: nobody can make spaces where read_only is set"),
        ({"driver": "eos"}, "mounts.p.creators: people cannot make spaces with the driver 'eos'"),
        ({"act_as": "user"}, "mounts.p.creators: goes with act_as = 'service' only"),
        ({"creators": []}, "mounts.p.root: {space.id} needs the setting 'creators'"),
    ],
)
def test_settings_that_make_no_sense(more, text):
    mount = {"root": "/p/{space.id}", "kind": "project", "creators": ["ada"], **more}
    with pytest.raises(SettingsError) as raised:
        rules_of({"p": Mount(**mount)}, "/data")
    assert str(raised.value).startswith(text)


def test_templates():
    mounts = {"p": Mount(root="/p/{space.id[0]}/{space.name.upper}", kind="project", creators=["ada"], quota=7)}
    (rule,) = rules_of(mounts, "/data").values()
    one = MadeSpace("p", "abc", "optics", "Optics", "", None, Standing.READY, 0.0)
    assert rule.space_of(one) == Space("p$abc", "Optics", SpaceKind.PROJECT, "p", "", "/p/a/OPTICS", 7)
    assert rule.space_of(attrs.evolve(one, quota=5, name="Other")).quota == 5
    with pytest.raises(Forbidden):
        rule.space_of(attrs.evolve(one, label=".."))
    assert list(rule.grants(ADA.user)) == []
    assert rule.of_key("abc") is None


@pytest_twisted.ensureDeferred
async def test_who_has_other_spaces_is_told(world):
    told = []
    world.making._made.changed.append(told.append)
    one = await world.making.create("p", Change("One"), "ada")
    assert told.pop() == {"ada"}
    await world.making.change(None, one.id, Change("Other"))
    assert told == []
    await world.making.grant(None, one.id, ["bob", "@staff"], Role.VIEWER, new=True)
    assert told.pop() == {"ada", "bob", "@staff"}
    await world.making.grant(None, one.id, ["bob"], None)
    assert told.pop() == {"ada", "bob", "@staff"}
    await world.making.disable(None, one.id)
    assert told.pop() == {"ada", "@staff"}


@pytest_twisted.ensureDeferred
async def test_one_that_does_not_fit_any_more_takes_no_other_away(world, monkeypatch):
    await world.making.create("p", Change("One"), "ada")
    two = await world.making.create("p", Change("Two"), "ada")
    grant = Rule.grant

    def fits(rule, one, user):
        if one.name == "One":
            raise Forbidden("it does not fit")
        return grant(rule, one, user)

    monkeypatch.setattr(Rule, "grant", fits)
    assert two.id in [space.id for space in await world.namespace.spaces(ADA)]
    assert await world.namespace.disabled(ADA) == []


@pytest.mark.parametrize(
    "wanted",
    [Change("a", quota=1 << 63), Change("a", quota=-1), Change("a", description="\ud800"), Change("a", description="\0")],
)
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_kept(world, wanted):
    with pytest.raises(InvalidRequest):
        await world.making.create("p", wanted, "ada")

from __future__ import annotations

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import capturedLogs

from clawgate.configuration import load
from clawgate.errors import Forbidden, QuotaExceeded, SettingsError, StorageUnavailable
from clawgate.gateway.homes import Homes, divided, gives_away
from clawgate.gateway.template import fixed
from clawgate.model.home import NewHome
from clawgate.model.people import User
from clawgate.model.space import Space, SpaceKind
from clawgate.settings import Mount
from clawgate.workers import Workers

ALICE = User("alice", uid=1001)
DATA = "/var/lib/clawgate"


@attrs.define
class World:
    """A disk that is made of names."""

    there: set[str] = attrs.field(factory=set)
    known: set[str] = attrs.field(factory=set)
    made: list[NewHome] = attrs.field(factory=list)
    failure: Exception | None = None

    def look(self, root: str) -> bool:
        return root in self.there

    def make(self, home: NewHome) -> bool:
        if self.failure is not None:
            raise self.failure
        self.made.append(home)
        self.there.add("/".join((home.above, *home.below)))
        return True

    async def knows(self, id: str) -> bool:
        return id in self.known


@pytest.fixture
def world():
    return World()


@pytest.fixture
def homes(world):
    """Makes them for one mount."""
    workers = Workers(reactor, "files", 4, 100)
    workers.start()

    def numbers(user):
        if user.uid is None:
            raise Forbidden("nobody tells the uid of " + user.id)
        return user.uid, 100

    def make(**mount):
        return Homes({"home": Mount(**mount)}, DATA, workers, world.look, world.make, numbers, world.knows)

    yield make
    workers.stop()


def space(root, kind=SpaceKind.PERSONAL, mount="home"):
    return Space(f"{mount}$alice", "Alice", kind, mount, "alice", root)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("files/{user.id}", "files"),
        ("{user.id}", ""),
        ("/{user.id}", "/"),
        ("/srv/home/{user.id[0]}/{user.id}", "/srv/home"),
        ("/srv/u-{user.id}/files", "/srv"),
        ("/srv/everybody", "/srv"),
    ],
)
def test_what_all_have_in_common(template, expected):
    assert fixed(template) == expected


@pytest.mark.parametrize(
    ("template", "root", "expected"),
    [
        ("files/{user.id}", f"{DATA}/files/alice", (f"{DATA}/files", ("alice",))),
        ("{user.id}", f"{DATA}/alice", (DATA, ("alice",))),
        ("/srv//home/{user.id[0]}/{user.id}", "/srv//home/a/alice", ("/srv/home", ("a", "alice"))),
        ("/h/{user.id}/files", "/h/alice/files", ("/h", ("alice", "files"))),
        ("/{user.id}", "/alice", ("/", ("alice",))),
    ],
)
def test_dividing(template, root, expected):
    assert divided(template, DATA, root) == expected


@pytest_twisted.ensureDeferred
async def test_one_that_is_there_is_left_as_it_is(homes, world):
    world.there.add("/srv/alice")
    await homes(root="/srv/{user.id}", create_owner="user").prepare(space("/srv/alice"), User("alice"))
    assert world.made == []


@pytest_twisted.ensureDeferred
async def test_a_new_one(homes, world):
    settings = {
        "create_mode": "2750",
        "create_owner": "user",
        "skeleton": "/etc/skel",
        "skeleton_bytes": 5,
        "skeleton_entries": 3,
    }
    mount = {"root": "/srv/{user.id[0]}/{user.id}", "durability": "full", "create_parents": True}
    await homes(**mount, **settings).prepare(space("/srv/a/alice"), ALICE)
    (made,) = world.made
    assert made == NewHome("/srv", ("a", "alice"), "", 0o2750, 1001, 100, 0o711, "/etc/skel", 5, 3, "full")


@pytest_twisted.ensureDeferred
async def test_in_the_data_directory_everything_is_made(homes, world):
    await homes().prepare(space(f"{DATA}/files/alice"), User("alice"))
    (made,) = world.made
    assert made == NewHome(f"{DATA}/files", ("alice",), DATA, 0o700, -1, -1, 0o700, "", 104857600, 1000, "data")


@pytest_twisted.ensureDeferred
async def test_those_who_come_together_make_one(homes, world):
    one = homes()
    await gatherResults([Deferred.fromCoroutine(one.prepare(space(f"{DATA}/files/alice"), ALICE)) for _ in range(20)])
    assert len(world.made) == 1


@pytest_twisted.ensureDeferred
async def test_none_is_made(homes, world):
    with capturedLogs() as events, pytest.raises(Forbidden, match="there is no home for alice here"):
        await homes(root="/srv/{user.id}", create=False).prepare(space("/srv/alice"), ALICE)
    assert (events[0]["root"], events[0]["mount"]) == ("/srv/alice", "home")
    assert world.made == []


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("create", [True, False])
async def test_one_that_was_there_is_not_made_again(homes, world, create):
    world.known.add("home$alice")
    with pytest.raises(StorageUnavailable, match="is its file system mounted"):
        await homes(create=create).prepare(space(f"{DATA}/files/alice"), ALICE)
    with pytest.raises(StorageUnavailable, match="is its file system mounted"):
        await homes(create=create).prepare(space("/srv/lab", SpaceKind.PROJECT), ALICE)
    assert world.made == []


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_made_is_told_to_the_operator(homes, world):
    one = homes(root="/srv/{user.id}", create_owner="user")
    with capturedLogs() as events, pytest.raises(StorageUnavailable, match="your home cannot be made now"):
        await one.prepare(space("/srv/alice"), User("alice"))
    assert events[0]["error"] == "nobody tells the uid of alice"
    for failure, expected in (
        (StorageUnavailable("/srv/alice cannot be made: Input/output error"), StorageUnavailable),
        (QuotaExceeded("/srv/alice cannot be made: No space left on device"), QuotaExceeded),
    ):
        world.failure = failure
        with capturedLogs() as events, pytest.raises(expected) as raised:
            await one.prepare(space("/srv/alice"), ALICE)
        assert (events[0]["key"], events[0]["error"]) == ("mounts.home", str(failure))
        assert "/srv" not in str(raised.value)
    world.failure = None
    await one.prepare(space("/srv/alice"), ALICE)


def test_who_must_be_able_to_give_away():
    assert gives_away(Mount(create_owner="user"))
    for other in ({}, {"create": False}, {"kind": "project"}, {"driver": "memory"}):
        assert not gives_away(Mount(**({"create_owner": "user"} | other if other else {})))


@pytest.mark.parametrize("mode", ["", "0", "700x", "0888", "0600", "77777", "rwx"])
def test_modes_that_make_no_sense(mode, tmp_path):
    file = tmp_path / "a.toml"
    file.write_text(f'[mounts.home]\ncreate_mode = "{mode}"')
    with pytest.raises(SettingsError, match=r"mounts\.home\.create_mode: expected an octal mode"):
        load([str(file)])

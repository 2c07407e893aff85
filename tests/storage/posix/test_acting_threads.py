"""No thread ever works with the rights of anybody but the one for whom it works."""

from __future__ import annotations

import os
import random
import threading

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from clawgate.errors import ClawgateError, Forbidden, StorageUnavailable
from clawgate.model.content import Intent
from clawgate.model.path import ROOT
from clawgate.model.path import Path as NodePath
from clawgate.model.space import Persona
from clawgate.storage.posix import PosixOptions, PosixStorage, attributes, credentials, persona
from clawgate.storage.posix.persona import Acting
from clawgate.testing.tools import body_of
from clawgate.workers import Workers

from .people import ANN, BOB, CAT, storage_for

SERVICE = (os.geteuid(), os.getegid(), tuple(sorted(os.getgroups())))
CUT = f"{credentials.SWITCHING:016x}"


def threads() -> dict[str, list[dict[str, str]]]:
    """What the kernel says of the threads of this process, by the part of their names before the number."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    found: dict[str, list[dict[str, str]]] = {}
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/status") as stream:
            facts = dict(line.rstrip("\n").split(":\t", 1) for line in stream if ":\t" in line)
        found.setdefault(names.get(int(task), "?").rpartition("-")[0], []).append(facts)
    return found


def ids_of(facts: dict[str, str]) -> tuple[int, int, tuple[int, ...]]:
    """File system ids and groups."""
    return int(facts["Uid"].split()[3]), int(facts["Gid"].split()[3]), tuple(sorted(map(int, facts["Groups"].split())))


def as_ids(one: Persona) -> tuple[int, int, tuple[int, ...]]:
    return one.uid, one.gid, tuple(sorted(one.groups))


@pytest.fixture
def common(root):
    """A folder for everybody, one for each that nobody else may enter, and one that only the gateway may."""
    for name, one in (("ann", ANN), ("bob", BOB), ("cat", CAT)):
        (root / name).mkdir()
        (root / name / "private").write_bytes(name.encode())
        for path in (root / name, root / name / "private"):
            os.chown(path, one.uid, one.gid)
        (root / name).chmod(0o700)
    (root / "all").mkdir()
    (root / "all").chmod(0o1777)
    (root / "service").mkdir(0o700)
    (root / "service" / "private").write_bytes(b"service")
    (root / ".clawgate").mkdir()
    (root / ".clawgate").chmod(0o1733)
    return root


@pytest.fixture
def single():
    """One thread, so that what one call leaves behind meets the next."""
    single = Workers(reactor, "single", 1, 10)
    single.start()
    yield single
    single.stop()


async def test_people_and_the_gateway_at_once(common, workers, people, door):
    """A few thousand operations of all sorts in random order, on four threads."""
    chance = random.Random(4)
    storages = {
        name: storage_for(common, one, people, door, shared=True) for name, one in (("ann", ANN), ("bob", BOB), ("cat", CAT))
    }
    everybody = {**storages, "service": PosixStorage(str(common), workers, PosixOptions())}
    owners = {"ann": ANN, "bob": BOB, "cat": CAT, "service": Persona(SERVICE[0], SERVICE[1])}
    made: dict[str, str] = {}
    wrong: list[object] = []

    async def one(number: int) -> None:
        who, whose = chance.choice(list(everybody)), chance.choice(list(everybody))
        storage, path = everybody[who], NodePath(f"all/{number}")
        action = chance.randrange(5)
        allowed = who in (whose, "service")
        try:
            if action == 0:
                await storage.write(path, body_of(b"x" * chance.choice((3, 100000))), Intent())
                made[str(path)] = who
            elif action == 1:
                await storage.make_folder(path)
                made[str(path)] = who
            elif action == 2:
                reader = await storage.read(NodePath(f"{whose}/private"))
                content = b"".join([data async for data in reader.stream()])
                await reader.close()
                if not allowed or content != whose.encode():
                    wrong.append((who, "read", whose))
            elif action == 3:
                await storage.list(NodePath(whose))
                if not allowed:
                    wrong.append((who, "listed", whose))
            else:
                await storage.write(NodePath(f"{whose}/from-{who}"), body_of(b"x"), Intent(size=1))
                made[f"{whose}/from-{who}"] = who
                if not allowed:
                    wrong.append((who, "wrote to", whose))
        except Forbidden:
            if action < 2 or allowed:
                wrong.append((who, action, whose, "was refused"))

    for start in range(0, 2000, 200):
        await gatherResults([Deferred.fromCoroutine(one(number)) for number in range(start, start + 200)])
    assert wrong == []
    assert len(made) > 500
    for path, who in made.items():
        state = os.stat(common / path)
        assert (state.st_uid, state.st_gid) == (owners[who].uid, owners[who].gid), path
    seen = threads()
    acting = seen.pop("people")
    assert {ids_of(facts) for facts in acting} <= {as_ids(one) for one in (ANN, BOB, CAT)}
    assert {facts["CapEff"] for facts in acting} == {CUT}
    for name, found in seen.items():
        assert {ids_of(facts) for facts in found} == {SERVICE}, name
        assert CUT not in {facts["CapEff"] for facts in found}, name


async def test_threads_keep_nothing_but_what_switching_needs(people):
    for one in (ANN, BOB, ANN):
        assert await Acting(people, one).run(credentials.present) == as_ids(one)
        assert await Acting(people, one).run(credentials.capabilities) == (credentials.SWITCHING, credentials.SWITCHING | 1)
    [facts] = threads()["people"]
    assert facts["CapEff"] == CUT
    assert facts["CapInh"] == "0" * 16
    # The ids of the process itself are never touched: signals, and what asks for them, go by these.
    assert facts["Uid"].split()[:3] == [str(os.getuid())] * 3


@pytest.mark.parametrize(
    "one",
    [Persona(0, 3001), Persona(3001, 0), Persona(3001, 3001, (0,)), Persona(2**32 - 1, 3001), Persona(3001, 3001, (2**32 - 2,))],
)
async def test_root_and_nobody_are_never_taken_on(people, one):
    called = []
    with pytest.raises(StorageUnavailable):
        await Acting(people, one).run(called.append, 1)
    assert called == []


async def test_a_thread_whose_switch_fails_is_nobodys_until_one_succeeds(single, monkeypatch):
    """For each step of a switch: what was asked for is not done, neither as the person before nor as the gateway."""
    assert await Acting(single, ANN).run(credentials.present) == as_ids(ANN)
    for step in ("limit", "switch", "capabilities"):
        called = []

        def fail(*args, **kwargs):
            raise OSError(12, "no memory")

        with monkeypatch.context() as patched:
            patched.setattr(credentials, step, fail)
            with pytest.raises(StorageUnavailable):
                await Acting(single, BOB).run(called.append, 1)
            # Nor is the person believed whom the thread was before.
            with pytest.raises(StorageUnavailable):
                await Acting(single, ANN).run(called.append, 1)
        assert called == []
        assert await Acting(single, ANN).run(credentials.present) == as_ids(ANN)


async def test_half_a_switch_is_noticed(people, monkeypatch):
    """Calls that report no failure are not believed."""
    calls = credentials._calls
    for broken in ("setfsuid", "setfsgid"):
        with monkeypatch.context() as patched:
            # A call that does nothing and succeeds: getpid.
            patched.setattr(credentials, "_calls", calls._replace(**{broken: 39 if os.uname().machine == "x86_64" else 172}))
            with pytest.raises(StorageUnavailable):
                await Acting(people, BOB).run(os.getpid)
    assert await Acting(people, BOB).run(credentials.present) == as_ids(BOB)


async def test_the_group_of_a_folder_is_given_and_the_right_to_give_is_gone_again(root, single, door):
    os.chown(root, ANN.uid, 3300)
    root.chmod(0o2775)
    storage = storage_for(root, ANN, single, door)
    await storage.write(NodePath("new"), body_of(b"x"), Intent(size=1))
    state = os.stat(root / "new")
    assert (state.st_uid, state.st_gid) == (ANN.uid, 3300)
    fd = os.open(root / "new", os.O_RDWR)
    for ids in ((ANN.uid, 3301), (BOB.uid, -1)):
        with pytest.raises(PermissionError):
            await Acting(single, ANN).run(os.fchown, fd, *ids)
    assert await Acting(single, ANN).run(credentials.capabilities) == (credentials.SWITCHING, credentials.SWITCHING | 1)
    os.close(fd)


async def test_a_group_is_not_given_where_the_person_may_not_write(root, people):
    """A file of one's own must not get into a foreign group by way of a folder of that group."""
    (root / "folder").mkdir()
    os.chown(root / "folder", 0, 3300)
    (root / "folder").chmod(0o2755)
    (root / "mine").write_bytes(b"")
    os.chown(root / "mine", ANN.uid, ANN.gid)

    def settle() -> None:
        fd, folder = os.open(root / "mine", os.O_RDWR), os.open(root / "folder", os.O_PATH)
        attributes.settle(fd, folder, acting=True)
        os.close(fd)
        os.close(folder)

    for above in root.parents:
        if above.stat().st_uid == os.geteuid() and not above.stat().st_mode & 0o001:
            above.chmod(above.stat().st_mode | 0o011)
    await Acting(people, ANN).run(settle)
    assert os.stat(root / "mine").st_gid == ANN.gid


async def test_roots_that_the_person_cannot_reach_are_still_noticed_to_be_replaced(root, people, door):
    os.chown(root, ANN.uid, ANN.gid)
    root.parent.chmod(0o700)
    storage = storage_for(root, ANN, people, door)
    await storage.write(NodePath("old"), body_of(b"x"), Intent(size=1))
    root.rename(root.with_name("away"))
    with pytest.raises(StorageUnavailable):
        await storage.list(ROOT)
    root.mkdir()
    with pytest.raises(ClawgateError):
        await storage.write(NodePath("new"), body_of(b"x"), Intent(size=1))
    assert await storage.stat(ROOT)


def test_what_is_missing_is_named(monkeypatch):
    assert persona.missing() == []
    monkeypatch.setattr(credentials, "capabilities", lambda: credentials.Capabilities(0, 1 << credentials.SETUID))
    assert persona.missing() == ["CAP_CHOWN", "CAP_SETGID"]
    monkeypatch.setattr(credentials, "_calls", None)
    assert persona.missing() != []

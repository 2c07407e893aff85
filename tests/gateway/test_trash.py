"""Who may do what with trash and versions, and what it costs."""

from __future__ import annotations

import attrs
import pytest
import pytest_twisted

from clawgate.errors import Forbidden, Locked, NotFound, NotSupported, PreconditionFailed, QuotaExceeded
from clawgate.gateway.quota import Quotas
from clawgate.gateway.storages import Storages
from clawgate.gateway.trash import Trash
from clawgate.gateway.tree import _discarded
from clawgate.gateway.versions import Versions
from clawgate.model.path import ROOT, Path
from clawgate.model.people import Actor, User
from clawgate.model.permissions import READ_ONLY, READ_WRITE, Permissions
from clawgate.model.space import Place, Space, SpaceKind
from clawgate.storage.memory import MemoryStorage
from clawgate.testing.history import trashed
from clawgate.testing.tools import put

ALICE = Actor(User("alice"))
SPACE = Space("home$alice", "Alice", SpaceKind.PERSONAL, "home", "alice", "/x", quota=100)
WHOLE = Place(SPACE, ROOT, READ_WRITE)
NONE = frozenset()


class Unlocked:
    """No locks but one on the path `locked`."""

    locked = ""

    def check(self, user, space, path, tokens, *, deep=False, member=False):
        if self.locked and path == self.locked:
            raise Locked("locked", path)


class NoProperties:
    def any(self, space):
        return False


class Summed(MemoryStorage):
    """Knows its size, as an index does."""

    async def stat(self, path):
        node = await super().stat(path)
        return node if path else node._replace(size=(await self.room()).used)


@pytest.fixture
def storage():
    return Summed()


@pytest.fixture
def locks():
    return Unlocked()


@pytest.fixture
def rules(storage, locks):
    async def build(space):
        return storage

    async def reserved(space, apart):
        return 0

    storages, quotas = Storages(build), Quotas(reserved)
    return Trash(storages, locks, NoProperties(), quotas), Versions(storages, locks, quotas)


def at(path, permissions=READ_WRITE):
    return Place(SPACE, Path(path), permissions)


async def removed(storage, path, content):
    await put(storage, path, content)
    await storage.abilities.trash.discard(Path(path))
    return (await trashed(storage.abilities.trash))[path].key


@pytest_twisted.ensureDeferred
async def test_who_may_only_read(storage, rules):
    trash, versions = rules
    key = await removed(storage, "file", b"x")
    await put(storage, "kept", b"one")
    await put(storage, "kept", b"two")
    reader = Place(SPACE, ROOT, READ_ONLY)
    assert [one.key async for page in trash.list(reader) for one in page] == [key]
    await (await trash.read(reader, key, ROOT)).close()
    (version,) = await versions.list(at("kept", READ_ONLY))
    await (await versions.open(at("kept", READ_ONLY), version.key)).close()
    with pytest.raises(Forbidden):
        await trash.purge(reader, key)
    with pytest.raises(Forbidden):
        await trash.empty(reader)
    with pytest.raises(Forbidden):
        await trash.restore(ALICE, reader, key, at("file", READ_ONLY), replace=False, tokens=NONE)
    with pytest.raises(Forbidden):
        await versions.restore(ALICE, at("kept", READ_ONLY), version.key, tokens=NONE)
    blind = Place(SPACE, ROOT, Permissions.NONE)
    with pytest.raises(Forbidden):
        await trash.find(blind, key)
    with pytest.raises(Forbidden):
        await versions.list(at("kept", Permissions.NONE))


@pytest_twisted.ensureDeferred
async def test_what_is_in_the_way(storage, rules, locks):
    trash, versions = rules
    key = await removed(storage, "file", b"x")
    await put(storage, "file", b"there")
    with pytest.raises(PreconditionFailed):
        await trash.restore(ALICE, WHOLE, key, at("file"), replace=False, tokens=NONE)
    maker = READ_ONLY | Permissions.CREATE
    with pytest.raises(Forbidden):
        await trash.restore(ALICE, WHOLE, key, at("file", maker), replace=True, tokens=NONE)
    locks.locked = "file"
    with pytest.raises(Locked):
        await trash.restore(ALICE, WHOLE, key, at("file"), replace=True, tokens=NONE)
    await put(storage, "file", b"again")
    (version,) = await versions.list(at("file"))
    with pytest.raises(Locked):
        await versions.restore(ALICE, at("file"), version.key, tokens=NONE)
    elsewhere = attrs.evolve(at("file"), space=attrs.evolve(SPACE, id="other$x"))
    with pytest.raises(NotSupported):
        await trash.restore(ALICE, WHOLE, key, elsewhere, replace=False, tokens=NONE)
    with pytest.raises(Forbidden):
        await trash.restore(ALICE, WHOLE, key, WHOLE, replace=True, tokens=NONE)
    assert (await trash.find(WHOLE, key)).origin == "file"


@pytest_twisted.ensureDeferred
async def test_what_comes_back_counts(storage, rules):
    trash, versions = rules
    key = await removed(storage, "file", b"x" * 80)
    await put(storage, "other", b"x" * 30)
    with pytest.raises(QuotaExceeded):
        await trash.restore(ALICE, WHOLE, key, at("file"), replace=False, tokens=NONE)
    done = await trash.restore(ALICE, WHOLE, key, at("other"), replace=True, tokens=NONE)
    assert done.replaced and done.node.size == 80
    await put(storage, "other", b"x")
    await put(storage, "more", b"x" * 50)
    (version, *_) = await versions.list(at("other"))
    with pytest.raises(QuotaExceeded):
        await versions.restore(ALICE, at("other"), version.key, tokens=NONE)


@pytest_twisted.ensureDeferred
async def test_where_nothing_is_kept(locks):
    async def build(space):
        return MemoryStorage(trash=False, versions=False)

    storages = Storages(build)
    trash, versions = Trash(storages, locks, NoProperties(), None), Versions(storages, locks, None)
    assert not await trash.has(WHOLE)
    with pytest.raises(NotFound):
        await trash.find(WHOLE, "x")
    await put(await storages.of(SPACE), "file", b"x")
    assert not await versions.list(at("file"))
    with pytest.raises(NotFound):
        await versions.open(at("file"), "0")


@pytest.mark.parametrize("error", [QuotaExceeded("full"), NotSupported("elsewhere")])
@pytest_twisted.ensureDeferred
async def test_what_the_trash_cannot_take_is_removed_for_good(storage, monkeypatch, error):
    """A full disk must not keep anybody from removing something."""

    async def discard(path, known=None):
        raise error

    await put(storage, "file", b"x")
    monkeypatch.setattr(storage.abilities.trash, "discard", discard)
    assert not await _discarded(storage, Path("file"))

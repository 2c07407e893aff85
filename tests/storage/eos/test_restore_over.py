"""Bringing something back over what stands there: whatever fails or is killed, nothing is gone and no name stays empty."""

from __future__ import annotations

from contextlib import suppress

import pytest

from clawgate.errors import ClawgateError, Forbidden, StorageUnavailable
from clawgate.model.path import ROOT, Path
from clawgate.storage.eos.leftovers import sweep
from clawgate.testing.conformance import SMALL, get, put, tree
from clawgate.testing.eos import Fault
from clawgate.testing.history import trashed


class Killed(BaseException):
    """The process ends here."""


class Mortal:
    """Metadata whose user is killed at the call with the number `at` of those that change something: before it, or after. Or,
    with another `error`, does not hear how it ended."""

    def __init__(self, metadata, at: int, after: bool, error: BaseException | None = None) -> None:
        self._metadata, self._at, self._after, self._error = metadata, at, after, error or Killed()
        self.calls = 0

    def __getattr__(self, name):
        found = getattr(self._metadata, name)
        if name not in ("rename", "bring_back", "remove"):
            return found

        async def call(*arguments, **named):
            self.calls += 1
            if self.calls == self._at and not self._after:
                raise self._error
            answer = await found(*arguments, **named)
            if self.calls == self._at:
                raise self._error
            return answer

        return call


@pytest.fixture(params=["5.3"])
def version(request):
    return request.param


async def keys(storage) -> dict[str, str]:
    return {origin: one.key for origin, one in (await trashed(storage.abilities.trash)).items()}


async def make(storage, kind: str, path: str, content: bytes) -> None:
    if kind == "folder":
        await storage.make_folder(Path(path))
        await put(storage, f"{path}/below", content)
    else:
        await put(storage, path, content)


async def look(storage, kind: str, path: str) -> bytes:
    return await get(storage, f"{path}/below" if kind == "folder" else path)


@pytest.fixture(params=["file", "folder"])
def kind(request):
    return request.param


@pytest.fixture(params=["where it was", "elsewhere"])
def origin(request):
    return "item" if request.param == "where it was" else "other"


async def prepared(eos, kind, origin) -> str:
    await make(eos, kind, origin, b"old")
    await eos.abilities.trash.discard(Path(origin))
    key = (await keys(eos))[origin]
    await make(eos, kind, "item", b"new")
    return key


async def test_it_is_put_back_when_eos_fails(mounted, eos, kind, origin):
    key = await prepared(eos, kind, origin)
    mounted.double.faults.add(Fault(command="recycle restore", drop=True, times=0))
    with pytest.raises(StorageUnavailable):
        await eos.abilities.trash.restore(key, Path("item"), replace=True)
    mounted.double.faults.clear()
    assert await look(eos, kind, "item") == b"new"
    assert await keys(eos) == {origin: key}
    assert mounted.double.names(mounted.root) == ["item"]
    await eos.abilities.trash.restore(key, Path("item"), replace=True)
    assert await look(eos, kind, "item") == b"old"
    assert list(await keys(eos)) == ["item"]
    assert mounted.double.names(mounted.root) == ["item"]


async def test_what_was_replaced_can_come_back_in_turn(mounted, eos, kind, origin):
    key = await prepared(eos, kind, origin)
    await eos.abilities.trash.restore(key, Path("item"), replace=True)
    back = (await keys(eos))["item"]
    await eos.abilities.trash.restore(back, Path("item"), replace=True)
    assert await look(eos, kind, "item") == b"new"
    assert list(await keys(eos)) == ["item"]
    assert mounted.double.names(mounted.root) == ["item"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
async def test_a_kill_at_each_step(mounted, eos, kind, origin, at, after):
    key = await prepared(eos, kind, origin)
    mortal = Mortal(mounted.metadata, at, after)
    dying = await mounted.open()
    dying._ground.metadata = mortal
    with suppress(Killed):
        await dying.abilities.trash.restore(key, Path("item"), replace=True)
    again = await mounted.open()
    # Nobody sees the name empty, also before anybody has cleared up.
    assert "item" in await tree(again)
    again._ground.litter(ROOT)
    await sweep(again._ground, frozenset(), 0.0, 2e9)
    content = await look(again, kind, "item")
    binned = await keys(again)
    shown = {name for name in await tree(again) if "/" not in name}
    if content == b"new":
        # It stands where it stood; the other one has not come, or is back where it was.
        assert (binned == {origin: key} and shown == {"item"}) or (binned == {} and shown == {"item", origin})
    else:
        assert content == b"old" and list(binned) == ["item"] and shown == {"item"}
    assert mounted.double.names(mounted.root) == sorted(shown)


@pytest.mark.parametrize("after", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
async def test_an_answer_that_is_lost_at_each_step(mounted, eos, kind, origin, at, after):
    """Nothing is mended by anybody else before somebody looks; whatever is said, one of them stands there."""
    key = await prepared(eos, kind, origin)
    eos._ground.metadata = Mortal(mounted.metadata, at, after, StorageUnavailable("lost"))
    with suppress(StorageUnavailable):
        await eos.abilities.trash.restore(key, Path("item"), replace=True)
    eos._ground.metadata = mounted.metadata
    content = await look(eos, kind, "item")
    assert content in (b"old", b"new")
    await sweep(eos._ground, frozenset(), 0.0, 2e9)
    assert await look(eos, kind, "item") == content
    shown = sorted({name for name in await tree(eos) if "/" not in name})
    assert mounted.double.names(mounted.root) == shown
    assert len(shown) + len(await keys(eos)) == 2


async def test_names_with_asterisks_keep_their_names_in_the_bin(mounted, eos):
    """Those of what is replaced are changed twice on their way there."""
    for name in ("s*r", "a%2Ab"):
        await make(eos, "folder", name, SMALL)
        await make(eos, "folder", "mover", b"x")
        await eos.move(Path("mover"), Path(name), replace=True)
        assert list(await keys(eos)) == [name]
        await eos.abilities.trash.restore((await keys(eos))[name], Path("back"), replace=False)
        assert await look(eos, "folder", "back") == SMALL
        for one in (name, "back"):
            await eos.remove(Path(one))
        for found in list(await keys(eos)):
            assert found in (name, "back")
        mounted.double.namespace.recycle.entries.clear()
        for year in list(mounted.double.tree.directory("/eos/dev/proc/recycle/uid:1001").containers.values()):
            mounted.double.namespace.vanish(year)


async def test_somebody_takes_the_name_meanwhile(mounted, eos):
    """What another program put there stays there; what stood there before is in the bin, as it was to be."""
    key = await prepared(eos, "file", "item")
    known = mounted.metadata.bring_back

    async def bring_back(who, key):
        mounted.double.put(f"{mounted.root}/item", b"theirs", owner="alice")
        await known(who, key)

    mounted.metadata.bring_back = bring_back
    with pytest.raises(ClawgateError):
        await eos.abilities.trash.restore(key, Path("item"), replace=True)
    assert await get(eos, "item") == b"theirs"
    await sweep(eos._ground, frozenset(), 0.0, 2e9)
    assert await get(eos, "item") == b"theirs"
    assert mounted.double.names(mounted.root) == ["item"]
    assert len(mounted.double.recycled("alice")) == 2


async def test_folders_made_on_the_way_do_not_stay(mounted, eos):
    """Also if not all of them can be made."""
    await eos.make_folder(Path("a"))
    await eos.make_folder(Path("a/b"))
    await put(eos, "a/b/file", SMALL)
    await eos.abilities.trash.discard(Path("a/b/file"))
    key = (await keys(eos))["a/b/file"]
    mounted.double.remove(f"{mounted.root}/a")
    known = mounted.metadata.make_folder

    async def make_folder(who, path):
        if path.endswith("/b"):
            raise Forbidden("not this one")
        return await known(who, path)

    mounted.metadata.make_folder = make_folder
    with pytest.raises(Forbidden):
        await eos.abilities.trash.restore(key, Path("file"), replace=False)
    assert mounted.double.names(mounted.root) == []
    mounted.metadata.make_folder = known
    await eos.abilities.trash.restore(key, Path("file"), replace=False)
    assert mounted.double.names(mounted.root) == ["file"]

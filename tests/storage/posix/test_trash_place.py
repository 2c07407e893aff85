"""A trash that is shared with desktops, as freedesktop.org's specification has it."""

from __future__ import annotations

import os
import threading
from urllib.parse import quote

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred

from clawgate.errors import Forbidden, NotFound
from clawgate.model.path import ROOT, Path
from clawgate.storage.posix import driver
from clawgate.testing.conformance import SMALL, StorageConformance, children, get, put
from clawgate.testing.history import trashed

WAYS = {"home": ".local/share/Trash", "top": f".Trash-{os.geteuid()}"}


class TestTop(StorageConformance):
    lacks = frozenset({"versions"})

    @pytest.fixture
    def storage(self, make, staged):
        self.staged = staged
        return make(trash="top", durability="none")

    async def leftovers(self, storage):
        return await self.staged()


@pytest.mark.parametrize("place", WAYS)
@pytest_twisted.ensureDeferred
async def test_it_is_neither_shown_nor_reached(root, make, place):
    storage = make(trash=place)
    await put(storage, "file", SMALL)
    await storage.abilities.trash.discard(Path("file"))
    way = WAYS[place]
    assert (root / way / "files").is_dir()
    folder = way.rpartition("/")[0]
    if not folder:
        assert await children(storage) == {}
    else:
        assert await children(storage, folder) == {}
        (glance,) = await storage.abilities.survey.survey([Path(folder)])
        assert (glance.entries, list(glance.folders)) == (0, [])
        await storage.copy(Path(".local"), Path("copy"), replace=False)
        assert await children(storage, "copy/share") == {}
    for path in (way, f"{way}/files"):
        with pytest.raises(NotFound):
            await storage.stat(Path(path))
        with pytest.raises(NotFound):
            await storage.list(Path(path))
        with pytest.raises(Forbidden):
            await put(storage, f"{path}/x", SMALL)
        with pytest.raises(NotFound):
            await storage.remove(Path(path))
    assert (await storage.stat(ROOT)).is_folder


@pytest_twisted.ensureDeferred
async def test_what_a_desktop_has_put_there(root, make):
    """Names of any kind, paths written in full, local times; what cannot be understood is shown by its name."""
    storage = make(trash="home")
    trash = storage.abilities.trash
    place = root / ".local" / "share" / "Trash"
    for name in ("files", "info"):
        (place / name).mkdir(parents=True)
    (place / "files" / "my file.2.txt").write_bytes(SMALL)
    (place / "info" / "my file.2.txt.trashinfo").write_text(
        f"[Trash Info]\nPath={quote(str(root))}/d%C3%A9/my%20file.txt\nDeletionDate=2020-05-06T07:08:09\n"
    )
    (place / "files" / "odd").mkdir()
    (place / "info" / "odd.trashinfo").write_bytes(b"\xff\xfe nonsense\nPath=/etc/passwd\nDeletionDate=never")
    (place / "files" / "alone").write_bytes(b"x")
    (place / "files" / "link").symlink_to("/etc")
    (place / "info" / "evil.trashinfo").write_text("[Trash Info]\nPath=../../evil\nDeletionDate=2020-05-06T07:08:09\n")
    (place / "files" / "evil").write_bytes(b"evil")
    found = await trashed(trash)
    assert sorted(found) == ["alone", "dé/my file.txt", "evil", "odd"]
    one = found["dé/my file.txt"]
    assert (one.node.name, one.node.size) == ("my file.txt", len(SMALL))
    assert 1588000000 < one.removed < 1590000000
    await trash.restore(one.key, Path("back"), replace=False)
    assert await get(storage, "back") == SMALL
    assert not (place / "info" / "my file.2.txt.trashinfo").exists()
    # What others have there the janitor leaves alone.
    (place / "info" / "gone.trashinfo").write_text("[Trash Info]\n")
    await storage.sweep(frozenset(), 0)
    assert (place / "info" / "gone.trashinfo").exists()


@pytest_twisted.ensureDeferred
async def test_it_can_be_waited_for_until_what_is_purged_is_deleted(make, monkeypatch):
    storage = make(trash="hidden")
    trash = storage.abilities.trash
    await trash.emptied()
    may = threading.Event()
    empty = driver._empty

    def slow(*args):
        assert may.wait(60)
        empty(*args)

    monkeypatch.setattr(driver, "_empty", slow)
    await put(storage, "file", SMALL)
    await trash.discard(Path("file"))
    await trash.purge((await trashed(trash))["file"].key)
    waiting = [Deferred.fromCoroutine(trash.emptied()) for _ in range(3)]
    waiting[0].cancel()
    waiting[0].addErrback(lambda failure: failure.trap(CancelledError))
    assert [one.called for one in waiting] == [True, False, False]
    may.set()
    for one in waiting[1:]:
        await one
    await trash.emptied()

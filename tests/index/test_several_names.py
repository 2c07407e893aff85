"""Files with several names (hard links): each keeps its id, and what was changed by one name is changed by all."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path as FilePath

import pytest
import pytest_twisted

from clawgate.errors import NotFound
from clawgate.model.path import Path

from .outside import agrees, known, learn


async def start(house, *links: str):
    """A file ``a/d/one`` with further names, all of them known."""
    for path in ("a/d", "b/deep", "c"):
        (house.root / path).mkdir(parents=True)
    (house.root / "a/d/one").write_bytes(b"first")
    for link in links:
        os.link(house.root / "a/d/one", house.root / link)
    await learn(house.storage)
    return await known(house.storage)


@pytest.mark.parametrize("order", [("b", "a"), ("a", "b"), ("a", "b", "c")])
@pytest.mark.parametrize("place", ["a/e", "c/d"])
@pytest_twisted.ensureDeferred
async def test_a_new_name_beside_a_renamed_folder(house, order, place):
    """The new name is seen before anybody knows where the folder is: the file is not moved out of it for that."""
    before = await start(house)
    (house.root / "a/d").rename(house.root / place)
    os.link(house.root / place / "one", house.root / "b/link")
    for path in (*order, "c", "a"):
        await house.storage.observer.scan(Path(path))
    after = await known(house.storage)
    assert after[f"{place}/one"] == before["a/d/one"]
    assert after[place] == before["a/d"], "nothing in it has changed"
    assert after["b/link"].id != before["a/d/one"].id
    assert await agrees(house.storage)


@pytest_twisted.ensureDeferred
async def test_a_new_name_where_another_folder_took_the_place(house):
    before = await start(house)
    (house.root / "a/d").rename(house.root / "c/d")
    (house.root / "a/d").mkdir()
    os.link(house.root / "c/d/one", house.root / "b/link")
    for path in ("b", "a", "c"):
        await house.storage.observer.scan(Path(path))
    await learn(house.storage)
    after = await known(house.storage)
    assert after["c/d/one"] == before["a/d/one"]
    assert await agrees(house.storage)


@pytest_twisted.ensureDeferred
async def test_a_file_that_has_left_its_folder_keeps_its_id_though_it_has_another_name(house):
    before = await start(house, "b/link")
    (house.root / "a/d/one").rename(house.root / "c/one")
    await house.storage.observer.scan(Path("c"))
    after = await known(house.storage)
    assert after["c/one"].id == before["a/d/one"].id
    assert after["b/link"] == before["b/link"]


def removed(path: FilePath) -> None:
    path.unlink()


def replaced(path: FilePath) -> None:
    new = path.with_name("new")
    new.write_bytes(b"another file")
    new.rename(path)


def removed_with_its_folder(path: FilePath) -> None:
    shutil.rmtree(path.parent)


def moved_away_with_its_folder(path: FilePath) -> None:
    path.parent.rename(path.parents[1].with_name("out"))


@pytest.mark.parametrize("then", [removed, replaced, removed_with_its_folder, moved_away_with_its_folder])
@pytest_twisted.ensureDeferred
async def test_changed_by_a_name_that_is_gone_when_somebody_looks(house, then):
    before = await start(house, "b/deep/link")
    path = house.root / "b/deep/link"
    with path.open("ab") as out:
        out.write(b" and more")
    then(path)
    with suppress(NotFound):
        await house.storage.observer.look(Path("b/deep/link"))
    after = await known(house.storage)
    assert after["a/d/one"].etag != before["a/d/one"].etag
    assert after["a/d"].etag != before["a/d"].etag
    assert (await house.storage.stat(Path("a/d/one"))).size == len(b"first and more")


@pytest_twisted.ensureDeferred
async def test_changed_by_a_name_before_that_is_known(house):
    before = await start(house)
    os.link(house.root / "a/d/one", house.root / "b/link")
    (house.root / "b/link").write_bytes(b"changed by the new name")
    await house.storage.observer.look(Path("b/link"))
    after = await known(house.storage)
    assert after["a/d/one"].id == before["a/d/one"].id
    assert after["a/d/one"].etag != before["a/d/one"].etag


@pytest_twisted.ensureDeferred
async def test_changed_by_a_name_in_a_folder_that_is_learned_only_then(house):
    before = await start(house)
    (house.root / "b/new").mkdir()
    os.link(house.root / "a/d/one", house.root / "b/new/link")
    (house.root / "b/new/link").write_bytes(b"changed by the new name")
    await house.storage.observer.scan(Path("b"))
    await learn(house.storage)
    after = await known(house.storage)
    assert after["b/new"].learned
    assert after["a/d/one"].etag != before["a/d/one"].etag


@pytest_twisted.ensureDeferred
async def test_changed_by_a_name_that_we_remove(house):
    before = await start(house, "b/link")
    (house.root / "b/link").write_bytes(b"changed by the other name")
    await house.storage.remove(Path("b/link"))
    assert (await known(house.storage))["a/d/one"].etag != before["a/d/one"].etag

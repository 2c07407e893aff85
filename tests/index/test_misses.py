"""Whoever wants to list what is not where it was a moment ago looks again at the folder that held it."""

from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.errors import NotFound
from clawgate.index import misses
from clawgate.index.misses import Missed, Misses
from clawgate.model.path import ROOT, Path

from .outside import agrees, known, learn


async def start(house):
    for path in ("a/d/sub/deep/est", "b"):
        (house.root / path).mkdir(parents=True)
    await learn(house.storage)
    return await known(house.storage)


async def miss(house, path: str) -> None:
    with pytest.raises(NotFound):
        await house.storage.list(Path(path))


async def look_again(house) -> None:
    for path in ("b", "a"):
        await house.storage.observer.scan(Path(path))


@pytest.mark.parametrize("first", ["the miss", "the move"])
@pytest.mark.parametrize("held", ["", "/sub", "/sub/deep"])
@pytest_twisted.ensureDeferred
async def test_the_folder_that_held_it_has_another_etag(house, first, held):
    """Those below have not: nobody was told anything wrong of them."""
    before = await start(house)
    (house.root / "a/d").rename(house.root / "b/e")
    if first == "the move":
        await look_again(house)
    below = {"": "sub", "/sub": "deep", "/sub/deep": "est"}[held]
    await miss(house, f"a/d{held}/{below}")
    await look_again(house)
    after = await known(house.storage)
    moved = {path for path in ("", "/sub", "/sub/deep", "/sub/deep/est") if after[f"b/e{path}"].etag != before[f"a/d{path}"].etag}
    assert moved == {path for path in ("", "/sub", "/sub/deep") if held.startswith(path)}
    assert all(after[f"b/e{path}"].id == before[f"a/d{path}"].id for path in moved)
    assert (await house.storage.stat(ROOT)).etag == after[""].etag != before[""].etag, "also in memory"
    assert (await house.storage.stat(Path(f"b/e{held}"))).etag == after[f"b/e{held}"].etag
    await miss(house, f"a/d{held}/{below}")
    assert await known(house.storage) == after, "once is enough"
    assert await agrees(house.storage)


@pytest_twisted.ensureDeferred
async def test_moved_by_ourselves(house):
    before = await start(house)
    await house.storage.move(Path("a/d"), Path("b/e"), replace=False)
    await miss(house, "a/d/sub/deep")
    after = await known(house.storage)
    assert after["b/e/sub"].etag != before["a/d/sub"].etag
    assert after["b/e/sub/deep"].etag == before["a/d/sub/deep"].etag


@pytest_twisted.ensureDeferred
async def test_what_never_was_there_is_not_missed(house):
    await start(house)
    (house.root / "a/d").rename(house.root / "b/e")
    await look_again(house)
    before = await known(house.storage)
    for path in ("c", "b/never", "a/d", "a/d/never/there/either"):
        await miss(house, path)
    assert await known(house.storage) == before


def test_memory_is_bounded() -> None:
    found = Misses()
    for number in range(misses.KEPT + 1):
        found.departed(Path(f"{number}"), number)
    assert found.of(Path("0/x/y")) is None
    assert found.of(Path("1/x/y")) == Missed(1, ["x"])
    assert found.of(Path("1/x/y")) is None
    found.departed(Path("1"), 1)
    assert found.of(Path("1/x/y")) == Missed(1, ["x"]), "it was back in between"
    for number in range(misses.KEPT):
        found.of(Path(f"2/{number}"))
    assert found.of(Path("1/x/y")) == Missed(1, ["x"]), "forgotten"

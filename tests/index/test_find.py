"""Finding nodes by their ids, on a real directory that others change as well."""

from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.errors import NotFound
from clawgate.model.content import Intent
from clawgate.model.path import ROOT, Path
from clawgate.storage.wrappers.metered import Metered


async def once(data: bytes):
    yield data


async def drain(storage, path: str = "") -> None:
    async for _ in (await storage.list(Path(path))).pages:
        pass


async def gone(storage, id: str) -> bool:
    with pytest.raises(NotFound):
        await storage.abilities.find.find(id)
    return True


@pytest_twisted.ensureDeferred
async def test_follows_a_node(house):
    storage = house.storage
    find = Metered(storage, lambda method, seconds, good: None).abilities.find.find
    folder = await storage.make_folder(Path("a"))
    file = (await storage.write(Path("a/f"), once(b"x"), Intent())).node
    assert await find(folder.id) == "a"
    assert await find(file.id) == "a/f"
    assert await find((await storage.stat(ROOT)).id) == ROOT
    await storage.write(Path("a/f"), once(b"yz"), Intent())
    await storage.move(Path("a"), Path("ä b"), replace=False)
    assert await find(file.id) == "ä b/f"
    storage = await house.reopen()
    assert await storage.abilities.find.find(file.id) == "ä b/f"
    await storage.remove(Path("ä b"))
    assert await gone(storage, file.id)
    assert await gone(storage, folder.id)


@pytest_twisted.ensureDeferred
async def test_what_others_did(house):
    storage = house.storage
    (house.root / "a").mkdir()
    (house.root / "b").mkdir()
    (house.root / "a/f").write_bytes(b"x")
    (house.root / "a/g").write_bytes(b"x")
    id = (await storage.stat(Path("a/f"))).id
    other = (await storage.stat(Path("a/g"))).id
    # Nothing may be answered from memory: what is at the old place now is another file.
    (house.root / "a/f").rename(house.root / "b/f")
    (house.root / "a/g").rename(house.root / "a/f")
    assert await gone(storage, id)
    assert await storage.abilities.find.find(other) == "a/f"
    await drain(storage, "b")
    assert await storage.abilities.find.find(id) == "b/f"
    (house.root / "a/f").unlink()
    assert await gone(storage, other)
    (house.root / "b").rename(house.root / "c")
    assert await gone(storage, id)
    await drain(storage)
    await drain(storage, "c")
    assert await storage.abilities.find.find(id) == "c/f"


@pytest_twisted.ensureDeferred
async def test_ids_that_are_none(house):
    storage = house.storage
    id = (await storage.write(Path("f"), once(b"x"), Intent())).node.id
    space, own = id.split("!")
    for wrong in (
        "",
        "!",
        own,
        f"!{own}",
        f"{space}x!{own}",
        f"{space}!",
        f"{space}!{own}x",
        f"{space}!\0",
        space,
        f"{space}!!{own}",
    ):
        assert await gone(storage, wrong)

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from clawgate.errors import QuotaExceeded, TooLarge
from clawgate.gateway.properties import Properties
from clawgate.gateway.tags import Tags
from clawgate.gateway.weighted import Weighted
from clawgate.settings import Dav
from clawgate.state.engine import Database
from clawgate.state.properties import StoredProperties
from clawgate.state.schema import SCHEMA
from clawgate.state.tag_numbers import StoredTagNumbers
from clawgate.state.tags import StoredTags
from clawgate.workers import Workers

SETTINGS = Dav(property_bytes=100, property_count=3, property_cache_bytes=4000)
COLOUR, SHAPE, PLAIN = ("urn:x", "colour"), ("urn:x", "shape"), ("", "colour")


class Counting(StoredProperties):
    """The real thing, which notes what it was asked for."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.asked: list[Any] = []

    async def load(self, space: str, ids: Any) -> Any:
        self.asked.append(tuple(ids))
        return await super().load(space, ids)

    async def favourites(self, user: str, space: str) -> frozenset[str]:
        self.asked.append(user)
        return await super().favourites(user, space)


class House:
    def __init__(self, url: str) -> None:
        self.workers = Workers(reactor, "state", threads=2, queue=1000)  # type: ignore[arg-type]
        self.workers.start()
        self.database = Database(url, self.workers, SCHEMA, synchronous="NORMAL")

    async def open(self, *, tagged: bool = False) -> Properties:
        await self.database.start()
        self.stored = Counting(self.database)
        tags = Tags(StoredTags(self.database), StoredTagNumbers(self.database), SETTINGS) if tagged else None
        properties = Properties(self.stored, SETTINGS, tags)
        await properties.start()
        return properties

    async def restart(self) -> Properties:
        await self.database.stop()
        return await self.open()


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    house = House(database_url)
    yield house
    pytest_twisted.blockon(Deferred.fromCoroutine(house.database.stop()))
    house.workers.stop()


@pytest_twisted.ensureDeferred
async def test_an_empty_space_asks_nobody(house: House) -> None:
    properties = await house.open()
    assert (properties.any("s"), properties.version("s")) == (False, 0)
    assert await properties.load("s", ["1", "2"]) == {}
    assert await properties.favourites("ada", "s", ["1"]) == frozenset()
    assert await properties.all_favourites("ada", "s") == frozenset()
    await properties.patch("s", "1", {}, [COLOUR])
    await properties.copy("s", "1", "s", "2")
    await properties.forget("s", ["1"])
    await properties.set_favourite("ada", "s", "1", False)
    assert house.stored.asked == []
    assert (properties.any("s"), properties.version("s")) == (False, 0)


@pytest_twisted.ensureDeferred
async def test_properties_are_kept(house: House) -> None:
    properties = await house.open()
    await properties.patch("s", "1", {COLOUR: "<c xmlns='urn:x'>rot ü</c>", PLAIN: "<colour/>"}, [SHAPE])
    await properties.patch("s", "2", {SHAPE: "<s/>"}, [])
    await properties.patch("t", "1", {SHAPE: "<other/>"}, [])
    expected = {"1": {COLOUR: "<c xmlns='urn:x'>rot ü</c>", PLAIN: "<colour/>"}, "2": {SHAPE: "<s/>"}}
    for _ in range(2):
        assert await properties.load("s", ["1", "2", "3"]) == expected
        assert await properties.load("s", ["2"]) == {"2": {SHAPE: "<s/>"}}
        assert properties.any("s") and not properties.any("nowhere")
        properties = await house.restart()


@pytest_twisted.ensureDeferred
async def test_a_patch_replaces_and_removes(house: House) -> None:
    properties = await house.open()
    await properties.patch("s", "1", {COLOUR: "<red/>", SHAPE: "<round/>"}, [])
    before = properties.version("s")
    await properties.patch("s", "1", {COLOUR: "<blue/>"}, [SHAPE, PLAIN])
    assert properties.version("s") > before
    assert await properties.load("s", ["1"]) == {"1": {COLOUR: "<blue/>"}}
    await properties.patch("s", "1", {}, [COLOUR])
    assert await properties.load("s", ["1"]) == {}
    assert not properties.any("s")


@pytest_twisted.ensureDeferred
async def test_answers_are_remembered_also_that_there_is_nothing(house: House) -> None:
    properties = await house.open()
    await properties.patch("s", "1", {COLOUR: "<red/>"}, [])
    for _ in range(3):
        assert await properties.load("s", ["1", "2"]) == {"1": {COLOUR: "<red/>"}}
    assert await properties.load("s", ["2", "3"]) == {}
    assert house.stored.asked == [("1", "2"), ("3",)]
    await properties.patch("s", "2", {COLOUR: "<blue/>"}, [])
    assert await properties.load("s", ["1", "2"]) == {"1": {COLOUR: "<red/>"}, "2": {COLOUR: "<blue/>"}}
    assert house.stored.asked[2:] == [("2",)]


@pytest_twisted.ensureDeferred
async def test_what_was_read_before_a_change_is_not_remembered(house: House) -> None:
    properties = await house.open()
    await properties.patch("s", "1", {COLOUR: "<old/>"}, [])
    reading = Deferred.fromCoroutine(properties.load("s", ["1"]))
    writing = Deferred.fromCoroutine(properties.patch("s", "1", {COLOUR: "<new/>"}, []))
    await reading
    await writing
    assert await properties.load("s", ["1"]) == {"1": {COLOUR: "<new/>"}}


@pytest_twisted.ensureDeferred
async def test_many_nodes_at_once(house: House) -> None:
    properties = await house.open()
    some = [str(i) for i in range(0, 450, 3)]
    for id in some:
        await properties.patch("s", id, {COLOUR: f"<n>{id}</n>"}, [])
    ids = [str(i) for i in range(450)]
    for _ in range(2):
        found = await properties.load("s", ids)
        assert found == {id: {COLOUR: f"<n>{id}</n>"} for id in some}


@pytest_twisted.ensureDeferred
async def test_limits(house: House) -> None:
    properties = await house.open()
    await properties.patch("s", "1", {COLOUR: "x" * 100}, [])
    for value in ("x" * 101, "ü" * 51):
        with pytest.raises(TooLarge, match="shape is longer than 100 bytes"):
            await properties.patch("s", "1", {SHAPE: value}, [COLOUR])
    with pytest.raises(QuotaExceeded, match="can have 3 properties of its own, these would be 4"):
        await properties.patch("s", "1", {("n", str(i)): "<x/>" for i in range(3)}, [])
    assert await properties.load("s", ["1"]) == {"1": {COLOUR: "x" * 100}}
    await properties.patch("s", "1", {("n", str(i)): "<x/>" for i in range(3)}, [COLOUR])
    assert len((await properties.load("s", ["1"]))["1"]) == 3


@pytest_twisted.ensureDeferred
async def test_a_copy_has_the_properties_of_its_source_and_no_others(house: House) -> None:
    properties = await house.open()
    await properties.patch("s", "1", {COLOUR: "<red/>"}, [])
    await properties.patch("t", "2", {SHAPE: "<round/>"}, [])
    await properties.load("t", ["2"])
    await properties.copy("s", "1", "t", "2")
    assert await properties.load("t", ["2"]) == {"2": {COLOUR: "<red/>"}}
    assert await properties.load("s", ["1"]) == {"1": {COLOUR: "<red/>"}}
    await properties.copy("s", "nothing", "t", "2")
    assert await properties.load("t", ["2"]) == {}
    assert not properties.any("t")


@pytest_twisted.ensureDeferred
async def test_what_is_moved_to_another_space_takes_everything_along(house: House) -> None:
    properties = await house.open(tagged=True)
    assert properties.tags is not None
    await properties.patch("s", "1", {COLOUR: "<red/>"}, [])
    await properties.set_favourite("ada", "s", "1", True)
    await properties.tags.add("s", "1", ["new"])
    await properties.patch("t", "2", {SHAPE: "<round/>"}, [])
    await properties.set_favourite("bob", "t", "2", True)
    await properties.tags.add("t", "2", ["old"])

    async def found(space: str, id: str) -> tuple[Any, ...]:
        assert properties.tags is not None
        people = [user for user in ("ada", "bob") if await properties.favourites(user, space, [id])]
        return await properties.load(space, [id]), people, await properties.tags.load(space, [id])

    assert await found("t", "2") == ({"2": {SHAPE: "<round/>"}}, ["bob"], {"2": ("old",)})
    await properties.copy("s", "1", "t", "2")
    assert await found("t", "2") == ({"2": {COLOUR: "<red/>"}}, ["bob"], {"2": ("old",)})
    before = properties.version("t")
    await properties.move("s", "1", "t", "2")
    assert properties.version("t") > before
    assert await found("t", "2") == ({"2": {COLOUR: "<red/>"}}, ["ada"], {"2": ("new",)})
    await properties.forget("s", ["1"])
    assert not properties.any("s")
    await properties.move("s", "none", "t", "2")
    assert await found("t", "2") == ({}, [], {})
    assert not properties.any("t")


@pytest_twisted.ensureDeferred
async def test_favourites(house: House) -> None:
    properties = await house.open()
    for user, id in (("ada", "1"), ("ada", "2"), ("ada", "1"), ("bob", "3")):
        await properties.set_favourite(user, "s", id, True)
    for _ in range(2):
        assert properties.any("s")
        assert await properties.all_favourites("ada", "s") == {"1", "2"}
        assert await properties.favourites("ada", "s", ["2", "3"]) == {"2"}
        assert await properties.favourites("bob", "s", ["2", "3"]) == {"3"}
        assert await properties.favourites("ada", "t", ["1"]) == frozenset()
        assert house.stored.asked == ["ada", "bob"]
        properties = await house.restart()
    before = properties.version("s")
    await properties.set_favourite("ada", "s", "1", False)
    assert properties.version("s") > before
    assert await properties.all_favourites("ada", "s") == {"2"}
    await properties.set_favourite("ada", "s", "2", False)
    await properties.set_favourite("bob", "s", "3", False)
    assert not properties.any("s")


@pytest_twisted.ensureDeferred
async def test_nodes_that_are_gone_take_everything_with_them(house: House) -> None:
    properties = await house.open()
    for id in "123":
        await properties.patch("s", id, {COLOUR: "<red/>"}, [])
        await properties.set_favourite("ada", "s", id, True)
    await properties.load("s", ["1", "2", "3"])
    await properties.forget("s", ["1", "3"])
    assert await properties.load("s", ["1", "2", "3"]) == {"2": {COLOUR: "<red/>"}}
    assert await properties.all_favourites("ada", "s") == {"2"}
    await properties.forget("s", ["2"])
    assert not properties.any("s")


def test_the_memory_is_bounded() -> None:
    memory: Weighted[str, int] = Weighted(10)
    memory.put("a", 1, 4)
    memory.put("b", 2, 4)
    assert memory.get("a") == 1
    memory.put("c", 3, 4)
    assert [memory.get(key) for key in "abc"] == [1, None, 3]
    memory.put("a", 5, 6)
    assert (memory.get("a"), memory.weight, len(memory)) == (5, 10, 2)
    memory.put("a", 6, 11)
    assert memory.get("a") is None
    memory.drop("c")
    memory.drop("c")
    assert (memory.weight, len(memory)) == (0, 0)

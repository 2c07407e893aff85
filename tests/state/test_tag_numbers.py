from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from clawgate.errors import QuotaExceeded
from clawgate.state.engine import Database
from clawgate.state.schema import SCHEMA
from clawgate.state.tag_numbers import StoredTagNumbers
from clawgate.state.tags import StoredTags
from clawgate.workers import Workers


@pytest_twisted.async_yield_fixture
async def database(new_database: Callable[[], str]) -> AsyncIterator[Database]:
    workers = Workers(reactor, "state", 4, 100)  # type: ignore[arg-type]
    workers.start()
    database = Database(new_database(), workers, SCHEMA)
    await database.start()
    yield database
    await database.stop()
    workers.stop()


@pytest_twisted.ensureDeferred
async def test_each_tag_has_one_number(database: Database) -> None:
    numbers = StoredTagNumbers(database)
    asked = [Deferred.fromCoroutine(numbers.listed("ada", {"red", "blue"}, 0)) for _ in range(8)]
    one, *others = await gatherResults(asked)  # type: ignore[no-untyped-call]
    assert one.keys() == {"red", "blue"}
    assert len(set(one.values())) == 2
    assert all(other == one for other in others)
    assert await numbers.find("ada", one["red"]) == "red"
    assert await numbers.find("bob", one["red"]) is None, "numbers are each person's own"
    assert not set((await numbers.listed("bob", {"red"}, 0)).values()) & set(one.values())
    assert await numbers.listed("ada", {"red"}, None) == {"red": one["red"]}
    assert await numbers.listed("ada", {"red"}, 1) == {"red": one["red"]}
    assert await numbers.listed("ada", {"blue", "red"}, 1) == one, "it was spared"
    assert await numbers.listed("ada", {"blue"}, 0) == {"blue": one["blue"]}
    # What was given up has another number.
    assert (await numbers.listed("ada", {"red"}, 0))["red"] > max(one.values())


@pytest_twisted.ensureDeferred
async def test_what_is_kept(database: Database) -> None:
    numbers = StoredTagNumbers(database)
    red = (await numbers.listed("ada", {"red", "blue"}, 0))["red"]
    await numbers.keep("ada", red, 2)
    assert await numbers.listed("ada", (), 0) == {"red": red}
    assert await numbers.make("ada", "red", 1) == red, "it is kept already"
    green = await numbers.make("ada", "green", 2)
    with pytest.raises(QuotaExceeded, match="2 tags"):
        await numbers.make("ada", "white", 2)
    blue = (await numbers.listed("ada", {"blue"}, 0))["blue"]
    with pytest.raises(QuotaExceeded):
        await numbers.make("ada", "blue", 2)
    await numbers.keep("ada", blue, 2)
    assert await numbers.listed("ada", (), 0) == {"red": red, "green": green}


@pytest_twisted.ensureDeferred
async def test_another_name(database: Database) -> None:
    numbers = StoredTagNumbers(database)
    known = await numbers.listed("ada", {"red", "blue"}, 0)
    await numbers.begin("ada", known["red"], "blue")
    # Until the end both are there, whatever has them.
    assert await numbers.listed("ada", (), 0) == known
    assert await numbers.is_coming("ada", "blue")
    await numbers.keep("ada", known["blue"], 5)
    assert await numbers.is_coming("ada", "blue")
    assert not await numbers.is_coming("ada", "red")
    assert not await numbers.is_coming("bob", "blue")
    await numbers.end("ada", known["red"], "blue")
    assert await numbers.listed("ada", (), 0) == {"blue": known["red"]}
    assert not await numbers.is_coming("ada", "blue")
    await numbers.begin("ada", known["red"], "white")
    white = (await numbers.listed("ada", (), 0))["white"]
    await numbers.end("ada", known["red"], "white")
    assert await numbers.find("ada", white) is None
    await numbers.end("ada", known["red"], None)
    assert await numbers.find("ada", known["red"]) is None


@pytest_twisted.ensureDeferred
async def test_another_name_for_some_at_a_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = StoredTags(database)
    monkeypatch.setattr("clawgate.state.tags.TOGETHER", 2)
    for space, node, names in (("s", "1", ["red", "blue"]), ("s", "2", ["red"]), ("s", "3", ["red"]), ("u", "1", ["red"])):
        await tags.change(space, node, names, (), 5)
    first, there = await tags.rename("s", "red", "blue")
    assert (len(first), there) == (2, True)
    loaded = await tags.load("s", ["1", "2", "3"])
    assert all(names == ("blue",) if id in first else "red" in names for id, names in loaded.items())
    assert await tags.tagged_after("s", "blue", "", 1) == [min({"1", *first})]
    rest, there = await tags.rename("s", "red", "blue")
    assert (first | rest, there) == ({"1", "2", "3"}, True)
    assert await tags.rename("s", "red", "blue") == (set(), True)
    assert await tags.load("s", ["1", "2", "3"]) == dict.fromkeys("123", ("blue",))
    assert await tags.load("u", ["1"]) == {"1": ("red",)}
    assert await tags.tagged_after("s", "blue", "1", 5) == ["2", "3"]
    assert [(len(ids), there) for ids, there in [await tags.rename("s", "blue", None) for _ in range(3)]] == [
        (2, True),
        (1, False),
        (0, False),
    ]

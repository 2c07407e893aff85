"""Which pictures there are, and where they come from; the maker is one that counts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_twisted
from twisted.internet.task import Clock

from clawgate.errors import Overloaded
from clawgate.gateway.previews import TEXT_BYTES, Previews
from clawgate.interfaces import Reader
from clawgate.model.node import Kind, Node
from clawgate.model.preview import NoPicture, Picture, Wish
from clawgate.previews.shelf import MemoryShelf
from clawgate.settings import Preview

WISH = Wish(10, 20, "fit")


class File(Reader):
    def __init__(self, size: int = 100, etag: str = "e", id: str = "s!1") -> None:
        self.node = Node("x.png", Kind.FILE, size, 0, "", id, etag, "")

    async def stream(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        yield b"x" * ((self.node.size if stop is None else stop) - start)

    async def close(self) -> None:
        pass


class Maker:
    def __init__(self) -> None:
        self.orders = []
        self.error: Exception | None = None

    async def paint(self, order, content, wanted):
        self.orders.append(order)
        assert sum([len(data) async for data in content()]) == order.size
        if self.error is not None:
            raise self.error
        return Picture("image/png", f"{len(self.orders)}".encode())


@pytest.fixture
def maker():
    return Maker()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def previews(maker, clock):
    types = ("image/png", "text/plain")
    return Previews(maker, MemoryShelf(10_000), Preview(input_bytes=1000, side=100), types, clock.seconds)


async def picture(previews, file=None, kind="image/png", wish=WISH):
    return await previews.picture(file or File(), kind, wish, lambda: True)


@pytest_twisted.ensureDeferred
async def test_a_picture_is_made_once_for_each_content_and_wish(previews, maker):
    first = await picture(previews)
    assert await picture(previews) == first
    others = [
        await picture(previews, File(etag="f")),
        await picture(previews, File(id="s!2")),
        await picture(previews, wish=WISH._replace(x=11)),
        await picture(previews, kind="text/plain"),
    ]
    assert len({first, *others}) == 5
    assert (previews.hits, previews.misses) == (1, 5)
    assert [order.kind for order in maker.orders] == ["image"] * 4 + ["text"]


@pytest_twisted.ensureDeferred
async def test_what_has_no_name_of_its_own_is_not_kept(previews):
    for file in (File(etag=""), File(id="")):
        assert await picture(previews, file) != await picture(previews, file)


@pytest.mark.parametrize(("kind", "size"), [("image/png", 1001), ("image/png", 0), ("text/plain", 0), ("image/svg+xml", 10)])
@pytest_twisted.ensureDeferred
async def test_what_is_not_even_tried(previews, maker, kind, size):
    assert not previews.shown(kind, size)
    with pytest.raises(NoPicture):
        await picture(previews, File(size), kind)
    assert maker.orders == []


@pytest_twisted.ensureDeferred
async def test_of_a_text_the_beginning_is_enough(previews, maker):
    assert previews.shown("text/plain", 1 << 40)
    await picture(previews, File(100_000), "text/plain")
    assert maker.orders[0].size == TEXT_BYTES


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_shown_is_remembered(previews, maker, clock):
    for error, later in ((NoPicture("broken"), 1), (NoPicture("slow", limit=True), 2), (Overloaded("much"), 2)):
        maker.error, maker.orders = error, []
        file = File(etag=str(error))
        for _ in range(2):
            with pytest.raises(type(error), match=str(error)):
                await picture(previews, file, wish=WISH._replace(y=len(maker.orders) + 1))
        assert len(maker.orders) == (2 if isinstance(error, Overloaded) else 1)
        clock.advance(601)
        with pytest.raises(type(error)):
            await picture(previews, file)
        assert len(maker.orders) == (3 if isinstance(error, Overloaded) else later)


def test_slow_clients_hold_only_so_much(previews):
    first = previews.hold(60 << 20)
    with pytest.raises(Overloaded):
        previews.hold(5 << 20)
    second = previews.hold(4 << 20)
    first()
    second()
    # One that is larger than all of it is not refused for ever.
    previews.hold(100 << 20)()


def test_bounds(previews):
    assert previews.bounded(Wish(50, 100)) == Wish(50, 100)
    assert previews.bounded(Wish(400, 200)) == Wish(100, 50)
    assert previews.bounded(Wish(1, 65536)) == Wish(1, 100)

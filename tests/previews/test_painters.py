"""The processes, and the way to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from clawgate.errors import Disconnected, Overloaded, StorageBroken, StorageUnavailable
from clawgate.model.preview import NoPicture, Order, Picture, Wish
from clawgate.previews.painter import GRACE
from clawgate.previews.painters import Painters
from clawgate.settings import Preview
from clawgate.workers import Workers

from ..pictures import image, opened, png

SETTINGS = Preview(processes=1, queue=1, memory_bytes=300 << 20, cpu_seconds=2)
WISH = Wish(20, 20)


@pytest.fixture
def workers():
    found = Workers(reactor, "files", 2, 10)
    found.start()
    yield found
    found.stop()


@pytest_twisted.async_yield_fixture
async def painters(workers):
    found = Painters(reactor, workers, SETTINGS)
    yield found
    await found.stop()
    assert not found._all


def given(data: bytes, size: int | None = None, kind: str = "image", wish: Wish = WISH) -> Order:
    return Order(kind, len(data) if size is None else size, wish)


def content(*pieces: bytes | Deferred[None] | Exception) -> Callable[[], AsyncIterator[bytes]]:
    async def stream() -> AsyncIterator[bytes]:
        for piece in pieces:
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, bytes):
                yield piece
            else:
                await piece

    return stream


async def paint(painters: Painters, data: bytes, wanted: bool = True, **how: object) -> Picture:
    return await painters.paint(given(data, **how), content(data), lambda: wanted)  # type: ignore[arg-type]


def started(coroutine) -> Deferred[Picture]:
    return Deferred.fromCoroutine(coroutine)


@pytest_twisted.ensureDeferred
async def test_one_after_the_other(painters):
    # More than a pipe takes at once.
    large = image((700, 500), "BMP")
    for data in (image(), large, image(form="JPEG")):
        assert opened((await paint(painters, data)).data).size == (20, 20)
    text = await paint(painters, b"hello\n" * 20, kind="text")
    assert (text.type, opened(text.data).size) == ("image/jpeg", (20, 20))
    assert (painters.started, painters.busy) == (1, 0)


@pytest_twisted.ensureDeferred
async def test_no_more_than_may_wait(painters):
    gate: Deferred[None] = Deferred()
    data = image()
    first = started(painters.paint(given(data), content(data[:10], gate, data[10:]), lambda: True))
    second = started(paint(painters, data))
    assert (painters.busy, painters.waiting) == (1, 1)
    with pytest.raises(Overloaded):
        await paint(painters, data)
    gate.callback(None)
    assert (await first) == (await second)
    assert painters.started == 1


@pytest_twisted.ensureDeferred
async def test_what_nobody_waits_for_is_not_made(painters):
    with pytest.raises(Disconnected):
        await paint(painters, image(), wanted=False)
    assert (painters.started, painters.busy) == (0, 0)


@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        ((b"x" * 10, StorageUnavailable("gone")), StorageUnavailable),
        ((b"x" * 10,), StorageBroken),
        ((b"x" * 1000,), StorageBroken),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_storage_that_fails(painters, pieces, error):
    with pytest.raises(error):
        await painters.paint(Order("image", 100, WISH), content(*pieces), lambda: True)
    assert painters.busy == 0
    assert (await paint(painters, image())).type == "image/jpeg"


@pytest.mark.parametrize(
    ("data", "limit"),
    [(b"nothing", False), (png(50_000, 50_000), False), (png(10_000, 5_900), True)],
    ids=["none", "pixels", "memory"],
)
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_shown(workers, data, limit):
    painters = Painters(reactor, workers, attrs.evolve(SETTINGS, memory_bytes=200 << 20))
    with pytest.raises(NoPicture) as caught:
        await paint(painters, data)
    assert caught.value.limit is limit
    assert (await paint(painters, image())).type == "image/jpeg"
    assert painters.started == 1
    await painters.stop()


@pytest_twisted.ensureDeferred
async def test_a_process_that_ends_meanwhile(painters):
    gate: Deferred[None] = Deferred()
    data = image((700, 500), "BMP")
    painting = started(painters.paint(given(data), content(data[:10], gate, data[10:]), lambda: True))
    (process,) = painters._all
    while process.transport is None:
        await deferLater(reactor, 0.01)
    process.kill()
    while painters._all:
        await deferLater(reactor, 0.01)
    gate.callback(None)
    with pytest.raises(NoPicture) as caught:
        await painting
    assert caught.value.limit
    assert (await paint(painters, data)).type == "image/jpeg"


class Hanging:
    """A storage that gives the beginning of a file, and then nothing."""

    def __init__(self, data: bytes, *, stubborn: bool = False) -> None:
        self.gate: Deferred[None] = Deferred()
        self.cleaning: Deferred[None] = Deferred()
        self.ended = False
        self._data = data
        self._stubborn = stubborn

    async def stream(self) -> AsyncIterator[bytes]:
        try:
            yield self._data
            await self.gate
        finally:
            if self._stubborn:
                await self.cleaning
            self.ended = True


@pytest.mark.parametrize("stubborn", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_storage_that_hangs_keeps_no_place(workers, stubborn):
    painters = Painters(reactor, workers, SETTINGS)
    data = image((700, 500), "BMP")
    hanging = Hanging(data[:100], stubborn=stubborn)
    first = started(painters.paint(given(data), hanging.stream, lambda: True))
    second = started(paint(painters, data))
    assert (painters.busy, painters.waiting) == (1, 1)
    (painter,) = painters._all
    while painter.transport is None:
        await deferLater(reactor, 0.01)
    # The time is up.
    (timer,) = [call for call in reactor.getDelayedCalls() if call.func == painter._expire]
    assert timer.getTime() - reactor.seconds() <= SETTINGS.seconds + GRACE
    timer.reset(0)
    with pytest.raises(NoPicture) as caught:
        await first
    assert caught.value.limit
    # Whoever reads was told, and is not waited for.
    assert (hanging.gate.called, hanging.ended) == (True, not stubborn)
    assert (await second).type == "image/jpeg"
    assert (painters.busy, painters.waiting, painters.started) == (0, 0, 2)
    # The process that waited for more is gone, too.
    while len(painters._all) > 1:
        await deferLater(reactor, 0.01)
    hanging.cleaning.callback(None)
    assert hanging.ended
    await painters.stop()
    assert not painters._all


@pytest_twisted.ensureDeferred
async def test_who_gives_up_gives_his_place_back(painters):
    gates: list[Deferred[None]] = [Deferred(), Deferred()]
    data = image()
    for gate in gates:
        painting = started(painters.paint(given(data), content(data[:10], gate, data[10:]), lambda: True))
        waiting = started(paint(painters, data))
        assert (painters.busy, painters.waiting) == (1, 1)
        while not any(painter.transport for painter in painters._all):
            await deferLater(reactor, 0.01)
        for one in (waiting, painting):
            one.cancel()
            with pytest.raises(CancelledError):
                await one
        assert (painters.busy, painters.waiting) == (0, 0)
        while painters._all:
            await deferLater(reactor, 0.01)
    assert (await paint(painters, data)).type == "image/jpeg"


@pytest_twisted.ensureDeferred
async def test_processes_without_work_end(workers):
    painters = Painters(reactor, workers, attrs.evolve(SETTINGS, idle_seconds=0.01))
    assert (await paint(painters, image())).type == "image/jpeg"
    while painters._all:
        await deferLater(reactor, 0.01)
    assert (await paint(painters, image())).type == "image/jpeg"
    assert painters.started == 2
    await painters.stop()


@pytest_twisted.ensureDeferred
async def test_the_end_comes_for_those_at_work_too(workers):
    painters = Painters(reactor, workers, SETTINGS)
    gate: Deferred[None] = Deferred()
    data = image()
    painting = started(painters.paint(given(data), content(data[:10], gate, data[10:]), lambda: True))
    waiting = started(paint(painters, data))
    await painters.stop()
    gate.callback(None)
    with pytest.raises(NoPicture):
        await painting
    with pytest.raises(Overloaded):
        await waiting

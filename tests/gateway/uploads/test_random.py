"""Clients as they come: they break off, are silent, come twice, lose their connection at the end, and the gateway is killed."""

from __future__ import annotations

import random
from typing import Any

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from clawgate.errors import (
    ClawgateError,
    Disconnected,
    InvalidRequest,
    LengthMismatch,
    Locked,
    OffsetMismatch,
    PreconditionFailed,
)
from clawgate.gateway.uploads.layout import Chunk
from clawgate.model.node import Node
from clawgate.model.upload import Upload

from .bodies import Task, chunks, request_body, until
from .house import ADA, House

test = pytest_twisted.ensureDeferred


def pieces(chance: random.Random, data: bytes) -> list[bytes]:
    """`data` as it comes from a network."""
    found = []
    while data:
        size = chance.randint(1, 12)
        found.append(data[:size])
        data = data[size:]
    return found


class Misfortune:
    """What may go wrong with a request."""

    def __init__(self, house: House, chance: random.Random) -> None:
        self.house = house
        self.chance = chance
        self.killed = 0

    def forbids(self, node: Node | None) -> None:
        raise PreconditionFailed("it was changed")

    async def interrupt(self, task: Task, body: Any, data: bytes) -> None:
        """A part of `data` comes; then the request is cancelled, as by the end of the process, or its connection falls silent."""
        await until(lambda: body.waiting or task.done)
        for piece in pieces(self.chance, data[: self.chance.randint(0, len(data) - 1)]):
            if not task.done:
                body.feed(piece)
                await until(lambda: body.waiting or task.done)
        if self.chance.random() < 0.5 and not task.done:
            # Somebody else takes its place.
            return
        task.deferred.cancel()
        await until(lambda: task.done)
        task.failure()


@pytest.mark.parametrize("seed", range(12))
@test
async def test_appending(house: House, seed: int) -> None:
    chance = random.Random(seed)
    bad = Misfortune(house, chance)
    content = chance.randbytes(chance.randint(1, 120))
    known = chance.random() < 0.7
    upload = await house.begin(size=len(content) if known else None)
    acknowledged = sent = 0
    left_behind: list[Task] = []
    for _ in range(200):
        if chance.random() < 0.15:
            for task in left_behind:
                task.deferred.cancel()
                await until(lambda task=task: task.done)
                task.failure()
            left_behind = []
            await house.restart()
        asking = Task(house.uploads.settled(await house.uploads.find(ADA, "tus", upload.key), house.space()))
        while not asking.done:
            house.clock.advance(1)
            await deferLater(reactor, 0.002)  # type: ignore[arg-type]
        if hasattr(asking.result, "value"):
            # The time of the tests goes faster than the storage.
            assert isinstance(asking.failure(), Locked)
            continue
        stands = asking.result
        for task in left_behind:
            await until(lambda task=task: task.done)
            task.failure()
        left_behind = []
        # What was acknowledged is never sent again.
        assert stands.offset >= acknowledged
        if stands.size is not None and stands.offset == stands.size:
            break
        assert await house.read("a.bin") is None
        offset = stands.offset
        data = content[offset : offset + chance.choice([1, 5, 40, 200])]
        whole = offset + len(data) == len(content)
        if whole and stands.size is None:
            stands = await house.uploads.announce(stands, house.space(), len(content))
        sent += len(data)
        fate = chance.random()
        publication = house.publication("a.bin")
        try:
            if fate < 0.2:
                body = request_body(house.clock, len(data))
                task = Task(house.uploads.append(stands, house.space(), offset, body, length=len(data), publication=publication))
                await bad.interrupt(task, body, data)
                if not task.done:
                    left_behind.append(task)
                continue
            if fate < 0.35:
                some = pieces(chance, data[: chance.randint(0, len(data))])
                broken = chunks(*some, failure=Disconnected("gone"))
                await house.uploads.append(stands, house.space(), offset, broken, length=len(data), publication=publication)
            elif fate < 0.45:
                await house.append(stands, chance.randint(0, len(content)), *pieces(chance, data))
            elif fate < 0.6:
                publication = attrs.evolve(publication, guard=bad.forbids)
                await house.append(stands, offset, *pieces(chance, data), publication=publication)
                acknowledged = offset + len(data)
            elif fate < 0.7:
                with house.frozen() as freeze:
                    publication = attrs.evolve(publication, guard=freeze.begin)
                    await house.append(stands, offset, *pieces(chance, data), publication=publication)
                    acknowledged = offset + len(data)
            else:
                await house.append(stands, offset, *pieces(chance, data))
                acknowledged = offset + len(data)
        except (Disconnected, PreconditionFailed, OffsetMismatch):
            continue
        except ClawgateError as error:
            assert "announced" in str(error), error
    else:
        raise AssertionError("it never ends")
    assert await house.read("a.bin") == content
    assert await house.held() == 0
    assert house.clock.getDelayedCalls() == []


@pytest.mark.parametrize("seed", range(12))
@test
async def test_chunks(house: House, seed: int) -> None:
    chance = random.Random(seed)
    count, stride = chance.randint(1, 6), chance.randint(1, 30)
    content = chance.randbytes(stride * (count - 1) + chance.randint(1, stride))
    offsets = chance.random() < 0.5
    base = chance.randint(0, 1)
    upload = await house.uploads.begin(ADA, house.place(""), "ng", "1", size=len(content) if chance.random() < 0.5 else None)

    def chunk(i: int) -> tuple[Chunk, bytes]:
        data = content[i * stride : (i + 1) * stride]
        length = None if offsets and chance.random() < 0.2 else len(data)
        if offsets:
            return Chunk(f"{i * stride:016}", length, i * stride), data
        return Chunk(str(base + i), length, index=base + i), data

    async def send(upload: Upload, i: int) -> bool:
        """Send a chunk, well or badly; whether it was acknowledged."""
        said, data = chunk(i)
        fate = chance.random()
        if fate < 0.15:
            body = chunks(*pieces(chance, data[: chance.randint(0, len(data) - 1)]), failure=Disconnected("gone"))
        elif fate < 0.3:
            fed = request_body(house.clock, len(data))
            task = Task(house.uploads.put_part(upload, house.space(), said, fed))
            await until(lambda: fed.waiting or task.done)
            for piece in pieces(chance, data[: chance.randint(0, len(data) - 1)]):
                fed.feed(piece)
                await until(lambda: fed.waiting or task.done)
            task.deferred.cancel()
            await until(lambda: task.done)
            task.failure()
            return False
        else:
            body = chunks(*pieces(chance, data))
        try:
            await house.uploads.put_part(upload, house.space(), said, body)
        except Disconnected:
            return False
        return True

    there: set[int] = set()
    for _ in range(200):
        if chance.random() < 0.2:
            await house.restart()
        missing = [i for i in range(count) if i not in there]
        order = chance.sample(missing, len(missing))[:3] or [chance.randrange(count)] * (chance.random() < 0.2)
        there.difference_update(order)
        tasks = [(i, Task(send(upload, i))) for i in order]
        for i, task in tasks:
            await until(lambda task=task: task.done)
            if task.result is True:
                there.add(i)
            elif task.result is not False:
                raise task.failure()
        assert len(await house.uploads.parts(upload)) == len(there)
        fate = chance.random()
        size = len(content)
        try:
            if fate < 0.2:
                await house.uploads.finish(upload, house.publication("a.bin", size=size, guard=refuses))
            elif fate < 0.4 and len(there) == count:
                with house.frozen() as freeze:
                    publication = house.publication("a.bin", size=size, guard=freeze.begin)
                    await house.uploads.finish(upload, publication)
                await house.restart()
                # The client has not heard of it.
                await house.uploads.finish(upload, house.publication("a.bin", size=size, guard=refuses))
                break
            elif fate < 0.6 or len(there) == count:
                await house.uploads.finish(upload, house.publication("a.bin", size=size))
                break
        except (PreconditionFailed, LengthMismatch, InvalidRequest):
            continue
    else:
        raise AssertionError("it never ends")
    assert await house.read("a.bin") == content
    again = await house.uploads.finish(upload, house.publication("a.bin", size=len(content)))
    assert again.node.size == len(content)
    assert (await house.held(), house.clock.getDelayedCalls()) == (0, [])


def refuses(node: Node | None) -> None:
    raise PreconditionFailed("it was changed")

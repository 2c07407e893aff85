"""Blocks that are held until they are sent."""

from __future__ import annotations

import hashlib

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from clawgate.errors import Locked, StorageUnavailable, UploadGone
from clawgate.storage.blocks import REMEMBERED, Handles, Work
from clawgate.storage.checksums import Digests


class Storage:
    """Where blocks are sent."""

    def __init__(self) -> None:
        self.content: list[tuple[int, bytes]] = []
        self.gate: Deferred[None] | None = None
        self.error: Exception | None = None

    async def send(self, offset: int, block: bytes) -> None:
        if self.gate is not None:
            await self.gate
        if self.error is not None:
            raise self.error
        self.content.append((offset, block))

    async def update(self, digests: Digests, block: bytes) -> None:
        digests.update(block)

    async def flush(self, work, writer, most=None) -> None:
        await work.flush(writer, self.send, self.update, most)


def sha1(data: bytes) -> str:
    return f"SHA1:{hashlib.sha1(data).hexdigest()}"


@pytest_twisted.ensureDeferred
async def test_checksums_of_what_comes_in_order():
    work, storage = Work(), Storage()
    work.fresh = True
    with work.writing(0, alone=False, foreseen=Digests(["SHA1"])) as writer:
        writer.block += b"hello world"
        await storage.flush(work, writer, 5)
        await storage.flush(work, writer)
        await storage.flush(work, writer)
    assert storage.content == [(0, b"hello"), (5, b" world")]
    assert (work.position, work.digests.text()) == (11, sha1(b"hello world"))
    # Behind a hole it is not known yet what comes before.
    with work.writing(20, alone=False, foreseen=None) as writer:
        writer.block += b"x"
        await storage.flush(work, writer)
    assert (work.position, work.digests.text()) == (11, sha1(b"hello world"))
    with work.writing(3, alone=False, foreseen=None) as writer:
        writer.block += b"p"
        await storage.flush(work, writer)
    assert work.digests is None
    with work.writing(0, alone=False, foreseen=Digests(["SHA1"])):
        assert work.digests is None, "not the beginning any more"


@pytest_twisted.ensureDeferred
async def test_after_a_block_that_failed_none_is_sent():
    work, storage = Work(), Storage()
    work.fresh = True
    with work.writing(0, alone=False, foreseen=Digests(["SHA1"])) as writer:
        storage.gate = Deferred()
        writer.block += b"one two"
        sending = Deferred.fromCoroutine(storage.flush(work, writer, 3))
        writer.block += b" three"
        storage.error = StorageUnavailable("away")
        storage.gate.callback(None)
        with pytest.raises(StorageUnavailable):
            await sending
        assert not writer.block
        storage.gate = storage.error = None
        writer.block += b" four"
        await storage.flush(work, writer)
    assert (storage.content, work.digests) == ([], None)
    with work.writing(0, alone=True, foreseen=None) as writer:
        writer.block += b"again"
        await storage.flush(work, writer)
        work.gone = True
        writer.block += b"!"
        with pytest.raises(UploadGone):
            await storage.flush(work, writer)
    assert storage.content == [(0, b"again")]


def test_alone():
    work = Work()
    with work.writing(0, alone=False, foreseen=None):
        with pytest.raises(Locked), work.writing(5, alone=True, foreseen=None):
            pass
        with work.writing(5, alone=False, foreseen=None):
            assert len(work.writers) == 2
    with work.writing(0, alone=True, foreseen=None), pytest.raises(Locked), work.writing(5, alone=False, foreseen=None):
        pass
    assert (work.writers, work.alone) == (set(), False)


def test_what_is_known_is_bounded():
    handles = Handles()
    with handles.of("held").writing(0, alone=False, foreseen=None):
        for number in range(REMEMBERED + 10):
            handles.of(str(number)).digests = Digests(["SHA1"])
        assert handles.known("held") is not None
        assert handles.known("0") is None
        assert len(handles._work) == REMEMBERED
        handles.tidy("held")
        assert handles.known("held") is not None
    handles.tidy("held")
    assert handles.known("held") is None
    last = str(REMEMBERED + 9)
    handles.tidy(last)
    assert handles.known(last) is handles.forget(last) is not None
    assert handles.forget(last) is None

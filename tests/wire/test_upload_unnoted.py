"""Killed after a file was published, but before that could be noted: whoever asks again is told the truth.

The state is put back to what it was when the last request began, while the storage stays what it has become.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from . import dav
from .gateway import Gateway
from .upload_chunked import V1, Ng
from .upload_content import Content
from .upload_dialects import Sender
from .upload_tus import Tus

SIZE = 3_000_000
"""So much that a request's body takes many steps."""


def state_of(gateway: Gateway) -> Path:
    """A copy of the state as it is now."""
    copy = gateway.folder / "state.copy"
    copy.unlink(missing_ok=True)
    with (
        contextlib.closing(sqlite3.connect(f"file:{gateway.data}/state.db?mode=ro", uri=True)) as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    return copy


def kill_and_forget(gateway: Gateway, state: Path) -> None:
    """Start again with `state`."""
    gateway.kill()
    for left in ("state.db-wal", "state.db-shm"):
        (gateway.data / left).unlink(missing_ok=True)
    state.replace(gateway.data / "state.db")
    gateway.start()


def tus(client: dav.Client, content: Content, match: str) -> tuple[Sender, Callable[[], None]]:
    sender = Tus(client, "file", content, checksum=True, match=match)
    sender.create(1_000_000)

    def finish() -> None:
        if not sender.finishing:
            sender.append(SIZE - 1_000_000)
            return
        # Again: the client asks first, is told to go on as before, and hears then that nothing is missing.
        sender.acknowledged = sender.stands()
        if sender.acknowledged < SIZE:
            answer = sender.patch(SIZE - sender.acknowledged)
            assert answer.status == 409
            assert answer.headers["Upload-Offset"] == str(SIZE)
        assert sender.stands() == SIZE

    return sender, finish


def ng(client: dav.Client, content: Content, match: str) -> tuple[Sender, Callable[[], None]]:
    sender = Ng(client, "file", content, naming="offset", cuts=[0, 1_000_000], key="1", checksum=True, match=match)
    sender.begin()
    for name in sender.chunks:
        sender.put(name)

    def finish() -> None:
        sender.published(sender.move())

    return sender, finish


def v1(client: dav.Client, content: Content, match: str) -> tuple[Sender, Callable[[], None]]:
    sender = V1(client, "file", content, count=2, transfer=1, checksum=True, match=match)
    sender.put(1)

    def finish() -> None:
        sender.put(0)

    return sender, finish


def chunk_was_noted(state: Path) -> None:
    """The chunk that completed the set was noted before the set was published."""
    with contextlib.closing(sqlite3.connect(state)) as there, there:
        ((upload,),) = there.execute("SELECT id FROM upload WHERE dialect = 'v1'").fetchall()
        there.execute("INSERT INTO upload_part (upload, name, start, stop) VALUES (?, '0', 0, ?)", (upload, SIZE // 2))


@pytest.mark.parametrize("begin", [tus, ng, v1])
@pytest.mark.parametrize("replace", [False, True])
def test_asked_again(
    gateway: Gateway, begin: Callable[[dav.Client, Content, str], tuple[Sender, Callable[[], None]]], replace: bool
) -> None:
    with gateway.client() as client:
        etag = ""
        if replace:
            assert client.put("file", b"old").status == 201
            etag = client.list("file", "0")["file"].etag
        content = Content(SIZE, 1)
        sender, finish = begin(client, content, etag)
        state = state_of(gateway)
        finish()
        assert sender.done
        there = client.list("file", "0")["file"]
        client.close()
        if begin is v1:
            chunk_was_noted(state)
        kill_and_forget(gateway, state)
        sender.done, sender.finishing = False, True
        if isinstance(sender, V1):
            sender.acknowledged.discard(0)
        finish()
        again = client.list("file", "0")["file"]
        assert content.is_in(gateway.disk() / "file")
        assert (again.etag, again.id) == (there.etag, there.id)
        assert not sender.etag or sender.etag == there.etag
    gateway.assert_tidy()

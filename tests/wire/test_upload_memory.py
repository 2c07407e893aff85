"""What big uploads cost: memory while they come, bytes written, and work at the end."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from . import dav, launch
from .gateway import Gateway
from .upload_chunked import V1, Ng
from .upload_content import Content
from .upload_dialects import Sender
from .upload_tus import Tus

MIB = 1 << 20
GIB = 1 << 30


def upload(way: str, client: dav.Client, content: Content, *, checksum: bool = False) -> None:
    """``put``, ``tus`` in one PATCH, ``tus 10`` and ``ng 10`` in pieces of 10 MiB."""
    if way == "ng 10":
        ng = Ng(
            client,
            "big",
            content,
            naming="offset",
            cuts=range(0, content.size, 10 * MIB),
            key=f"{content.size}",
            checksum=checksum,
        )
        ng.piece = MIB
        ng.begin()
        for name in ng.chunks:
            ng.put(name)
        ng.published(ng.move())
        return
    tus = Tus(client, "big", content, checksum=checksum)
    tus.piece = MIB
    tus.create()
    step = content.size if way == "tus" else 10 * MIB
    while not tus.done:
        tus.append(min(step, content.size - tus.acknowledged))


@pytest.fixture
def stopped_gateway(stopped_gateway: Gateway) -> Gateway:
    """Started as a user starts it: what it weighs is its own."""
    stopped_gateway.launcher = launch.twistd
    return stopped_gateway


@pytest.mark.parametrize("way", ["tus", "tus 10", "ng 10"])
def test_a_gibibyte(gateway: Gateway, way: str) -> None:
    """Resident memory grows by less than 10 MiB."""
    with gateway.client() as client:
        assert client.put("small", b"what the first request of all needs is not part of it").status == 201
        gateway.forget_peak()
        before = gateway.memory()
        content = Content(GIB, 2)
        upload(way, client, content)
        grown = gateway.memory("VmHWM") - before
        assert content.is_in(gateway.disk() / "big")
        assert client.ask("DELETE", "big").status == 204
    print(f"{way}: {grown / MIB:.1f} MiB")
    assert grown < 10 * MIB, f"{grown / MIB:.1f} MiB"
    gateway.assert_tidy()


@pytest.mark.parametrize("way", ["tus", "ng"])
def test_the_end_is_the_same_for_all_sizes(stopped_gateway: Gateway, tmp_path: Path, way: str) -> None:
    """To finish 4 GiB, sent in order and with a checksum, the gateway reads and writes what it does to finish 1 MiB.

    What is written becomes holes, so that it needs no room; the checksum would not hold if it were made from the disk.
    """
    gateway = stopped_gateway
    gateway.environment = launch.slow_disk(tmp_path, 1)
    gateway.start()
    work = {}
    with gateway.client() as client:
        # After the first one, which is too small for holes, it is known that this client announces checksums.
        for size in (8000, MIB, 4 * GIB):
            content = Content(size, 3)
            work[size] = finish_work(gateway, client, content, way)
            assert (gateway.disk() / "big").stat().st_size == size
            assert client.ask("DELETE", "big").status == 204
    print(f"{way}: {work}")
    # The database may put its log in order meanwhile, which is some hundred KiB.
    assert work[4 * GIB] < work[MIB] + MIB, work


def finish_work(gateway: Gateway, client: dav.Client, content: Content, way: str) -> int:
    """Upload `content`; the bytes moved while the last request, which has little or no content, was answered."""
    sender: Tus | Ng
    if way == "tus":
        sender = Tus(client, "big", content, checksum=True)
        sender.piece = MIB
        sender.create()
        sender.append(content.size - 1000)
        before = gateway.moved_bytes()
        sender.append(1000)
    else:
        quarters = range(0, content.size, content.size // 4)
        sender = Ng(client, "big", content, naming="offset", cuts=quarters, key=f"{content.size}", checksum=True)
        sender.piece = MIB
        sender.begin()
        for name in sender.chunks:
            sender.put(name)
        before = gateway.moved_bytes()
        sender.published(sender.move())
    return sum(gateway.moved_bytes()) - sum(before)


@pytest.mark.parametrize("way", ["offset", "index", "range", "number", "plain", "v1", "v1 without length"])
def test_nothing_is_written_twice(gateway: Gateway, way: str) -> None:
    """Chunks in any order are written once, where they will stay."""
    chance = random.Random(way)
    content = Content(64 * MIB + 12345, 4)
    with gateway.client() as client:
        client.list()
        _, before = gateway.moved_bytes()
        requests = chunks_out_of_order(client, content, way, chance)
        _, written = gateway.moved_bytes()
    extra = written - before - content.size
    print(f"{way}: {requests} requests, {extra / 1024:.0f} KiB beside the content")
    assert content.is_in(gateway.disk() / "big")
    # For each request some pages of a database and a line of the log.
    assert 0 <= extra < requests * 64 * 1024, f"{extra / MIB:.1f} MiB too much"


def chunks_out_of_order(client: dav.Client, content: Content, way: str, chance: random.Random) -> int:
    """Returns how many requests it took."""
    sender: Sender
    if way.startswith("v1"):
        announce = way == "v1"
        sender = v1 = V1(client, "big", content, count=26, transfer=7, announce=announce)
        order = list(range(v1.count))
        chance.shuffle(order)
        if not announce and order[0] == v1.count - 1:
            order.reverse()
        for index in order:
            v1.put(index)
        requests = v1.count
    else:
        stride = 2500 * 1024
        sender = ng = Ng(client, "big", content, naming=way, cuts=range(0, content.size, stride), key="7")
        names = list(ng.chunks)
        if way in ("number", "plain"):
            # Clients that only count begin with a chunk that is as long as most, and with 0 if they count from there.
            first = names.pop(0 if way == "plain" else 3)
            chance.shuffle(names)
            names.insert(0, first)
        else:
            chance.shuffle(names)
        ng.begin()
        for name in names:
            ng.put(name)
        ng.published(ng.move())
        requests = len(names) + 2
    assert sender.done
    return requests

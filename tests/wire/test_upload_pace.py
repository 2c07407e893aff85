"""Uploads whose two ends are not equally fast, or where one end stops."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import select
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from . import dav, launch
from .gateway import Gateway
from .upload_chunked import V1, Ng
from .upload_content import Content
from .upload_tus import BYTES, TUS, Tus

KIB = 1 << 10
MIB = 1 << 20


class Slow:
    """One request whose body is sent when the test says so."""

    def __init__(self, client: dav.Client, verb: str, target: str, length: int, headers: Mapping[str, str]) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=120)
        self.connection.putrequest(verb, target)
        for name, value in {**client.login, **headers, "Content-Length": str(length)}.items():
            self.connection.putheader(name, value)
        self.connection.endheaders()
        self.socket = self.connection.sock

    def send(self, content: bytes | memoryview) -> None:
        self.socket.sendall(content)

    def answer(self) -> int:
        """The status."""
        with self.connection.getresponse() as response:
            response.read()
            return response.status

    def close(self) -> None:
        self.connection.close()


def patch(tus: Tus, length: int) -> Slow:
    """A PATCH of the next bytes."""
    return Slow(tus.client, "PATCH", tus.target, length, {**TUS, **BYTES, "Upload-Offset": str(tus.acknowledged)})


def chunk(ng: Ng, name: str) -> Slow:
    """A PUT of one chunk."""
    start, stop = ng.chunks[name]
    return Slow(ng.client, "PUT", f"{ng.target}/{name}", stop - start, {"OC-Chunk-Offset": str(start)})


def parts(gateway: Gateway) -> list[Path]:
    """Where uploads are that are not finished."""
    return list((gateway.disk() / ".clawgate").glob("part-*"))


def arrived(gateway: Gateway, size: int) -> None:
    """Wait until the storage has `size` bytes of each upload that is not finished: until their requests are at work, that is."""
    deadline = time.monotonic() + 60
    while any(part.stat().st_size < size for part in parts(gateway)):
        assert time.monotonic() < deadline, "what was sent does not arrive"
        time.sleep(0.01)


# A slow storage


@pytest.fixture
def slow_storage(stopped_gateway: Gateway, tmp_path: Path) -> Gateway:
    """A gateway whose storage takes some 25 MB a second."""
    stopped_gateway.environment = launch.slow_disk(tmp_path, 40_000)
    stopped_gateway.start()
    return stopped_gateway


def on_the_way(slow: Slow) -> int:
    """Bytes of a request that the kernel holds: not yet taken from us, or not yet taken by the gateway.

    Ours are asked for first: what passes from there to the gateway's meanwhile is counted twice rather than not at all.
    """
    waiting = int.from_bytes(fcntl.ioctl(slow.socket, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    ours = slow.socket.getsockname()[1]
    unread = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, _, remote, _, queues, *_ = line.split()
        if int(remote.rpartition(":")[2], 16) == ours:
            unread += int(queues.partition(":")[2], 16)
    return waiting + unread


def taken(slow: Slow) -> None:
    """Wait until the gateway has taken all that was sent: who still takes bytes does not give way to another."""
    deadline = time.monotonic() + 60
    while on_the_way(slow):
        assert time.monotonic() < deadline, "what was sent is not read"
        time.sleep(0.01)


@pytest.mark.parametrize("dialect", ["tus", "ng"])
def test_the_sender_is_as_fast_as_the_storage(slow_storage: Gateway, dialect: str) -> None:
    """What was sent is on the disk, in the kernel's buffers, or in one window."""
    gateway, size = slow_storage, 48 * MIB
    content = Content(size, 1)
    with gateway.client() as client:
        assert client.put("warm", bytes(4 * MIB)).status == 201
        if dialect == "tus":
            tus = Tus(client, "big", content)
            tus.create()
            slow = patch(tus, size)
        else:
            ng = Ng(client, "big", content, naming="offset", cuts=[0], key="1")
            ng.begin()
            slow = chunk(ng, next(iter(ng.chunks)))
        gateway.forget_peak()
        before = gateway.memory()
        rest = memoryview(content.bytes())
        slow.socket.setblocking(False)
        stopped = most = 0
        deadline = time.monotonic() + 180
        while rest:
            assert time.monotonic() < deadline, f"{len(rest)} bytes are left"
            try:
                rest = rest[slow.socket.send(rest[: 256 * KIB]) :]
            except BlockingIOError:
                stopped += 1
                sent = size - len(rest)
                buffers = on_the_way(slow)
                (part,) = parts(gateway)
                most = max(most, sent - buffers - part.stat().st_size)
                select.select([], [slow.socket], [], 5)
        slow.socket.settimeout(120)
        assert slow.answer() in (201, 204)
        grown = gateway.memory("VmHWM") - before
        if dialect == "ng":
            ng.acknowledged = set(ng.chunks)
            ng.published(ng.move())
        slow.close()
    print(f"{dialect}: stopped {stopped} times, {most / KIB:.0f} KiB in the process, grown by {grown / MIB:.1f} MiB")
    assert most < 2 * MIB
    assert grown < 10 * MIB
    assert stopped
    assert (gateway.disk() / "big").stat().st_size == size


# A slow sender


def test_slow_senders_hold_no_threads(stopped_gateway: Gateway) -> None:
    """Twenty uploads that wait for their clients, and one thread for all."""
    gateway = stopped_gateway
    gateway.configure(files={"threads": 1}, state={"threads": 1}, uploads={"threads": 1})
    gateway.start()
    size, first = MIB, 600 * KIB
    with gateway.client() as client:
        uploads: list[tuple[Tus | Ng, Slow]] = []
        for number in range(20):
            content = Content(size, number)
            if number % 2:
                tus = Tus(client, f"upload {number}", content)
                tus.create()
                uploads.append((tus, patch(tus, size)))
            else:
                ng = Ng(client, f"upload {number}", content, naming="offset", cuts=[0], key=f"{number}")
                ng.begin()
                uploads.append((ng, chunk(ng, next(iter(ng.chunks)))))
        for sender, slow in uploads:
            slow.send(sender.content.bytes(0, first))
        for attempt in range(3):
            assert client.put("other", bytes(300_000)).status == (204 if attempt else 201)
            assert len(client.get("other")) == 300_000
            assert "other" in client.list()
            other = Tus(client, f"other {attempt}", Content(300_000, attempt))
            other.create()
            other.append(300_000)
        for sender, slow in uploads:
            slow.send(sender.content.bytes(first))
        for sender, slow in uploads:
            assert slow.answer() in (201, 204)
            slow.close()
            if isinstance(sender, Ng):
                sender.published(sender.move())
            assert sender.content.is_in(gateway.disk() / sender.path)
    gateway.assert_tidy()


# A client that stops, and one that comes while another is busy


@pytest.fixture
def impatient(stopped_gateway: Gateway) -> Gateway:
    """A gateway where a writer gives way soon, but not before a busy machine has come to hear the client."""
    stopped_gateway.configure(uploads={"lock_seconds": 1.5})
    stopped_gateway.start()
    return stopped_gateway


@pytest.fixture
def patient(stopped_gateway: Gateway) -> Gateway:
    """A gateway where a writer may be silent for longer than a busy machine keeps it from being heard."""
    stopped_gateway.configure(uploads={"lock_seconds": 3.0})
    stopped_gateway.start()
    return stopped_gateway


@pytest.mark.parametrize("ask", [True, False])
def test_a_half_open_connection_gives_way(impatient: Gateway, ask: bool) -> None:
    """A client that lost its network comes back, and asks where it stands or believes that nothing has come."""
    with impatient.client() as client:
        tus = Tus(client, "file", Content(MIB, 1))
        tus.create(1000)
        dead = patch(tus, MIB - 1000)
        dead.send(tus.content.bytes(1000, 800_000))
        arrived(impatient, 256 * KIB)
        taken(dead)
        if ask:
            tus.acknowledged = tus.stands()
        else:
            answer = tus.patch(MIB - 1000)
            assert answer.status == 409
            tus.acknowledged = tus.stands()
        assert tus.acknowledged == 800_000
        tus.append(100_000)
        # What the first one finds in its buffers when its network is back does no harm.
        late(dead, bytes(200_000))
        tus.append(MIB - 900_000)
        assert tus.content.is_in(impatient.disk() / "file")
        late(dead, bytes(200_000))
        dead.close()
        assert tus.stands() == MIB
    impatient.assert_tidy()


def test_a_half_open_connection_gives_way_to_the_same_chunk(impatient: Gateway) -> None:
    with impatient.client() as client:
        ng = Ng(client, "file", Content(2 * MIB, 2), naming="offset", cuts=[0, MIB], key="1")
        v1 = V1(client, "other", Content(2 * MIB, 3), count=2, transfer=1)
        ng.begin()
        first, second = ng.chunks
        dead = chunk(ng, first)
        dead.send(ng.content.bytes(0, 800_000))
        target = client.href("other-chunking-1-2-0")
        dead_too = Slow(client, "PUT", target, MIB, {**v1.promises(), "OC-Chunked": "1"})
        dead_too.send(v1.content.bytes(0, 800_000))
        arrived(impatient, 256 * KIB)
        # Chunks elsewhere need not wait.
        ng.put(second)
        assert ng.listed() == {second: MIB}
        ng.put(first)
        late(dead, bytes(100_000))
        ng.published(ng.move())
        assert ng.content.is_in(impatient.disk() / "file")
        v1.put(1)
        v1.put(0)
        late(dead_too, bytes(100_000))
        assert v1.done
        assert v1.content.is_in(impatient.disk() / "other")
        dead.close()
        dead_too.close()
    impatient.assert_tidy()


def late(slow: Slow, content: bytes) -> None:
    """Send what nobody waits for any more."""
    # The gateway may have hung up.
    with contextlib.suppress(OSError):
        slow.send(content)


def test_who_is_busy_is_not_disturbed(patient: Gateway) -> None:
    """A second PATCH and a DELETE while the first client is sending steadily: 423, nothing is lost. HEAD says what is safe."""
    with patient.client() as client, patient.client() as other:
        tus = Tus(client, "file", Content(3 * MIB, 1))
        tus.create()
        busy = patch(tus, 3 * MIB)
        with sending(busy, tus.content, 3 * MIB):
            arrived(patient, 256 * KIB)
            second = Tus(other, "file", Content(3 * MIB, 9))
            second.target = tus.target
            refused = dav.talk(other.port, raw_patch(second, 0, 1000))
            assert b" 423 " in refused.splitlines()[0], refused
            assert other.raw("DELETE", tus.target, None, TUS).status == 423
            assert second.stands() == 0
        assert busy.answer() == 204
        busy.close()
        assert tus.content.is_in(patient.disk() / "file")


def test_who_is_busy_with_a_chunk_is_not_disturbed(patient: Gateway) -> None:
    with patient.client() as client, patient.client() as other:
        ng = Ng(client, "file", Content(3 * MIB, 1), naming="offset", cuts=[0, 2 * MIB], key="1")
        ng.begin()
        first, last = ng.chunks
        busy = chunk(ng, first)
        with sending(busy, ng.content, 2 * MIB):
            arrived(patient, 256 * KIB)
            ng.client = other
            ng.put(last)
            again = f"PUT {ng.target}/{first} HTTP/1.1\r\nHost: x\r\nAuthorization: {other.login['Authorization']}\r\n"
            again += f"OC-Chunk-Offset: 0\r\nContent-Length: {2 * MIB}\r\nExpect: 100-continue\r\n\r\n"
            refused = dav.talk(other.port, again.encode())
            assert b" 423 " in refused.splitlines()[0], refused
            assert ng.move().status == 423
            assert other.raw("DELETE", ng.target).status == 423
        assert busy.answer() == 201
        busy.close()
        ng.published(ng.move())
        assert ng.content.is_in(patient.disk() / "file")


@contextlib.contextmanager
def sending(slow: Slow, content: Content, length: int) -> Iterator[None]:
    """Meanwhile the first `length` bytes are sent, without haste; what is left of them then, in haste."""
    hurry = threading.Event()

    def send() -> None:
        for piece in content.pieces(0, 300_000, 50_000):
            slow.send(piece)
        # Half a minute at least, which is longer than all that is asked meanwhile waits.
        for piece in content.pieces(300_000, length, 1000):
            slow.send(piece)
            hurry.wait(0.02)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        hurry.set()
        sender.join(60)


def raw_patch(tus: Tus, start: int, stop: int) -> bytes:
    headers = {**tus.client.login, **TUS, **BYTES, "Upload-Offset": str(start), "Content-Length": str(stop - start), "Host": "x"}
    lines = [f"PATCH {tus.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + tus.content.bytes(start, stop)


# A storage that runs full


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Gateway]:
    """Alice's home is on a file system of 20 MB that only the gateway sees."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    home = folder / "data/files/alice"

    def start(arguments: list[str], folder: Path, log: Path, environment: Mapping[str, str]) -> launch.Running:
        script = 'mount -t tmpfs -o size=20m,mode=0755 none "$0" && exec "$@"'
        twistd = str(Path(sys.executable).with_name("twistd"))
        with log.open("ab") as out:
            return subprocess.Popen([*own, "sh", "-c", script, str(home), twistd, *arguments], cwd=folder, stdout=out, stderr=out)

    gateway = Gateway(folder, start)
    gateway.make_home()
    gateway.start()
    yield gateway
    gateway.close()


def ballast(client: dav.Client, size: int) -> None:
    assert client.put("ballast", bytes(size)).status == 201


def test_what_is_in_the_trash_makes_room(small_disk: Gateway) -> None:
    """Soon after something did not fit, whichever way it came, and long before the next round of clearing up."""
    with small_disk.client() as client:
        ballast(client, 19 * MIB + MIB // 2)
        assert client.ask("DELETE", "ballast").status == 204
        assert client.put("file", bytes(MIB)).status == 507
        deadline = time.monotonic() + 120
        while client.put("file", bytes(MIB)).status != 201:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert set(client.list()) == {"", "file"}


def test_the_disk_runs_full_within_a_patch(small_disk: Gateway) -> None:
    with small_disk.client() as client:
        tus = Tus(client, "file", Content(12 * MIB, 1))
        tus.create(2 * MIB)
        ballast(client, 14 * MIB)
        answer = dav.talk(client.port, raw_patch(tus, 2 * MIB, 12 * MIB))
        assert b" 507 " in answer.splitlines()[0], answer
        at = tus.stands()
        assert 2 * MIB <= at <= 6 * MIB
        tus.acknowledged = at
        assert client.ask("DELETE", "ballast").status == 204
        tus.append(12 * MIB - at)
        assert client.get("file") == tus.content.bytes()


def test_the_disk_runs_full_within_a_chunk(small_disk: Gateway) -> None:
    with small_disk.client() as client:
        ng = Ng(client, "file", Content(12 * MIB, 2), naming="offset", cuts=[0, 2 * MIB, 10 * MIB], key="1")
        ng.begin()
        first, second, third = ng.chunks
        ng.put(first)
        ng.put(third)
        ballast(client, 14 * MIB)
        login = client.login["Authorization"]
        head = f"PUT {ng.target}/{second} HTTP/1.1\r\nHost: x\r\nAuthorization: {login}\r\nContent-Length: {8 * MIB}\r\n\r\n"
        answer = dav.talk(client.port, head.encode() + ng.content.bytes(2 * MIB, 10 * MIB))
        assert b" 507 " in answer.splitlines()[0], answer
        assert ng.listed() == {first: 2 * MIB, third: 2 * MIB}
        refused = ng.move()
        assert refused.status == 400, refused
        assert client.ask("DELETE", "ballast").status == 204
        ng.put(second)
        ng.published(ng.move())
        assert client.get("file") == ng.content.bytes()


def test_the_disk_runs_full_within_a_v1_chunk(small_disk: Gateway) -> None:
    with small_disk.client() as client:
        v1 = V1(client, "file", Content(12 * MIB, 3), count=2, transfer=1)
        v1.put(1)
        ballast(client, 13 * MIB)
        head = [f"PUT {client.href('file-chunking-1-2-0')} HTTP/1.1", "Host: x", f"Content-Length: {6 * MIB}", "OC-Chunked: 1"]
        head += [f"{name}: {value}" for name, value in {**client.login, **v1.promises()}.items()]
        answer = dav.talk(client.port, "\r\n".join([*head, "", ""]).encode() + v1.content.bytes(0, 6 * MIB))
        assert b" 507 " in answer.splitlines()[0], answer
        assert client.ask("DELETE", "ballast").status == 204
        v1.put(0)
        assert v1.done
        assert client.get("file") == v1.content.bytes()

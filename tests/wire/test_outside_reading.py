"""Downloads while a job changes the files: an answer that is complete is true, and one that cannot be kept is cut.

Asserted of every answer: it has the length that was announced, or it is cut off. Where the job replaces files by renaming none is
cut, and the bytes are those of one version, which the etag names and no other; where it appends or cuts, each byte is where it
belongs.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from ..identity.ldap.authority import Authority
from ..ports import free_port
from . import rewriter, trees
from .gateway import USERS, Gateway
from .rewriter import CELL, FILES, File

LOGIN = base64.b64encode(f"alice:{USERS['alice']}".encode()).decode()
ENOUGH = {"sendfile": 20, "copied": 20, "http2": 10}
"""Answers for each file; complete ones where versions never change."""
BIG = 16_000_000
"""More than the sockets between gateway and reader take in."""


class Given(NamedTuple):
    """A complete answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Seen:
    """What all readers together were given."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.etags: dict[tuple[str, str], int] = {}
        """Which version a file had under an etag."""
        self.faults: list[str] = []
        self._lock = threading.Lock()
        self._content = {file.name: rewriter.content(0, file.base + file.spread) for file in FILES.values() if not file.torn}

    def broken(self, file: File, what: str) -> None:
        """No complete answer, or an error."""
        with self._lock:
            self.counts[file.name, what] += 1
            if file.whole:
                self.faults.append(f"{file.name}: {what}, although no version of it ever changes")

    def answers(self, file: File) -> int:
        with self._lock:
            return sum(
                count for (name, what), count in self.counts.items() if name == file.name and what in ("complete", "cut off")
            )

    def judge(self, file: File, given: Given) -> None:
        fault = ""
        kind = str(given.status)
        if len(given.body) != int(given.headers["content-length"]):
            fault = f"{len(given.body)} bytes instead of {given.headers['content-length']}"
        elif given.status == 200:
            kind, fault = self._judge(file, given, 0, len(given.body))
        elif given.status == 206:
            where, _, total = given.headers["content-range"].removeprefix("bytes ").partition("/")
            start, end = map(int, where.split("-"))
            fault = "" if end - start + 1 == len(given.body) else f"{len(given.body)} bytes for {where}"
            if not fault:
                kind, fault = self._judge(file, given, start, int(total))
        elif given.status in (502, 503):
            self.broken(file, "refused")
        elif given.status != 416:
            fault = f"answered {given.status}: {given.body[:300]!r}"
        with self._lock:
            self.counts[file.name, kind] += 1
            if fault:
                self.faults.append(f"{file.name}: {fault}")

    def _judge(self, file: File, given: Given, start: int, total: int) -> tuple[str, str]:
        stop = start + len(given.body)
        if not file.torn:
            fault = given.body != self._content[file.name][start:stop]
            return "complete", f"wrong bytes within {start}-{stop} of {total}" if fault else ""
        if not file.whole:
            return "complete", ""
        if len(given.body) < 2 * CELL:
            return "too short to tell", ""
        version = rewriter.version_of(given.body, start)
        if total != file.size(version) or given.body != file.content(version)[start:stop]:
            return "complete", f"{start}-{stop} of {total} begins with version {version} and is something else"
        with self._lock:
            known = self.etags.setdefault((file.name, given.headers["etag"]), version)
        return "complete", "" if known == version else f"version {version} has the etag of {known}"


Ask = Callable[[File, str], "Given | None"]
"""Asks for a file, or for a range of it; None: the answer was cut off."""


class Reader(threading.Thread):
    """Asks again and again for whole files and for ranges anywhere in them."""

    def __init__(self, ask: Ask, seen: Seen, files: list[File], seed: int) -> None:
        super().__init__(daemon=True)
        self.ask, self.seen, self.files = ask, seen, files
        self.chance = random.Random(seed)
        self.enough = threading.Event()

    def run(self) -> None:
        try:
            while not self.enough.is_set():
                for file in self.files:
                    span = ""
                    if self.chance.random() < 0.5:
                        start = self.chance.randrange(file.base + file.spread)
                        span = f"bytes={start}-{start + self.chance.choice([2 * CELL, 100_000, 1_000_000])}"
                    given = self.ask(file, span)
                    if given is None:
                        self.seen.broken(file, "cut off")
                    else:
                        self.seen.judge(file, given)
        except BaseException as error:
            self.seen.faults.append(f"reader: {error!r}")
            raise


def address(name: str) -> str:
    return "/remote.php/dav/files/alice/" + name.replace(" ", "%20")


def plainly(gateway: Gateway) -> Ask:
    """HTTP/1.1."""

    def ask(file: File, span: str) -> Given | None:
        headers = {"Authorization": f"Basic {LOGIN}"} | ({"Range": span} if span else {})
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=120)
        try:
            connection.request("GET", address(file.name), None, headers)
            answer = connection.getresponse()
            return Given(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        except (http.client.IncompleteRead, ConnectionError):
            return None
        finally:
            connection.close()

    return ask


def by_http2(port: int, folder: Path) -> Ask:
    """HTTP/2 over TLS, by curl."""

    def ask(file: File, span: str) -> Given | None:
        head, body = (folder / f"{threading.get_ident()}.{part}" for part in ("head", "body"))
        command = ["curl", "-s", "-k", "--http2", "-u", f"alice:{USERS['alice']}", "-D", str(head), "-o", str(body)]
        command += ["-H", f"Range: {span}"] if span else []
        body.write_bytes(b"")
        done = subprocess.run([*command, f"https://127.0.0.1:{port}{address(file.name)}"], timeout=60)
        # Cut off: the stream (92), or the whole connection (16, 18, 56).
        assert done.returncode in (0, 16, 18, 56, 92), f"curl ended with {done.returncode}"
        if done.returncode:
            return None
        first, *lines = head.read_text().strip().splitlines()
        assert first.startswith("HTTP/2 "), first
        pairs = (line.partition(":") for line in lines)
        return Given(int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}, body.read_bytes())

    return ask


@contextlib.contextmanager
def rewriting(gateway: Gateway) -> Iterator[None]:
    """The job at work on all files; each has its first version."""
    work = gateway.disk().with_name("work of the job")
    work.mkdir()
    command = [sys.executable, rewriter.__file__, str(gateway.disk()), str(work), *FILES]
    job = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert job.stdin is not None and job.stdout is not None
    try:
        assert job.stdout.readline() == "begun\n"
        yield
        assert job.poll() is None, "the job has ended"
    finally:
        job.stdin.close()
        job.stdout.close()
        assert job.wait(120) == 0


@pytest.mark.parametrize("way", ["sendfile", "copied", "http2"])
def test_complete_answers_are_true(stopped_gateway: Gateway, tmp_path: Path, way: str) -> None:
    gateway, port = stopped_gateway, free_port()
    certificate, key = Authority(tmp_path).certify("127.0.0.1")
    secure = f"ssl:{port}:interface=127.0.0.1:privateKey={key}:certKey={certificate}"
    gateway.configure(
        http={"sendfile": way == "sendfile", "listen": [*gateway.settings["http"]["listen"], secure]},
        mounts__home={"staleness_max": 1.0},
    )
    gateway.errors_expected = True  # each cut is told with where it happened
    gateway.make_home()
    seen = Seen()
    files = [file for file in FILES.values() if way != "http2" or "large" not in file.name]
    ask = by_http2(port, tmp_path) if way == "http2" else plainly(gateway)
    with rewriting(gateway):
        gateway.start()
        readers = [Reader(ask, seen, files[number::2], number) for number in range(2)]
        for reader in readers:
            reader.start()
        deadline = time.monotonic() + 120
        while not seen.faults and (rare := [file.name for file in files if seen.answers(file) < ENOUGH[way]]):
            assert time.monotonic() < deadline, f"too few answers for {rare}: {seen.counts}"
            time.sleep(0.01)
        for reader in readers:
            reader.enough.set()
        for reader in readers:
            reader.join(60)
    print(sorted(seen.counts.items()))
    assert not seen.faults, "\n".join(seen.faults[:20])


def append(path: Path) -> None:
    with path.open("ab") as out:
        out.write(b"more")


def rewrite(path: Path) -> None:
    with path.open("r+b") as out:
        out.write(rewriter.content(2, BIG))


def replace(path: Path) -> None:
    new = path.with_name("new")
    new.write_bytes(rewriter.content(2, BIG))
    new.rename(path)


# What is done to a file during its download, and whether that may go on to its end.
CHANGES: dict[str, tuple[Callable[[Path], None], bool]] = {
    "append": (append, False),
    "truncate": (lambda path: os.truncate(path, BIG - 1), False),
    "empty": (lambda path: os.truncate(path, 0), False),
    "rewrite": (rewrite, False),
    "replace": (replace, True),
    "remove": (lambda path: path.unlink(), True),
}


@pytest.mark.parametrize("sendfile", [True, False], ids=["sendfile", "copied"])
def test_a_change_in_the_middle_of_a_download(stopped_gateway: Gateway, sendfile: bool) -> None:
    """Cut if what was opened has changed; complete, and the old version, if another one stands in its place."""
    gateway = stopped_gateway
    gateway.configure(http={"sendfile": sendfile})
    gateway.errors_expected = True
    content = rewriter.content(1, BIG)
    home = gateway.make_home()
    gateway.start()
    for name, (change, goes_on) in CHANGES.items():
        for span in ("", f"Range: bytes=5-{BIG - 7}\r\n"):
            path = home / name
            # Long ago, as what is sent by the kernel's own hands must be.
            trees.write(path, content, trees.TIME)
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                client.settimeout(30)
                client.connect(("127.0.0.1", gateway.port))
                login = f"Authorization: Basic {LOGIN}\r\n"
                client.sendall(f"GET {address(name)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{login}{span}\r\n".encode())
                # As soon as it begins, or when it is under way.
                answer = client.recv(1000)
                while span and len(answer) < 1_000_000:
                    answer += client.recv(100_000)
                change(path)
                # A connection that is cut may be reset.
                with contextlib.suppress(ConnectionResetError):
                    while more := client.recv(1 << 20):
                        answer += more
            head, _, body = answer.partition(b"\r\n\r\n")
            start, stop = (5, BIG - 6) if span else (0, BIG)
            assert head.startswith(b"HTTP/1.1 206" if span else b"HTTP/1.1 200"), head
            assert f"content-length: {stop - start}".encode() in head.lower(), head
            about = f"{name} {span}: {len(body)} of {stop - start} bytes"
            if goes_on:
                assert body == content[start:stop], about
            else:
                assert len(body) < stop - start, about

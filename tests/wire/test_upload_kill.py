"""SIGKILL at any moment of any upload: what was acknowledged is there, offsets are true, files are old or new.

Four writers have three files each, and upload new versions of them in all dialects, one request at a time. After a restart each
file must be what it was, or what was being finished; and each upload must stand where its client was told, or further on, but
never beyond what was sent. It then goes on from there.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from . import dav
from .gateway import Gateway
from .upload_chunked import V1, Ng
from .upload_content import Content
from .upload_dialects import Put, Sender, Wrong, must
from .upload_tus import Concat, Tus

KILLS = 220
WRITERS = 4
FILES = 3
SIZES = [0, 1, 300, 5000, 70_000, 70_000, 400_000, 1_500_000]


class File:
    """One name, what stands there, and the upload that is to replace it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.standing: Content | None = None
        self.sender: Sender | None = None
        self.aborting = False
        """The sender gives up, and has not heard yet whether that was understood."""


class Writer(threading.Thread):
    """Makes requests until the gateway is gone."""

    def __init__(self, client: dav.Client, files: list[File], chance: random.Random, finishing: threading.Event) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.files = files
        self.chance = chance
        self.finishing = finishing
        self.file = files[0]
        """The one that the request under way is for."""
        self.requests = 0
        self.finished: list[Sender] = []
        self.cut_off = False
        self.fault: Exception | None = None

    def run(self) -> None:
        try:
            while True:
                self.file = self.chance.choice(self.files)
                self.step(self.file)
                self.requests += 1
        except (OSError, http.client.HTTPException):
            self.cut_off = True
        except (Wrong, AssertionError) as error:
            self.fault = error
        finally:
            self.client.close()

    def step(self, file: File) -> None:
        if file.sender is None:
            file.sender = self.new(file)
        elif self.chance.random() < 0.02 and not file.sender.finishing:
            give_up(file, self.client)
            return
        file.sender.client = self.client
        file.sender.step(self.chance)
        if file.sender.done:
            self.finished.append(file.sender)
            file.standing, file.sender = file.sender.content, None
            if (etag := self.finished[-1].etag) and self.chance.random() < 0.3:
                there = self.client.list(file.path, "0")[file.path].etag
                must(there == etag, self.finished[-1].describe(), "was finished with", etag, "but is", there)

    def new(self, file: File) -> Sender:
        """An upload in a dialect of its own."""
        chance, client, path = self.chance, self.client, file.path
        content = Content(chance.choice(SIZES), chance.getrandbits(32))
        etag = client.list(path, "0")[path].etag if file.standing is not None and chance.random() < 0.4 else ""
        checksum = chance.random() < 0.4
        dialect = chance.choices(["put", "tus", "concat", "ng", "v1"], [1, 5, 2, 6, 4])[0]
        sender: Sender
        if dialect == "put":
            sender = Put(client, path, content, checksum=checksum, match=etag)
        elif dialect == "tus":
            sender = Tus(client, path, content, checksum=checksum, match=etag)
        elif dialect == "concat":
            sender = Concat(client, path, content, match=etag)
        elif dialect == "v1":
            count, transfer = chance.randint(1, 5), chance.getrandbits(31)
            sender = V1(
                client,
                path,
                content,
                count=count,
                transfer=transfer,
                checksum=checksum,
                match=etag,
                announce=chance.random() < 0.7,
            )
        else:
            naming = chance.choice(["offset", "index", "number", "plain", "range"])
            inner = sorted(chance.randint(1, max(1, content.size)) for _ in range(chance.randint(0, 4)))
            key = f"{chance.getrandbits(48)}"
            sender = Ng(
                client,
                path,
                content,
                naming=naming,
                cuts=[0, *dict.fromkeys(inner)],
                key=key,
                checksum=checksum,
                match=etag,
                announce=chance.random() < 0.7,
            )
        sender.pause = lambda: time.sleep(0.002)
        sender.on_finish = self.finishing.set
        return sender


def give_up(file: File, client: dav.Client) -> None:
    assert file.sender is not None
    file.aborting = True
    file.sender.client = client
    file.sender.abort()
    file.sender, file.aborting = None, False


def settle(gateway: Gateway) -> None:
    """Let the janitor, which runs when a space is first used, clear up: then only open uploads have bytes in the storage."""
    with gateway.client() as client:
        client.list()
    deadline = time.monotonic() + 60
    while strays := [name for name in gateway.leftovers() if name.removeprefix(".clawgate/part-") not in owned(gateway)]:
        assert time.monotonic() < deadline, f"no session owns {strays}"
        time.sleep(0.01)


def owned(gateway: Gateway) -> set[str]:
    """What the sessions in the state say of where their bytes are: the file's name begins their handle."""
    with contextlib.closing(sqlite3.connect(f"file:{gateway.data}/state.db?mode=ro", uri=True)) as state:
        handles = state.execute("SELECT handle FROM upload WHERE handle <> ''").fetchall()
    return {handle.partition("-")[0] for (handle,) in handles}


def on_disk(gateway: Gateway, file: File, content: Content | None) -> bool:
    """Whether this, and all of it, is what the file holds."""
    path = gateway.disk() / file.path
    return content.is_in(path) if content is not None and path.exists() else content is None and not path.exists()


def check(gateway: Gateway, client: dav.Client, file: File) -> bool:
    """What the disk and the gateway say of one file after a restart; its upload is ready to go on then.

    Returns whether it was published without the client having heard of it.
    """
    sender, changed = file.sender, False
    if sender is None or not sender.finishing:
        assert on_disk(gateway, file, file.standing), f"{file.path} is not what it was; {sender and sender.describe()}"
    else:
        changed = on_disk(gateway, file, sender.content)
        assert changed or on_disk(gateway, file, file.standing), f"{file.path} is neither old nor new; {sender.describe()}"
    if file.aborting:
        give_up(file, client)
    elif sender is not None:
        sender.client = client
        sender.resume()
        if sender.done:
            assert on_disk(gateway, file, sender.content), f"{sender.describe()} is not there, though finished"
            file.standing, file.sender = sender.content, None
    return changed


def drain(gateway: Gateway, files: list[File], chance: random.Random) -> None:
    """Finish every upload."""
    with gateway.client() as client:
        for file in files:
            while file.sender is not None:
                file.sender.client = client
                file.sender.step(chance)
                if file.sender.done:
                    file.standing, file.sender = file.sender.content, None
            assert on_disk(gateway, file, file.standing), file.path


# An interrupted PUT makes http.client's generator and sockets end in unusual ways, none of them the gateway's.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_nothing_is_lost(quick_gateway: Gateway) -> None:
    def enough(requests: int, cut_off: int, finishes_cut: int, finished: Counter[str]) -> bool:
        every = finished.keys() == {"Put", "Tus", "Concat", "Ng", "V1"}
        return every and requests > KILLS and cut_off > KILLS and finishes_cut > KILLS / 4

    # Where the machine is so busy that kills come before the first request, more of them are needed.
    hit = play(quick_gateway, KILLS, enough=enough)
    assert enough(*hit), f"the kills did not hit anything: {hit}"


Hit = tuple[int, int, int, Counter[str]]
"""How many requests were acknowledged, how many uploads cut off, how many of them at their end, and how many of each kind were
finished."""


def play(gateway: Gateway, kills: int, slowness: float = 1.0, enough: Callable[..., bool] = lambda *hit: True) -> Hit:
    """All rounds, `slowness` times as long as on a disk, and then more, ten times as many at most, until `enough` was hit."""
    chance = random.Random(2911)
    gateway.configure(uploads={"checkpoint_bytes": 65536})
    crews = [[File(f"w{number}/{name}") for name in "abc"[:FILES]] for number in range(WRITERS)]
    for number in range(WRITERS):
        (gateway.make_home() / f"w{number}").mkdir()
    gateway.start()
    requests = cut_off = finishes_cut = told_later = round = 0
    finished: Counter[str] = Counter()
    while round < kills or (not enough(requests, cut_off, finishes_cut, finished) and round < 10 * kills):
        round += 1
        finishing = threading.Event()
        writers = [Writer(gateway.client(), files, random.Random(chance.getrandbits(32)), finishing) for files in crews]
        for writer in writers:
            writer.start()
        if chance.random() < 0.5:
            time.sleep(chance.uniform(0.01, 0.12) * slowness)
        else:
            finishing.wait(0.2 * slowness)
            time.sleep(chance.uniform(0, 0.01) * slowness)
        gateway.kill()
        for writer in writers:
            writer.join(120)
            assert not writer.is_alive()
            assert writer.fault is None, writer.fault
            assert writer.cut_off
        gateway.start()
        settle(gateway)
        with gateway.client() as client:
            for writer in writers:
                requests += writer.requests
                finished.update(type(sender).__name__ for sender in writer.finished)
                if (interrupted := writer.file.sender) is not None:
                    cut_off += 1
                    finishes_cut += interrupted.finishing
                told_later += sum([check(gateway, client, file) for file in writer.files])
    print(f"{round} kills, {requests} requests acknowledged, {cut_off} uploads cut off, {finishes_cut} of them at the end,")
    print(f"{told_later} of those published without the client hearing of it; finished: {dict(finished)}")
    files = [file for files in crews for file in files]
    drain(gateway, files, chance)
    with gateway.client() as client:
        for number, crew in enumerate(crews):
            there = {path: item.size for path, item in client.list(f"w{number}").items() if not item.folder}
            assert there == {file.path: file.standing.size for file in crew if file.standing is not None}
    gateway.stop()
    # Uploads of which no client ever heard the address.
    said = gateway.tool("uploads", "purge", "--all")
    assert said.returncode == 0, said.stdout + said.stderr
    gateway.assert_tidy()
    said = gateway.tool("index", "verify")
    assert said.returncode == 0, said.stdout + said.stderr
    return requests, cut_off, finishes_cut, finished

"""The outside writer as tests use it, and when the gateway's clients could know of what it did."""

from __future__ import annotations

import http.client
import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType

from . import dav, outside_writer, trees
from .gateway import Gateway
from .outside_writer import Report

ETAG = b'<?xml version="1.0"?><d:propfind xmlns:d="DAV:"><d:prop><d:getetag/></d:prop></d:propfind>'


class Outside:
    """The writer as a process of its own, at work from the start on in `folder`, which it makes."""

    def __init__(self, folder: Path, supply: Path, seed: int, pause: float) -> None:
        self.folder = folder
        self._supply = supply
        self.report: Report | None = None
        folder.mkdir(parents=True)
        command = [sys.executable, outside_writer.__file__, str(folder), str(supply), str(seed), str(pause)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "begun\n"

    def __enter__(self) -> Outside:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.report is None:
            self._process.kill()
            self._process.communicate()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It changes nothing meanwhile; what it has others do for it, `mv` for instance, has come to its end."""
        self._process.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + 60
        while not _rests(self._process.pid, "T"):
            assert time.monotonic() < deadline, "the outside writer goes on"
            time.sleep(0.01)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def go_on(self, changes: int) -> None:
        """Wait until it has made so many more changes."""
        self.has_made(self._changes() + changes)

    def has_made(self, changes: int) -> None:
        """Wait until it has made so many altogether."""
        deadline = time.monotonic() + 120
        while self._changes() < changes:
            assert time.monotonic() < deadline, "the outside writer does not work"
            time.sleep(0.02)

    def _changes(self) -> int:
        return len(self._supply.with_name(f"{self._supply.name}.journal").read_bytes().splitlines())

    def stop(self) -> Report:
        """Let it end; what it has done."""
        said, _ = self._process.communicate(timeout=120)
        assert self._process.returncode == 0, "the outside writer failed"
        self.report = report = json.loads(said)
        return report  # type: ignore[no-any-return]

    def disagreements(self) -> list[str]:
        """How the disk differs from what the writer left there. Nobody else works in its folder.

        What clients bring back does not count: a folder that they had just made when it was renamed and emptied here, for
        instance, is a new one to them.
        """
        assert self.report is not None
        expected = {path: tuple(what) if what else None for path, what in self.report["tree"].items()}
        found = {path: what for path, what in trees.content(self.folder).items() if path in expected}
        return trees.differences(expected, found)  # type: ignore[arg-type]


def _rests(pid: int, state: str) -> bool:
    """Whether a process is in this state of proc(5), and what it has started has ended."""
    process = Path(f"/proc/{pid}")
    if (process / "stat").read_text().rpartition(")")[2].split()[0] != state:
        return False
    children = [int(child) for thread in (process / "task").iterdir() for child in (thread / "children").read_text().split()]
    return all(_rests(child, "Z") for child in children)


class RootEtag(threading.Thread):
    """Asks for the etag of the root and nothing else, all the time, as clients do that wait for news."""

    def __init__(self, gateway: Gateway, user: str = "alice") -> None:
        super().__init__(daemon=True)
        self.moves: list[tuple[float, str]] = []
        """Each etag with the moment at which it was first seen."""
        self.slowest = 0.0
        """Seconds of the longest wait for an answer: by so much any moment may be too late."""
        self._client = gateway.client(user)
        self._ended = threading.Event()
        self._moved = threading.Condition()
        self._fault = ""

    def __enter__(self) -> RootEtag:
        self.start()
        self.moved("", 120)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self.join(60)
        self._client.close()

    def run(self) -> None:
        while not self._ended.wait(0.005):
            asked = time.monotonic()
            try:
                etag = root_etag(self._client)
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self._fault = repr(error)
                return
            answered = time.monotonic()
            self.slowest = max(self.slowest, answered - asked)
            if not self.moves or self.moves[-1][1] != etag:
                with self._moved:
                    self.moves.append((answered, etag))
                    self._moved.notify_all()

    @property
    def now(self) -> str:
        """The etag that was seen last."""
        return self.moves[-1][1]

    def moved(self, old: str, patience: float) -> float:
        """Wait until another etag than `old` is seen; when that was."""
        with self._moved:
            seen = self._moved.wait_for(lambda: self._fault or (self.moves and self.now != old), patience)
        assert not self._fault, self._fault
        assert seen, f"the root's etag did not move in {patience} seconds"
        return self.moves[-1][0]


def root_etag(client: dav.Client) -> str:
    answer = client.ask("PROPFIND", "", ETAG, {"Depth": "0", "Content-Type": "application/xml"})
    assert answer.status == 207, answer
    return dict(client.items(answer.body))[""].etag


def unknown(gateway: Gateway, user: str = "alice") -> list[str]:
    """What a look at every folder still brings to light, as the journal tells it; empty: everything was known.

    Folders in which nobody has ever looked are left out: what is in them is news to nobody.
    """
    with gateway.client(user) as client, closing(sqlite3.connect(f"file:{gateway.data}/index.db?mode=ro", uri=True)) as index:
        before = root_etag(client)
        [[last]] = index.execute("SELECT max(seq) FROM index_change")
        for [folder] in index.execute(FOLDERS, (f"%${user}",)).fetchall():
            # One that is not there any more is news of the folder above.
            assert client.ask("PROPFIND", folder, ETAG, {"Depth": "1"}).status in (207, 404), folder
        if root_etag(client) == before:
            return []
        return [f"{kind} {path(index, node, parent)}" for kind, node, parent in index.execute(NEWS, (last or 0,))]


FOLDERS = """
WITH RECURSIVE folder(no, path, learned) AS (
    SELECT no, '', learned FROM index_node WHERE parent = 0 AND space = (SELECT no FROM index_space WHERE id LIKE ?)
    UNION ALL
    SELECT node.no, ltrim(folder.path || '/' || node.name, '/'), node.learned
    FROM index_node AS node JOIN folder ON node.parent = folder.no WHERE node.kind = 2
)
SELECT path FROM folder WHERE learned = 1 ORDER BY path"""
NEWS = "SELECT kind, node, parent FROM index_change WHERE seq > ?"


def path(index: sqlite3.Connection, node: int, parent: int) -> str:
    """Where a node of the index is, or the folder where it was."""
    names = []
    found = index.execute("SELECT parent, name FROM index_node WHERE no = ?", (node,)).fetchone() or (parent, f"node {node}")
    while found is not None:
        above, name = found
        names.insert(0, name)
        found = index.execute("SELECT parent, name FROM index_node WHERE no = ?", (above,)).fetchone()
    return "/".join(names)

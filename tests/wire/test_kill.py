"""SIGKILL at any moment: every file is old or new, what was acknowledged is there, and nothing else is.

Four writers work in four folders. Each knows what its folder must look like before and after the one request that is under way,
so after a restart the disk must show exactly one of the two.
"""

from __future__ import annotations

import hashlib
import http.client
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import dav
from .gateway import Gateway

KILLS = 210
WRITERS = 4
Tree = dict[str, str | None]
"""Hash of each file, None for a folder, by path."""


def digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def scan(root: Path) -> Tree:
    return {str(path.relative_to(root)): None if path.is_dir() else digest(path.read_bytes()) for path in root.rglob("*")}


def below(tree: Tree, path: str) -> Tree:
    """`path` and what it holds."""
    return {name: value for name, value in tree.items() if name == path or name.startswith(path + "/")}


def renamed(part: Tree, source: str, target: str) -> Tree:
    return {target + name.removeprefix(source): value for name, value in part.items()}


class Writer(threading.Thread):
    """One client in a folder of its own; ends when the gateway is gone."""

    def __init__(self, client: dav.Client, number: int, tree: Tree, seed: int) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.root = f"w{number}"
        self.before = self.after = tree
        self.chance = random.Random(seed)
        self.done = 0
        self.under_way = ""
        self.fault = ""

    def run(self) -> None:
        try:
            while not self.fault:
                self.step()
                self.done += 1
        except (OSError, http.client.HTTPException):
            pass  # killed
        finally:
            self.client.close()

    def step(self) -> None:
        tree, chance = self.before, self.chance
        folders = ["", *(path for path, value in tree.items() if value is None and path.count("/") < 2)]
        new = f"{chance.choice(folders)}/{chance.choice('abcdefgh')}".lstrip("/")
        verb = chance.choices(["PUT", "MOVE", "COPY", "DELETE", "MKCOL"], [6, 3, 3, 2 if len(tree) < 25 else 12, 2])[0]
        if verb in ("MOVE", "COPY", "DELETE"):
            if not tree:
                return
            old = chance.choice(sorted(tree))
        if verb == "PUT" and tree.get(new, "") is not None:
            content = chance.randbytes(chance.choice([0, 100, 5000, 70_000, 1_500_000]))
            self.attempt("PUT", new, tree | {new: digest(content)}, content)
        elif verb == "MKCOL" and new not in tree:
            self.attempt("MKCOL", new, tree | {new: None})
        elif verb == "DELETE":
            self.attempt("DELETE", old, {name: tree[name] for name in tree.keys() - below(tree, old).keys()})
        elif verb in ("MOVE", "COPY") and not (new + "/").startswith(old + "/") and not (old + "/").startswith(new + "/"):
            gone = below(tree, new).keys() | (below(tree, old).keys() if verb == "MOVE" else set())
            kept = {name: tree[name] for name in tree.keys() - gone}
            self.attempt(verb, old, kept | renamed(below(tree, old), old, new), target=new)

    def attempt(self, verb: str, path: str, after: Tree, content: bytes | None = None, target: str = "") -> None:
        self.under_way = f"{verb} {path} {target}"
        self.after = after
        headers = {"Destination": self.client.href(f"{self.root}/{target}")} if target else {}
        if content and self.done % 3:  # else without a length, in chunks
            headers["Content-Length"] = str(len(content))
        body = slowly(content) if content else content
        answer = self.client.ask(verb, f"{self.root}/{path}", body, headers)
        if answer.status not in (201, 204):
            self.fault = f"{self.under_way} answered {answer.status}: {answer.body!r}"
        self.before = after


def slowly(content: bytes) -> Iterator[bytes]:
    """In pieces, so that a kill finds uploads half-way."""
    for start in range(0, len(content), 200_000):
        yield content[start : start + 200_000]
        time.sleep(0.002)


def settle(gateway: Gateway) -> None:
    """Let the janitor, which runs when a space is first used after the start, leave nothing of what the kill interrupted."""
    with gateway.client() as client:
        client.list()
    gateway.assert_tidy()


def verify(gateway: Gateway, writers: list[Writer]) -> None:
    """Each folder is as before or as after what its writer last asked for."""
    for writer in writers:
        there = sorted(scan(gateway.disk() / writer.root))
        assert not writer.fault, f"{writer.fault}; on disk: {there}; before: {sorted(writer.before)}"
        found = scan(gateway.disk() / writer.root)
        if found != writer.before and found != writer.after:
            wrong = {name: found.get(name, "missing") for name in found.keys() ^ writer.before.keys()}
            raise AssertionError(
                f"during {writer.under_way!r} in {writer.root}: {wrong}\nbefore {writer.before}\nafter {writer.after}"
            )
        writer.before = writer.after = found


def shown(client: dav.Client, root: str) -> set[str]:
    """What a client sees below `root`."""
    return {path.removeprefix(root).lstrip("/") for path in client.walk(root)} - {""}


# An interrupted PUT makes http.client's generator and sockets end in unusual ways, none of them the gateway's.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_old_or_new_and_nothing_else(quick_gateway: Gateway) -> None:
    gateway, chance = quick_gateway, random.Random(4711)
    trees: list[Tree] = [{} for _ in range(WRITERS)]
    for number in range(WRITERS):
        (gateway.make_home() / f"w{number}").mkdir()
    gateway.start()
    requests = interrupted = kill = 0
    # Where the machine is so busy that kills come before the first request, more of them are needed.
    while kill < KILLS or (min(requests, interrupted) <= KILLS and kill < 10 * KILLS):
        writers = [Writer(gateway.client(), number, trees[number], kill * WRITERS + number) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        time.sleep(chance.uniform(0.01, 0.15))
        gateway.kill()
        for writer in writers:
            writer.join(120)
            assert not writer.is_alive()
        gateway.start()
        settle(gateway)
        interrupted += sum(writer.before != writer.after for writer in writers)
        requests += sum(writer.done for writer in writers)
        verify(gateway, writers)
        trees = [writer.before for writer in writers]
        with gateway.client() as client:
            seen = writers[kill % WRITERS]
            assert shown(client, seen.root) == seen.before.keys()
        kill += 1
    print(f"{kill} kills, {requests} requests acknowledged, {interrupted} cut off")
    assert requests > KILLS and interrupted > KILLS, "the kills did not hit anything"
    with gateway.client() as client:
        for number, tree in enumerate(trees):
            assert shown(client, f"w{number}") == tree.keys()
    gateway.stop()
    said = gateway.tool("index", "verify")
    assert said.returncode == 0, said.stdout + said.stderr

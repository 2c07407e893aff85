"""A folder is renamed on the disk: to clients it is the same folder, with all that belongs to it; nothing is downloaded again."""

from __future__ import annotations

import re
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from . import dav, trees
from .gateway import Gateway
from .outside import RootEtag, unknown
from .programs import SyncClient
from .two_clients import agree

FILES = 1000
LOCK = b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner>alice</owner></lockinfo>'
OWN = '<propertyupdate xmlns="DAV:" xmlns:oc="http://owncloud.org/ns"><set><prop>{}</prop></set></propertyupdate>'
ASK = b"""<propfind xmlns="DAV:" xmlns:oc="http://owncloud.org/ns"><prop>
<oc:favorite/><colour xmlns="urn:test"/><lockdiscovery/></prop></propfind>"""
XML = {"Content-Type": "application/xml"}


def fill(folder: Path, files: int = FILES) -> None:
    """Folders and files of little content, all of them different."""
    for number in range(files):
        trees.write(folder / f"part {number % 7}/{number % 3}/file {number}.txt", b"content of %d" % number, trees.TIME + number)


def attach(client: dav.Client, path: str) -> str:
    """A favourite, a property and a lock; returns the lock's token."""
    body = OWN.format('<oc:favorite>1</oc:favorite><colour xmlns="urn:test">red</colour>').encode()
    assert b"200 OK" in client.ask("PROPPATCH", path, body, XML).body
    answer = client.ask("LOCK", path, LOCK, {**XML, "Timeout": "Second-600"})
    assert answer.status == 200, answer
    return str(answer.headers["Lock-Token"])


def attached(client: dav.Client, path: str) -> tuple[bool, bool, bool]:
    """What of it can be seen at `path`: the favourite, the property, the lock."""
    answer = client.ask("PROPFIND", path, ASK, {**XML, "Depth": "0"})
    assert answer.status == 207, (path, answer)
    return (
        re.search(rb"favorite>1<", answer.body) is not None,
        re.search(rb">red<", answer.body) is not None,
        b"locktoken" in answer.body,
    )


def downloads(gateway: Gateway, user: str, prefix: str) -> int:
    """Files below `prefix` that were sent to clients so far."""
    quoted = re.escape(prefix.replace(" ", "%20"))
    return len(re.findall(rf'"GET \S*/files/{user}/{quoted}/\S* HTTP/1.1" 20[06]', gateway.log()))


@pytest.mark.parametrize("mode", ["none", "scan", "watch"])
def test_what_belongs_to_the_nodes_goes_with_them(stopped_gateway: Gateway, mode: str) -> None:
    gateway = stopped_gateway
    gateway.configure(mounts__home={"outside_changes": mode, "staleness_max": 1.0})
    home = gateway.make_home()
    fill(home / "first/moved", 60)
    fill(home / "second/deep/other", 5)
    gateway.start()
    with gateway.client() as client:
        before = client.walk()
        locked = "first/moved/part 1/1/file 1.txt"
        tokens = {path: attach(client, path) for path in (locked, "first/moved/part 2")}
        source = "first/moved"
        # To a folder that is looked at later, to one that is looked at earlier, and under another name in the same one.
        for target in ("second/deep/here", "a new one", "a new name"):
            with RootEtag(gateway) as polls:
                old = polls.now
                (home / source).rename(home / target)
                if mode == "none":
                    client.walk()
                polls.moved(old, 60)
            known(gateway)
            after = client.walk(target)
            for path, item in after.items():
                was = before["first/moved" + path.removeprefix(target)]
                assert item.id == was.id, path
                assert item.folder or item.etag == was.etag, path
            assert len(after) == sum(path == "first/moved" or path.startswith("first/moved/") for path in before)
            for path in tokens:
                there = target + path.removeprefix("first/moved")
                assert attached(client, there) == (True, True, True), there
                inside = there if path == locked else there + "/new.txt"
                assert client.put(inside, b"without the token").status == 423
                # Nobody else's way is barred by what was there before.
                (home / source).mkdir(parents=True)
                assert client.put(f"{source}/free.txt", b"free").status == 201
                assert client.ask("DELETE", source).status == 204
            source = target
        for path, token in tokens.items():
            assert client.ask("UNLOCK", source + path.removeprefix("first/moved"), None, {"Lock-Token": token}).status == 204
    gateway.stop()
    said = gateway.tool("index", "verify")
    assert said.returncode == 0, said.stdout + said.stderr


def known(gateway: Gateway, user: str = "alice") -> None:
    """Wait until a look at every folder brings nothing new."""
    deadline = time.monotonic() + 60
    while unknown(gateway, user):
        assert time.monotonic() < deadline, "there is always something new"


def test_clients_move_what_they_have(stopped_gateway: Gateway, tmp_path: Path) -> None:
    """Ids and etags stay, and neither ownCloud's client nor Nextcloud's fetches a file again."""
    gateway = stopped_gateway
    gateway.configure(mounts__home={"outside_changes": "watch", "staleness_max": 2.0})
    people = {"alice": ("owncloudcmd", FILES), "bob": ("nextcloudcmd", FILES // 7)}
    for user, (_, files) in people.items():
        fill(gateway.make_home(user) / "old place", files)
        trees.write(gateway.disk(user) / "elsewhere/kept.txt", b"kept")
    gateway.start()
    programs = [SyncClient(program, gateway, tmp_path / user, user) for user, (program, _) in people.items()]
    together(programs)
    inodes = [trees.inodes(one.folder) for one in programs]
    for one in programs:
        agree("first download", gateway.disk(one.user), one.folder)
        with gateway.client(one.user) as client:
            before = client.walk("old place")
            with RootEtag(gateway, one.user) as polls:
                old = polls.now
                home = gateway.disk(one.user)
                subprocess.run(["mv", home / "old place", home / "elsewhere/new place"], check=True)
                polls.moved(old, 60)
            known(gateway, one.user)
            after = client.walk("elsewhere/new place")
        assert len(before) > people[one.user][1]
        assert {renamed(path): item.id for path, item in before.items()} == {path: item.id for path, item in after.items()}
        for path, item in before.items():
            assert item.folder or after[renamed(path)].etag == item.etag, path
    together(programs)
    gateway.stop()
    for one, had in zip(programs, inodes, strict=True):
        agree("the move", gateway.disk(one.user), one.folder)
        assert downloads(gateway, one.user, "old place") == people[one.user][1]
        assert downloads(gateway, one.user, "elsewhere/new place") == 0
        assert trees.inodes(one.folder) == {renamed(path): inode for path, inode in had.items()}, one.program


def renamed(path: str) -> str:
    return "elsewhere/new place" + path.removeprefix("old place") if path.startswith("old place") else path


def together(programs: list[SyncClient]) -> None:
    with ExitStack() as stack:
        for running in [stack.enter_context(program.start()) for program in programs]:
            running.end()

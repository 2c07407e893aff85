"""What is overwritten is kept: listed, read, and made the present content again, by every way in which files are written."""

from __future__ import annotations

import http.client
import os
import random
import threading
import time
from urllib.parse import quote

import pytest

from . import dav, kept
from .gateway import Gateway
from .kept import content, entries, id_of, versions

LOCK = b"""<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/></d:locktype>
</d:lockinfo>"""
KILLS = 40
COPIES = 20_000
META = "/remote.php/dav/meta"


def test_life_of_a_version(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.ask("MKCOL", "folder")
        client.put("folder/a & b%.txt", b"first", X_OC_Mtime="1500000000")
        id = id_of(client, "folder/a & b%.txt")
        assert versions(client, id) == []
        client.put("folder/a & b%.txt", b"the second")
        (one,) = versions(client, id)
        assert one.size == 5 and one.etag
        assert content(client, one.href) == b"first"
        part = client.raw("GET", one.href, None, {"Range": "bytes=1-3"})
        assert (part.status, part.body, part.headers["ETag"]) == (206, b"irs", one.etag)
        assert client.raw("GET", one.href, None, {"If-None-Match": one.etag}).status == 304
        head = client.raw("HEAD", one.href)
        assert (head.status, head.headers["Content-Length"], head.body) == (200, "5", b"")
        assert list(client.list("folder")) == ["folder", "folder/a & b%.txt"]
        size = client.list("folder", "0")["folder"]

        before = client.list("")[""].etag
        there = {"Destination": client.href("folder/a & b%.txt")}
        answer = client.raw("COPY", one.href, None, there)
        assert answer.status == 204 and answer.headers["OC-FileId"] == id
        assert client.get("folder/a & b%.txt") == b"first"
        assert client.list("")[""].etag != before
        assert size.etag != client.list("folder", "0")["folder"].etag
        assert id_of(client, "folder/a & b%.txt") == id
        assert os.stat(gateway.disk() / "folder" / "a & b%.txt").st_mtime == 1500000000
        assert [content(client, one.href) for one in versions(client, id)] == [b"the second"]
        # It goes along wherever the file goes.
        client.move("folder/a & b%.txt", "moved")
        (one,) = versions(client, id)
        assert content(client, one.href) == b"the second"
        # As ownCloud Web has it, and as Nextcloud has it.
        web = {"Destination": f"/dav/files/alice/spaces/{quote('home$alice')}/moved"}
        assert client.raw("COPY", one.href, None, web).status == 204
        assert client.get("moved") == b"the second"
        nextcloud = f"/remote.php/dav/versions/alice/versions/{quote(id)}"
        listed = entries(client.raw("PROPFIND", nextcloud, b"", {"Depth": "1"}).body)
        restore = {"Destination": "/remote.php/dav/versions/alice/restore/target"}
        assert client.raw("MOVE", listed[1]["href"], None, restore).status == 204
        assert client.get("moved") == b"first"


def test_what_is_refused(gateway: Gateway) -> None:
    with gateway.client() as client, gateway.client("bob") as bob:
        client.ask("MKCOL", "folder")
        for name in ("file", "other"):
            client.put(name, b"first")
            client.put(name, b"second")
        id = id_of(client, "file")
        (one,) = versions(client, id)
        for verb, target in (("GET", one.href), ("PROPFIND", f"{META}/{quote(id)}/v"), ("PROPFIND", f"{META}/{quote(id)}")):
            assert bob.raw(verb, target).status == 404
        assert bob.raw("COPY", one.href, None, {"Destination": client.href("file")}).status == 404
        assert client.raw("COPY", one.href).status == 400
        assert client.raw("COPY", one.href, None, {"Destination": client.href("other")}).status == 409
        assert client.raw("COPY", one.href, None, {"Destination": client.href("new")}).status == 409
        assert client.raw("MOVE", one.href, None, {"Destination": client.href("file")}).status == 405
        assert client.raw("DELETE", one.href).status == 405
        assert client.raw("PUT", one.href, b"x").status == 405
        for key in ("unknown", "1.000000000", "%2e%2e", "..%2F..%2Fgeneration", "%00"):
            assert client.raw("GET", f"{META}/{quote(id)}/v/{key}").status in (400, 404)
        assert client.raw("PROPFIND", f"{META}/{quote(id_of(client, 'folder'))}/v").status == 404
        assert client.raw("PROPFIND", f"{META}/nothing/v").status == 404
        token = client.ask("LOCK", "file", LOCK).headers["Lock-Token"]
        there = {"Destination": client.href("file")}
        assert client.raw("COPY", one.href, None, there).status == 423
        assert client.raw("COPY", one.href, None, {**there, "If": f"<{client.href('file')}> ({token})"}).status == 204
        assert client.get("file") == b"first"


def test_where_a_file_is(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.ask("MKCOL", "folder")
        client.put("folder/file", b"x")
        ask = (
            b'<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:meta-path-for-user/></d:prop></d:propfind>'
        )
        for path in ("folder/file", "folder"):
            answer = client.raw("PROPFIND", f"{META}/{quote(id_of(client, path))}", ask, {"Depth": "0"})
            assert entries(answer.body)[0]["meta-path-for-user"] == f"/{path}"


def test_every_way_of_writing_makes_one(gateway: Gateway) -> None:
    """PUT, chunks and TUS keep what they replace; an empty file is nothing to keep; a MOVE replaces a file by another."""
    with gateway.client() as client:
        client.put("file", b"")
        client.put("file", b"one")
        id = id_of(client, "file")
        assert versions(client, id) == []
        uploads = "/remote.php/dav/uploads/alice/1"
        assert client.raw("MKCOL", uploads).status == 201
        assert client.raw("PUT", f"{uploads}/00001", b"two two").status == 201
        assert client.raw("MOVE", f"{uploads}/.file", None, {"Destination": client.href("file")}).status == 204
        assert client.raw("COPY", client.href("file"), None, {"Destination": client.href("copy")}).status == 201
        assert [content(client, one.href) for one in versions(client, id)] == [b"one"]
        assert versions(client, id_of(client, "copy")) == []
        client.put("other", b"other")
        other = id_of(client, "other")
        assert client.move("other", "file").status == 204
        assert id_of(client, "file") == other
        assert versions(client, other) == []
        gone = kept.trash(client)["file"]
        assert gone.id == id
        assert kept.restore(client, gone, "back").status == 201
        assert [content(client, one.href) for one in versions(client, id)] == [b"one"]


def test_they_are_thinned_out_and_go_with_the_file(gateway: Gateway) -> None:
    folder = gateway.disk() / ".clawgate" / "versions"
    with gateway.client() as client:
        for number in range(30):
            client.put("file", b"%d" % number)
        id = id_of(client, "file")
        # Of the last ten seconds one every two seconds.
        assert 1 <= len(versions(client, id)) < 20
        client.ask("DELETE", "file")
        assert len(list(folder.iterdir())) == 1
        assert client.raw("DELETE", f"{kept.BIN}/").status == 204
        deadline = time.monotonic() + 60
        while list(folder.iterdir()):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_nothing_is_copied(gateway: Gateway) -> None:
    size = 48 * 1024 * 1024
    with gateway.client() as client:
        client.put("file", os.urandom(size))
        inode = (gateway.disk() / "file").stat().st_ino
        before = gateway.moved_bytes()[1]
        client.put("file", b"small")
        (one,) = versions(client, id_of(client, "file"))
        assert client.raw("COPY", one.href, None, {"Destination": client.href("file")}).status == 204
        assert (gateway.disk() / "file").stat().st_ino == inode
        assert gateway.moved_bytes()[1] - before < size // 48


class Overwriter(threading.Thread):
    """Writes one file again and again, and brings versions back, until the gateway is gone."""

    def __init__(self, client: dav.Client, path: str, id: str, number: int) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.path = path
        self.id = id
        self.chance = random.Random(number)
        self.number = number
        self.under_way: bytes | None = None
        self.present = b""
        self.done = 0

    def run(self) -> None:
        try:
            while True:
                self.step()
                self.done += 1
        except (OSError, http.client.HTTPException):
            pass  # killed
        finally:
            self.client.close()

    def step(self) -> None:
        found = versions(self.client, self.id)
        if found and self.chance.random() < 0.4:
            one = self.chance.choice(found)
            wanted = self.client.raw("GET", one.href)
            self.under_way = wanted.body
            answer = self.client.raw("COPY", one.href, None, {"Destination": self.client.href(self.path)})
        else:
            self.under_way = b"%4d %4d\n" % (self.number, self.done) * self.chance.choice([1, COPIES])
            answer = self.client.put(self.path, self.under_way)
        assert answer.status == 204, answer
        self.present, self.under_way = self.under_way, None


def is_whole(former: bytes) -> bool:
    return former in (former[:10], former[:10] * COPIES)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_file_and_its_versions_survive_kills(quick_gateway: Gateway) -> None:
    """After each kill the file is the old or the new one, has its id, and no version is a piece of anything."""
    gateway, chance = quick_gateway, random.Random(7)
    gateway.make_home()
    gateway.start()
    with gateway.client() as client:
        ids = {}
        for path in ("a", "b"):
            client.put(path, b"first")
            ids[path] = id_of(client, path)
    present = dict.fromkeys(ids, b"first")
    done = kill = 0
    # Where the machine is so busy that kills come before the first request, more of them are needed.
    while kill < KILLS or (done <= KILLS and kill < 10 * KILLS):
        kill += 1
        writers = {path: Overwriter(gateway.client(), path, ids[path], kill * 2 + no) for no, path in enumerate(ids)}
        for path, writer in writers.items():
            writer.present = present[path]
            writer.start()
        time.sleep(chance.uniform(0.02, 0.2))
        gateway.kill()
        for writer in writers.values():
            writer.join(120)
        gateway.start()
        with gateway.client() as client:
            client.list()
            gateway.assert_tidy()
            for path, writer in writers.items():
                now = client.get(path)
                assert now in (writer.present, writer.under_way), f"kill {kill}"
                assert id_of(client, path) == ids[path]
                for one in versions(client, ids[path]):
                    former = content(client, one.href)
                    assert former == b"first" or is_whole(former), former[:50]
                present[path] = now
                done += writer.done
    print(f"{kill} kills, {done} steps")
    assert done > KILLS

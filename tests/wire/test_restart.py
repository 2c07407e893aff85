"""What a stop, a start, and the loss of the index do and do not."""

from __future__ import annotations

import base64
import os
import socket
import time
from pathlib import Path

import pytest

from . import trees
from .gateway import USERS, Gateway
from .programs import SyncClient

LOCK = b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner>alice</owner></lockinfo>'


@pytest.mark.parametrize("how", ["deleted", "damaged"])
def test_the_index_can_be_deleted(stopped_gateway: Gateway, tmp_path: Path, how: str) -> None:
    """Files keep etag and id, folders their id, and a client downloads nothing again."""
    gateway = stopped_gateway
    trees.make(gateway.make_home(), 60, seed=3)
    gateway.start()
    one = SyncClient("owncloudcmd", gateway, tmp_path / "one")
    one.sync()
    trees.write(one.folder / "uploaded.txt", b"uploaded", trees.TIME)
    one.sync()
    with gateway.client() as client:
        before = client.walk()
    inodes, content = trees.inodes(one.folder), trees.content(one.folder)
    gateway.stop()
    removed = [file for file in gateway.data.iterdir() if file.name.startswith("index.db")]
    assert removed
    for file in removed:
        if how == "deleted":
            file.unlink()
        else:
            file.write_bytes(b"not a database" * 1000)
    gateway.start()
    with gateway.client() as client:
        after = client.walk()
    assert any(".damaged-" in file.name for file in gateway.data.iterdir()) == (how == "damaged")
    assert before.keys() == after.keys()
    for path, item in after.items():
        assert item.id == before[path].id, path
        assert item.folder or item.etag == before[path].etag, path
    one.sync()
    assert trees.inodes(one.folder) == inodes, "something was downloaded again"
    assert trees.content(one.folder) == content == trees.content(gateway.disk())


def test_changes_while_down_are_seen(gateway: Gateway) -> None:
    with gateway.client() as client:
        for path in ("a", "a/b", "a/b/c", "other"):
            assert client.ask("MKCOL", path).status == 201
        client.put("a/b/c/old", b"old")
        client.put("a/b/c/gone", b"gone")
        before = client.walk()
        client.close()
        gateway.stop()
        deep = gateway.disk() / "a/b/c"
        (deep / "new").write_bytes(b"new")
        (deep / "old").write_bytes(b"changed meanwhile")
        (deep / "gone").unlink()
        (gateway.disk() / "other").rename(gateway.disk() / "renamed")
        gateway.start()
        client.walk()
        after = client.walk()
    assert after.keys() == before.keys() - {"a/b/c/gone", "other"} | {"a/b/c/new", "renamed"}
    for path in ("", "a", "a/b", "a/b/c", "a/b/c/old"):
        assert after[path].etag != before[path].etag, path
        assert after[path].id == before[path].id, path
    assert after["a/b/c/old"].size == len(b"changed meanwhile")
    assert after["renamed"].id == before["other"].id


def test_nothing_moves_when_nothing_changed(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.ask("MKCOL", "folder")
        client.put("folder/file", b"content")
        before = client.walk()
        for end in (gateway.stop, gateway.kill):
            client.close()
            end()
            gateway.start()
            assert client.walk() == before


def test_many_first_requests_at_once(gateway: Gateway) -> None:
    """300 clients that were waiting for the gateway, all at the same moment."""
    login = base64.b64encode(f"alice:{USERS['alice']}".encode()).decode()
    head = f"PROPFIND /webdav/ HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\nDepth: 0\r\n\r\n".encode()
    clients = [socket.create_connection(("127.0.0.1", gateway.port), timeout=120) for _ in range(300)]
    for client in clients:
        client.sendall(head)
    answers = [client.recv(65536)[:12] for client in clients]
    for client in clients:
        client.close()
    assert set(answers) == {b"HTTP/1.1 207"}


def test_a_stop_ends_running_uploads(stopped_gateway: Gateway) -> None:
    """SIGTERM: one upload that goes on may finish, one that hangs is cut off in the set time, and nothing is left of it."""
    gateway = stopped_gateway
    gateway.configure(http={"stop_timeout": 2.0})
    gateway.start()
    login = base64.b64encode(f"alice:{USERS['alice']}".encode()).decode()
    with gateway.client() as client:
        client.put("old", b"old")
    uploads = []
    for path in ("old", "new"):
        connection = socket.create_connection(("127.0.0.1", gateway.port))
        head = f"PUT /webdav/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\nContent-Length: 5000000\r\n\r\n"
        connection.sendall(head.encode() + os.urandom(3_000_000))
        uploads.append(connection)
    time.sleep(0.3)
    seconds = gateway.stop()
    for connection in uploads:
        connection.close()
    assert seconds < 20
    assert (gateway.disk() / "old").read_bytes() == b"old"
    assert not (gateway.disk() / "new").exists()
    gateway.assert_tidy()


def test_locks_survive(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.put("file", b"content")
        answer = client.ask("LOCK", "file", LOCK, {"Content-Type": "application/xml", "Timeout": "Second-600"})
        assert answer.status == 200, answer
        token = answer.headers["Lock-Token"]
        for end in (gateway.stop, gateway.kill):
            client.close()
            end()
            gateway.start()
            assert client.put("file", b"without the token").status == 423
            assert client.put("file", b"with it", If=f"({token})").status == 204
        assert client.ask("UNLOCK", "file", None, {"Lock-Token": token}).status == 204
        assert client.put("file", b"free").status == 204


def test_a_home_that_is_not_mounted_is_no_empty_home(gateway: Gateway) -> None:
    """Clients delete what is missing from a listing: without its directory a space is out of order, not empty."""
    with gateway.client() as client:
        client.put("a", b"1")
    gateway.stop()
    home = gateway.disk()
    home.rename(home.with_name("elsewhere"))
    gateway.start()

    def status() -> int:
        with gateway.client() as client:
            return client.ask("PROPFIND", "", headers={"Depth": "1"}).status

    assert status() == 503
    assert not home.exists()
    home.mkdir()
    assert status() == 503
    home.rmdir()
    home.with_name("elsewhere").rename(home)
    assert status() == 207

"""Uploads in chunks, NG and v1: every way in which clients name them, in any order and in parallel, and what is refused."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from lxml import etree

from . import dav
from .gateway import Gateway

UPLOADS = "/remote.php/dav/uploads/alice"
RESUME = b'<?xml version="1.0"?><d:propfind xmlns:d="DAV:"><d:prop><d:resourcetype/><d:getcontentlength/></d:prop></d:propfind>'
LOCK = b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>'
CHANCE = random.Random(20261121)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all."""
    gateway = Gateway(tmp_path_factory.mktemp("gateway"))
    gateway.start()
    yield gateway
    gateway.close()


@pytest.fixture
def gateway(house: Gateway) -> Iterator[Gateway]:
    """The same; after each test nothing but files may be left, and they are removed."""
    yield house
    try:
        house.assert_tidy()
        with house.client() as client:
            for path in client.list():
                assert not path or client.ask("DELETE", path).status == 204, path
    except AssertionError:
        # Let it spoil one test and not all that follow.
        house.stop()
        shutil.rmtree(house.data)
        house.start()
        raise


@pytest.fixture
def client(gateway: Gateway) -> Iterator[dav.Client]:
    with gateway.client() as client:
        yield client


class Upload:
    """One upload of chunking NG."""

    def __init__(self, client: dav.Client, key: str = "4711", root: str = UPLOADS) -> None:
        self.client = client
        self.target = f"{root}/{key}"

    def begin(self, total: int | None = None, **headers: str) -> dav.Answer:
        if total is not None:
            headers["OC_Total_Length"] = str(total)
        return self.client.raw("MKCOL", self.target, None, spelled(headers))

    def put(self, name: str, body: bytes | Iterable[bytes], client: dav.Client | None = None, **headers: str) -> dav.Answer:
        return (client or self.client).raw("PUT", f"{self.target}/{name}", body, spelled(headers))

    def move(self, path: str, total: int | None = None, client: dav.Client | None = None, **headers: str) -> dav.Answer:
        if total is not None:
            headers["OC_Total_Length"] = str(total)
        headers.setdefault("Destination", self.client.href(path))
        return (client or self.client).raw("MOVE", f"{self.target}/.file", None, spelled(headers))

    def ask(self, name: str = "", depth: str = "1", body: bytes = RESUME) -> dav.Answer:
        return self.client.raw("PROPFIND", self.target + (f"/{name}" if name else ""), body, {"Depth": depth})

    def list(self, name: str = "", depth: str = "1") -> dict[str, int | None]:
        """Lengths by href, relative to the folder."""
        answer = self.ask(name, depth)
        assert answer.status == 207, answer
        assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
        found = {}
        for response in etree.fromstring(answer.body).iterfind(f"{dav.DAV}response"):
            href = response.findtext(f"{dav.DAV}href") or ""
            assert href.startswith(self.target), href
            length = response.findtext(f".//{dav.DAV}getcontentlength")
            found[href.removeprefix(self.target)] = int(length) if length else None
        return found

    def delete(self, name: str = "") -> int:
        return self.client.raw("DELETE", self.target + (f"/{name}" if name else "")).status


def spelled(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def cut(content: bytes, size: int) -> list[tuple[int, bytes]]:
    """The chunks of a client, with their offsets."""
    return [(start, content[start : start + size]) for start in range(0, len(content), size)]


def at_once(gateway: Gateway, works: Iterable[Callable[[dav.Client], dav.Answer]], threads: int) -> list[dav.Answer]:
    """The answers to requests that are made from several threads, then in random order."""
    works = list(works)
    order = CHANCE.sample(range(len(works)), len(works)) if threads > 1 else range(len(works))

    def run(index: int) -> tuple[int, dav.Answer]:
        with gateway.client() as client:
            return index, works[index](client)

    with ThreadPoolExecutor(threads) as pool:
        return [answer for _, answer in sorted(pool.map(run, order), key=lambda pair: pair[0])]


def io(gateway: Gateway, what: str) -> int:
    """Bytes that the gateway has read from or written to files so far (``rchar``, ``wchar``)."""
    assert gateway.process is not None
    lines = Path(f"/proc/{gateway.process.pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


def sha1(content: bytes) -> str:
    return "SHA1:" + hashlib.sha1(content).hexdigest()


def finished(answer: dav.Answer, client: dav.Client, path: str, content: bytes, status: int = 201) -> None:
    """`answer` is that to a finished upload, and the file is there."""
    assert answer.status == status, answer
    assert answer.body == b""
    assert client.get(path) == content
    item = client.list(path, "0")[path]
    assert answer.headers["ETag"] == answer.headers["OC-ETag"] == item.etag
    assert answer.headers["OC-FileId"] == item.id
    assert answer.headers["OC-Perm"] == item.permissions


def locked(client: dav.Client, path: str) -> str:
    answer = client.ask("LOCK", path, LOCK)
    assert answer.status in (200, 201), answer
    return answer.headers["Lock-Token"].strip("<>")


def unlock(client: dav.Client, path: str, token: str) -> None:
    assert client.ask("UNLOCK", path, None, {"Lock-Token": f"<{token}>"}).status == 204


# NG: the clients

NAMES: dict[str, Callable[[int, int, int], str]] = {
    "ownCloud desktop": lambda index, start, stop: f"{start:016}",
    "Nextcloud desktop 3.7": lambda index, start, stop: f"{index:016}",
    "Nextcloud desktop": lambda index, start, stop: f"{index + 1:05}",
    "Nextcloud web": lambda index, start, stop: str(index + 1),
    "Nextcloud Android": lambda index, start, stop: f"{index + 1:06}",
    "Android": lambda index, start, stop: str(index),
    "rclone": lambda index, start, stop: f"{start:015}-{stop - 1:015}",
}


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("who", NAMES)
def test_chunks_of_every_client(gateway: Gateway, client: dav.Client, who: str, threads: int) -> None:
    """One after the other, and several at a time in any order."""
    content = os.urandom(20_000_003)
    size = len(content)
    there = {"Destination": client.href("big.bin")}
    desktop = who in ("ownCloud desktop", "Nextcloud desktop 3.7", "Nextcloud desktop")
    version_two = there if who in ("Nextcloud desktop", "Nextcloud web", "Nextcloud Android") else {}
    upload = Upload(client, "rclone-chunked-upload-d41d8c" if who == "rclone" else "1962108859")
    if who == "rclone":
        upload.target += "/"
        assert upload.delete() == 404
    assert upload.begin(size if desktop else None, **version_two).status == 201
    upload.target = upload.target.rstrip("/")

    def put(index: int, start: int, some: bytes) -> Callable[[dav.Client], dav.Answer]:
        headers = dict(version_two)
        if who in ("ownCloud desktop", "Nextcloud desktop 3.7"):
            headers["OC_Chunk_Offset"] = str(start)
        if who == "Nextcloud web":
            headers["OC_Total_Length"] = str(size)
        return lambda other: upload.put(NAMES[who](index, start, start + len(some)), some, other, **headers)

    before = io(gateway, "wchar")
    works = [put(index, start, some) for index, (start, some) in enumerate(cut(content, 3_000_000))]
    if who == "Android":
        works.append(put(len(works), size, b""))
    for answer in at_once(gateway, works, threads):
        assert answer.status == 201, answer
        assert answer.headers["ETag"]
    assert len(upload.list()) == len(works) + 1
    done = upload.move(
        "big.bin",
        None if who in ("rclone", "Nextcloud Android") else size,
        OC_Checksum=sha1(content),
        X_OC_Mtime="1600000000",
        OC_LazyOps="true",
    )
    # The Android app sends its chunks one after the other: in disorder they cannot be told from those that count from 1.
    if who != "Android" or threads == 1:
        assert io(gateway, "wchar") - before < size + 3_000_000, "content was written more than once"
    finished(done, client, "big.bin", content)
    assert done.headers["X-OC-MTime"] == "accepted"
    assert (gateway.disk() / "big.bin").stat().st_mtime == 1600000000


def test_chunks_whose_place_could_not_be_guessed(gateway: Gateway, client: dav.Client) -> None:
    """Numbered chunks of unequal length in the worst order: the file is put together anew, and is right."""
    content = os.urandom(1_000_000)
    bounds = [0, 10, 400_000, 400_001, 650_000, 1_000_000]
    upload = Upload(client)
    assert upload.begin().status == 201
    for index in (3, 0, 4, 2, 1):
        assert upload.put(str(index + 1), content[bounds[index] : bounds[index + 1]]).status == 201
    finished(upload.move("a", OC_Checksum=sha1(content)), client, "a", content)


@pytest.mark.parametrize("dialect", ["ng", "v1"])
def test_what_a_client_announced_last_time_is_computed_while_chunks_arrive(
    gateway: Gateway, client: dav.Client, dialect: str
) -> None:
    content = os.urandom(16_000_000)
    pieces = cut(content, 4_000_000)
    agent = {"User_Agent": f"mirall {dialect}"}
    read = []
    for number in range(2):
        upload = Upload(client, str(number))
        if dialect == "ng":
            assert upload.begin(len(content)).status == 201
            for start, some in pieces:
                assert upload.put(f"{start:016}", some, **agent).status == 201
            before = io(gateway, "rchar")
            done = upload.move(f"{number}", len(content), OC_Checksum=sha1(content), **agent)
        else:
            before = io(gateway, "rchar")
            for index, (_, some) in enumerate(pieces):
                more = {"OC_Checksum": sha1(content)} if index == 3 else {}
                done = client.put(v1(f"{number}", 4, index), some, OC_Chunked="1", **more, **agent)
        read.append(io(gateway, "rchar") - before)
        finished(done, client, f"{number}", content)
    # Only the bytes of the chunk with which the checksum came need not be read again.
    assert read[0] >= (len(content) if dialect == "ng" else len(content) - 4_000_000)
    assert read[1] < 1_000_000


def test_an_overwrite_keeps_the_id(gateway: Gateway, client: dav.Client) -> None:
    first = client.put("a b.txt", b"old")
    upload = Upload(client)
    assert upload.begin(6).status == 201
    assert upload.put("0000000000000000", b"newer!").status == 201
    etag = f'</remote.php/dav/files/alice/a%20b.txt> (["{first.headers["ETag"].strip(chr(34))}"])'
    done = upload.move("a b.txt", 6, If=etag)
    finished(done, client, "a b.txt", b"newer!", 204)
    assert done.headers["OC-FileId"] == first.headers["OC-FileId"]
    assert "X-OC-MTime" not in done.headers


@pytest.mark.parametrize("total", [0, None])
def test_an_empty_file(gateway: Gateway, client: dav.Client, total: int | None) -> None:
    upload = Upload(client)
    assert upload.begin(total).status == 201
    assert upload.put("0", b"").status == 201
    finished(upload.move("empty", total), client, "empty", b"")


def test_a_destination_as_url_and_another_prefix(gateway: Gateway, client: dav.Client) -> None:
    upload = Upload(client, root="/dav/uploads/alice", key="a%20%C3%BC%2B%26")
    assert upload.begin().status == 201
    assert upload.put("1", b"123").status == 201
    assert upload.list() == {"/": None, "/1": 3}
    finished(upload.move("", Destination=gateway.url("/remote.php/webdav/a")), client, "a", b"123")


# NG: going on after a break


def test_what_is_there_can_be_listed(gateway: Gateway, client: dav.Client) -> None:
    upload = Upload(client)
    assert upload.ask().status == 404
    assert upload.begin(30).status == 201
    assert upload.list() == {"/": None}
    for start in (20, 0):
        assert upload.put(f"{start:016}", bytes(10)).status == 201
    assert upload.list() == {"/": None, "/0000000000000000": 10, "/0000000000000020": 10}
    assert next(iter(upload.list())) == "/"
    assert upload.list(depth="0") == {"/": None}
    for depth in ("0", "1"):
        assert upload.list("0000000000000020", depth) == {"/0000000000000020": 10}
    assert upload.ask("0000000000000010").status == 404
    assert upload.ask(".file").status == 404
    assert upload.ask(depth="2").status == 400
    assert upload.ask(body=b"<x").status == 400
    assert upload.put("0000000000000010", bytes(10)).status == 201
    assert upload.move("a", 30).status == 201
    assert upload.ask().status == 404


def test_only_whole_chunks_count(gateway: Gateway, client: dav.Client) -> None:
    """A chunk that breaks off is not there; one that breaks off while it replaces another is not either."""
    upload = Upload(client)
    assert upload.begin(20).status == 201
    assert upload.put("0000000000000000", b"0123456789").status == 201
    for _ in range(2):
        for name in ("0000000000000010", "0000000000000000"):
            request = f"PUT {upload.target}/{name} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n"
            request += "".join(f"{header}: {value}\r\n" for header, value in client.login.items())
            with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
                connection.sendall(request.encode() + b"\r\nabc")
                time.sleep(0.1)
    soon(lambda: upload.list() == {"/": None})
    assert upload.move("a", 20).status == 400
    for start in (10, 0):
        assert upload.put(f"{start:016}", b"x" * 10).status == 201
    finished(upload.move("a", 20), client, "a", b"x" * 20)


def soon(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_chunks_can_be_sent_again_and_removed(gateway: Gateway, client: dav.Client) -> None:
    upload = Upload(client)
    assert upload.begin(15).status == 201
    first = upload.put("0000000000000000", b"wrong")
    again = upload.put("0000000000000000", b"right")
    assert (first.status, again.status) == (201, 204)
    assert first.headers["ETag"] != again.headers["ETag"]
    # The desktop sizes its chunks anew after a break, and removes those that do not fit any more.
    assert upload.put("0000000000000010", b"stale").status == 201
    assert upload.delete("0000000000000010") == 204
    assert upload.delete("0000000000000010") == 404
    assert upload.put("0000000000000005", b" and fresh").status == 201
    finished(upload.move("a", 15), client, "a", b"right and fresh")


def test_an_upload_goes_on_after_a_restart(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    gateway.start()
    content = os.urandom(3_000_000)
    with gateway.client() as client:
        upload = Upload(client)
        assert upload.begin(len(content)).status == 201
        assert upload.put("0000000001000000", content[1_000_000:2_000_000]).status == 201
        assert client.put("v-chunking-1-3-2", content[2_000_000:], OC_Chunked="1").status == 201
        client.close()
        gateway.restart()
        assert upload.list() == {"/": None, "/0000000001000000": 1_000_000}
        assert upload.put("0000000002000000", content[2_000_000:]).status == 201
        assert upload.put("0000000000000000", content[:1_000_000]).status == 201
        finished(upload.move("a", len(content)), client, "a", content)
        assert client.put("v-chunking-1-3-0", content[:1_000_000], OC_Chunked="1").status == 201
        finished(client.put("v-chunking-1-3-1", content[1_000_000:2_000_000], OC_Chunked="1"), client, "v", content)
    gateway.assert_tidy()


def test_whoever_has_not_heard_of_the_end_asks_again(gateway: Gateway, client: dav.Client) -> None:
    old = client.put("a", b"old").headers["ETag"]
    upload = Upload(client)
    assert upload.begin(3).status == 201
    assert upload.put("0000000000000000", b"new").status == 201
    headers = {"If": f"<{client.href('a')}> ([{old}])", "OC_Checksum": sha1(b"new"), "X_OC_Mtime": "1600000000"}
    first = upload.move("a", 3, **headers)
    finished(first, client, "a", b"new", 204)
    again = upload.move("a", 3, **headers)
    finished(again, client, "a", b"new", 204)
    for name in ("ETag", "OC-ETag", "OC-FileId", "OC-Perm", "X-OC-MTime"):
        assert first.headers[name] == again.headers[name]
    # Nothing else is left of it, and its name is free.
    assert upload.put("0000000000000000", b"new").status == 404
    assert upload.ask().status == 404
    assert upload.delete() == 404
    assert upload.move("b", 3).status == 404
    assert upload.begin(3).status == 201
    assert upload.delete() == 204
    assert upload.move("a", 3).status == 404


def test_published_but_not_noted(stopped_gateway: Gateway) -> None:
    """As a kill between the two leaves it: whoever asks again gets the outcome."""
    gateway, state = stopped_gateway, stopped_gateway.data / "state.db"
    gateway.start()
    with gateway.client() as client:
        old = client.put("ng", b"old").headers["ETag"]
        client.put("v1", b"older")
        upload = Upload(client)
        assert upload.begin(3).status == 201
        assert upload.put("0000000000000000", b"new").status == 201
        assert client.put(v1("v1", 2, 1), b"2", OC_Chunked="1", If_Match=old).status == 412
        known = {"OC_Chunked": "1", "If_Match": client.list("v1", "0")["v1"].etag}
        assert client.put(v1("v1", 2, 1), b"2", **known).status == 201
        client.close()
        gateway.stop()
        before = state.read_bytes()
        gateway.start()
        moved = upload.move("ng", 3, If=f"([{old}])")
        put = client.put(v1("v1", 2, 0), b"1", **known)
        assert (moved.status, put.status) == (204, 204)
        client.close()
        gateway.stop()
        state.write_bytes(before)
        gateway.start()
        again = upload.move("ng", 3, If=f"([{old}])")
        finished(again, client, "ng", b"new", 204)
        assert again.headers["ETag"] == moved.headers["ETag"]
        for index, some in ((0, b"1"), (1, b"2")):
            again = client.put(v1("v1", 2, index), some, **known)
            finished(again, client, "v1", b"12", 204)
            assert again.headers["ETag"] == put.headers["ETag"]
    gateway.assert_tidy()


def test_two_that_finish_at_once_publish_once(gateway: Gateway, client: dav.Client) -> None:
    upload = Upload(client)
    assert upload.begin(3).status == 201
    assert upload.put("1", b"new").status == 201
    answers = at_once(gateway, [lambda other: upload.move("a", 3, other)] * 4, 4)
    assert sorted(answer.status for answer in answers) == [201, 204, 204, 204]
    assert len({answer.headers["ETag"] for answer in answers}) == 1
    assert client.get("a") == b"new"


# NG: on what terms


def test_the_destination_must_be_what_the_client_thinks(gateway: Gateway, client: dav.Client) -> None:
    known = client.put("a", b"known").headers["ETag"]
    upload = Upload(client)
    assert upload.begin(3).status == 201
    assert upload.put("1", b"new").status == 201
    client.put("a", b"changed meanwhile")
    for headers in (
        {"If": f"<{client.href('a')}> ([{known}])"},
        {"If": f"([{known}])"},
        {"If_Match": known},
        {"If_None_Match": "*"},
        {"Overwrite": "F"},
    ):
        assert upload.move("a", 3, **headers).status == 412, headers
        assert client.get("a") == b"changed meanwhile"
    assert upload.move("b", 3, If=f"<{client.href('b')}> ([{known}])").status == 412
    assert upload.move("a", 3, Overwrite="X").status == 400
    assert upload.move("a", 3, If="nonsense").status == 400
    finished(upload.move("b", 3, Overwrite="F", If_None_Match="*"), client, "b", b"new")


def test_locks(gateway: Gateway, client: dav.Client) -> None:
    client.put("a", b"old")
    token = locked(client, "a")
    upload = Upload(client)
    assert upload.begin(3).status == 201
    assert upload.put("1", b"new").status == 201
    refused = upload.move("a", 3)
    assert refused.status == 423
    assert b"<d:lock-token-submitted><d:href>/remote.php/dav/files/alice/a</d:href>" in refused.body
    assert upload.move("a", 3, If="(<opaquelocktoken:other>)").status == 412
    assert client.get("a") == b"old"
    finished(upload.move("a", 3, If=f"<{client.href('a')}> (<{token}>)"), client, "a", b"new", 204)
    unlock(client, "a", token)


def test_a_folder_that_went_and_came_back(gateway: Gateway, client: dav.Client) -> None:
    assert client.ask("MKCOL", "folder").status == 201
    upload = Upload(client)
    assert upload.begin(3, Destination=client.href("folder/a")).status == 201
    assert upload.put("1", b"new").status == 201
    assert client.ask("DELETE", "folder").status == 204
    assert upload.move("folder/a", 3).status == 409
    client.put("folder", b"a file now")
    assert upload.move("folder/a", 3).status == 409
    assert client.ask("DELETE", "folder").status == 204
    assert client.ask("MKCOL", "folder").status == 201
    assert upload.move("folder", 3).status in (405, 409)
    assert upload.move("folder/", 3).status in (405, 409)
    finished(upload.move("folder/a", 3), client, "folder/a", b"new")


def test_what_can_be_refused_at_the_start_is(gateway: Gateway, client: dav.Client) -> None:
    """Nextcloud's second version says then where the file will end."""
    etag = client.put("a", b"old").headers["ETag"]
    token = locked(client, "a")
    upload = Upload(client)
    assert upload.begin(3, Destination=client.href("none/a")).status == 409
    assert upload.begin(3, Destination=client.href("a")).status == 423
    assert upload.begin(3, Destination=client.href("a"), If="(<opaquelocktoken:other>)").status == 412
    assert upload.begin(3, Destination=client.href("a"), If=f"(<{token}>)", If_Match='"other"').status == 412
    assert upload.begin(3, Destination=client.href("a\\b")).status == 400
    assert upload.begin(3, Destination="http://elsewhere/remote.php/webdav/a").status == 502
    assert upload.begin(3, Destination="/remote.php/dav/files/bob/a").status == 403
    assert upload.ask().status == 404
    gateway.assert_tidy()
    assert upload.begin(3, Destination=client.href("a"), If=f"(<{token}>)", If_Match=etag).status == 201
    unlock(client, "a", token)
    assert upload.begin(3, Destination=client.href("a")).status == 405
    assert upload.delete() == 204


def test_quota(stopped_gateway: Gateway) -> None:
    """What is announced is set aside; what was not announced is refused when it does not fit."""
    stopped_gateway.configure(mounts__home={"quota": 1_000_000})
    stopped_gateway.start()
    with stopped_gateway.client() as client:
        one, two = Upload(client, "1"), Upload(client, "2")
        assert one.begin(700_000).status == 201
        assert two.begin(700_000).status == 507
        assert client.put("a-chunking-1-2-0", bytes(1000), OC_Chunked="1", OC_Total_Length="700000").status == 507
        assert two.begin().status == 201
        assert two.put("1", bytes(600_000)).status == 507
        # Nextcloud's web client announces with the chunks.
        web = {"Destination": client.href("b"), "OC_Total_Length": "700000"}
        assert two.put("1", bytes(1000), **web).status == 507
        assert one.put("0000000000000000", bytes(700_000)).status == 201
        assert client.put("in between", bytes(400_000)).status == 507
        assert one.move("a", 700_000).status == 201
        assert two.put("1", bytes(300_001)).status == 507
        assert two.put("1", bytes(200_000)).status == 201
        assert two.move("b").status == 201
        assert client.put("c", bytes(100_001)).status == 507
        assert client.put("c", bytes(100_000)).status == 201
    stopped_gateway.assert_tidy()


# NG: what must not be


def test_the_sum_must_be_what_was_announced(gateway: Gateway, client: dav.Client) -> None:
    upload = Upload(client)
    assert upload.begin().status == 201
    assert upload.move("a").status == 400
    assert upload.put("0000000000000000", b"12345").status == 201
    for total in (4, 6, 0, 10**15):
        assert upload.move("a", total).status == 400
    assert upload.move("a", 10**30).status == 413
    assert client.list().keys() == {""}
    assert upload.put("0000000000000005", b"678").status == 201
    finished(upload.move("a", 8), client, "a", b"12345678")


def test_missing_chunks_are_missed(gateway: Gateway, client: dav.Client) -> None:
    for number, names in enumerate((("0000000000000000", "0000000000000010"), ("00001", "00003"), ("2", "3"))):
        upload = Upload(client, str(number))
        assert upload.begin().status == 201
        for name in names:
            assert upload.put(name, b"12345").status == 201
        answer = upload.move("a")
        assert answer.status == 400, names
        assert b"missing" in answer.body
        assert len(upload.list()) == 3
        assert upload.delete() == 204
    assert not (gateway.disk() / "a").exists()


def test_a_wrong_checksum_ends_the_upload(gateway: Gateway, client: dav.Client) -> None:
    """Nobody knows which chunk is wrong: a client that found them all there would ask for the same thing for ever."""
    client.put("a", b"old")
    upload = Upload(client)
    assert upload.begin(3).status == 201
    assert upload.put("1", b"new").status == 201
    assert upload.move("a", 3, OC_Checksum="SHA1:x").status == 400
    assert len(upload.list()) == 2
    answer = upload.move("a", 3, OC_Checksum=sha1(b"other"))
    assert answer.status == 400
    assert b"<s:message>" in answer.body
    assert client.get("a") == b"old"
    assert upload.ask().status == 404


BAD_CHUNKS = {
    "overlaps": (100, "0000000000000005", {}, 400),
    "overlaps before": (100, "0000000000000000", {"OC_Chunk_Offset": "8"}, 400),
    "beyond the total": (100, "0000000000000091", {}, 400),
    "beyond the total by far": (100, str(10**15), {}, 400),
    "offset beyond the total": (100, "1", {"OC_Chunk_Offset": str(10**18)}, 400),
    "10^18, nothing announced": (None, "1", {"OC_Chunk_Offset": str(10**18)}, 413),
    "10^15, nothing announced": (None, str(10**15), {}, 413),
    "2^63, nothing announced": (None, "1", {"OC_Chunk_Offset": str(2**63)}, 413),
    "2^63 - 1, nothing announced": (None, "1", {"OC_Chunk_Offset": str(2**63 - 1)}, 413),
    "10^30": (None, "1", {"OC_Chunk_Offset": str(10**30)}, 400),
    "negative": (None, "1", {"OC_Chunk_Offset": "-1"}, 400),
    "no number": (None, "1", {"OC_Chunk_Offset": "0x10"}, 400),
    "number too high": (None, "10001", {}, 400),
    "number far too high": (None, "9" * 15, {}, 400),
    "length differs from the name": (None, "000000000000020-000000000000028", {}, 400),
    "range backwards": (None, "000000000000020-000000000000010", {}, 400),
    "other announcement": (100, "2", {"OC_Total_Length": "99", "Destination": "/remote.php/webdav/a"}, 400),
    "absurd announcement": (None, "2", {"OC_Total_Length": str(10**30), "Destination": "/remote.php/webdav/a"}, 413),
    "a part": (None, "2", {"Content_Range": "bytes 0-9/100"}, 400),
    ".zsync": (None, ".zsync", {}, 400),
    "a word": (None, "chunk", {}, 400),
    "backslash": (None, "1%5C2", {}, 400),
    "slash": (None, "1%2F2", {}, 400),
    "up": (None, "..", {}, 400),
    "up, encoded": (None, "%2E%2e", {}, 400),
    "NUL": (None, "1%00", {}, 400),
    "bad escape": (None, "1%zz", {}, 400),
    "not UTF-8": (None, "1%ff", {}, 400),
    "too long": (None, "1" * 300, {}, 400),
    "a folder more": (None, "1/2", {}, 400),
    "nothing": (None, "/", {}, 400),
    "the end": (None, ".file", {}, 405),
}


@pytest.mark.parametrize("what", BAD_CHUNKS)
def test_bad_chunks(gateway: Gateway, client: dav.Client, what: str) -> None:
    total, name, headers, status = BAD_CHUNKS[what]
    upload = Upload(client)
    assert upload.begin(total).status == 201
    assert upload.put("000000000000000-000000000000009", b"0123456789").status == 201
    answer = upload.put(name, b"abcdefghij", **headers)
    assert answer.status == status, answer
    assert b"<s:message>" in answer.body
    assert upload.list() == {"/": None, "/000000000000000-000000000000009": 10}
    assert upload.delete() == 204
    assert upload.delete() == 404
    gateway.assert_tidy()
    assert client.list().keys() == {""}


@pytest.mark.parametrize(("total", "status"), [(10**30, 413), (2**63, 413), (10**19 - 1, 413), (2**63 - 1, 507), (10**18, 507)])
def test_absurd_lengths(gateway: Gateway, client: dav.Client, total: int, status: int) -> None:
    upload = Upload(client)
    assert upload.begin(total).status == status
    assert upload.ask().status == 404
    assert client.put("a-chunking-1-2-0", b"1", OC_Chunked="1", OC_Total_Length=str(total)).status == status
    assert client.put("a", b"1", OC_Total_Length=str(total)).status in (400, 413)
    assert client.list().keys() == {""}


def test_more_than_was_announced(gateway: Gateway, client: dav.Client) -> None:
    """Also where each chunk alone would fit, and where nobody says how long a chunk is."""
    upload = Upload(client)
    assert upload.begin(10).status == 201
    assert upload.put("1", bytes(11)).status in (400, 413)
    assert upload.put("1", iter([bytes(6), bytes(5)])).status == 413
    assert upload.put("1", bytes(6)).status == 201
    assert upload.put("2", bytes(6)).status in (400, 413)
    assert upload.list() == {"/": None, "/1": 6}
    assert upload.put("0000000000000006", iter([b"ab", b"c", b"d"])).status == 201
    assert upload.move("a", 10).status == 201


def test_chunks_without_a_length(gateway: Gateway, client: dav.Client) -> None:
    """They may not run into those that are behind them."""
    upload = Upload(client)
    assert upload.begin().status == 201
    assert upload.put("0000000000000010", b"x" * 10).status == 201
    assert upload.put("0000000000000000", iter([b"y" * 8, b"y" * 8])).status in (400, 413, 507)
    assert upload.list() == {"/": None, "/0000000000000010": 10}
    assert upload.put("0000000000000000", b"z" * 10).status == 201
    assert upload.put("0000000000000020", iter([b"y" * 8, b"y" * 8])).status == 201
    finished(upload.move("a"), client, "a", b"z" * 10 + b"x" * 10 + b"y" * 16)


def test_too_many_chunks(stopped_gateway: Gateway) -> None:
    stopped_gateway.configure(uploads={"parts": 3, "per_user": 2})
    stopped_gateway.start()
    with stopped_gateway.client() as client:
        upload = Upload(client, "1")
        assert upload.begin().status == 201
        for start in range(3):
            assert upload.put(f"{start:016}", b"1").status == 201
        assert upload.put(f"{3:016}", b"1").status == 400
        assert client.put("a-chunking-1-4-0", b"1", OC_Chunked="1").status == 400
        assert client.put("a-chunking-1-3-0", b"1", OC_Chunked="1").status == 201
        assert Upload(client, "2").begin().status == 503
        assert client.put("b-chunking-1-3-0", b"1", OC_Chunked="1").status == 503
        assert upload.move("c", 3).status == 201
        for index in (1, 2):
            assert client.put(f"a-chunking-1-3-{index}", b"1", OC_Chunked="1").status == 201
    stopped_gateway.assert_tidy()


@pytest.mark.parametrize(
    ("destination", "status"),
    [
        ("/remote.php/dav/files/alice/../bob/a", 400),
        ("/remote.php/dav/files/alice/%2e%2e/bob/a", 400),
        ("/remote.php/dav/files/alice/a%2fb", 400),
        ("/remote.php/dav/files/alice/a%00b", 400),
        ("/remote.php/dav/files/alice/a%zz", 400),
        ("/remote.php/dav/files/alice/a%5cb", 400),
        ("/remote.php/dav/files/alice/" + "a" * 256, 400),
        ("/remote.php/dav/files/alice//a", 400),
        ("/remote.php/dav/files/bob/a", 403),
        ("/remote.php/dav/spaces/home$bob/a", 404),
        ("/remote.php/dav/files/alice/.clawgate/a", (400, 403)),
        ("/remote.php/dav/files/alice/", 405),
        ("/remote.php/dav/files/alice", 405),
        ("/remote.php/dav/uploads/alice/4711/2", 502),
        ("/etc/passwd", 502),
        ("http://elsewhere/remote.php/webdav/a", 502),
        ("relative", 400),
        ("", 400),
    ],
)
def test_bad_destinations(gateway: Gateway, client: dav.Client, destination: str, status: int | tuple[int, ...]) -> None:
    upload = Upload(client)
    assert upload.begin(3).status == 201
    assert upload.put("1", b"new").status == 201
    found = upload.move("", 3, Destination=destination).status
    assert found in (status if isinstance(status, tuple) else (status,))
    assert upload.list() == {"/": None, "/1": 3}
    assert upload.delete() == 204
    assert client.list().keys() == {""}
    assert not (gateway.disk("bob") / "a").exists()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/remote.php/dav/uploads/alice/..", 400),
        ("/remote.php/dav/uploads/alice/%2e%2e", 400),
        ("/remote.php/dav/uploads/alice/a%2fb", 400),
        ("/remote.php/dav/uploads/alice/a%00b", 400),
        ("/remote.php/dav/uploads/alice/a%zz", 400),
        ("/remote.php/dav/uploads/alice/%ff", 400),
        ("/remote.php/dav/uploads/alice/" + "a" * 256, 400),
        ("/remote.php/dav/uploads/alice//a", 400),
        ("/remote.php/dav/uploads/alice/a/b", 403),
        ("/remote.php/dav/uploads/alice/a/b/c", 400),
        ("/remote.php/dav/uploads/alice/", 405),
        ("/remote.php/dav/uploads/alice", 405),
        ("/remote.php/dav/uploads/", 405),
        ("/remote.php/dav/uploads", 405),
        ("/remote.php/dav/uploads/bob/a", 403),
        ("/remote.php/dav/uploads/alice%2fbob/a", 400),
    ],
)
def test_bad_names_of_uploads(gateway: Gateway, client: dav.Client, path: str, status: int) -> None:
    assert client.raw("MKCOL", path).status == status
    gateway.assert_tidy()


def test_uploads_belong_to_their_owner(gateway: Gateway, client: dav.Client) -> None:
    mine = Upload(client)
    assert mine.begin(3).status == 201
    with gateway.client("bob") as other:
        theirs = Upload(other)
        assert theirs.begin(3).status == 403
        assert theirs.put("1", b"abc").status == 403
        assert theirs.ask().status == 403
        assert theirs.move("a", 3).status == 403
        assert theirs.delete() == 403
        own = Upload(other, root="/remote.php/dav/uploads/bob")
        assert own.put("1", b"abc").status == 404
        assert own.begin(3).status == 201
        assert own.put("1", b"abc").status == 201
        assert mine.list() == {"/": None}
        assert own.delete() == 204
    assert mine.put("1", b"abc").status == 201
    assert mine.move("a", 3).status == 201
    anonymous = dav.Client(gateway.port, "alice", "wrong", "")
    assert Upload(anonymous).begin(3).status == 401
    anonymous.close()


def test_what_is_not_there(gateway: Gateway, client: dav.Client) -> None:
    upload = Upload(client)
    assert upload.put("1", b"abc").status == 404
    assert upload.move("a", 3).status == 404
    assert upload.delete() == 404
    assert upload.delete("1") == 404
    assert client.raw("MKCOL", upload.target, b"<x/>").status == 415
    assert upload.begin(3).status == 201
    assert upload.begin(3).status == 405
    assert upload.move("a", 0, Destination=client.href("a")).status == 400
    for verb, name, status in (
        ("GET", "", 405),
        ("LOCK", "", 405),
        ("PUT", "", 405),
        ("MOVE", "", 405),
        ("MOVE", "/1", 405),
        ("GET", "/1", 405),
        ("COPY", "/.file", 405),
    ):
        assert client.raw(verb, upload.target + name, b"", {"Destination": client.href("a")}).status == status, (verb, name)
    assert client.raw("MOVE", upload.target + "/.file").status == 400
    assert client.raw("OPTIONS", upload.target).headers["Allow"] == "OPTIONS, MKCOL, PUT, PROPFIND, MOVE, DELETE"
    assert upload.delete() == 204


# v1

ROOTS = ("/remote.php/webdav", "/remote.php/dav/files/alice", "/dav/spaces/home$alice", "/webdav")


def v1(path: str, count: int, index: int, transfer: int = 37066537) -> str:
    return f"{path}-chunking-{transfer}-{count}-{index}"


@pytest.mark.parametrize("root", ROOTS)
def test_v1_in_parallel_and_in_any_order(gateway: Gateway, client: dav.Client, root: str) -> None:
    """As ownCloud's and Nextcloud's desktops send it: the checksum with the chunk of the highest number."""
    content = os.urandom(20_000_003)
    pieces = [some for _, some in cut(content, 3_000_000)]
    headers = {
        "OC-Chunked": "1",
        "OC-Total-Length": str(len(content)),
        "OC-Chunk-Size": "3000000",
        "X-OC-Mtime": "1600000000",
    }

    def put(index: int) -> Callable[[dav.Client], dav.Answer]:
        more = {"OC-Checksum": sha1(content)} if index == len(pieces) - 1 else {}
        target = f"{root}/{quote(v1('a b.bin', len(pieces), index))}"
        return lambda other: other.raw("PUT", target, pieces[index], {**headers, **more})

    before = io(gateway, "wchar")
    answers = at_once(gateway, map(put, range(len(pieces))), 4)
    assert io(gateway, "wchar") - before < len(content) + 3_000_000, "content was written more than once"
    assert {answer.status for answer in answers} == {201}
    (last,) = [answer for answer in answers if "ETag" in answer.headers]
    finished(last, client, "a b.bin", content)
    assert last.headers["X-OC-MTime"] == "accepted"
    assert (gateway.disk() / "a b.bin").stat().st_mtime == 1600000000
    assert all("OC-FileId" not in answer.headers for answer in answers if answer is not last)


def test_v1_as_pyocclient_sends_it(gateway: Gateway, client: dav.Client) -> None:
    """No total, no checksum, one after the other; a second upload may have the same number."""
    for status, content in ((201, os.urandom(2_500_000)), (204, os.urandom(2_400_000))):
        for index, (_, some) in enumerate(cut(content, 1_000_000)):
            mtime = str(1600000000 + status)
            answer = client.put(v1("a", 3, index), some, **{"OC_CHUNKED": "1", "X_OC_MTIME": mtime})
            assert answer.status == (status if index == 2 else 201)
            assert ("ETag" in answer.headers) is (index == 2)
        finished(answer, client, "a", content, status)


@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("transfer", range(10))
def test_v1_all_first_chunks_at_once(gateway: Gateway, client: dav.Client, total: bool, transfer: int) -> None:
    """They all find no session, and make one."""
    content = os.urandom(8_000)
    gate = threading.Barrier(8)
    headers = {"OC_Chunked": "1"} | ({"OC_Total_Length": "8000"} if total else {})

    def put(index: int) -> Callable[[dav.Client], dav.Answer]:
        def run(other: dav.Client) -> dav.Answer:
            gate.wait(120)
            return other.put(v1("a", 8, index, transfer), content[index * 1000 : (index + 1) * 1000], **headers)

        return run

    answers = at_once(gateway, map(put, range(8)), 8)
    assert {answer.status for answer in answers} == {201}
    assert sum("ETag" in answer.headers for answer in answers) == 1
    assert client.get("a") == content


@pytest.mark.parametrize("transfer", range(10))
def test_v1_several_that_complete_the_set_at_once(gateway: Gateway, client: dav.Client, transfer: int) -> None:
    content = os.urandom(3_000)
    headers = {"OC_Chunked": "1", "OC_Total_Length": "3000"}
    for index in (0, 1):
        some = content[index * 1000 : (index + 1) * 1000]
        assert client.put(v1("a", 3, index, transfer), some, **headers).status == 201
    last = v1("a", 3, 2, transfer)
    answers = at_once(gateway, [lambda other: other.put(last, content[2000:], **headers)] * 3, 3)
    assert {answer.status for answer in answers} <= {201, 204}, answers
    etags = {answer.headers["ETag"] for answer in answers if "ETag" in answer.headers}
    assert etags == {client.list("a", "0")["a"].etag}
    assert client.get("a") == content


def test_v1_one_chunk_is_a_set(gateway: Gateway, client: dav.Client) -> None:
    finished(client.put(v1("a", 1, 0), b"all", OC_Chunked="1", OC_Checksum=sha1(b"all")), client, "a", b"all")
    finished(client.put(v1("b", 1, 0), b"", OC_Chunked="1"), client, "b", b"")


def test_v1_again_after_a_break(gateway: Gateway, client: dav.Client) -> None:
    """Chunks that were there already are sent again, also broken ones, and also after the end."""
    content = os.urandom(3_000)
    headers = {"OC_Chunked": "1", "OC_Total_Length": "3000", "X_OC_Mtime": "1600000000"}
    pieces = [some for _, some in cut(content, 1000)]
    assert client.put(v1("a", 3, 1), pieces[1], **headers).status == 201
    request = f"PUT {client.href(v1('a', 3, 1))} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nOC-Chunked: 1\r\n"
    request += "".join(f"{header}: {value}\r\n" for header, value in client.login.items())
    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        connection.sendall(request.encode() + b"\r\nabc")
        time.sleep(0.2)
    assert client.put(v1("a", 3, 0), pieces[0], **headers).status == 201
    assert "ETag" not in client.put(v1("a", 3, 2), pieces[2], **headers).headers
    first = client.put(v1("a", 3, 1), pieces[1], **headers)
    finished(first, client, "a", content)
    for index in (1, 2, 0):
        again = client.put(v1("a", 3, index), pieces[index], **headers)
        finished(again, client, "a", content, 204)
        assert again.headers["X-OC-MTime"] == "accepted"
    # The same number, but other content: nobody may be told that it is here.
    refused = client.put(v1("a", 3, 2), b"x" * 1000, **headers)
    assert refused.status == 409
    assert client.get("a") == content
    other = os.urandom(3_000)
    for index, (_, some) in enumerate(cut(other, 1000)):
        done = client.put(v1("a", 3, index), some, **headers)
    finished(done, client, "a", other, 204)


def test_v1_the_target_must_be_what_the_client_thinks(gateway: Gateway, client: dav.Client) -> None:
    known = client.put("a", b"known").headers["ETag"]
    headers = {"OC_Chunked": "1", "If_Match": known}
    assert client.put(v1("a", 2, 0), b"1", OC_Chunked="1", If_Match='"other"').status == 412
    gateway.assert_tidy()
    assert client.put(v1("a", 2, 0), b"1", **headers).status == 201
    client.put("a", b"changed meanwhile")
    assert client.put(v1("a", 2, 1), b"2", **headers).status == 412
    # The client makes a conflict copy of its file, and never comes back to this.
    gateway.assert_tidy()
    assert client.get("a") == b"changed meanwhile"
    known = client.list("a", "0")["a"].etag
    headers["If_Match"] = known
    assert client.put(v1("a", 2, 1), b"2", **headers).status == 201
    finished(client.put(v1("a", 2, 0), b"1", **headers), client, "a", b"12", 204)


def test_v1_a_wrong_checksum_or_sum_ends_the_upload(gateway: Gateway, client: dav.Client) -> None:
    wrong = {"OC_Chunked": "1", "OC_Checksum": sha1(b"other")}
    assert client.put(v1("a", 2, 1), b"2", **wrong).status == 201
    assert client.put(v1("a", 2, 0), b"1", OC_Chunked="1").status == 400
    gateway.assert_tidy()
    total = {"OC_Chunked": "1", "OC_Total_Length": "5"}
    assert client.put(v1("a", 2, 1), b"2", **total).status == 201
    assert client.put(v1("a", 2, 0), b"1", **total).status == 400
    gateway.assert_tidy()
    assert client.put(v1("a", 2, 0), b"123456", **total).status in (400, 413)
    assert client.put(v1("a", 2, 0), b"123", **total).status == 201
    assert client.put(v1("a", 2, 1), b"45", OC_Chunked="1", OC_Total_Length="6").status == 400
    assert client.put(v1("a", 2, 1), b"456", **total).status in (400, 413)
    assert client.list().keys() == {""}
    finished(client.put(v1("a", 2, 1), b"45", **total), client, "a", b"12345")


def test_v1_what_stands_in_the_way_can_go(gateway: Gateway, client: dav.Client) -> None:
    """A lock, a folder that is not there: the chunk that completes the set is sent again, and that is all."""
    assert client.ask("MKCOL", "folder").status == 201
    assert client.put(v1("folder/a", 2, 0), b"1", OC_Chunked="1").status == 201
    token = locked(client, "folder")
    assert client.put(v1("folder/a", 2, 1), b"2", OC_Chunked="1").status == 423
    unlock(client, "folder", token)
    assert client.move("folder", "elsewhere").status == 201
    assert client.put(v1("folder/a", 2, 1), b"2", OC_Chunked="1").status == 409
    assert client.move("elsewhere", "folder").status == 201
    finished(client.put(v1("folder/a", 2, 1), b"2", OC_Chunked="1"), client, "folder/a", b"12")


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("a", 400),
        ("a-chunking-1-2", 400),
        ("a-chunking-x-2-1", 400),
        ("-chunking-1-2-1", 400),
        ("a-chunking-1-2-2", 400),
        ("a-chunking-1-0-0", 400),
        ("a-chunking-1-10001-0", 400),
        ("a-chunking-1-1000000000-0", 400),
        ("a-chunking-1-2-1000000000", 400),
        ("a-chunking-1-" + "9" * 50 + "-0", 400),
        ("..-chunking-1-2-1", 400),
        (".-chunking-1-2-1", 400),
        ("none/a-chunking-1-2-1", 409),
    ],
)
def test_v1_bad_names(gateway: Gateway, client: dav.Client, name: str, status: int) -> None:
    assert client.put(name, b"abc", OC_Chunked="1").status == status
    assert client.list().keys() == {""}
    gateway.assert_tidy()


def test_v1_a_name_that_only_the_storage_knows_to_be_wrong(gateway: Gateway, client: dav.Client) -> None:
    assert client.put(v1(".clawgate", 2, 1), b"2", OC_Chunked="1").status == 201
    assert client.put(v1(".clawgate", 2, 0), b"1", OC_Chunked="1").status == 403
    assert client.list().keys() == {""}
    gateway.assert_tidy()


def test_v1_refusals(gateway: Gateway, client: dav.Client) -> None:
    assert client.put(v1("a", 2, 0), b"abc", OC_Chunked="1", Content_Range="bytes 0-2/6").status == 400
    assert client.put(v1("a", 2, 0), b"abc", OC_Chunked="1", OC_Checksum="SHA1:x").status == 400
    assert client.put(v1("a", 2, 0) + "/", b"abc", OC_Chunked="1").status == 405
    with gateway.client("bob", "/remote.php/dav/files/alice") as other:
        assert other.put(v1("a", 2, 0), b"abc", OC_Chunked="1").status == 403
    gateway.assert_tidy()


def test_v1_names_without_the_header_are_ordinary(gateway: Gateway, client: dav.Client) -> None:
    finished(client.put(v1("a", 2, 1), b"ordinary"), client, v1("a", 2, 1), b"ordinary")


def test_v1_sets_of_others_are_others(gateway: Gateway, client: dav.Client) -> None:
    assert client.put(v1("a", 2, 0), b"mine ", OC_Chunked="1").status == 201
    with gateway.client("bob") as other:
        assert other.put(v1("a", 2, 0), b"theirs ", OC_Chunked="1").status == 201
        finished(other.put(v1("a", 2, 1), b"too", OC_Chunked="1"), other, "a", b"theirs too")
    assert client.put(v1("b", 2, 1), b"another file", OC_Chunked="1").status == 201
    assert client.put(v1("b", 2, 0), b"", OC_Chunked="1").status == 201
    finished(client.put(v1("a", 2, 1), b"too", OC_Chunked="1"), client, "a", b"mine too")


# Plain PUT


def test_put_of_unknown_length(gateway: Gateway, client: dav.Client) -> None:
    content = os.urandom(3_000_000)

    def pieces() -> Iterator[bytes]:
        for start, stop in itertools.pairwise([*range(0, len(content), 70_001), len(content)]):
            yield content[start:stop]

    answer = client.ask("PUT", "a", pieces(), {"OC-Checksum": "MD5:" + hashlib.md5(content).hexdigest()})
    finished(answer, client, "a", content)
    assert client.ask("PUT", "a", pieces(), {"OC-Checksum": sha1(b"other")}).status == 400
    assert client.ask("PUT", "a", pieces(), {"OC-Total-Length": "2999999"}).status == 400
    assert client.get("a") == content
    finished(client.ask("PUT", "a", iter([b"new"]), {"If-Match": answer.headers["ETag"]}), client, "a", b"new", 204)


def test_put_of_a_part_is_refused(gateway: Gateway, client: dav.Client) -> None:
    """RFC 9110 14.5."""
    client.put("a", b"0123456789")
    for name in ("a", "b"):
        assert client.put(name, b"abc", Content_Range="bytes 0-2/10").status == 400
    assert client.get("a") == b"0123456789"
    assert client.list().keys() == {"", "a"}


def test_what_is_offered(gateway: Gateway, client: dav.Client) -> None:
    answer = client.raw("GET", "/ocs/v1.php/cloud/capabilities?format=json")
    assert b'"bigfilechunking":true' in answer.body.replace(b": ", b":")
    assert b'"chunking":"1.0"' in answer.body.replace(b": ", b":")
    assert b'"async"' not in answer.body

"""What must be refused is, with the right status, and leaves nothing behind."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from . import dav, launch
from .gateway import USERS, Gateway

LOGIN = b"Authorization: Basic " + base64.b64encode(f"alice:{USERS['alice']}".encode()) + b"\r\n"
XML = {"Content-Type": "application/xml", "Depth": "0"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all: what is refused leaves nothing that could disturb the next test."""
    # As a user starts it: what it weighs is its own.
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), launch.twistd)
    gateway.start()
    yield gateway
    gateway.close()


@pytest.fixture
def gateway(house: Gateway) -> Iterator[Gateway]:
    """The same, emptied after each test."""
    yield house
    for user in USERS:
        with house.client(user) as client:
            for path in client.list():
                assert not path or client.ask("DELETE", path).status == 204, path


@pytest.fixture
def outside(gateway: Gateway) -> Path:
    """A secret next to the users' files; alice has one small file."""
    with gateway.client() as client:
        assert client.put("here.txt", b"here").status == 201
    secret = gateway.data / "files" / "secret"
    secret.write_bytes(b"top secret")
    return secret


def nothing_left(gateway: Gateway, *expected: str) -> None:
    """Only `expected` is in alice's tree, and no temporary file; a moment is allowed to tidy up after a lost connection."""
    deadline = time.monotonic() + 60
    while True:
        names = sorted(name for name in os.listdir(gateway.disk()) if not name.startswith(".clawgate"))
        if names == sorted(expected) and not gateway.leftovers():
            return
        assert time.monotonic() < deadline, (names, gateway.leftovers())
        time.sleep(0.05)


def status(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1."), answer[:200]
    return int(answer[9:12])


def put(path: str, *headers: str, body: bytes = b"") -> bytes:
    lines = "".join(line + "\r\n" for line in headers).encode()
    return f"PUT /remote.php/dav/files/alice/{path} HTTP/1.1\r\nHost: x\r\n".encode() + LOGIN + lines + b"\r\n" + body


PATCH = b'<propertyupdate xmlns="DAV:"><set><prop><lastmodified>1000</lastmodified></prop></set></propertyupdate>'
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1 if n else str()};" * 10}">' for n in range(9))
    + ']><propfind xmlns="DAV:"><prop><getetag/>&a8;</prop></propfind>'
)
EXTERNAL = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'
    '<propertyupdate xmlns="DAV:"><set><prop><k xmlns="u:">&secret;</k></prop></set></propertyupdate>'
)
PARAMETER = '<?xml version="1.0"?><!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><propfind xmlns="DAV:"><allprop/></propfind>'
DEEP = '<propfind xmlns="DAV:"><prop>' + "<a>" * 5000 + "</a>" * 5000 + "</prop></propfind>"


@pytest.mark.parametrize(
    "xml", [BOMB, EXTERNAL, PARAMETER, DEEP, "<propfind", "\x00", "<propfind xmlns='DAV:'><x:y/></propfind>"]
)
@pytest.mark.parametrize("verb", ["PROPFIND", "PROPPATCH", "REPORT", "LOCK"])
def test_hostile_xml(gateway: Gateway, outside: Path, verb: str, xml: str) -> None:
    before = gateway.memory()
    with gateway.client() as client:
        start = time.monotonic()
        answer = client.ask(verb, "here.txt", xml.encode(), XML)
        assert answer.status == 400, answer
        assert b"root:" not in answer.body
        assert time.monotonic() - start < 30
        assert client.get("here.txt") == b"here"
        assert b"root:" not in client.ask("PROPFIND", "here.txt", b"", XML).body
    assert gateway.memory() - before < 20 << 20
    nothing_left(gateway, "here.txt")


def test_large_xml_is_too_large(gateway: Gateway, outside: Path) -> None:
    body = b'<propfind xmlns="DAV:"><prop>' + b"<a/>" * 500_000 + b"</prop></propfind>"
    head = b"PROPFIND /webdav/here.txt HTTP/1.1\r\nHost: x\r\nDepth: 0\r\n" + LOGIN
    assert status(dav.talk(gateway.port, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)) == 413
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    assert status(dav.talk(gateway.port, head + chunked)) == 413
    with gateway.client() as client:
        assert client.get("here.txt") == b"here"


def test_large_headers(gateway: Gateway) -> None:
    """10 MB of headers, in one line, in many, in the target: refused, and not collected."""
    before = gateway.memory()
    start = b"GET / HTTP/1.1\r\nHost: x\r\n"
    assert status(dav.talk(gateway.port, start + b"X-Large: " + b"a" * 10_000_000 + b"\r\n\r\n")) in (400, 431)
    assert status(dav.talk(gateway.port, start + b"".join(b"X-%d: b\r\n" % n for n in range(700_000)) + b"\r\n")) in (400, 431)
    assert status(dav.talk(gateway.port, b"GET /" + b"a" * 10_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")) in (400, 414, 431)
    assert gateway.memory() - before < 15 << 20
    with gateway.client() as client:
        assert client.ask("PROPFIND", "", b"", {"Depth": "0"}).status == 207


@pytest.mark.parametrize(
    ("what", "data", "expected"),
    [
        ("cut off", put("new", "Content-Length: 1000", body=b"only this"), None),
        ("two lengths", put("new", "Content-Length: 4", "Content-Length: 5", body=b"12345"), 400),
        ("negative", put("new", "Content-Length: -1"), 400),
        ("no number", put("new", "Content-Length: 0x10", body=b"1" * 16), 400),
        ("plus sign", put("new", "Content-Length: +4", body=b"1234"), 400),
        ("length and chunks", put("new", "Content-Length: 4", "Transfer-Encoding: chunked", body=b"4\r\n1234\r\n0\r\n\r\n"), 400),
        ("bad chunk size", put("new", "Transfer-Encoding: chunked", body=b"zz\r\n1234\r\n0\r\n\r\n"), 400),
        ("chunk too long", put("new", "Transfer-Encoding: chunked", body=b"3\r\n1234\r\n0\r\n\r\n"), 400),
        ("chunks cut off", put("new", "Transfer-Encoding: chunked", body=b"4\r\n1234\r\n"), None),
        ("huge chunk size", put("new", "Transfer-Encoding: chunked", body=b"f" * 400 + b"\r\n1"), 400),
        ("unknown encoding", put("new", "Transfer-Encoding: gzip", body=b"1234"), (400, 501)),
        ("total length differs", put("new", "Content-Length: 4", "OC-Total-Length: 5", body=b"1234"), 400),
        ("content range", put("new", "Content-Length: 4", "Content-Range: bytes 0-3/10", body=b"1234"), (400, 501)),
    ],
)
def test_wrong_framing(gateway: Gateway, outside: Path, what: str, data: bytes, expected: int | tuple[int, ...] | None) -> None:
    if expected is None:
        with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
            connection.sendall(data)
            time.sleep(0.2)
    else:
        found = status(dav.talk(gateway.port, data))
        assert found == expected if isinstance(expected, int) else found in expected, what
    nothing_left(gateway, "here.txt")


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "%2e%2e/secret",
        "%2E%2E%2Fsecret",
        "..%2fsecret",
        "%252e%252e/secret",
        "%252e%252e%252fsecret",
        "x/../../secret",
        "./../secret",
        "..%5csecret",
        "..%c0%afsecret",
        "%c0%ae%c0%ae/secret",
        "..%00/secret",
        "secret%00.txt",
        "....//secret",
        "..;/secret",
        "%ff%fe",
    ],
)
@pytest.mark.parametrize("root", ["/remote.php/dav/files/alice/", "/remote.php/webdav/", "/dav/files/alice/"])
def test_paths_that_escape(gateway: Gateway, outside: Path, root: str, path: str) -> None:
    with gateway.client() as client:
        got = client.raw("GET", root + path)
        assert got.status in (400, 403, 404), got
        for verb in ("PUT", "DELETE", "MKCOL", "PROPFIND"):
            answer = client.raw(verb, root + path, b"evil" if verb == "PUT" else None, {"Depth": "1"})
            # What decodes to an ordinary name inside is an ordinary name: %252e is the text "%2e".
            assert answer.status in (201, 204, 207, 400, 403, 404, 405, 409), (verb, answer)
            assert b"top secret" not in answer.body
        for verb in ("COPY", "MOVE"):
            answer = client.raw(verb, root + "here.txt", None, {"Destination": root + path})
            assert answer.status in (201, 204, 400, 403, 404, 409, 502), (verb, answer)
            client.put("here.txt", b"here")
    assert outside.read_bytes() == b"top secret"
    assert set(os.listdir(outside.parent)) - {"bob"} == {"alice", "secret"}


def test_other_people_s_trees(gateway: Gateway, outside: Path) -> None:
    with gateway.client("bob") as bob:
        for verb in ("GET", "PUT", "DELETE", "PROPFIND", "MKCOL"):
            depth = {"Depth": "0"} if verb == "PROPFIND" else {}
            answer = bob.raw(verb, "/remote.php/dav/files/alice/here.txt", b"evil" if verb == "PUT" else None, depth)
            assert answer.status in (403, 404), (verb, answer)
        assert bob.put("mine", b"mine").status == 201
        answer = bob.ask("MOVE", "mine", None, {"Destination": "/remote.php/dav/files/alice/mine"})
        assert answer.status in (403, 404, 409, 502), answer
    nothing_left(gateway, "here.txt")


@pytest.mark.parametrize("policy", ["hide", "follow", "refuse"])
def test_links_out_of_the_tree(stopped_gateway: Gateway, policy: str) -> None:
    gateway = stopped_gateway
    gateway.configure(mounts__home={"symlinks": policy})
    outside = gateway.folder / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"top secret")
    home = gateway.make_home()
    (home / "file").symlink_to(outside / "secret")
    (home / "folder").symlink_to(outside)
    (home / "up").symlink_to("../..")
    gateway.start()
    with gateway.client() as client:
        for path in ("file", "folder/secret", "up/users.toml", "up/files/alice/file"):
            assert client.ask("GET", path).status in (403, 404), path
        for path in ("folder/new", "up/new"):
            assert client.put(path, b"evil").status in (403, 404, 409), path
            assert client.ask("MKCOL", path).status in (403, 404, 409), path
        assert not any(path.startswith(("folder/", "up/")) for path in client.list(""))
        client.ask("DELETE", "folder")
    assert os.listdir(outside) == ["secret"]
    assert (outside / "secret").read_bytes() == b"top secret"


def test_a_folder_that_becomes_a_link_in_between(stopped_gateway: Gateway) -> None:
    """Somebody swaps a folder for a link to the outside, over and over, while a client reads, writes and deletes."""
    gateway = stopped_gateway
    gateway.start()
    target = gateway.folder / "target"
    target.mkdir()
    (target / "file").write_bytes(b"top secret")
    home = gateway.disk()
    with gateway.client() as client:
        client.ask("MKCOL", "swing")
    (home / "swing/file").write_bytes(b"inside")
    (home / "link").symlink_to(target)
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            os.rename(home / "swing", home / "kept")
            os.rename(home / "link", home / "swing")
            os.rename(home / "swing", home / "link")
            os.rename(home / "kept", home / "swing")

    thread = threading.Thread(target=swap)
    thread.start()
    hits = 0
    try:
        with gateway.client() as client:
            start = time.monotonic()
            while (spent := time.monotonic() - start) < 4 or (not hits and spent < 60):
                answer = client.ask("GET", "swing/file")
                assert b"secret" not in answer.body, answer
                assert answer.status in (200, 403, 404, 503), answer
                hits += answer.status == 200
                assert client.put("swing/new", b"evil").status in (201, 204, 403, 404, 409, 503)
                assert client.ask("DELETE", "swing/new").status in (204, 403, 404, 409, 503)
                assert "top" not in client.ask("PROPFIND", "swing", b"", {"Depth": "1"}).body.decode()
    finally:
        done.set()
        thread.join()
    assert hits
    assert os.listdir(target) == ["file"]
    assert (target / "file").read_bytes() == b"top secret"


def test_names_that_are_too_long(gateway: Gateway, outside: Path) -> None:
    with gateway.client() as client:
        assert client.put("n" * 255, b"fits").status == 201
        assert client.ask("DELETE", "n" * 255).status == 204
        for name in ("n" * 256, "ü" * 128, "f/" * 3000 + "x"):
            assert client.put(name, b"no").status in (400, 409, 414, 431), name
            assert client.ask("MKCOL", name).status in (400, 409, 414, 431), name
            assert client.move("here.txt", name).status in (400, 409, 414, 431), name
            assert client.move("here.txt", name, "COPY").status in (400, 409, 414, 431), name
            assert client.ask("GET", name).status in (400, 404, 414, 431), name
    nothing_left(gateway, "here.txt")


@pytest.mark.parametrize(
    "checksum",
    ["SHA1:" + "0" * 40, "MD5:" + "0" * 32, "ADLER32:00000000", "SHA256:" + "0" * 64, "CRC32C:00000000", "sha1:" + "0" * 40],
)
def test_wrong_checksums(gateway: Gateway, outside: Path, checksum: str) -> None:
    content = os.urandom(300_000)
    with gateway.client() as client:
        assert client.put("new", content, OC_Checksum=checksum).status == 400
        assert client.put("here.txt", content, OC_Checksum=checksum).status == 400
        assert client.get("here.txt") == b"here"
        nothing_left(gateway, "here.txt")
        assert client.put("here.txt", content, OC_Checksum="SHA1:" + hashlib.sha1(content).hexdigest()).status == 204
        assert client.get("here.txt") == content


def test_lost_preconditions(gateway: Gateway, outside: Path) -> None:
    """412, before the body is read: the client that waits for 100 Continue does not get it."""
    with gateway.client() as client:
        etag = client.list("here.txt", "0")["here.txt"].etag
        for headers in ({"If-Match": '"other"'}, {"If-None-Match": "*"}, {"If-None-Match": etag}):
            assert client.ask("PUT", "here.txt", b"no", headers).status == 412, headers
        assert client.ask("PUT", "new", b"no", {"If-Match": "*"}).status == 412
        assert client.ask("PUT", "new", b"no", {"If-Match": '"gone"'}).status == 412
        assert client.ask("DELETE", "here.txt", None, {"If-Match": '"other"'}).status == 412
        assert client.ask("PROPPATCH", "here.txt", PATCH, {"If-Match": '"other"'}).status == 412
        for verb in ("MOVE", "COPY"):
            assert client.move("here.txt", "new", verb, If_Match='"other"').status == 412, verb
            client.put("taken", b"taken")
            assert client.move("here.txt", "taken", verb, Overwrite="F").status == 412, verb
        assert client.get("taken") == b"taken"
        client.ask("DELETE", "taken")
        assert client.get("here.txt") == b"here"
        assert client.list("here.txt", "0")["here.txt"].etag == etag
    answer = dav.talk(gateway.port, put("here.txt", 'If-Match: "other"', "Content-Length: 1000000", "Expect: 100-continue"))
    assert status(answer) == 412
    nothing_left(gateway, "here.txt")


def chunked(total: int) -> bytes:
    """An upload of `total` bytes that does not say how many they are."""
    return put("new", "Transfer-Encoding: chunked", body=b"10000\r\n%b\r\n" % bytes(1 << 16) * (total >> 16) + b"0\r\n\r\n")


@pytest.fixture
def small_disk(stopped_gateway: Gateway) -> Iterator[Gateway]:
    """Alice's home on a file system of 20 MB of its own; without the right to mount, on a quota of that size."""
    gateway = stopped_gateway
    home = gateway.make_home()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m,mode=0755", "tmpfs", str(home)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
    if not mounted:
        gateway.configure(mounts__home={"quota": 20 << 20})
    gateway.start()
    yield gateway
    gateway.stop()
    if mounted:
        subprocess.run(["umount", str(home)], check=True)


def free(gateway: Gateway) -> int:
    """Bytes that fit into alice's home as far as its file system knows."""
    room = os.statvfs(gateway.disk())
    return room.f_bavail * room.f_frsize


def test_a_full_disk(small_disk: Gateway) -> None:
    gateway = small_disk
    with gateway.client() as client:
        assert client.put("here.txt", b"here").status == 201
        # Announced: refused before the body.
        assert status(dav.talk(gateway.port, put("new", "Content-Length: 50000000", "Expect: 100-continue"))) == 507
        # Not announced: found out on the way.
        assert status(dav.talk(gateway.port, chunked(50 << 20))) == 507
        nothing_left(gateway, "here.txt")
        assert client.put("half", bytes(12 << 20)).status == 201
        refused = put("here.txt", f"Content-Length: {12 << 20}", body=bytes(12 << 20))
        assert status(dav.talk(gateway.port, refused)) == 507
        assert client.get("here.txt") == b"here"
        assert client.move("half", "copy", "COPY").status == 507
        nothing_left(gateway, "here.txt", "half")
        assert client.ask("DELETE", "half").status == 204
        assert client.raw("DELETE", "/remote.php/dav/trash-bin/alice/").status == 204
        gateway.assert_tidy()
        deadline = time.monotonic() + 60
        # A name goes a moment before its bytes do.
        while free(gateway) < 13 << 20:
            assert time.monotonic() < deadline, f"{free(gateway)} bytes are free"
            time.sleep(0.01)
        assert client.put("here.txt", bytes(12 << 20)).status == 204


def test_a_quota(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    gateway.configure(mounts__home={"quota": 1 << 20})
    gateway.start()
    with gateway.client() as client:
        assert client.put("half", bytes(600_000)).status == 201
        assert status(dav.talk(gateway.port, put("more", "Content-Length: 600000", body=bytes(600_000)))) == 507
        assert status(dav.talk(gateway.port, chunked(3 << 20))) == 507
        nothing_left(gateway, "half")
        assert client.ask("DELETE", "half").status == 204
        assert client.put("more", bytes(600_000)).status == 201


def test_wrong_passwords(gateway: Gateway, outside: Path) -> None:
    with dav.Client(gateway.port, "alice", "guess", "/remote.php/webdav") as client:
        answer = client.put("here.txt", b"evil")
        assert answer.status == 401
        assert "Basic " in answer.headers["WWW-Authenticate"]
    refused = dav.talk(
        gateway.port, b"PUT /webdav/here.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
    )
    assert status(refused) == 401
    assert USERS["alice"] not in gateway.log() and quote("guess") not in gateway.log()
    nothing_left(gateway, "here.txt")

"""Every MUST of TUS 1.0.0 and of its extensions, against a real server: status, headers, and what is left."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from . import dav
from .gateway import USERS, Gateway
from .test_refusals import LOGIN, status
from .tus_exchange import CONTENT_TYPE, FILES, Talk, ask, checksum, create, head, metadata, patch
from .tus_owncloud import OWNCLOUD, REFUSED
from .tus_rules import ANNOUNCED, EXTENSIONS, FINAL, HELLO, LARGEST, NOT_YET, RULES, Row


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all: no exchange leaves anything that could disturb the next."""
    gateway = Gateway(tmp_path_factory.mktemp("gateway"))
    # So long may a busy machine take until it has heard a client who is still there.
    gateway.configure(http={"max_body_bytes": LARGEST}, uploads={"lock_seconds": 2})
    gateway.start()
    yield gateway
    gateway.close()


@pytest.fixture
def talk(house: Gateway) -> Iterator[Talk]:
    """Ends with nothing of the gateway's own left among alice's files, and no files."""
    talk = Talk(house)
    yield talk
    talk.finish()
    house.assert_tidy()
    for user in USERS:
        with house.client(user) as client:
            for path in client.list():
                assert not path or client.ask("DELETE", path).status == 204, path


def files(gateway: Gateway) -> dict[str, bytes]:
    """Everything in alice's home by path."""
    home = gateway.disk()
    found = {}
    for folder, _, names in os.walk(home):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), home)
            if not path.startswith(".clawgate"):
                found[path] = (home / path).read_bytes()
    return found


@pytest.mark.parametrize("rule", [*RULES, *OWNCLOUD, *REFUSED], ids=lambda rule: f"{rule.section}: {rule.rule}")
def test_rule(talk: Talk, rule: Row) -> None:
    for one in rule.asks:
        talk(one)
    assert files(talk.gateway) == rule.leaves


def in_time(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def sent_late(target: str, body: bytes, trailers: str, *headers: str, verb: str = "PATCH") -> bytes:
    """A request in chunks, with trailers behind it."""
    lines = [f"{verb} {urlsplit(target).path} HTTP/1.1", "Host: x", "Tus-Resumable: 1.0.0", f"Content-Type: {CONTENT_TYPE}"]
    top = "\r\n".join([*lines, *headers, "Transfer-Encoding: chunked", ""]).encode() + LOGIN + b"\r\n"
    return top + b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(body), body, trailers.encode())


def test_checksum_trailer(talk: Talk) -> None:
    """Checksum: it MAY be included as a trailer; then all is as if it had come before."""
    port = talk.gateway.port
    talk(create("f", Upload_Length="11"))
    upload = talk.uploads["a"]
    announced = "Trailer: Upload-Checksum"
    good, bad = f"Upload-Checksum: {checksum(b'hello ')}\r\n", f"Upload-Checksum: {checksum(b'Hello ')}\r\n"
    for trailers, expected in (
        (bad, 460),
        ("", 400),
        ("Upload-Checksum: sha3 AAAA\r\n", 400),
        ("Upload-Checksum: sha1\r\n", 400),
        ("Upload Checksum: x\r\n", 400),
    ):
        answer = dav.talk(port, sent_late(upload, b"hello ", trailers, "Upload-Offset: 0", announced))
        assert status(answer) == expected, (trailers, answer)
        talk(head(Upload_Offset="0"))
    assert status(dav.talk(port, sent_late(upload, b"hello ", good, "Upload-Offset: 0", announced))) == 204
    talk(head(Upload_Offset="6"))
    # What was not announced counts for nothing.
    assert status(dav.talk(port, sent_late(upload, b"world", bad, "Upload-Offset: 6"))) == 204
    named = f"Upload-Metadata: {metadata(filename='g')}"
    for trailers, expected in ((bad, 460), (good, 201)):
        answer = dav.talk(port, sent_late(FILES, b"hello ", trailers, "Upload-Length: 6", named, announced, verb="POST"))
        assert status(answer) == expected
    assert files(talk.gateway) == {"f": HELLO, "g": b"hello "}


def test_times(talk: Talk) -> None:
    """The metadata say it best, then the request that completes, then the one that creates."""
    accepted = {"X-OC-MTime": "accepted"}

    def mtime(name: str) -> float:
        return os.stat(talk.gateway.disk() / name).st_mtime

    def both(name: str, **values: str) -> str:
        return metadata(filename=name, **values)

    talk(create("", body=HELLO, Upload_Length="11", Upload_Metadata=both("a", mtime="1000000000"), has=accepted))
    talk(
        create("", body=HELLO, Upload_Length="11", Upload_Metadata=both("b", mtime="1000000000.25"), X_OC_Mtime="5", has=accepted)
    )
    talk(create("c", body=HELLO, Upload_Length="11", X_OC_Mtime="1000000001", has=accepted))
    talk(create("d", body=HELLO, Upload_Length="11", X_OC_Mtime="soon", has={"X-OC-MTime": None}))
    assert (mtime("a"), mtime("b"), mtime("c")) == (1e9, 1e9 + 0.25, 1e9 + 1)
    assert mtime("d") > time.time() - 100
    talk(create("", Upload_Length="11", Upload_Metadata=both("e", mtime="1000000000"), X_OC_Mtime="5"))
    talk(patch(0, HELLO, X_OC_Mtime="6", has=accepted))
    talk(create("g", Upload_Length="11", X_OC_Mtime="1000000001"))
    talk(patch(0, HELLO, X_OC_Mtime="1000000002", has=accepted))
    talk(create("h", Upload_Length="11", X_OC_Mtime="1000000001"))
    talk(patch(0, HELLO, has=accepted))
    assert (mtime("e"), mtime("g"), mtime("h")) == (1e9, 1e9 + 2, 1e9 + 1)


def test_the_answer_names_the_file(talk: Talk) -> None:
    """Etag and id as a listing has them, so that nobody needs to look."""
    one = talk(create("f", Upload_Length="11", body=HELLO, has=FINAL))
    talk(create("g", keep="b", Upload_Length="11"))
    two = talk(patch(0, HELLO, target="{b}", has=FINAL))
    with talk.gateway.client() as client:
        listed = client.list()
    for answer, name in ((one, "f"), (two, "g")):
        assert answer.headers["ETag"] == answer.headers["OC-ETag"] == listed[name].etag
        assert answer.headers["OC-FileId"] == listed[name].id
        assert answer.headers["OC-Perm"] == listed[name].permissions


def test_locks(talk: Talk) -> None:
    """A lock needs its token when the upload is created and when it ends; without it the last byte can be sent again."""
    with talk.gateway.client() as client:
        client.put("f", b"old")
        xml = b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>'
        token = client.ask("LOCK", "f", xml, {"Content-Type": "application/xml"}).headers["Lock-Token"]
        talk(create("f", 423, Upload_Length="11"))
        talk(create("f", 423, Upload_Length="11", body=HELLO))
        talk(create("f", Upload_Length="11", body=b"hello ", If=f"({token})"))
        talk(patch(6, b"world", 423))
        talk(patch(6, b"world", 409, If=f"({token})"))
        talk(head(Upload_Offset="10"))
        talk(patch(10, b"d", 412, If="(<urn:uuid:00000000-0000-0000-0000-000000000000>)"))
        talk(patch(10, b"d", If=f"({token})", has=FINAL))
        talk(create("f", keep="b", Upload_Length="3", body=b"new", If=f"({token})"))
        assert client.get("f") == b"new"
        assert client.ask("UNLOCK", "f", None, {"Lock-Token": token}).status == 204


def test_what_came_before_the_client_broke_off(talk: Talk) -> None:
    """The Server SHOULD always attempt to store as much of the received data as possible."""
    talk(create("f", Upload_Length="1000000"))
    top = f"PATCH {urlsplit(talk.uploads['a']).path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
    top += f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: 1000000\r\n"
    with socket.create_connection(("127.0.0.1", talk.gateway.port)) as connection:
        connection.sendall(top.encode() + LOGIN + b"\r\n" + b"x" * 400_000)
        time.sleep(0.3)
    in_time(lambda: talk(head(Upload_Length="1000000")).headers["Upload-Offset"] == "400000")
    talk(patch(400_000, b"y" * 600_000, has=FINAL))
    assert files(talk.gateway) == {"f": b"x" * 400_000 + b"y" * 600_000}


def test_a_client_that_is_still_sending(talk: Talk) -> None:
    """HEAD is answered all the same; nobody else may send or delete. One that has fallen silent is no obstacle."""
    talk(create("f", Upload_Length="1000000"))
    top = f"PATCH {urlsplit(talk.uploads['a']).path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
    top += f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: 1000000\r\n"
    with socket.create_connection(("127.0.0.1", talk.gateway.port)) as connection:
        connection.sendall(top.encode() + LOGIN + b"\r\n")
        sent, stop = 0, threading.Event()

        def drip() -> None:
            nonlocal sent
            while not stop.wait(0.05):
                sent += connection.send(b"x" * 1000)

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            talk(head(Upload_Offset="0", Upload_Length="1000000"))
            talk(patch(0, b"y" * 1_000_000, 423))
            talk(ask("DELETE", "{a}", 423))
        finally:
            stop.set()
            thread.join()
        talk(head(Upload_Offset=str(sent)))
        assert status(connection.recv(1000)) == 423
    talk(patch(sent, b"y" * (1_000_000 - sent), has=FINAL))
    assert files(talk.gateway) == {"f": b"x" * sent + b"y" * (1_000_000 - sent)}


def test_metadata_in_several_lines(talk: Talk) -> None:
    """A list may come in several fields (RFC 9110 5.3)."""
    top = f"POST {FILES} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 0\r\nUpload-Metadata: mtime MQ==\r\n"
    answer = dav.talk(talk.gateway.port, f"{top}Upload-Metadata: {metadata(filename='f')}\r\n".encode() + LOGIN + b"\r\n")
    assert status(answer) == 201
    assert os.stat(talk.gateway.disk() / "f").st_mtime == 1


def test_creations_that_break_off_leave_nothing(talk: Talk) -> None:
    """Nobody knows where they would have to be continued."""
    for length in ("Content-Length: 1000000", "Transfer-Encoding: chunked"):
        for announced in ("Upload-Length: 1000000", "Upload-Length: 2000000", "Upload-Defer-Length: 1"):
            lines = [
                f"POST {FILES} HTTP/1.1",
                "Host: x",
                "Tus-Resumable: 1.0.0",
                f"Content-Type: {CONTENT_TYPE}",
                length,
                announced,
            ]
            top = "\r\n".join([*lines, f"Upload-Metadata: {metadata(filename='f')}", ""]).encode() + LOGIN + b"\r\n"
            body = b"x" * 100_000 if "Content" in length else b"186a0\r\n" + b"x" * 100_000 + b"\r\n"
            with socket.create_connection(("127.0.0.1", talk.gateway.port)) as connection:
                connection.sendall(top + body)
                in_time(lambda: bool(talk.gateway.leftovers()))
            talk.gateway.assert_tidy()
    in_time(lambda: "alice" not in talk.gateway.tool("uploads", "list").stdout)
    assert files(talk.gateway) == {}


def test_refused_before_the_body_comes(talk: Talk) -> None:
    """Creation With Upload: Expect: 100-continue is for early feedback."""
    for headers, expected in (
        ("Upload-Length: 1000000\r\nIf-Match: *", 412),
        ("Upload-Length: 1000000\r\nUpload-Concat: no", 400),
        ("Upload-Length: 100", 413),
        ("Upload-Length: 2000000\r\nUpload-Checksum: no", 400),
    ):
        top = f"POST {FILES} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nContent-Type: {CONTENT_TYPE}\r\n{headers}\r\n"
        top += f"Upload-Metadata: {metadata(filename='f')}\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n"
        assert status(dav.talk(talk.gateway.port, top.encode() + LOGIN + b"\r\n")) == expected


def test_files_do_not_announce_it(talk: Talk) -> None:
    talk(create("f", Upload_Length="11", body=HELLO))
    talk(ask("PROPFIND", FILES + "f", 207, tus=None, Depth="0", has=dict.fromkeys(ANNOUNCED)))
    talk(ask("PROPFIND", FILES + "f", 207, tus=None, Depth="1", has=dict.fromkeys(ANNOUNCED)))
    talk(ask("PROPFIND", "/remote.php/dav/", 207, tus=None, Depth="1", has=dict.fromkeys(ANNOUNCED)))


def capabilities(gateway: Gateway) -> dict[str, object]:
    with gateway.client() as client:
        answer = client.raw("GET", "/ocs/v1.php/cloud/capabilities?format=json")
    found = json.loads(answer.body)["ocs"]["data"]["capabilities"]["files"]
    assert isinstance(found, dict)
    return found


def test_capabilities(house: Gateway) -> None:
    assert capabilities(house)["tus_support"] == {
        "version": "1.0.0",
        "resumable": "1.0.0",
        "extension": EXTENSIONS,
        "max_chunk_size": 10000019,
        "http_method_override": "",
    }


def test_a_restart(quick_gateway: Gateway) -> None:
    """Behind a proxy that has a name of its own; the upload goes on where it stood."""
    quick_gateway.configure(http={"public_url": "https://cloud.example.org"})
    quick_gateway.start()
    talk = Talk(quick_gateway)
    public = {"Location": re.compile(r"https://cloud\.example\.org/tus/[A-Za-z0-9_-]{20,}")}
    talk(ask("POST", FILES, 201, keep="a", Upload_Length="11", Upload_Metadata=metadata(filename="f"), has=public))
    talk(patch(0, b"hello ", has=NOT_YET))
    talk.finish_talking()
    quick_gateway.restart()
    talk(head(Upload_Offset="6", Upload_Length="11", Upload_Metadata=metadata(filename="f")))
    talk(patch(6, b"world", has=FINAL))
    talk.finish_talking()
    quick_gateway.restart()
    talk(head(Upload_Offset="11", Upload_Length="11"))
    talk.finish()
    assert files(quick_gateway) == {"f": HELLO}
    quick_gateway.assert_tidy()


def test_a_quota(quick_gateway: Gateway) -> None:
    """What is announced is reserved; what is not, is found out."""
    quick_gateway.configure(mounts__home={"quota": 1_000_000})
    quick_gateway.start()
    talk = Talk(quick_gateway)
    talk(create("f", 507, Upload_Length="1000001"))
    talk(create("f", 507, Upload_Length="1000001", body=b"x" * 1_000_001))
    talk(create("f", Upload_Length="600000"))
    talk(create("g", 507, Upload_Length="600000"))
    talk(create("h", keep="b", Upload_Defer_Length="1"))
    talk(patch(0, b"x" * 500_000, 507, target="{b}"))
    talk(patch(0, b"x" * 600_000, has=FINAL))
    talk.finish()
    assert files(quick_gateway) == {"f": b"x" * 600_000}
    quick_gateway.assert_tidy()


def test_without_tus(quick_gateway: Gateway) -> None:
    """Nothing of it is answered or announced."""
    quick_gateway.configure(uploads={"tus": False})
    quick_gateway.start()
    absent = dict.fromkeys(ANNOUNCED)
    with quick_gateway.client() as client:
        for verb, target, expected in (
            ("OPTIONS", FILES, 200),
            ("POST", FILES, 405),
            ("PROPFIND", FILES, 207),
            ("POST", "/tus/", 405),
            ("PATCH", "/tus/x", 405),
            ("HEAD", "/tus/x", 404),
        ):
            answer = client.raw(verb, target, None, {"Tus-Resumable": "1.0.0", "Upload-Length": "0", "Depth": "0"})
            assert answer.status == expected, (verb, target, answer)
            assert not absent.keys() & set(answer.headers.keys()), (verb, target)
        assert "POST" not in client.raw("OPTIONS", FILES).headers["Allow"]
    assert "tus_support" not in capabilities(quick_gateway)

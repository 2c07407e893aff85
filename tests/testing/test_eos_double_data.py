"""How the double takes and gives bytes: sections 3.1 to 3.4 of the reference, and what must never reach an MGM or an FST."""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import crypto
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import Clock

from .conftest import Eos
from .plain import Answer, Connection, Cut, ask, follow, sendable, threaded

CONTENT = bytes(range(256)) * 8


def adler(content: bytes, *, zeros: bool = False) -> str:
    digits = f"{zlib.adler32(content):08x}"
    return digits if zeros else digits.lstrip("0")


# A body that reaches the MGM.

IDENTITY = "x-forwarded-for: dummy\r\nx-gateway-authorization: gateway-key\r\nremote-user: bob\r\n"
SMUGGLED = "DELETE {home}/victim HTTP/1.1\r\nHost: x\r\n" + IDENTITY + "\r\n"


@pytest.mark.parametrize(
    "method, status", [("PUT", 307), ("DELETE", 404), ("MKCOL", 201), ("GET", 404), ("HEAD", 404), ("MOVE", 409)]
)
@threaded
def test_3_1_a_body_sent_to_the_mgm_is_the_next_request(eos: Eos, method: str, status: int) -> None:
    eos.run(eos.double.set_attribute, eos.home, "sys.acl", "u:1002:rwx")
    eos.run(eos.double.put, f"{eos.home}/victim", b"content", owner="alice")
    body = SMUGGLED.format(home=eos.home).encode()
    with Connection(eos.double.mgm_url) as connection:
        headers = {**eos.identity(), "Content-Length": str(len(body)), "Destination": f"{eos.home}/x"}
        connection.send(method, f"{eos.home}/name", headers, body)
        first = connection.answer(method)
        # The bytes wait for others to arrive.
        assert "victim" in eos.names()
        connection.send("HEAD", eos.home, eos.identity())
        second = connection.answer()

    assert (first.status, second.status) == (status, 204)
    assert "victim" not in eos.names()
    assert [(one.method, one.who, one.smuggled) for one in eos.double.record.exchanges] == [
        (method, 1001, False),
        ("DELETE", 1002, True),
    ]
    eos.accept(
        f"{eos.home}/name: a body sent to the MGM", f"mgm DELETE {eos.home}/victim: a request that came as the body of another"
    )


@threaded
def test_3_1_also_after_a_refusal(eos: Eos) -> None:
    body = f"HEAD {eos.home} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with Connection(eos.double.mgm_url) as connection:
        connection.send("PUT", f"{eos.home}/name", {**eos.identity("bob"), "Content-Length": str(len(body))})
        assert connection.answer().status == 403
        connection.socket.sendall(body)
        assert connection.answer("HEAD").status == 403

    eos.accept("a body sent to the MGM", "a request that came as the body of another")


@pytest.mark.parametrize("body", [b"hello, world\r\n\r\n", b"0\r\n\r\n"])
@threaded
def test_3_1_bytes_that_are_no_request_are_noted(eos: Eos, body: bytes) -> None:
    with Connection(eos.double.mgm_url) as connection:
        connection.send("PUT", f"{eos.home}/name", {**eos.identity(), "Transfer-Encoding": "chunked"})
        assert connection.answer().status == 307
        connection.socket.sendall(body)
        assert connection.answer().status == 501

    eos.accept("chunked True", "leftover bytes of a body")


@threaded
def test_3_1_libmicrohttpd_drops_a_body(eos: Eos) -> None:
    body = SMUGGLED.format(home=eos.home).encode()

    with Connection(eos.double.mhd_url) as connection:
        headers = {**eos.identity(mhd=True), "Content-Length": str(len(body))}
        assert connection.ask("DELETE", f"{eos.home}/name", headers, body).status == 404
        assert connection.ask("PROPFIND", eos.home, {**eos.identity(mhd=True), "Depth": "0"}).status == 207
        # 4.1: and says so of MKCOL.
        assert connection.ask("MKCOL", f"{eos.home}/name", headers, body).status == 415

    eos.accept("DELETE", "MKCOL")


@threaded
def test_3_1_two_lengths_are_noted(eos: Eos) -> None:
    with Connection(eos.double.mgm_url) as connection:
        connection.socket.sendall(f"PUT {eos.home}/x HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n".encode())
        connection.answer()

    eos.accept("a body sent to the MGM", "two Content-Length")


@threaded
def test_3_1_the_body_of_a_propfind_is_read(eos: Eos) -> None:
    body = b'<d:propfind xmlns:d="DAV:"><d:prop><d:getetag/></d:prop></d:propfind>'
    with Connection(eos.double.mgm_url) as connection:
        headers = {**eos.identity(), "Depth": "0", "Content-Length": str(len(body))}
        answers = [connection.ask("PROPFIND", eos.home, headers, body) for _ in range(2)]

    assert [one.status for one in answers] == [207, 207]


@threaded
def test_4_2_the_body_of_a_propfind_is_waited_for_once(eos: Eos) -> None:
    smuggled = f"MKCOL {eos.home}/new HTTP/1.1\r\nHost: x\r\n{IDENTITY}\r\n".replace("bob", "alice").encode()
    with Connection(eos.double.mgm_url) as connection:
        headers = {**eos.identity(), "Depth": "0", "Content-Length": str(1 + len(smuggled))}
        connection.send("PROPFIND", eos.home, headers)
        # It waits now.
        while not eos.run(lambda: eos.double.record.exchanges):
            pass
        connection.socket.sendall(b" ")
        assert connection.answer().status == 207
        connection.socket.sendall(smuggled)
        assert connection.answer().status == 201

    assert eos.names() == ["new"]
    eos.accept("a body that came in more than one piece", "a request that came as the body of another")


@pytest.mark.parametrize("method", ["PROPPATCH", "LOCK", "POST"])
@threaded
def test_3_1_other_bodies_are_not_read_either(eos: Eos, method: str) -> None:
    eos.mgm(method, "", {"Content-Length": "3"}, body=b"abc")

    eos.accept("a body sent to the MGM")


# What an FST must not see.


@pytest.mark.parametrize(
    "name", ["x-forwarded-for", "x-gateway-authorization", "remote-user", "x-real-ip", "cookie", "authorization"]
)
@threaded
def test_3_1_who_somebody_is_must_not_reach_an_fst(eos: Eos, name: str) -> None:
    follow(eos.located("file", 3), "PUT", {"Content-Length": "3", name: "x"}, b"abc")

    eos.accept(f"sent to an FST: {name}")


@pytest.mark.parametrize("damage", [lambda text: text.replace("cap.msg", "cap.mess"), lambda text: text[:-60] + text[-50:]])
@threaded
def test_3_1_a_damaged_capability_is_an_empty_500(eos: Eos, damage: Callable[[str], str]) -> None:
    secret = next(iter(eos.double.record.secrets), "")
    location = eos.located("file", 3)
    secret = next(iter(eos.double.record.secrets))
    damaged = location.replace(secret, secret[:-3]) if damage("cap.msg") == "cap.msg" else damage(location)

    answer = follow(damaged, "PUT", {"Content-Length": "3"}, b"abc")

    assert (answer.status, answer.body) == (500, b"")
    eos.accept("capability")


@threaded
def test_3_1_a_capability_opens_again_and_writes_in_place(eos: Eos) -> None:
    location = eos.located("file", 3)
    first = follow(location, "PUT", {"Content-Length": "3"}, b"abc")
    fid = eos.info("file")["id"]
    second = follow(location, "PUT", {"Content-Length": "4"}, b"defg")

    assert (first.status, second.status) == (201, 201)
    assert (eos.info("file")["id"], eos.double.content(f"{eos.home}/file")) == (fid, b"defg")
    assert first.header("ETag") != second.header("ETag")
    eos.accept("a capability used twice")


@threaded
def test_3_1_a_capability_to_read_does_not_write(eos: Eos) -> None:
    eos.upload("file", b"abc")
    location = eos.mgm("GET", "file").header("Location") or ""

    assert follow(location, "PUT", {"Content-Length": "1"}, b"x").status == 500
    assert eos.double.content(f"{eos.home}/file") == b"abc"
    eos.accept("capability")


@threaded
def test_3_1_capabilities_are_known_wherever_they_turn_up(eos: Eos) -> None:
    location = eos.located("file", 3)

    assert len(eos.double.record.leaked(f"GET {location} 200")) == 1
    assert eos.double.record.leaked("GET /eos/user/a/alice 200") == []


# Redirects.


@pytest.mark.parametrize("version, path", [("5.1.30", "a b#1%.txt"), ("5.3.21", "a b#1%.txt"), ("5.4.0", "a%20b%231%25.txt")])
@threaded
def test_0_the_path_of_a_redirect(makes: Any, version: str, path: str) -> None:
    eos = makes[version]

    location = eos.located("a b#1%.txt", 1)

    assert location.startswith(f"{eos.double.fst.url}{eos.home}/{path}?encURI=%26cap.sym%3D")
    assert {"/", "=", "&", "#"}.isdisjoint(location.rpartition("?encURI=")[2])


@threaded
def test_3_1_the_path_of_a_redirect_is_not_used(eos: Eos) -> None:
    _, _, query = eos.located("right", 3).partition("?")

    assert ask(eos.double.fst.url, "PUT", f"/wrong?{query}", {"Content-Length": "3"}, b"abc").status == 201
    assert eos.names() == ["right"]


@threaded
def test_3_1_what_a_redirect_says(eos: Eos) -> None:
    new = eos.mgm("PUT", "file", {"OC-Total-Length": "3"})
    follow(new.header("Location") or "", "PUT", {"Content-Length": "3"}, b"abc")
    old = eos.mgm("PUT", "file", {"OC-Total-Length": "3"})

    assert (new.header("ETag"), new.header("Content-Length")) == ("undef", "0")
    assert old.header("ETag") == eos.info("file")["etag"]
    assert new.header("X-Accel-Redirect") == new.header("X-Sendfile") == new.header("Location")


# Uploads.


@threaded
def test_9_1_an_upload(eos: Eos) -> None:
    location = eos.located("file", 11, {"X-OC-Mtime": "1700000000"})
    assert [name for name in eos.names() if not name.startswith(".sys.a#.")] == []

    headers = {"Content-Length": "11", "X-OC-Mtime": "1700000000", "OC-Checksum": "Adler32:1a0b045d"}
    answer = follow(location, "PUT", headers, b"hello world")

    info = eos.info("file")
    assert (answer.status, answer.phrase, answer.header("X-OC-Mtime")) == (201, "CREATED", "accepted")
    assert answer.header("ETag") == info["etag"] == f'"{info["id"] << 28}:1a0b045d"'
    assert answer.header("OC-FileId") == str(info["inode"]) == str(info["id"] << 28)
    assert (info["size"], info["mtime"], info["checksumvalue"], info["checksumtype"]) == (11, 1700000000, "1a0b045d", "adler")
    assert eos.names() == ["file"]


@threaded
def test_3_1_no_mtime_no_file_id(eos: Eos) -> None:
    answer = eos.upload("file", b"abc")

    assert (answer.header("X-OC-Mtime"), answer.header("OC-FileId")) == (None, None)


@pytest.mark.parametrize(
    "first, second, applied",
    [
        ("1700000000", "1700000000", 1700000000),
        ("1700000000", "", 1700000000),
        ("", "1700000000", None),
        ("1700000000.75", "", 1700000000),
    ],
)
@threaded
def test_7_4_an_atomic_upload_takes_its_time_from_the_first_hop(eos: Eos, first: str, second: str, applied: int | None) -> None:
    location = eos.located("file", 3, {"X-OC-Mtime": first} if first else {})
    answer = follow(location, "PUT", {"Content-Length": "3", **({"X-OC-Mtime": second} if second else {})}, b"abc")

    info = eos.info("file")
    assert answer.header("X-OC-Mtime") == ("accepted" if second else None)
    assert (info["mtime"] == 1700000000) is (applied == 1700000000)
    assert "." not in first or info["mtime_ns"] == 75


CHECKSUMS = {
    "3.1-12-right": (CONTENT, f"Adler32:{adler(CONTENT)}", 201),
    "3.1-12-the-word-has-any-case": (CONTENT, f"aDLER32:{adler(CONTENT)}", 201),
    "3.1-12-wrong": (CONTENT, "Adler32:12345678", 412),
    "3.1-12-upper-case": (b"hello world", "Adler32:1A0B045D", 412),
    "3.1-12-zeros": (b"hello", f"Adler32:{adler(b'hello', zeros=True)}", 412),
    "3.1-12-no-zeros": (b"hello", f"Adler32:{adler(b'hello')}", 201),
    "3.1-12-another-type-is-ignored": (CONTENT, "SHA1:0000", 201),
}


@pytest.mark.parametrize("content, header, status", CHECKSUMS.values(), ids=CHECKSUMS)
@threaded
def test_checksums(eos: Eos, content: bytes, header: str, status: int) -> None:
    assert adler(b"hello", zeros=True).startswith("0")

    answer = eos.upload("file", content, {"OC-Checksum": header})

    assert answer.status == status
    assert eos.names() == (["file"] if status == 201 else [])
    if status == 201:
        assert eos.info("file")["checksumvalue"] == adler(content, zeros=True)


@threaded
def test_3_1_the_announced_length_is_not_compared(eos: Eos) -> None:
    assert follow(eos.located("file", 10), "PUT", {"Content-Length": "3"}, b"abc").status == 201
    assert eos.info("file")["size"] == 3


@threaded
def test_3_1_a_length_at_the_mgm_is_enforced_at_the_end(eos: Eos) -> None:
    eos.double.make_home("alice", atomic=False, versioning=0)
    location = eos.mgm("PUT", "file", {"Content-Length": "10"}).header("Location") or ""

    assert follow(location, "PUT", {"Content-Length": "3"}, b"abc").status == 500
    assert eos.names() == []
    eos.accept("a body sent to the MGM")


@threaded
def test_3_1_an_empty_file(eos: Eos) -> None:
    assert eos.upload("file", b"").status == 201

    answer = eos.mgm("GET", "file")
    assert (answer.status, answer.body, answer.header("ETag")) == (200, b"", eos.info("file")["etag"])


@pytest.mark.parametrize("port, status", [("xrdhttp", 411), ("mhd", 201)])
@threaded
def test_3_1_neither_length_nor_chunks(makes: Any, port: str, status: int) -> None:
    eos = makes["5.1.30", (("data_port", port),)]

    answer = follow(eos.located("file", 3), "PUT")

    assert answer.status == status
    assert "file" not in eos.names()


@threaded
def test_3_1_a_body_in_chunks(eos: Eos) -> None:
    answer = follow(eos.located("file", 3), "PUT", {"Transfer-Encoding": "chunked"}, b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")

    assert (answer.status, eos.double.content(f"{eos.home}/file")) == (201, b"abc")


@threaded
def test_3_1_a_body_that_ends_early_leaves_the_old_file(eos: Eos) -> None:
    eos.upload("file", b"old")
    etag = eos.info("file")["etag"]
    url, target = sendable(eos.located("file", 10))
    with Connection(url) as connection:
        connection.send("PUT", target, {"Content-Length": "10"}, b"abc")
        connection.socket.shutdown(1)
        assert connection.ended()

    assert eos.names() == ["file"]
    assert (eos.info("file")["etag"], eos.double.content(f"{eos.home}/file")) == (etag, b"old")


@threaded
def test_3_1_a_directory_as_target_is_201_and_lost(eos: Eos) -> None:
    eos.mgm("MKCOL", "folder")

    assert eos.upload("folder", b"abc").status == 201
    assert eos.double.names(f"{eos.home}/folder") == []
    assert [name[:14] for name in eos.names()] == [".sys.a#.v#fold", "folder"]


@threaded
def test_3_1_an_abandoned_handshake_leaves_a_hidden_entry(eos: Eos) -> None:
    eos.upload("file", b"old")
    eos.located("file", 10)

    assert [name.rpartition(".")[0] for name in eos.names()][:1] == [".sys.a#.v#file"]
    assert eos.double.content(f"{eos.home}/file") == b"old"
    listed = eos.mgm("PROPFIND", "", {"Depth": "1"}).body
    assert b".sys.a" not in listed
    assert len(eos.info("")["children"]) == 2


QUOTA: dict[str, tuple[dict[str, str], int, int]] = {
    "7.9-announced-too-much": ({"OC-Total-Length": "2000"}, 507, 1),
    "7.9-not-announced": ({"Content-Length": "0"}, 307, 1),
    "7.9-fits": ({"OC-Total-Length": "500"}, 307, 1),
}


@pytest.mark.parametrize("headers, status, hidden", QUOTA.values(), ids=QUOTA)
@threaded
def test_quota(eos: Eos, headers: dict[str, str], status: int, hidden: int) -> None:
    eos.double.set_quota("/eos/user", "alice", bytes=1000)

    answer = eos.mgm("PUT", "file", headers)

    # 3.1: the hidden entry is there also after a refusal.
    assert (answer.status, len(eos.names())) == (status, hidden)
    assert status != 507 or (answer.phrase == "UNKNOWN_RESPONSE_CODE" and answer.body.endswith(b"; Disk quota exceeded"))


@threaded
def test_7_9_without_an_entry_in_the_node_nothing_can_be_written(eos: Eos) -> None:
    eos.double.make_home("bob", quota=None)

    assert eos.mgm("PUT", "/eos/user/b/bob/file", {"OC-Total-Length": "1"}, who="bob").status == 507


PUTS: dict[str, tuple[str, dict[str, str], int]] = {
    "3.1-5-no-parent": ("missing/file", {}, 409),
    "3.1-5-a-file-as-parent": ("present/file", {}, 409),
    "3.1-5-a-slash-at-the-end": ("new/", {}, 501),
    "3.1-if-match-right": ("present", {"If-Match": "right"}, 307),
    "3.1-if-match-wrong": ("present", {"If-Match": '"1:2"'}, 412),
    "3.1-if-match-of-nothing": ("new", {"If-Match": '"1:2"'}, 307),
    "3.1-if-none-match-is-ignored": ("present", {"If-None-Match": "*"}, 307),
}


@pytest.mark.parametrize("path, headers, status", PUTS.values(), ids=PUTS)
@threaded
def test_put_at_the_mgm(eos: Eos, path: str, headers: dict[str, str], status: int) -> None:
    eos.upload("present", b"abc")
    if headers.get("If-Match") == "right":
        headers = {"If-Match": eos.info("present")["etag"]}

    url = f"{eos.home}/{path}"
    answer = ask(eos.double.mgm_url, "PUT", url, {**eos.identity(), "OC-Total-Length": "1", **headers})

    assert answer.status == status


@threaded
def test_3_1_a_plain_put_on_a_directory(eos: Eos) -> None:
    eos.double.make_home("alice", atomic=False)
    eos.mgm("MKCOL", "folder")

    assert eos.mgm("PUT", "folder", {"Content-Length": "0"}).status == 500


# What happens to the old file.


@threaded
def test_3_2_atomic_with_versions(eos: Eos) -> None:
    eos.upload("file", b"old")
    before = eos.info("file")
    eos.proc(f"mgm.cmd=attr&mgm.subcmd=set&mgm.path={eos.home}/file&mgm.attr.key=user.k&mgm.attr.value=base64:dg==")
    eos.upload("file", b"new")
    folder = eos.info(".sys.v#.file")
    eos.upload("file", b"newer")

    after = eos.info("file")
    assert before["id"] != after["id"]
    assert eos.info(".sys.v#.file")["id"] == folder["id"]
    assert [one["id"] for one in folder["children"]] == [before["id"]]
    assert folder["children"][0]["name"] == f"{eos.double.tree.files[before['id']].name}"
    assert folder["children"][0]["name"].endswith(f".{before['id']:08x}")
    # The attributes come along.
    assert after["xattr"]["user.k"] == "v"


@threaded
def test_3_2_atomic_without_versions(eos: Eos) -> None:
    eos.double.make_home("alice", versioning=0)
    eos.upload("file", b"old")
    eos.mgm("MKCOL", ".sys.v#.file")
    folder = eos.info(".sys.v#.file")["id"]
    eos.proc(f"mgm.cmd=attr&mgm.subcmd=set&mgm.path={eos.home}/file&mgm.attr.key=user.k&mgm.attr.value=base64:dg==")
    eos.upload("file", b"new")

    assert eos.info(".sys.v#.file")["id"] == folder
    assert "user.k" not in eos.info("file")["xattr"]
    # 7.7: what is overwritten lands in the trash.
    (entry,) = eos.double.recycled("alice")
    assert entry.path.startswith(f"{eos.home}/file") and entry.path.endswith(".delete")


@threaded
def test_3_2_plain_with_versions_the_name_is_absent_meanwhile(eos: Eos) -> None:
    eos.double.make_home("alice", atomic=False)
    eos.plain_upload("file", b"old")
    old = eos.info("file")["id"]
    location = eos.mgm("PUT", "file", {"Content-Length": "0"}).header("Location") or ""

    assert [one["id"] for one in eos.info(".sys.v#.file")["children"]] == [old]
    assert follow(location, "PUT", {"Content-Length": "3"}, b"new").status == 201
    assert eos.double.content(f"{eos.home}/file") == b"new"


@threaded
def test_3_2_plain_without_versions_loses_the_file_and_its_stable_id(eos: Eos) -> None:
    eos.double.make_home("alice", atomic=False, versioning=0, recycle=False)
    eos.plain_upload("file", b"old")
    eos.mgm("MKCOL", ".sys.v#.file")
    url, target = sendable(eos.mgm("PUT", "file", {"Content-Length": "0"}).header("Location") or "")
    # 3.1: the old content is gone at the first hop already, an empty file stands there.
    assert eos.names() == ["file"] and eos.info("file")["size"] == 0
    with Connection(url) as connection:
        connection.send("PUT", target, {"Content-Length": "10"}, b"abc")
        connection.socket.shutdown(1)
        assert connection.ended()

    assert eos.names() == []


@threaded
def test_3_2_of_uploads_that_overlap_the_one_opened_last_wins(eos: Eos) -> None:
    first, last = eos.located("file", 3), eos.located("file", 3)

    assert follow(first, "PUT", {"Content-Length": "3"}, b"one").status == 500
    assert follow(last, "PUT", {"Content-Length": "3"}, b"two").status == 201
    assert (eos.names(), eos.double.content(f"{eos.home}/file")) == (["file"], b"two")


@threaded
def test_3_2_versions_by_somebody_else(eos: Eos) -> None:
    eos.double.set_attribute(eos.home, "sys.acl", "u:1002:rwx")
    eos.upload("file", b"old")

    assert eos.mgm("PUT", "file", {"OC-Total-Length": "3"}, who="bob").status == 403


# Downloads.

RANGES: dict[str, tuple[str, int, bytes]] = {
    "3.3-one": ("bytes=0-3", 206, CONTENT[:4]),
    "3.3-open": ("bytes=2000-", 206, CONTENT[2000:]),
    "3.3-suffix": ("bytes=-16", 206, CONTENT[-16:]),
    "3.3-beyond-the-end-is-not-clamped": ("bytes=2040-9999", 416, b""),
    "3.3-after-the-end": ("bytes=9999-", 416, b""),
}


@pytest.mark.parametrize("header, status, body", RANGES.values(), ids=RANGES)
@threaded
def test_ranges(eos: Eos, header: str, status: int, body: bytes) -> None:
    eos.upload("file", CONTENT)

    answer = eos.download("file", {"Range": header})

    assert (answer.status, answer.body) == (status, body)
    if status == 206:
        start = CONTENT.index(body) if header[6] != "-" else 2032
        start = 2000 if header == "bytes=2000-" else start
        assert answer.header("Content-Range") == f"bytes {start}-{start + len(body) - 1}/2048"


@threaded
def test_3_3_several_ranges(eos: Eos) -> None:
    eos.upload("file", CONTENT)

    answer = eos.download("file", {"Range": "bytes=0-1,4-5"})

    assert answer.header("Content-Type") == "multipart/byteranges; boundary=EOSMULTIPARTBOUNDARY"
    assert b"\n--EOSMULTIPARTBOUNDARY\n" in answer.body and b"\r\n" not in answer.body


@threaded
def test_9_2_a_download(eos: Eos) -> None:
    eos.upload("file", b"hello", {"X-OC-Mtime": "1700000000"})

    answer = eos.download("file", {"Want-Digest": "adler32", "If-None-Match": eos.info("file")["etag"]})

    assert (answer.status, answer.body, answer.header("Content-Length")) == (200, b"hello", "5")
    assert answer.header("ETag") == eos.info("file")["etag"]
    assert answer.header("Last-Modified") == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert answer.header("OC-Checksum") == f"Adler32:{adler(b'hello')}"
    assert answer.header("Digest") == f"adler32={adler(b'hello', zeros=True)}"


@pytest.mark.parametrize(
    "version, coding", [("5.1.30", None), ("5.3.21", None), ("5.4.11", None), ("5.5.0", "chunked")], ids=lambda value: str(value)
)
@threaded
def test_3_3_the_framing_of_a_whole_file(makes: Any, version: str, coding: str | None) -> None:
    eos = makes[version]
    eos.upload("file", CONTENT)

    answer = eos.download("file")

    assert (answer.body, answer.header("Transfer-Encoding")) == (CONTENT, coding)


@threaded
def test_3_3_chunks_end_properly_also_where_bytes_are_missing(makes: Any) -> None:
    eos = makes["5.5.0"]
    eos.upload("file", CONTENT)
    eos.double.fault(server="fst", method="GET", send=100)

    assert eos.download("file").body == CONTENT[:100]


@threaded
def test_3_3_a_length_tells_that_bytes_are_missing(eos: Eos) -> None:
    eos.upload("file", CONTENT)
    eos.double.fault(server="fst", method="GET", send=100)

    with pytest.raises(Cut) as cut:
        eos.download("file")
    assert cut.value.so_far == CONTENT[:100]


@threaded
def test_3_3_ranges_framed_as_chunks(makes: Any) -> None:
    eos = makes["5.5.0", (("framed_ranges", True),)]
    eos.upload("file", b"abcdef")

    assert eos.download("file", {"Range": "bytes=0-3"}).body == b"4\r\na"


@threaded
def test_3_3_links_lead_out(eos: Eos) -> None:
    link = f"mgm.path={eos.home}/link&mgm.file.source={eos.home}/link&mgm.file.target=https://example.org/x"
    assert eos.proc(f"mgm.cmd=file&mgm.subcmd=symlink&{link}")["retc"] == "0"

    answer = eos.mgm("GET", "link")

    assert (answer.status, answer.header("Location")) == (307, "https://example.org/x")


@pytest.mark.parametrize("method, status", [("HEAD", 500), ("DELETE", 501)])
@threaded
def test_3_3_other_verbs_at_an_fst(eos: Eos, method: str, status: int) -> None:
    assert ask(eos.double.fst.url, method, "/x").status == status


# Pieces.


def piece(eos: Eos, path: str, first: int, some: bytes, **headers: str) -> Answer:
    extra = {"x-upload-range": f"bytes={first}-{first + len(some) - 1}"}
    extra |= {f"x-upload-{name}": value for name, value in headers.items()}
    location = eos.mgm("PUT", path, extra).header("Location") or ""
    return follow(location, "PUT", {**extra, "Content-Length": str(len(some))}, some)


@threaded
def test_3_4_pieces(eos: Eos) -> None:
    name = ".sys.reva#.upload"
    first = piece(eos, name, 0, b"abc", totalsize="6")
    meanwhile = eos.info(name)
    last = piece(eos, name, 3, b"def", totalsize="6", mtime="1700000000")

    after = eos.info(name)
    assert (first.status, last.status) == (201, 201)
    assert meanwhile["checksumvalue"] == "00000001" and meanwhile["id"] == after["id"]
    assert first.header("ETag") == f'"{after["id"] << 28}:{meanwhile["ctime"]}"'
    assert last.header("ETag") == after["etag"] == f'"{after["id"] << 28}:{adler(b"abcdef", zeros=True)}"'
    assert last.header("x-eos-inode") == str(after["inode"])
    assert (after["mtime"], eos.double.content(f"{eos.home}/{name}")) == (1700000000, b"abcdef")
    # Under its own name, hidden from nobody but by its letters.
    assert name.encode().replace(b"#", b"%23") in eos.mgm("PROPFIND", "", {"Depth": "1"}).body


@threaded
def test_3_4_without_the_whole_size_a_piece_is_all(eos: Eos) -> None:
    piece(eos, "file", 0, b"abc", totalsize="6")

    assert piece(eos, "file", 3, b"def").status == 201
    assert eos.double.content(f"{eos.home}/file") == b"def"


@threaded
def test_3_4_any_order_with_done(eos: Eos) -> None:
    piece(eos, "file", 3, b"def", totalsize="6", done="false")
    last = piece(eos, "file", 0, b"abc", totalsize="6", done="true")

    assert eos.double.content(f"{eos.home}/file") == b"abcdef"
    assert last.header("ETag") == eos.info("file")["etag"]


@threaded
def test_3_1_a_capability_lives_for_an_hour(makes: Any) -> None:
    clock = Clock()
    eos = makes["5.3.21", (("clock", clock),)]
    late, in_time = eos.located("late", 3), eos.located("file", 3)
    eos.run(clock.advance, 3599)
    assert follow(in_time, "PUT", {"Content-Length": "3"}, b"abc").status == 201
    eos.run(clock.advance, 2)

    assert follow(late, "PUT", {"Content-Length": "3"}, b"abc").status == 500


@threaded
def test_3_1_an_attribute_overrides_what_is_booked(eos: Eos) -> None:
    eos.double.set_quota("/eos/user", "alice", bytes=1000)
    eos.double.set_attribute(eos.home, "sys.forced.bookingsize", "10")

    assert eos.mgm("PUT", "file", {"OC-Total-Length": "2000"}).status == 307


@threaded
def test_capabilities_that_are_not_reusable_if_so_set(makes: Any) -> None:
    eos = makes["5.3.21", (("reusable_capabilities", False),)]
    location = eos.located("file", 3)

    statuses = [follow(location, "PUT", {"Content-Length": "3"}, b"abc").status for _ in range(2)]

    assert statuses == [201, 500]
    eos.accept("a capability used twice")


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # Twisted's own way with certificates
@pytest.mark.parametrize("stays, scheme", [(True, "https"), (False, "http")])
@threaded
def test_2_who_comes_by_tls_may_be_redirected_to_clear_text(makes: Any, stays: bool, scheme: str) -> None:
    eos = makes["5.3.21", (("tls", certificate()), ("redirect_to_https", stays))]

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with Connection(eos.double.mgm_url) as connection:
        connection.socket = context.wrap_socket(connection.socket)
        answer = connection.ask("PUT", f"{eos.home}/file", {**eos.identity(), "OC-Total-Length": "3"})
    url, target = sendable(answer.header("Location") or "")
    with Connection(url) as connection:
        if stays:
            connection.socket = context.wrap_socket(connection.socket)
        stored = connection.ask("PUT", target, {"Content-Length": "3"}, b"abc")

    assert eos.double.mgm_url.startswith("https://") and url.startswith(f"{scheme}://")
    assert (answer.status, stored.status) == (307, 201)


@threaded
def test_a_client_that_wants_the_connection_closed(eos: Eos) -> None:
    with Connection(eos.double.mgm_url) as connection:
        answer = connection.ask("HEAD", eos.home, {**eos.identity(), "Connection": "close"})

        assert (answer.header("Connection"), connection.ended()) == ("Close", True)


@threaded
def test_3_1_libmicrohttpd_closes_after_a_put(eos: Eos) -> None:
    with Connection(eos.double.mhd_url) as connection:
        answer = connection.ask("PUT", f"{eos.home}/file", {**eos.identity(mhd=True), "OC-Total-Length": "3"})

        assert (answer.status, answer.header("Connection"), connection.ended()) == (307, "Keep-Alive", True)


def certificate() -> CertificateOptions:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(1))
        .not_valid_after(now + timedelta(1))
        .sign(key, hashes.SHA256())
    )
    return CertificateOptions(crypto.PKey.from_cryptography_key(key), crypto.X509.from_cryptography(signed))

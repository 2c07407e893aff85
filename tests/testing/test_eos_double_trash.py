"""The trash of the double: what goes there, and the commands for it in protobuf (sections 4.8 and 7.7)."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import pytest

from .conftest import Eos
from .plain import ask, threaded

LS, PURGE, RESTORE = 1, 2, 3


def number(field: int, value: int) -> bytes:
    return bytes((field << 3, value))


def text(field: int, value: bytes) -> bytes:
    return bytes((field << 3 | 2, len(value))) + value


def command(eos: Eos, kind: int, inner: bytes, *, who: str = "alice", mhd: bool = False) -> tuple[int, str]:
    """Number and text of the answer."""
    coded = base64.b64encode(text(10, text(kind, inner))).decode()
    url = eos.double.mhd_url if mhd else eos.double.mgm_url
    # The XrdHttp port does not decode the query.
    said = quote(coded, safe="") if mhd else coded
    answer = ask(url, "GET", f"/proc/user/?mgm.cmd.proto={said}", eos.identity(who, mhd=mhd))
    assert answer.status == 200
    out, _, rest = answer.body.decode().partition("&mgm.proc.stderr=")
    return int(rest.rpartition("&mgm.proc.retc=")[2]), out.removeprefix("mgm.proc.stdout=")


def removed(eos: Eos, path: str = "file", content: bytes = b"content") -> bytes:
    eos.run(eos.double.put, f"{eos.home}/{path}", content, owner="alice")
    assert eos.mgm("DELETE", path).status == 204
    return eos.run(eos.double.recycled, "alice")[-1].key.encode()


@pytest.mark.parametrize(("version", "key", "parents"), [("5.1.30", 3, 4), ("5.3.21", 3, 4), ("5.4.11", 4, 3)])
@threaded
def test_4_8_fields_are_numbered_by_version(makes: Any, version: str, key: int, parents: int) -> None:
    eos, mhd = makes[version], version == "5.1.30"
    entry = removed(eos, "folder & more/file") if eos.mgm("MKCOL", "folder & more").status == 201 else b""
    assert eos.mgm("DELETE", "folder & more").status == 204
    # The other version's numbers: of another type, so they are unknown, and there is no key.
    assert command(eos, RESTORE, text(parents, entry), mhd=mhd)[0] == 2
    assert command(eos, RESTORE, text(key, entry), mhd=mhd)[0] == 2, "its folder is gone"
    # Both at once: each version takes its own.
    both = number(parents, 1) + text(key, entry) + text(parents, entry)
    assert command(eos, RESTORE, both, mhd=mhd)[0] == 0
    assert eos.names("folder & more") == ["file"]


@threaded
def test_7_7_restoring(eos: Eos) -> None:
    entry = removed(eos)
    before = eos.info(entry.decode())
    assert "/recycle/uid:1001/" in before["path"]
    assert command(eos, RESTORE, text(4, entry) + text(3, entry), who="bob")[0] == 1
    eos.run(eos.double.put, f"{eos.home}/file", b"another", owner="alice")
    assert command(eos, RESTORE, text(3, entry))[0] == 17
    assert command(eos, RESTORE, number(1, 1) + text(3, entry))[0] == 0
    after = eos.info("file")
    assert (after["fxid"], after["etag"]) == (before["fxid"], before["etag"])
    (other,) = [name for name in eos.names() if name != "file" and not name.startswith(".sys.")]
    assert other.startswith("file.00000000")


@threaded
def test_7_7_versions_come_along_if_asked_for(eos: Eos) -> None:
    for content in (b"1", b"22"):
        eos.upload("file", content)
    assert eos.mgm("DELETE", "file").status == 204
    key = next(one.key for one in eos.run(eos.double.recycled, "alice") if one.path.endswith("/file")).encode()
    assert command(eos, RESTORE, number(2, 1) + text(3, key))[0] == 0
    assert [name for name in eos.names() if name.startswith(".sys.v#.")] == [".sys.v#.file"]
    assert len(eos.names(".sys.v#.file")) == 1


@threaded
def test_7_7_listing_and_purging(eos: Eos) -> None:
    entry = removed(eos, "a file & more")
    found, said = command(eos, LS, number(1, 1) + number(3, 1))
    assert found == 0
    assert f"restore-path={eos.home}/a file & more restore-key={entry.decode()} " in said
    assert command(eos, LS, number(1, 1), who="bob") == (0, "")
    assert command(eos, LS, text(5, b"1970/01/01")) == (0, "")
    # Nobody who is no administrator may.
    assert command(eos, PURGE, text(3, entry))[0] == 1

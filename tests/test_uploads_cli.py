"""``clawgate uploads``, beside a gateway that runs and without one."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from .wire.dav import Client
from .wire.gateway import Gateway

UPLOADS = "/remote.php/dav/uploads/alice"
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    folder = tmp_path / "gateway"
    folder.mkdir()
    gateway = Gateway(folder)
    gateway.configure(index={"tidy_seconds": 1})
    gateway.make_home()
    gateway.start()
    yield gateway
    gateway.close()


def chunked(client: Client, key: str, *, size: int | None = 10) -> None:
    """An upload with 4 bytes."""
    headers = {} if size is None else {"OC-Total-Length": str(size)}
    assert client.raw("MKCOL", f"{UPLOADS}/{key}", headers=headers).status == 201
    assert client.raw("PUT", f"{UPLOADS}/{key}/0000000000000000", b"1234").status == 201


def tus(client: Client, name: bytes) -> str:
    """An upload with 3 of 12 bytes; its id."""
    from base64 import b64encode

    metadata = {"Upload-Length": "12", "Upload-Metadata": f"filename {b64encode(name).decode()}"}
    answer = client.ask("POST", "", b"abc", TUS | metadata)
    assert answer.status == 201, answer
    return answer.headers["Location"].rpartition("/")[2]


def listed(gateway: Gateway) -> list[list[str]]:
    said = gateway.tool("uploads", "list")
    assert (said.returncode, said.stderr) == (0, "")
    return [line.split("\t") for line in said.stdout.splitlines()]


def test_uploads_are_listed_with_their_progress(gateway: Gateway) -> None:
    with gateway.client() as client:
        chunked(client, "4711")
        chunked(client, "4712", size=None)
        id = tus(client, b"n\xc3\xa4her\x1b[31m.txt")
        finished = tus(client, b"done")
        assert client.raw("PATCH", f"/tus/{finished}", b"defghijklmno"[:9], TUS | {"Upload-Offset": "3"}).status == 204
    lines = listed(gateway)
    assert [line[1:6] for line in lines] == [
        ["alice", "home$alice", "ng", "-", "4 of 10 bytes (40%)"],
        ["alice", "home$alice", "ng", "-", "4 bytes"],
        ["alice", "home$alice", "tus", "/näher\\x1b[31m.txt", "3 of 12 bytes (25%)"],
    ]
    assert lines[2][0] == id
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    assert all(re.fullmatch(f"begun {moment}\theard of {moment}\texpires {moment}", "\t".join(line[6:])) for line in lines)
    begun, heard = (datetime.strptime(line[-16:], "%Y-%m-%d %H:%M") for line in lines[0][6:8])
    # Between the two a minute may begin.
    assert heard - begun in (timedelta(), timedelta(minutes=1))


def test_purged_while_the_gateway_runs(gateway: Gateway) -> None:
    with gateway.client() as client:
        for key in ("1", "2", "3"):
            chunked(client, key)
        id = tus(client, b"a.txt")
        first = listed(gateway)[0][0]
        said = gateway.tool("uploads", "purge", first, id)
        assert said.returncode == 0, said.stderr
        lines = said.stdout.splitlines()
        assert [line.split("\t")[0::5] for line in lines[:2]] == [[first, "ended"], [id, "ended"]]
        assert lines[2] == "2 uploads were ended; the gateway, which runs, removes their bytes within 1 seconds"
        # From now on nobody can continue them.
        assert client.raw("PUT", f"{UPLOADS}/1/0000000000000004", b"5678").status == 404
        assert client.raw("PATCH", f"/tus/{id}", b"d", TUS | {"Upload-Offset": "3"}).status in (404, 410)
        deadline = time.monotonic() + 60
        while len(gateway.leftovers()) > 2:
            assert time.monotonic() < deadline, gateway.leftovers()
            time.sleep(0.05)
        assert len(listed(gateway)) == 2

        assert gateway.tool("uploads", "purge").stdout.startswith("0 uploads were ended")
        assert gateway.tool("uploads", "purge", "--all").stdout.splitlines()[2].startswith("2 uploads were ended")
        gateway.assert_tidy()
        # Nothing else was touched.
        chunked(client, "4")
        assert len(listed(gateway)) == 1


def test_purged_while_the_gateway_is_stopped(gateway: Gateway) -> None:
    with gateway.client() as client:
        for key in ("1", "2", "3", "4"):
            chunked(client, key)
        id = tus(client, b"a.txt")
    gateway.stop()
    # Of a space that is no more. While it runs the gateway would throw away what has expired.
    with closing(sqlite3.connect(gateway.data / "state.db")) as state:
        state.execute("UPDATE upload SET space = 'gone$x' WHERE key = '3'")
        state.execute("UPDATE upload SET expires = 1 WHERE key = '4'")
        state.commit()
    by_key = {line[0]: line for line in listed(gateway)}
    assert by_key[id][5] == "3 of 12 bytes (25%)"
    assert sorted(line[8].split(" ")[0] for line in by_key.values()) == ["expired", "expires", "expires", "expires", "expires"]

    said = gateway.tool("uploads", "purge", "--expired")
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines()[-1] == "1 uploads were thrown away"
    assert said.stdout.splitlines()[0].endswith("\tthrown away")
    # The bytes of the third are in alice's home and no session of her space names them: they went when it was opened.
    assert len(gateway.leftovers()) == 3
    said = gateway.tool("uploads", "purge", id, id)
    assert said.stdout == f"{id}\talice\thome$alice\ttus\t/a.txt\tthrown away\n1 uploads were thrown away\n"
    assert len(gateway.leftovers()) == 2
    said = gateway.tool("uploads", "purge", "--all")
    assert said.stdout.splitlines()[-1] == "3 uploads were thrown away"
    assert "forgotten; nobody knows the space any more" in said.stdout
    assert listed(gateway) == []
    gateway.start()
    with gateway.client() as client:
        client.list()
    gateway.assert_tidy()


@pytest.mark.parametrize("running", [True, False])
def test_what_is_refused(gateway: Gateway, running: bool) -> None:
    with gateway.client() as client:
        chunked(client, "1")
    if not running:
        gateway.stop()
    said = gateway.tool("uploads", "purge", listed(gateway)[0][0], "nobody")
    assert (said.returncode, said.stdout, said.stderr) == (1, "", "clawgate: there is no upload nobody\n")
    said = gateway.tool("uploads", "purge", "nobody", "--all")
    assert said.returncode == 1 and "not both" in said.stderr
    assert gateway.tool("uploads", "purge", "--expired", "--all").returncode == 2
    assert len(listed(gateway)) == 1

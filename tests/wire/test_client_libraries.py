"""What others build their clients on: ownCloud's libraries for JavaScript, under node, and Python, on each kind of storage."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import owncloud
import pytest

from .anywhere import STORAGES, gateway_on
from .gateway import USERS, Gateway

HERE = Path(__file__).parent
OWNCLOUD, OPENCLOUD = "@ownclouders/web-client", "@opencloud-eu/web-client"


@pytest.fixture(scope="module", params=STORAGES)
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    yield from gateway_on(request.param, tmp_path_factory.mktemp(request.param))


def run(gateway: Gateway, which: str, **more: str) -> dict[str, Any]:
    """What a script saw; `more` is told to it."""
    order = json.dumps({"url": gateway.url(), "user": "alice", "password": USERS["alice"], **more})
    command = ["node", str(HERE / "webclient" / f"{which}.mjs"), order]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr[-2000:] + gateway.log()[-2000:]
    saw: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return saw


def test_files_of_the_web_client(house: Gateway) -> None:
    """``@ownclouders/web-client`` 12 finds its spaces by Graph and works in them by WebDAV."""
    files_of(house, OWNCLOUD)


def test_files_of_opencloud(house: Gateway) -> None:
    """``@opencloud-eu/web-client`` 4, what OpenCloud has made of it."""
    files_of(house, OPENCLOUD)


def files_of(house: Gateway, library: str) -> None:
    assert run(house, "files_web", library=library) == {
        "me": "alice",
        "drives": [["personal", "alice"]],
        "same": True,
        "put": {"name": "a #1.txt", "size": 7, "id": True, "permissions": True},
        "root": [["/one", "folder"]],
        "one": [["/one/a #1.txt", 7], ["/one/two & ü", "folder"]],
        "content": "content",
        "replaced": {"id": True, "etag": True, "root": True},
        "stale": 412,
        "moved": True,
        "path": "/one/two & ü/b.txt",
        "copied": "content 2",
        "other": True,
        "taken": 412,
        "gone": 404,
        "left": [["/one/copy", "folder"], ["/one/two & ü", "folder"]],
        "inside": [["/one/copy/two & ü/b.txt", 9]],
        "end": [],
    }


def test_files_of_the_sdk(house: Gateway) -> None:
    """``owncloud-sdk`` 3, which ownCloud Web was built on before, with the addresses of ownCloud 10."""
    saw = run(house, "files_sdk")
    assert saw == {
        "user": "alice",
        "one": ["a #1.txt", "two & ü"],
        "content": "content",
        "moved": True,
        "path": "/one/two & ü/b.txt",
        "copied": "content",
        "taken": 412,
        "left": [],
        "end": [],
    }


def test_tags_of_the_sdk(house: Gateway) -> None:
    """Its library knows tags by the numbers of ownCloud 10."""
    assert run(house, "tags_sdk") == {
        "numbers": True,
        "again": "Error: 409",
        "red": ["a.txt", "b.txt"],
        "both": ["b.txt"],
        "none": "Error: 412",
        "moved": ["b.txt"],
    }


def test_trash_and_versions_of_the_web_client(house: Gateway) -> None:
    """``@ownclouders/web-client`` 12: it asks for versions with an empty list of properties, names the folder in place of the
    file when it restores one, and sends a Destination with two paths in it."""
    kept_of(house, OWNCLOUD, "/folder")


def test_trash_and_versions_of_opencloud(house: Gateway) -> None:
    """``@opencloud-eu/web-client`` 4."""
    kept_of(house, OPENCLOUD, "/another")


def kept_of(house: Gateway, library: str, folder: str) -> None:
    saw = run(house, "kept_web", library=library, folder=folder)
    (version,) = saw["versions"]
    assert version["size"] == "5" and version["mdate"]
    assert saw["path"] == f"{folder}/a & b.txt"
    assert saw["restored"] == "first"
    (entry,) = saw["trash"]
    assert (entry["name"], entry["path"], entry["isFolder"]) == ("a & b.txt", f"{folder}/a & b.txt", False)
    assert entry["ddate"].endswith(" GMT")
    assert saw["taken"] == 412
    assert saw["back"] == "first" and saw["same"]
    assert saw["left"] == [folder, f"{folder}/a & b.txt"]
    emptied(house, saw)


def test_trash_and_versions_of_the_sdk(house: Gateway) -> None:
    """With the addresses of ownCloud 10."""
    saw = run(house, "kept_sdk")
    emptied(house, saw)
    assert saw == {
        "versions": [5],
        "former": "first",
        "restored": "first",
        "trash": [["a.txt", "sdk/a.txt"]],
        "back": "first",
    }


@pytest.mark.parametrize("house", ["posix", "s3"], indirect=True)
def test_finding(house: Gateway) -> None:
    """Search, favourites, archives and signed addresses, by both libraries."""
    with house.client() as client:
        assert client.ask("MKCOL", "d ä").status == 201
        for path in ("report.pdf", "d ä/report 2.txt", "d ä/other.txt", "d ä/report.jpg"):
            assert client.put(path, path.encode()).status == 201
        folder = client.list("d ä", "0")["d ä"].id
        file = client.list("report.pdf", "0")["report.pdf"].id
    found = run(house, "finding", archive=f"id={folder}&id={file}")
    assert found["contains"] == {"names": ["report 2.txt", "report.jpg", "report.pdf"], "total": 3}
    assert found["composed"] == {"names": ["report 2.txt", "report.pdf"], "total": 2}
    assert len(found["limited"]["names"]) == 1
    assert found["limited"]["total"] == 3
    assert found["nothing"] == {"names": [], "total": None}
    assert found["first"] == {"name": "report.pdf", "type": "file", "fileId": file, "starred": False}
    assert found["favourites"] == ["report.pdf"]
    assert found["signed"] == {"status": 200, "text": "d ä/report 2.txt".encode().decode("latin-1")}
    assert found["changed"] == 401
    assert found["archive"] == {"status": 200, "magic": "PK\3\4"}
    root = "/files/alice"
    assert found["sdk"]["search"] == [f"{root}/d ä/report 2.txt", f"{root}/d ä/report.jpg", f"{root}/report.pdf"]
    assert found["sdk"]["favourites"] == [f"{root}/report.pdf"]
    assert found["sdk"]["signed"] == {"status": 200, "text": "report.pdf"}


def test_pyocclient(house: Gateway, tmp_path: Path) -> None:
    """``pyocclient`` 0.6, which knows ownCloud 10's addresses only, and sends large files in chunks of the first kind."""
    client = owncloud.Client(house.url())
    client.login("alice", USERS["alice"])
    try:
        assert client.get_user("alice")["displayname"] == "alice"
        assert client.get_version().startswith("10.")
        root = client.file_info("/").get_etag()
        assert client.mkdir("py ä") and client.put_file_contents("py ä/a #1.txt", b"content")
        assert client.file_info("/").get_etag() != root
        large = tmp_path / "large"
        large.write_bytes(bytes(range(256)) * 10_000)
        assert client.put_file("py ä/large", str(large), chunk_size=1_000_000)
        found = {one.get_name(): (one.get_path(), one.is_dir(), one.get_size()) for one in client.list("py ä")}
        assert found == {"a #1.txt": ("/py ä", False, 7), "large": ("/py ä", False, 2_560_000)}
        assert client.copy("py ä/a #1.txt", "py ä/b.txt") and client.move("py ä/a #1.txt", "py ä/c.txt")
        assert client.get_file_contents("py ä/b.txt") == client.get_file_contents("py ä/c.txt") == b"content"
        back = tmp_path / "back"
        assert client.get_file("py ä/large", str(back)) and back.read_bytes() == large.read_bytes()
        with pytest.raises(owncloud.HTTPResponseError, match="404"):
            client.file_info("py ä/a #1.txt")
        assert client.delete("py ä")
        assert "py ä" not in [one.get_name() for one in client.list("/")]
    finally:
        client.logout()


def emptied(house: Gateway, saw: dict[str, Any]) -> None:
    """What was seen of emptying the trash; it is taken out of `saw`."""
    end, fewer, kept = (saw.pop(name, None) for name in ("end", "fewer", "kept"))
    if house.settings["mounts.home"].get("driver") == "eos":
        assert kept == 403 and end > 0, "only EOS itself empties it"
    else:
        assert kept is None and end == 0
        assert fewer in (None, 1)

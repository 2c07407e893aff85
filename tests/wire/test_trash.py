"""What is removed goes into the trash and comes back: ownCloud 10's addresses, those of spaces, Nextcloud's."""

from __future__ import annotations

import http.client
import os
import random
import shutil
import threading
import time

import pytest

from . import dav, kept
from .gateway import Gateway
from .kept import BIN, id_of, on_disk, restore, trash
from .test_kill import digest, scan

KILLS = 40
SPACE = "/dav/spaces/trash-bin/home$alice"
NEXTCLOUD = "/remote.php/dav/trashbin/alice/trash"
FAVOURITE = b"""<d:propertyupdate xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns" xmlns:x="urn:x"><d:set><d:prop>
<oc:favorite>1</oc:favorite><x:own>mine</x:own></d:prop></d:set></d:propertyupdate>"""
ASK_FAVOURITE = b"""<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns" xmlns:x="urn:x"><d:prop>
<oc:favorite/><x:own/></d:prop></d:propfind>"""


def test_life_of_what_is_removed(gateway: Gateway) -> None:
    with gateway.client() as client:
        assert trash(client) == {}
        client.ask("MKCOL", "folder")
        client.put("folder/a & b%.txt", b"hello", X_OC_Mtime="1500000000")
        id = id_of(client, "folder/a & b%.txt")
        assert client.ask("PROPPATCH", "folder/a & b%.txt", FAVOURITE).status == 207
        before = client.list("")[""].etag
        assert client.ask("DELETE", "folder/a & b%.txt").status == 204
        assert client.list("")[""].etag != before
        assert list(client.list("folder")) == ["folder"]
        (entry,) = trash(client).values()
        assert (entry.name, entry.origin, entry.size, entry.folder) == ("a & b%.txt", "folder/a & b%.txt", 5, False)
        assert entry.id == id
        assert abs(entry.removed - time.time()) < 60
        assert client.raw("GET", entry.href).body == b"hello"
        assert client.raw("GET", entry.href, None, {"Range": "bytes=1-2"}).body == b"el"
        head = client.raw("HEAD", entry.href)
        assert (head.status, head.headers["Content-Length"], head.body) == (200, "5", b"")

        assert restore(client, entry, "gone/file").status == 409
        client.put("folder/taken", b"taken")
        assert restore(client, entry, "folder/taken").status == 412
        assert restore(client, entry, "folder").status == 412
        assert client.raw("MOVE", entry.href, None, {"Destination": "/remote.php/dav/files/bob/x"}).status == 403
        assert client.raw("MOVE", entry.href).status == 400
        assert restore(client, entry, "folder/a & b%.txt").status == 201
        assert client.get("folder/a & b%.txt") == b"hello"
        assert id_of(client, "folder/a & b%.txt") == id
        shown = kept.entries(client.ask("PROPFIND", "folder/a & b%.txt", ASK_FAVOURITE, {"Depth": "0"}).body)
        assert (shown[0]["favorite"], shown[0]["own"]) == ("1", "mine")
        assert os.stat(gateway.disk() / "folder" / "a & b%.txt").st_mtime == 1500000000
        assert trash(client) == {}
        assert restore(client, entry, "again").status == 404


def test_overwriting_by_what_comes_back(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.put("file", b"first")
        id = id_of(client, "file")
        client.ask("DELETE", "file")
        first = trash(client)["file"]
        client.put("file", b"second")
        other = id_of(client, "file")
        assert other != id
        assert restore(client, first, "file", "T").status == 204
        assert client.get("file") == b"first" and id_of(client, "file") == id
        second = trash(client)["file"]
        assert second.id == other
        assert restore(client, second, "elsewhere").status == 201
        assert client.get("elsewhere") == b"second" and id_of(client, "elsewhere") == other


@pytest.mark.parametrize("bin", [BIN, SPACE, NEXTCLOUD, "/dav/trash-bin/alice", "/remote.php/dav/spaces/trash-bin/home%24alice"])
def test_folders_and_addresses(gateway: Gateway, bin: str) -> None:
    with gateway.client() as client:
        for path in ("a", "a/b"):
            client.ask("MKCOL", path)
        client.put("a/b/file", b"deep")
        client.put("a/file", b"flat")
        ids = {path: id_of(client, path) for path in ("a", "a/b", "a/b/file", "a/file")}
        client.list("a")
        client.ask("DELETE", "a")
        (entry,) = trash(client, bin).values()
        assert entry.folder and entry.href.endswith("/") and entry.origin == "a"
        inside = client.raw("PROPFIND", entry.href, kept.ASK, {"Depth": "1"})
        assert inside.status == 207
        found = {one["trashbin-original-location"]: one["href"] for one in kept.entries(inside.body)}
        assert sorted(found) == ["a", "a/b", "a/file"]
        assert client.raw("GET", found["a/file"]).body == b"flat"
        assert client.raw("GET", entry.href).status in (405, 409, 501)
        assert client.raw("DELETE", found["a/file"]).status == 403
        assert client.raw("PROPFIND", f"{entry.href}gone", kept.ASK).status == 404
        if bin == NEXTCLOUD:
            back = {"Destination": "/remote.php/dav/trashbin/alice/restore/a"}
            assert client.raw("MOVE", entry.href.rstrip("/"), None, back).status == 201
        else:
            assert restore(client, entry, "a").status == 201
        assert {path: id_of(client, path) for path in ids} == ids
        assert client.get("a/b/file") == b"deep"
        client.put("x", b"x")
        client.put("y", b"y")
        for path in ("x", "y", "a"):
            client.ask("DELETE", path)
        assert sorted(trash(client, bin)) == ["a", "x", "y"]
        assert client.raw("DELETE", trash(client, bin)["x"].href).status == 204
        assert sorted(trash(client, bin)) == ["a", "y"]
        assert client.raw("DELETE", f"{bin}/").status == 204
        assert trash(client, bin) == {}
        gateway.assert_tidy()
        assert on_disk(gateway.disk()) == {}


def test_nobody_else(gateway: Gateway) -> None:
    with gateway.client() as client, gateway.client("bob") as bob:
        client.put("file", b"secret")
        client.ask("DELETE", "file")
        entry = trash(client)["file"]
        for bin in (BIN, SPACE, NEXTCLOUD):
            assert bob.raw("PROPFIND", f"{bin}/", kept.ASK).status in (403, 404)
            assert bob.raw("DELETE", f"{bin}/").status in (403, 404)
        assert bob.raw("GET", entry.href).status in (403, 404)
        assert bob.raw("GET", entry.href.replace("alice", "bob")).status == 404
        for key in ("..", "%2e%2e", "x-0", "1-%2Fetc", "%00", "generation", "..%2Fgeneration"):
            assert client.raw("GET", f"{BIN}/{key}").status in (400, 404)
            assert client.raw("DELETE", f"{BIN}/{key}").status in (400, 404)
        assert client.raw("PUT", f"{BIN}/new", b"x").status == 405
        assert list(trash(client)) == ["file"]


def test_capabilities_and_settings(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    gateway.configure(mounts__home={"trash": False, "versions": False})
    gateway.start()
    path = "/ocs/v2.php/cloud/capabilities?format=json"
    with gateway.client() as client:
        said = client.raw("GET", path).body.replace(b": ", b":")
        assert b'"undelete":false' in said and b'"versioning":false' in said and b"trashbin" not in said
        client.put("file", b"old")
        client.put("file", b"new")
        client.ask("DELETE", "file")
        assert client.raw("PROPFIND", f"{BIN}/", kept.ASK).status == 404
        assert not (gateway.disk() / ".clawgate" / "trash").exists()
        assert not (gateway.disk() / ".clawgate" / "versions").exists()
    gateway.stop()
    gateway.configure(mounts__home={"trash": True, "versions": True})
    gateway.start()
    with gateway.client() as client:
        said = client.raw("GET", path).body.replace(b": ", b":")
        assert b'"undelete":true' in said and b'"versioning":true' in said and b'"trashbin":"1.0"' in said


def test_it_survives_the_loss_of_index_and_state(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.ask("MKCOL", "folder")
        client.put("folder/file", b"one")
        client.put("folder/file", b"two")
        id = id_of(client, "folder/file")
        client.ask("DELETE", "folder")
    gateway.stop()
    for path in gateway.data.glob("*.db*"):
        path.unlink()
    gateway.start()
    with gateway.client() as client:
        entry = trash(client)["folder"]
        assert restore(client, entry, "folder").status == 201
        assert client.get("folder/file") == b"two"
        assert id_of(client, "folder/file") == id
        assert [kept.content(client, one.href) for one in kept.versions(client, id)] == [b"one"]


def test_nothing_is_copied_and_emptying_frees_the_space(gateway: Gateway) -> None:
    size = 64 * 1024 * 1024
    folder = gateway.disk() / "big"
    with gateway.client() as client:
        client.list()
        folder.mkdir()
        for name in ("a", "b"):
            (folder / name).write_bytes(os.urandom(size // 2))
        client.walk()
        inodes = {path.name: path.stat().st_ino for path in folder.iterdir()}
        before = gateway.moved_bytes()[1]
        client.ask("DELETE", "big")
        entry = trash(client)["big"]
        assert restore(client, entry, "back").status == 201
        assert {path.name: path.stat().st_ino for path in (gateway.disk() / "back").iterdir()} == inodes
        client.ask("DELETE", "back")
        assert gateway.moved_bytes()[1] - before < size // 64
        used = sum(path.stat().st_size for path in gateway.disk().rglob("*") if path.is_file())
        assert used >= size
        assert client.raw("DELETE", f"{BIN}/").status == 204
        gateway.assert_tidy()
        assert sum(path.stat().st_size for path in gateway.disk().rglob("*") if path.is_file()) < 10_000


def test_old_trash_goes(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    gateway.configure(index={"tidy_seconds": 1}, mounts__home={"trash_days": 10, "kept_free_percent": 0})
    gateway.start()
    with gateway.client() as client:
        for name in ("old", "young"):
            client.put(name, name.encode())
            client.ask("DELETE", name)
        info = gateway.disk() / ".clawgate" / "trash" / "info"
        note = next(path for path in info.iterdir() if "Path=old" in path.read_text())
        lines = [line for line in note.read_text().splitlines() if not line.startswith("X-Clawgate-Removed")]
        # Whole at once: the gateway reads it every second.
        other = gateway.folder / "note"
        other.write_text("\n".join(line if "DeletionDate" not in line else "DeletionDate=2020-01-01T00:00:00" for line in lines))
        other.replace(note)
        deadline = time.monotonic() + 60
        while len(trash(client)) == 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert list(trash(client)) == ["young"]


def test_old_trash_goes_though_nobody_comes(stopped_gateway: Gateway) -> None:
    """After a restart, without anybody's login; and nobody gets a home by that."""
    gateway = stopped_gateway
    gateway.configure(index={"tidy_seconds": 1}, mounts__home={"trash_days": 10, "kept_free_percent": 0})
    gateway.start()
    with gateway.client() as client, gateway.client("bob") as other:
        other.list()
        for name in ("old", "young"):
            client.put(name, name.encode())
            client.ask("DELETE", name)
    gateway.stop()
    shutil.rmtree(gateway.disk("bob"))
    bin = gateway.disk() / ".clawgate" / "trash"
    note = next(path for path in (bin / "info").iterdir() if "Path=old" in path.read_text())
    lines = [line for line in note.read_text().splitlines() if not line.startswith("X-Clawgate-Removed")]
    note.write_text("\n".join(line if "DeletionDate" not in line else "DeletionDate=2020-01-01T00:00:00" for line in lines))
    gateway.start()
    deadline = time.monotonic() + 120
    while note.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    [left] = (bin / "files").iterdir()
    assert left.read_bytes() == b"young"
    assert not gateway.disk("bob").exists()


class Remover(threading.Thread):
    """Removes, brings back and replaces files of its own until the gateway is gone. Each content exists once."""

    def __init__(self, client: dav.Client, number: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.root = f"r{number}"
        self.chance = random.Random(seed)
        self.fault = ""
        self.done = 0

    def run(self) -> None:
        try:
            while not self.fault:
                self.step()
                self.done += 1
        except (OSError, http.client.HTTPException, AssertionError):
            pass  # killed
        finally:
            self.client.close()

    def step(self) -> None:
        paths = [path for path in self.client.walk(self.root) if path != self.root and "/d" not in path.removesuffix("/d")]
        verb = self.chance.choice(["DELETE", "MOVE", "restore", "overwrite"])
        waiting = [one for one in trash(self.client).values() if one.origin.startswith(self.root + "/")]
        if verb == "DELETE" and paths:
            self.client.ask("DELETE", self.chance.choice(paths))
        elif verb == "MOVE" and len(paths) > 1:
            source, target = self.chance.sample(paths, 2)
            if not (source + "/").startswith(target + "/") and not (target + "/").startswith(source + "/"):
                self.client.move(source, target)
        elif waiting:
            entry = self.chance.choice(waiting)
            restore(self.client, entry, f"{self.root}/{entry.name}", "T" if verb == "overwrite" else "F")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_in_the_tree_or_in_the_trash(quick_gateway: Gateway) -> None:
    """After each of many kills every content is once in the tree or once in the trash."""
    gateway, chance = quick_gateway, random.Random(99)
    gateway.configure(mounts__home={"kept_free_percent": 0})
    roots = [gateway.make_home() / f"r{number}" for number in range(3)]
    for number, root in enumerate(roots):
        for name in "abcd":
            (root / name).mkdir(parents=True)
            (root / name / "in").write_bytes(f"{number} {name} in".encode())
            (root / f"{name}.txt").write_bytes(f"{number} {name}".encode())
    wanted = sorted(value for root in roots for value in scan(root).values() if value is not None)
    gateway.start()
    done = kill = 0
    # Where the machine is so busy that kills come before the first request, more of them are needed.
    while kill < KILLS or (done <= KILLS and kill < 10 * KILLS):
        kill += 1
        removers = [Remover(gateway.client(), number, kill * 3 + number) for number in range(3)]
        for remover in removers:
            remover.start()
        time.sleep(chance.uniform(0.05, 0.3))
        gateway.kill()
        for remover in removers:
            remover.join(120)
        gateway.start()
        with gateway.client() as client:
            client.list()
            gateway.assert_tidy()
            found = [value for root in roots for value in scan(root).values() if value is not None]
            listed = trash(client)
            files = gateway.disk() / ".clawgate" / "trash" / "files"
            there = [path for path in files.rglob("*") if path.is_file()] if files.exists() else []
            found += [digest(path.read_bytes()) for path in there]
            assert sorted(found) == wanted, f"kill {kill}"
            # All of it can be seen, too.
            every = client.raw("PROPFIND", f"{BIN}/", kept.ASK, {"Depth": "1"})
            assert len(kept.entries(every.body)) - 1 == (len(list(files.iterdir())) if files.exists() else 0)
            assert {one.origin.split("/")[0] for one in listed.values()} <= {root.name for root in roots}
        done += sum(remover.done for remover in removers)
    print(f"{kill} kills, {done} steps")
    assert done > KILLS
    gateway.stop()
    said = gateway.tool("index", "verify")
    assert said.returncode == 0, said.stdout + said.stderr
    names = [path.name for path in (gateway.disk() / ".clawgate" / "trash" / "info").iterdir()]
    assert sorted(names) == sorted(f"{path.name}.trashinfo" for path in (gateway.disk() / ".clawgate/trash/files").iterdir())

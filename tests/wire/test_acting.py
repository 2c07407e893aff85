"""People who work as themselves, through a gateway that runs as a user of its own with three capabilities."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from . import as_service, dav
from .gateway import HASHER, Gateway

ALL = ("CAP_CHOWN", "CAP_SETGID", "CAP_SETUID")
PEOPLE = {
    # uid, gid; ann and bob have a group in common
    "ann": (3001, 3100),
    "bob": (3002, 3100),
    "cat": (3003, 3300),
    "dan": (500, 3100),
    "eve": (None, None),
}
SPACE = "/remote.php/dav/spaces/common$common"
GROUP = 3100


class Place:
    """A gateway, homes and a tree for everybody."""

    def __init__(self, folder: Path) -> None:
        self.homes = folder / "trees" / "homes"
        self.common = folder / "trees" / "common"
        self.common.mkdir(parents=True)
        self.homes.mkdir()
        os.chown(self.homes, as_service.UID, as_service.GID)
        os.chown(self.common, 0, GROUP)
        self.common.chmod(0o2775)
        (folder / "gateway").mkdir()
        self.gateway = Gateway(folder / "gateway", as_service.launcher(*ALL))
        accounts = []
        for name, (uid, gid) in PEOPLE.items():
            ids = f"uid = {uid}\ngid = {gid}\n" if uid else ""
            accounts.append(f"[users.{name}]\npassword = {json.dumps(HASHER.hash(name))}\n{ids}")
        (folder / "gateway" / "users.toml").write_text("\n".join(accounts))
        self.gateway.configure(
            mounts__home={"root": f"{self.homes}/{{user.id}}", "act_as": "user"},
            mounts__common={"kind": "project", "root": str(self.common), "act_as": "user"},
        )

    def client(self, name: str, root: str = SPACE) -> dav.Client:
        return dav.Client(self.gateway.port, name, name, root)

    def prepare(self) -> None:
        """What an administrator does (docs/acting-as-user.md)."""
        staging = self.common / ".clawgate"
        staging.mkdir()
        os.chown(staging, as_service.UID, as_service.GID)
        staging.chmod(0o1733)

    def put(self, name: str, owner: int, group: int, mode: int, content: bytes | None = b"old") -> Path:
        """A file, or a folder, that is there from elsewhere."""
        path = self.common / name
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content)
        os.chown(path, owner, group)
        path.chmod(mode)
        return path

    def unfinished(self) -> list[str]:
        """What lies in the staging folders, once what is deleted in the background is gone."""
        deadline = time.monotonic() + 60
        while True:
            found = [str(path) for path in self.common.glob(".clawgate/*/*") if path.name not in ("trash", "versions")]
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.01)


@pytest.fixture
def place() -> Iterator[Place]:
    # Not below what pytest has made, which only root can pass.
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    place = Place(folder)
    yield place
    place.gateway.close()
    shutil.rmtree(folder)


def owner(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_uid, state.st_gid


def test_homes(place: Place) -> None:
    place.gateway.start()
    for name in ("ann", "cat"):
        with place.client(name, f"/remote.php/dav/files/{name}") as client:
            assert set(client.list()) == {""}
            assert client.put("new.txt", b"new").status == 201
            assert client.ask("MKCOL", "folder").status == 201
            assert client.put("large", b"x" * 300_000).status == 201
            shown = {path: item.permissions for path, item in client.list().items()}
            assert shown == {"": "CK", "new.txt": "DNVW", "large": "DNVW", "folder": "DNVCK"}
        home = place.homes / name
        assert oct(home.stat().st_mode) == "0o40700"
        for path in (home, *home.rglob("*")):
            assert owner(path) == PEOPLE[name]
    # What the person does in another way is what is seen, and what the person may not, the gateway does not for them.
    shut = place.homes / "ann" / "folder"
    os.chown(shut, 0, 0)
    shut.chmod(0o700)
    with place.client("ann", "/remote.php/dav/files/ann") as client:
        assert client.list()["folder"].permissions == ""
        assert client.put("folder/new.txt", b"new").status == 403
        assert client.ask("PROPFIND", "folder", dav.OWNCLOUD, {"Depth": "1"}).status == 403
    assert os.listdir(shut) == []


def test_who_is_nobody_gets_nowhere(place: Place) -> None:
    place.prepare()
    place.gateway.start()
    for name, reason in (("dan", "has the uid 500, which is not taken on here"), ("eve", "nobody tells the uid of eve")):
        for root in (f"/remote.php/dav/files/{name}", SPACE):
            with place.client(name, root) as client:
                for answer in (client.ask("PROPFIND", "", dav.OWNCLOUD, {"Depth": "1"}), client.put("new.txt", b"new")):
                    assert (answer.status, reason in answer.body.decode()) == (403, True), answer
    assert os.listdir(place.homes) == []
    assert os.listdir(place.common) == [".clawgate"]
    said = place.gateway.tool("explain", "ann").stdout
    assert said.count("works as  uid 3001, gid 3100, further groups none") == 2
    assert "works as  nobody: dan has the uid 500" in place.gateway.tool("explain", "dan").stdout


def test_a_shared_tree(place: Place) -> None:
    place.gateway.start()
    with place.client("ann") as ann, place.client("bob") as bob, place.client("cat") as cat:
        # Nobody has made the place for what is not finished, and the gateway may not.
        answer = ann.put("early.txt", b"new")
        assert (answer.status, b"no place for what is not finished" in answer.body) == (503, True)
        assert os.listdir(place.common) == []
        place.prepare()
        assert ann.put("ann.txt", b"ann's").status == 201
        made = place.common / "ann.txt"
        assert (owner(made), oct(made.stat().st_mode)) == ((3001, GROUP), "0o100644")
        # Who may replace files in the folder still may not write to this one.
        answer = bob.put("ann.txt", b"bob's")
        assert (answer.status, made.read_bytes(), owner(made)) == (403, b"ann's", (3001, GROUP))
        made.chmod(0o664)
        answer = bob.put("ann.txt", b"bob's")
        assert (answer.status, answer.headers["OC-Perm"]) == (204, "DNVW")
        assert (made.read_bytes(), owner(made), oct(made.stat().st_mode)) == (b"bob's", (3002, GROUP), "0o100664")
        # Somebody else may read, and nothing more.
        assert cat.get("ann.txt") == b"bob's"
        assert {path: item.permissions for path, item in cat.list().items()} == {"": "", "ann.txt": ""}
        for verb, path in (("PUT", "new.txt"), ("PUT", "ann.txt"), ("MKCOL", "new"), ("DELETE", "ann.txt"), ("LOCK", "ann.txt")):
            body = LOCK if verb == "LOCK" else b"cat's" if verb == "PUT" else None
            assert cat.ask(verb, path, body).status == 403, (verb, path)
        assert cat.ask("PROPPATCH", "ann.txt", PROPPATCH).status == 403
        assert cat.move("ann.txt", "moved.txt").status == 403
        # What one has seen is not shown to others.
        assert ann.ask("MKCOL", "private").status == 201
        (place.common / "private").chmod(0o700)
        assert ann.put("private/secret.txt", b"secret").status == 201
        assert "private/secret.txt" in ann.list("private")
        for other in (bob, cat):
            assert other.list()["private"].permissions == ""
            for path in ("private", "private/secret.txt", "private/nothing"):
                assert other.ask("PROPFIND", path, dav.OWNCLOUD, {"Depth": "0" if "/" in path else "1"}).status == 403, path
                assert path == "private" or other.ask("GET", path).status == 403
            assert other.ask("DELETE", "private").status == 403
            assert other.move("private", "elsewhere", "COPY").status == 403
        assert set(ann.list("private")) == {"private", "private/secret.txt"}
        check_threads(place)
        assert sorted(os.listdir(place.common)) == [".clawgate", "ann.txt", "private"]
    assert place.unfinished() == []


def check_threads(place: Place) -> None:
    """Only those that are made for it act as others, and they can do no more than switch."""
    assert place.gateway.process is not None
    seen = set()
    for task in Path(f"/proc/{place.gateway.process.pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            facts = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)
            *process, uid = facts["Uid"].split()
            assert process == [str(as_service.UID)] * 3
            seen.add((int(uid), facts["CapEff"].lstrip("0")))
    assert (as_service.UID, "c1") in seen
    acting = seen - {(as_service.UID, "c1")}
    assert acting
    assert acting <= {(3001, "c0"), (3002, "c0"), (3003, "c0")}


LOCK = b'<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockinfo>'
PROPPATCH = b'<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><x xmlns="urn:x">1</x></d:prop></d:set></d:propertyupdate>'


def test_what_is_shown_is_what_succeeds(place: Place) -> None:
    """Letter by letter, for two people."""
    place.prepare()
    files = [(3001, GROUP, 0o644), (3001, GROUP, 0o664), (3002, 3002, 0o600), (0, 0, 0o666), (0, 0, 0o600), (3003, 3300, 0o606)]
    folders = [(3001, GROUP, 0o755), (0, GROUP, 0o770), (0, 0, 0o755), (3003, 3300, 0o1777), (3002, 3002, 0o700)]
    tries = ("W", "D", "N", "V")
    place.put("open", 0, GROUP, 0o775, None)
    place.put("sticky", 0, GROUP, 0o1775, None)
    place.put("narrow", 0, 0, 0o755, None)
    place.put("target", 0, 0, 0o777, None)
    places = ("open", "sticky", "narrow")
    for who in ("ann", "cat"):
        for letter in tries:
            for where in places:
                for number, facts in enumerate(files):
                    place.put(f"{where}/{who}-{letter}-f{number}", *facts)
                for number, (uid, gid, mode) in enumerate(folders):
                    name = f"{where}/{who}-{letter}-d{number}"
                    place.put(name, uid, gid, mode, None)
                    place.put(f"{name}/in", 3002, 3002, 0o644)
    place.gateway.start()
    for who in ("ann", "cat"):
        with place.client(who) as client:
            for where in places:
                for path, item in client.list(where).items():
                    name = path.rpartition("/")[2]
                    if not name.startswith(f"{who}-"):
                        continue
                    letter = name.split("-")[1]
                    if letter == "W":
                        answer = client.ask("MKCOL", f"{path}/new") if item.folder else client.put(path, b"new")
                        expected = ("CK" if item.folder else "W") in item.permissions
                    elif letter == "D":
                        answer, expected = client.ask("DELETE", path), "D" in item.permissions
                    elif letter == "V":
                        answer, expected = client.move(path, f"target/{where}-{name}"), "V" in item.permissions
                    elif item.folder:
                        # A new name in the same folder needs less than going elsewhere; both have one right.
                        continue
                    else:
                        answer, expected = client.move(path, f"{path}-renamed"), "N" in item.permissions
                    assert answer.status == 403 or answer.status < 300, (path, item, answer)
                    assert (answer.status < 300) == expected, (who, path, item, answer)
    assert place.unfinished() == []


def test_uploads_in_several_requests(place: Place) -> None:
    place.prepare()
    place.put("readonly", 0, 0, 0o755, None)
    place.gateway.start()
    content = os.urandom(300_000)
    with place.client("bob") as bob, place.client("cat") as cat:
        # chunking NG
        for client, who, status, path in (
            (bob, "bob", 201, "ng.bin"),
            (cat, "cat", 403, "ng-cat.bin"),
            (bob, "bob", 403, "readonly/ng.bin"),
        ):
            folder = f"/remote.php/dav/uploads/{who}/{path.replace('/', '-')}"
            target = {"Destination": client.href(path)}
            begun = client.raw("MKCOL", folder, None, target)
            if begun.status == 201:
                assert client.raw("PUT", f"{folder}/1", content[:100_000], target).status == 201
                assert client.raw("PUT", f"{folder}/2", content[100_000:], target).status == 201
                finished = client.raw("MOVE", f"{folder}/.file", None, {**target, "OC-Total-Length": str(len(content))})
                assert finished.status == status, finished
                if status != 201:
                    assert client.raw("DELETE", folder).status == 204
            else:
                assert begun.status == status
        # TUS, with a restart in the middle
        created = {}
        for client, status, name in ((bob, 201, "tus.bin"), (cat, 403, "tus-cat.bin")):
            answer = client.raw("POST", SPACE, None, tus_headers(name, len(content)))
            assert answer.status == status, answer
            created[name] = answer.headers["Location"]
        location = urlsplit(created["tus.bin"]).path
        patch = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
        assert bob.raw("PATCH", location, content[:1000], {**patch, "Upload-Offset": "0"}).status == 204
        staged = list(place.common.glob(".clawgate/*/part-*"))
        assert [(path.parent.name, owner(path)[0]) for path in staged] == [("3002", 3002)]
        place.gateway.restart()
        bob.close()
        answer = bob.raw("PATCH", location, content[1000:], {**patch, "Upload-Offset": "1000"})
        assert (answer.status, answer.headers["OC-Perm"]) == (204, "DNVW")
        for path in ("ng.bin", "tus.bin"):
            assert bob.get(path) == content
            assert owner(place.common / path) == (3002, GROUP)
    assert sorted(os.listdir(place.common)) == [".clawgate", "ng.bin", "readonly", "tus.bin"]
    assert os.listdir(place.common / "readonly") == []
    assert place.unfinished() == []


def tus_headers(name: str, size: int) -> dict[str, str]:
    metadata = f"filename {base64.b64encode(name.encode()).decode()}"
    return {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": metadata}


def test_leftovers_of_people_are_cleared_up(place: Place) -> None:
    """As the people, whoever comes first afterwards: nobody else can."""
    place.prepare()
    for uid, gid in ((3001, 3100), (3002, 3100), (500, 3100)):
        own = place.common / ".clawgate" / str(uid)
        own.mkdir()
        (own / "tmp-0123456789abcdef0123456789abcdef").write_bytes(b"left")
        (own / "trash-0123456789abcdef0123456789abcdef").mkdir()
        for path in (own, *own.iterdir()):
            os.chown(path, uid, gid)
        own.chmod(0o700)
    place.gateway.start()
    with place.client("cat") as cat:
        cat.list()
    left = {path.relative_to(place.common / ".clawgate").parts[0] for path in place.common.glob(".clawgate/*/*")}
    # Whom the settings exclude is never taken on, not even for this.
    assert left == {"500"}
    assert "what uid 500 has left cannot be cleared up" in place.gateway.log()


def test_it_does_not_start_without_what_it_needs(place: Place) -> None:
    place.gateway.launcher = as_service.launcher("CAP_CHOWN", "CAP_SETGID")
    with pytest.raises(AssertionError, match=r"mounts\.home\.act_as: acting as people is not possible without CAP_SETUID"):
        place.gateway.start()


def test_old_trash_goes_though_nobody_comes(place: Place) -> None:
    """After a restart it is cleared up as each of those who have left something, in homes and in what several people use."""
    place.prepare()
    place.gateway.configure(
        index={"tidy_seconds": 1}, mounts__home={"kept_free_percent": 0}, mounts__common={"kept_free_percent": 0}
    )
    place.gateway.start()
    bins = []
    for name, root, tree in (
        ("ann", "/remote.php/dav/files/ann", place.homes / "ann" / ".clawgate"),
        ("ann", SPACE, place.common / ".clawgate" / "3001"),
        ("bob", SPACE, place.common / ".clawgate" / "3002"),
    ):
        with place.client(name, root) as client:
            for file in ("old", "young"):
                assert client.put(f"{name} {file}", file.encode()).status == 201
                assert client.ask("DELETE", f"{name} {file}").status == 204
        bins.append(tree / "trash")
    place.gateway.stop()
    notes = []
    for bin in bins:
        note = next(path for path in (bin / "info").iterdir() if "old" in path.read_text())
        lines = [line for line in note.read_text().splitlines() if not line.startswith("X-Clawgate-Removed")]
        note.write_text(re.sub("DeletionDate=.*", "DeletionDate=2020-01-01T00:00:00", "\n".join(lines)))
        notes.append(note)
    # Whom the settings exclude does not keep the others from their turn.
    other = place.common / ".clawgate" / "500"
    other.mkdir(0o700)
    os.chown(other, 500, 500)
    place.gateway.start()
    deadline = time.monotonic() + 120
    while any(note.exists() for note in notes):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert [[path.read_bytes() for path in (bin / "files").iterdir()] for bin in bins] == [[b"young"]] * 3

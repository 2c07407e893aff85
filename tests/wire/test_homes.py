"""New people's directories through the real gateway: whole or not at all, and no client deletes anything for lack of one."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from . import dav
from .gateway import HASHER, USERS, Gateway
from .programs import SyncClient

NOBODY = pwd.getpwnam("nobody")
FILES = 900
TEMPORARY = ".clawgate-tmp-home-"


@pytest.fixture
def homes(tmp_path: Path) -> Path:
    """A tree beside the data directory."""
    folder = tmp_path / "homes"
    folder.mkdir()
    return folder


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    folder = tmp_path / "skeleton"
    (folder / "Documents").mkdir(parents=True)
    (folder / "Documents" / "welcome.txt").write_text("welcome")
    (folder / "Documents").chmod(0o750)
    return folder


def look(gateway: Gateway, user: str = "alice", secret: str = "") -> dav.Answer:
    with dav.Client(gateway.port, user, secret or USERS[user], f"/remote.php/dav/files/{user}") as client:
        return client.ask("PROPFIND", "", dav.OWNCLOUD, {"Depth": "1"})


def test_a_new_home(stopped_gateway: Gateway, homes: Path, skeleton: Path) -> None:
    gateway = stopped_gateway
    users = gateway.folder / "users.toml"
    users.write_text(users.read_text() + f"\n[users.nobody]\npassword = {json.dumps(HASHER.hash('x'))}\n")
    mount = {"root": f"{homes}/{{user.id[0]}}/{{user.id}}", "create_parents": True, "create_mode": "0750", "create_owner": "user"}
    gateway.configure(mounts__home={**mount, "skeleton": str(skeleton)})
    gateway.start()
    with dav.Client(gateway.port, "nobody", "x", "/remote.php/dav/files/nobody") as client:
        assert set(client.list()) == {"", "Documents"}
        assert client.get("Documents/welcome.txt") == b"welcome"
    made = homes / "n" / "nobody"
    assert sorted(path.name for path in homes.rglob("*")) == ["Documents", "n", "nobody", "welcome.txt"]
    for path, mode in ((made, 0o750), (made / "Documents", 0o750)):
        state = path.stat()
        assert (stat.S_IMODE(state.st_mode), state.st_uid, state.st_gid) == (mode, NOBODY.pw_uid, NOBODY.pw_gid)
    # Nobody tells who alice would be: none is made for her rather than one that belongs to somebody else.
    answer = look(gateway)
    assert (answer.status, b"your home cannot be made now" in answer.body) == (503, True)
    assert not (homes / "a").exists()
    assert "mounts.home: nobody tells the uid of alice" in gateway.log()


def test_no_home_and_none_is_made(stopped_gateway: Gateway, homes: Path, tmp_path: Path) -> None:
    """Neither one who has never been here nor one whose home is gone loses anything on the other side."""
    gateway = stopped_gateway
    gateway.configure(mounts__home={"root": f"{homes}/{{user.id}}", "create": False})
    (homes / "alice").mkdir()
    (homes / "alice" / "kept.txt").write_text("kept")
    gateway.start()
    client = SyncClient("owncloudcmd", gateway, tmp_path / "client")
    client.sync()
    (homes / "alice").rename(tmp_path / "aside")
    gateway.stop()
    for status, said, logged in (
        (503, b"is its file system mounted?", "home$alice: "),
        (403, b"there is no home for alice here", "mounts.home.create is false"),
    ):
        gateway.start()
        answer = look(gateway)
        assert (answer.status, said in answer.body, f"{homes}/alice".encode() in answer.body) == (status, True, False)
        with client.start() as started:
            started.end(1)
        assert (client.folder / "kept.txt").read_text() == "kept"
        assert os.listdir(homes) == []
        assert logged in gateway.log()
        assert f"{homes}/alice is missing" in gateway.log()
        gateway.stop()
        # Without index and state nobody knows that there ever was one.
        for file in (*gateway.data.glob("index.db*"), *gateway.data.glob("state.db*")):
            file.unlink()


def test_a_home_that_is_gone_is_not_made_again_though_the_index_is_lost(
    stopped_gateway: Gateway, homes: Path, tmp_path: Path
) -> None:
    """Else clients would take the empty one for the truth, and delete what they have."""
    gateway = stopped_gateway
    gateway.configure(mounts__home={"root": f"{homes}/{{user.id}}"}, outside={"generation_seconds": 1})
    gateway.start()
    with gateway.client() as client:
        assert client.put("kept.txt", b"kept").status == 201
    deadline = time.monotonic() + 60
    with closing(sqlite3.connect(f"file:{gateway.data}/state.db?mode=ro", uri=True)) as state:
        while not state.execute("SELECT count(*) FROM generation WHERE space = 'home$alice'").fetchone()[0]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    gateway.stop()
    (homes / "alice").rename(tmp_path / "aside")
    for file in gateway.data.glob("index.db*"):
        file.unlink()
    gateway.start()
    assert look(gateway).status == 503
    assert os.listdir(homes) == []
    # One whom nobody has seen gets a home all the same.
    assert look(gateway, "bob").status == 207


def test_a_kill_while_one_is_made(quick_gateway: Gateway, homes: Path, skeleton: Path) -> None:
    gateway = quick_gateway
    for number in range(FILES):
        (skeleton / f"{number}.txt").write_text(str(number))
    root = {"root": f"{homes}/{{user.id}}", "skeleton": str(skeleton), "durability": "full"}
    gateway.configure(mounts__home=root)
    gateway.start()

    def ask() -> None:
        with contextlib.suppress(OSError):
            look(gateway)

    thread = threading.Thread(target=ask)
    thread.start()
    deadline = time.monotonic() + 60
    while not any(len(os.listdir(one)) > 100 for one in homes.glob(f"{TEMPORARY}*") if one.is_dir()):
        assert time.monotonic() < deadline
    gateway.kill()
    thread.join()
    assert not (homes / "alice").exists()
    assert len(list(homes.glob(f"{TEMPORARY}*"))) == 2
    gateway.start()
    assert look(gateway, "bob").status == 207
    assert sorted(os.listdir(homes)) == ["bob"]
    with gateway.client() as client:
        assert len(client.list()) == 1 + 1 + FILES


def test_a_link_in_the_way(stopped_gateway: Gateway, homes: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (homes / "a").symlink_to(tmp_path / "elsewhere")
    (homes / "b").mkdir()
    (homes / "b" / "bob").symlink_to(tmp_path / "elsewhere" / "new")
    stopped_gateway.configure(mounts__home={"root": f"{homes}/{{user.id[0]}}/{{user.id}}", "create_parents": True})
    stopped_gateway.start()
    assert look(stopped_gateway, "alice").status == 503
    assert look(stopped_gateway, "bob").status == 503
    assert os.listdir(tmp_path / "elsewhere") == []
    assert f"{homes}/a is a link or no directory" in stopped_gateway.log()


@pytest.fixture
def small(homes: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "none", homes], check=True)
    yield homes
    subprocess.run(["umount", homes], check=True)


def test_a_full_file_system(stopped_gateway: Gateway, small: Path, skeleton: Path) -> None:
    gateway = stopped_gateway
    (skeleton / "large").write_bytes(bytes(2_000_000))
    gateway.configure(mounts__home={"root": f"{small}/{{user.id}}", "skeleton": str(skeleton)})
    gateway.start()
    answer = look(gateway)
    assert (answer.status, b"your home cannot be made" in answer.body) == (507, True)
    assert os.listdir(small) == []
    subprocess.run(["mount", "-o", "remount,size=8m", small], check=True)
    with gateway.client() as client:
        assert set(client.list()) == {"", "Documents", "large"}
    gateway.stop()


def test_people_cannot_be_given_homes_without_the_right_to(stopped_gateway: Gateway) -> None:
    stopped_gateway.configure(mounts__home={"create_owner": "user"})
    stopped_gateway.errors_expected = True

    def without(arguments: list[str], folder: Path, log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        program = str(Path(sys.executable).with_name("twistd"))
        with log.open("ab") as out:
            return subprocess.Popen(
                ["setpriv", "--bounding-set=-chown", "--inh-caps=-chown", program, *arguments], stdout=out, stderr=out
            )

    stopped_gateway.launcher = without
    with pytest.raises(AssertionError, match="the gateway ended with"):
        stopped_gateway.start()
    assert "mounts.home.create_owner: homes cannot be given to people without CAP_CHOWN" in stopped_gateway.log()


def test_a_new_home_of_somebody_who_works_as_themselves(stopped_gateway: Gateway, homes: Path, skeleton: Path) -> None:
    gateway = stopped_gateway
    secret = json.dumps(HASHER.hash(USERS["alice"]))
    (gateway.folder / "users.toml").write_text(f"[users.alice]\nuid = 1001\ngid = 1002\npassword = {secret}\n")
    mount = {"root": f"{homes}/{{user.id}}", "act_as": "user", "create_owner": "user", "skeleton": str(skeleton)}
    gateway.configure(mounts__home=mount)
    gateway.start()
    with gateway.client() as client:
        assert client.put("Documents/mine.txt", b"mine").status == 201
        assert client.put("Documents/welcome.txt", b"changed").status == 204
    for path in (homes / "alice", *(homes / "alice").rglob("*")):
        assert (path.stat().st_uid, path.stat().st_gid) == (1001, 1002), path

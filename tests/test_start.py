"""A start is quick because of what it does not do: importing what is not configured, and looking at what the index knows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import pytest_twisted
import sqlalchemy
from twisted.internet import reactor

from clawgate.assembly import Core
from clawgate.model.path import ROOT
from clawgate.model.people import Actor, User
from clawgate.settings import Mount, Settings

CLAWGATE = str(Path(sys.executable).with_name("clawgate"))

START = """
import base64, http.client, json, socket, sys
from twisted.internet import reactor, threads
from clawgate.service import Options, makeService

options = Options()
options.parseOptions(["--data", "data", "--listen", "unix:http", "--user", "alice:secret"])
service = makeService(options)
service.privilegedStartService()
service.startService()

def ask():
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect("http")
    login = {"Authorization": "Basic " + base64.b64encode(b"alice:secret").decode()}
    connection.request("PROPFIND", "/remote.php/dav/files/alice/", headers=login | {"Depth": "1"})
    status = connection.getresponse().status
    connection.close()
    return status

def tell(status):
    print(json.dumps([status, sorted(sys.modules)]))
    return service.stopService()

reactor.callWhenRunning(lambda: threads.deferToThread(ask).addCallback(tell).addBoth(print).addBoth(lambda _: reactor.stop()))
reactor.run()
"""

UNNEEDED = {
    "alembic": "the tables are as this version wants them",
    "boto3": "no mount is in a bucket",
    "botocore": "the same",
    "jwt": "nobody signs tokens",
    "treq": "nobody is asked over HTTP",
    "twisted.web.client": "the same",
    "PIL.Image": "pictures are made elsewhere",
    "wsproto": "nobody has opened a websocket",
    "klein": "nobody has asked for OCS",
    "werkzeug": "the same",
    "ldap3": "there is no directory",
    "clawgate.identity.ldap.build": "the same",
    "grpc": "no mount is asked by gRPC",
    "google.protobuf": "the same",
    "clawgate.protobuf": "the same",
    "psycopg": "the databases are SQLite's",
    "sqlalchemy.dialects.postgresql": "the same",
}


def environment(folder: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CLAWGATE_")}
    return kept | {"CLAWGATE_ADMIN__LISTEN": f"unix:{folder}/admin"}


def test_what_the_default_does_not_need_is_not_imported(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", START]
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=True, timeout=120
    )

    status, modules = json.loads(ran.stdout.splitlines()[0])
    assert status == 207
    assert "sqlalchemy" in modules, "or they have other names now"
    assert {name for name in UNNEEDED if name in modules} == set()


@pytest.mark.parametrize("arguments", [["--help"], ["user", "list"], ["settings"]], ids=" ".join)
def test_small_commands_do_not_import_the_gateway(tmp_path: Path, arguments: list[str]) -> None:
    script = f"""
import sys
from clawgate import cli
try:
    cli.main({arguments!r})
except SystemExit:
    pass
print(sorted(set(sys.modules) & {{"twisted.internet.defer", "sqlalchemy", "clawgate.assembly"}}), file=sys.stderr)
"""
    command = [sys.executable, "-c", script]
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=True, timeout=120
    )

    assert ran.stderr == "[]\n"


def plant(folder: Path, files: int) -> None:
    """The same three folders, with other numbers of files below."""
    for name in "abc":
        for number in range(files // 100):
            below = folder / "files" / "alice" / name / f"run {number}"
            below.mkdir(parents=True)
            for file in range(100):
                (below / f"{file}.dat").touch()


async def work(folder: Path, *, learn: bool) -> int:
    """Open the space of alice and list its root as a new process does; returns what the index's database has done for that, in
    instructions of SQLite's virtual machine."""
    core = Core(Settings(data=str(folder), mounts={"home": Mount(outside_changes="none")}), reactor)
    core.serving = True
    done = 0

    def count() -> int:
        nonlocal done
        done += 1
        return 0

    def watch(raw: object, record: object) -> None:
        raw.set_progress_handler(count, 1)  # type: ignore[attr-defined]

    sqlalchemy.event.listen(core.index_database._engine, "connect", watch)
    await core.start()
    try:
        place = await core.namespace.home(Actor(User("alice")), ROOT)
        storage = await core.storages.of(place.space)
        listing = await storage.list(ROOT)
        assert {node.name async for page in listing.pages for node in page} == set("abc")
        found = done
        if learn:
            await core.opening.learn()
            assert core.opening.learned > 3
    finally:
        await core.stop()
    return found


@pytest_twisted.ensureDeferred
async def test_opening_a_space_costs_the_same_whatever_is_in_it(tmp_path: Path) -> None:
    found = []
    for files in (100, 2000):
        folder = tmp_path / str(files)
        folder.mkdir()
        plant(folder, files)
        await work(folder, learn=True)
        found.append(await work(folder, learn=False))

    small, large = found
    assert 0 < large <= small * 1.05, "nothing is counted and no table is read before the first answer"

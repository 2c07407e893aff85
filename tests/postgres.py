"""PostgreSQL's server, as a process of the tests."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from .ports import free_port

ACCOUNT = "postgres"
"""As whom the server runs if the tests run as root, which it refuses."""


def _programs() -> Path:
    """Where Debian has the newest version's."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    assert found, "PostgreSQL is missing: install the Debian packages of the Makefile"
    return found[-1].parent


class Postgres:
    """A server with data of its own, on a port that stays the same over restarts. Texts are sorted as people do it."""

    def __init__(self) -> None:
        self._programs = _programs()
        self._folder = Path(tempfile.mkdtemp(prefix="clawgate-postgres-"))
        self._data = self._folder / "data"
        self._as: list[str] = []
        if os.geteuid() == 0:
            account = pwd.getpwnam(ACCOUNT)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
            self._as = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--"]
        self.port = free_port()
        self._numbers = itertools.count(1)
        sorting = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]
        self._run("initdb", "--no-sync", "--auth=trust", f"--username={ACCOUNT}", *sorting, "-D", str(self._data))
        settings = {
            "listen_addresses": "'127.0.0.1'",
            "port": str(self.port),
            "unix_socket_directories": f"'{self._folder}'",
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "'32MB'",
            "autovacuum": "off",
        }
        with (self._data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{key} = {value}\n" for key, value in settings.items())

    def start(self) -> Postgres:
        """It ends with the tests, also if they are killed."""
        command = [*(self._as or ["setpriv", "--"]), str(self._programs / "postgres"), "-D", str(self._data)]
        command.insert(1, "--pdeathsig=QUIT")
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + 60
        while True:
            try:
                self.connect().close()
                return self
            except psycopg.OperationalError:
                told = (self._folder / "log").read_text()[-4000:]
                assert self._process.poll() is None and time.monotonic() < until, told
                time.sleep(0.02)

    def stop(self, mode: str = "fast") -> None:
        """`mode`: as ``pg_ctl`` has it; ``immediate`` is like a crash."""
        self._run("pg_ctl", "stop", "-w", "-m", mode, "-D", str(self._data))
        self._process.wait(60)

    def close(self) -> None:
        """Stop it, and throw away what it has."""
        if (self._data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self._folder)

    def database(self) -> str:
        """The address of a new database."""
        name = f"test_{next(self._numbers)}"
        self.ask(f"CREATE DATABASE {name}")
        return self._address(name)

    def schema(self) -> str:
        """The address of a new schema in a database that there is: made in no time."""
        name = f"test_{next(self._numbers)}"
        self.ask(f"CREATE SCHEMA {name}")
        return self._address(f"postgres?options=-csearch_path%3D{name}")

    def drop(self, url: str) -> None:
        """Forget a database, also if somebody is connected to it, or a schema."""
        _, found, name = url.rpartition("%3D")
        self.ask(f"DROP SCHEMA {name} CASCADE" if found else f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def _address(self, name: str) -> str:
        return f"postgresql+psycopg://{ACCOUNT}:not%20asked%20for@127.0.0.1:{self.port}/{name}"

    def connect(self, url: str = "") -> psycopg.Connection[Any]:
        """A connection of the test's own; every statement counts at once."""
        return psycopg.connect((url or self._address("postgres")).replace("+psycopg", ""), autocommit=True)

    def ask(self, statement: str, url: str = "") -> list[tuple[Any, ...]]:
        """Run one statement; its rows, if it has any."""
        with self.connect(url) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def cut(self) -> int:
        """End all connections but one's own; returns how many there were."""
        others = "pid <> pg_backend_pid() AND backend_type = 'client backend'"
        return len(self.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._programs / program), *arguments]
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        with (self._folder / "said").open("ab") as out:
            code = subprocess.run(
                command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, timeout=120
            ).returncode
        assert code == 0, f"{program} ended with {code}:\n{(self._folder / 'said').read_text()[-4000:]}"

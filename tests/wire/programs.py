"""The real clients, as their users run them."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType

from .gateway import USERS, Gateway


def run(
    command: Sequence[str], home: Path, *, text: str = "", timeout: float = 180, environment: Mapping[str, str] | None = None
) -> str:
    """Run one client with `home` as its home and `text` as its input; returns what it printed. It must end with 0."""
    home.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        command,
        cwd=home,
        env=surroundings(home, environment),
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout,
        text=True,
        errors="replace",
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout[-8000:]}"
    return done.stdout


def surroundings(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a client."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "RCLONE_", "AWS_"))}
    return {**kept, "HOME": str(home), "LC_ALL": "C.UTF-8", "QT_QPA_PLATFORM": "offscreen", **(more or {})}


class Started:
    """A client at work; it is killed if the test leaves it behind."""

    def __init__(self, command: Sequence[str], home: Path, environment: Mapping[str, str] | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.command = command
        self.process = subprocess.Popen(
            command,
            cwd=home,
            env=surroundings(home, environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )

    def __enter__(self) -> Started:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.process.kill()
            self.process.communicate()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.end(-signal.SIGKILL)

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self, *codes: int, timeout: float = 120) -> str:
        """Wait for its end with one of `codes` (0 if none is given); returns what it printed."""
        try:
            said, _ = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            said, _ = self.process.communicate()
            raise AssertionError(f"{self.command[0]} does not end:\n{said[-8000:]}") from None
        code = self.process.returncode
        assert code in (codes or (0,)), f"{self.command[0]} ended with {code}:\n{said[-8000:]}"
        return said


class SyncClient:
    """``owncloudcmd`` or ``nextcloudcmd`` with a folder of its own; `port`: what it talks to instead of the gateway's own;
    `password`: if it is not the user's own."""

    def __init__(
        self, program: str, gateway: Gateway, folder: Path, user: str = "alice", port: int = 0, password: str = ""
    ) -> None:
        self.program = program
        self.user = user
        self.password = password or USERS[user]
        self.url = f"http://127.0.0.1:{port}" if port else gateway.url()
        self.environment: dict[str, str] = {}
        self.folder = folder / "tree"
        self.home = folder / "home"
        self.folder.mkdir(parents=True)
        self.home.mkdir()
        # Debian's owncloudcmd stops without a list of exclusions.
        (self.home / "exclude").write_text("# nothing is excluded\n")

    @property
    def command(self) -> list[str]:
        options = ["--non-interactive", "--trust", "-h", "--exclude", str(self.home / "exclude")]
        return [self.program, *options, "--user", self.user, "--password", self.password, str(self.folder), self.url]

    def sync(self) -> str:
        return run(self.command, self.home, timeout=300, environment=self.environment)

    def start(self) -> Started:
        return Started(self.command, self.home, self.environment)

    def forgive(self) -> int:
        """Take all files from the client's list of those that failed, as if the time to wait had passed; returns how many."""
        [journal] = [*self.folder.glob(".sync_*.db"), *self.folder.glob("._sync_*.db")]
        with closing(sqlite3.connect(journal)) as connection, connection:
            return connection.execute("DELETE FROM blacklist").rowcount


def rclone(gateway: Gateway, home: Path, vendor: str, *arguments: str, user: str = "alice") -> str:
    """``rclone`` with the remote ``gw:`` for `vendor`."""
    secret = run(["rclone", "obscure", "-"], home, text=USERS[user]).strip()
    path = f"/remote.php/dav/files/{user}" if vendor == "nextcloud" else "/remote.php/webdav"
    settings = {"TYPE": "webdav", "URL": gateway.url(path), "VENDOR": vendor, "USER": user, "PASS": secret}
    more = {f"RCLONE_CONFIG_GW_{name}": value for name, value in settings.items()}
    return run(
        ["rclone", "--config", "/dev/null", "--retries", "1", "--low-level-retries", "1", *arguments], home, environment=more
    )

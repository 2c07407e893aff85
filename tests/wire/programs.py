"""The real clients, as their users run them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .gateway import USERS, Gateway


def run(
    command: Sequence[str], home: Path, *, text: str = "", timeout: float = 180, environment: Mapping[str, str] | None = None
) -> str:
    """Run one client with `home` as its home and `text` as its input; returns what it printed. It must end with 0."""
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "RCLONE_"))}
    own = {"HOME": str(home), "LC_ALL": "C.UTF-8", "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        command,
        cwd=home,
        env={**kept, **own, **(environment or {})},
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout,
        text=True,
        errors="replace",
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout[-8000:]}"
    return done.stdout


class SyncClient:
    """``owncloudcmd`` or ``nextcloudcmd`` with a folder of its own."""

    def __init__(self, program: str, gateway: Gateway, folder: Path, user: str = "alice") -> None:
        self.program = program
        self.gateway = gateway
        self.user = user
        self.folder = folder / "tree"
        self.home = folder / "home"
        self.folder.mkdir(parents=True)
        self.home.mkdir()
        # Debian's owncloudcmd stops without a list of exclusions.
        (self.home / "exclude").write_text("# nothing is excluded\n")

    def sync(self) -> str:
        command = [self.program, "--non-interactive", "--trust", "-h", "--exclude", str(self.home / "exclude")]
        command += ["--user", self.user, "--password", USERS[self.user], str(self.folder), self.gateway.url()]
        return run(command, self.home, timeout=300)


def rclone(gateway: Gateway, home: Path, vendor: str, *arguments: str, user: str = "alice") -> str:
    """``rclone`` with the remote ``gw:`` for `vendor`."""
    secret = run(["rclone", "obscure", "-"], home, text=USERS[user]).strip()
    path = f"/remote.php/dav/files/{user}" if vendor == "nextcloud" else "/remote.php/webdav"
    settings = {"TYPE": "webdav", "URL": gateway.url(path), "VENDOR": vendor, "USER": user, "PASS": secret}
    more = {f"RCLONE_CONFIG_GW_{name}": value for name, value in settings.items()}
    return run(
        ["rclone", "--config", "/dev/null", "--retries", "1", "--low-level-retries", "1", *arguments], home, environment=more
    )

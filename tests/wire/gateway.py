"""A real gateway process with its own data, ports and users."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from ..ports import free_port
from . import dav, launch

USERS = {"alice": "alice's secret", "bob": "bob's secret"}
# Cheap on purpose: tests log in after each of hundreds of restarts.
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

KEPT = {(".clawgate", "generation"), (".clawgate", "trash"), (".clawgate", "versions")}

_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_hard, _hard))


class Gateway:
    """``twistd -n clawgate --config FILE``; alice and bob have homes under ``data/files``."""

    def __init__(self, folder: Path, launcher: launch.Launcher = launch.quick) -> None:
        self.folder = folder
        self.launcher = launcher
        self.data = folder / "data"
        self.config = folder / "clawgate.toml"
        self.log_file = folder / "gateway.log"
        self.environment: dict[str, str] = {}
        self.port = free_port()
        self.admin_port = free_port()
        self.process: launch.Running | None = None
        self.errors_expected = False
        users = "\n".join(f"[users.{name}]\npassword = {json.dumps(HASHER.hash(word))}\n" for name, word in USERS.items())
        (folder / "users.toml").write_text(users)
        self.settings: dict[str, dict[str, Any]] = {
            "http": {"listen": [f"tcp:{self.port}:interface=127.0.0.1"]},
            "admin": {"listen": [f"tcp:{self.admin_port}:interface=127.0.0.1"]},
            "users": {"file": str(folder / "users.toml")},
            "mounts.home": {},
        }
        self.configure()

    def configure(self, **sections: Mapping[str, Any]) -> None:
        """Add settings: ``configure(dav={...}, mounts__home={...})``; they count from the next start."""
        for name, values in sections.items():
            self.settings.setdefault(name.replace("__", "."), {}).update(values)
        parts = [f"data = {json.dumps(str(self.data))}\n"]
        for name, values in self.settings.items():
            parts.append(f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
        self.config.write_text("\n".join(parts))

    def disk(self, user: str = "alice") -> Path:
        """Where the user's files lie."""
        return self.data / "files" / user

    def make_home(self, user: str = "alice") -> Path:
        """The directory of files, made before the gateway first starts."""
        self.disk(user).mkdir(parents=True, exist_ok=True)
        return self.disk(user)

    def start(self) -> None:
        arguments = ["-n", "--pidfile=", "clawgate", "--config", str(self.config)]
        self.process = self.launcher(arguments, self.folder, self.log_file, self.environment)
        deadline = time.monotonic() + 120
        while self.admin("/ready")[0] != 200:
            if (code := self.process.poll()) is not None:
                self.process = None
                raise AssertionError(f"the gateway ended with {code}:\n{self.log()[-5000:]}")
            assert time.monotonic() < deadline, f"the gateway does not become ready:\n{self.log()[-5000:]}"
            time.sleep(0.01)

    def stop(self) -> float:
        """Ask it to end; returns the seconds it took."""
        assert self.process is not None
        start = time.monotonic()
        os.kill(self.process.pid, signal.SIGTERM)
        while (code := self.process.poll()) is None:
            if time.monotonic() > start + 60:
                self.kill()
                raise AssertionError(f"the gateway does not stop:\n{self.log()[-5000:]}")
            time.sleep(0.02)
        self.process = None
        # Twisted ends with the signal that made it stop, after everything is closed.
        assert code == -signal.SIGTERM, f"the gateway ended with {code}:\n{self.log()[-5000:]}"
        return time.monotonic() - start

    def kill(self) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        """End it, throw its data away, and complain about what is in the log and should not be."""
        try:
            if self.process is not None:
                self.stop()
            if not self.errors_expected:
                found = re.search(r"^.*(Traceback|Unhandled|never retrieved|never awaited).*$", self.log(), re.MULTILINE)
                assert not found, f"in the gateway's log:\n{self.log()[max(0, found.start() - 500) : found.start() + 4000]}"
        finally:
            shutil.rmtree(self.data, ignore_errors=True)

    def admin(self, path: str) -> tuple[int, str]:
        """Status and body from the admin listener; status 0: nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=120)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def metrics(self) -> dict[str, float]:
        """All samples, by name with labels as they are written."""
        status, text = self.admin("/metrics")
        assert status == 200
        lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    def memory(self, what: str = "VmRSS") -> int:
        """Resident bytes now, or at most so far (``VmHWM``)."""
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"^{what}:\s*(\d+) kB", text, re.MULTILINE)
        assert found
        return int(found[1]) * 1024

    def forget_peak(self) -> None:
        """Let ``VmHWM`` begin anew at what is resident now."""
        assert self.process is not None
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def moved_bytes(self) -> tuple[int, int]:
        """What the process has read and written so far: files, databases and its log, not sockets."""
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/io").read_text()
        found = dict(re.findall(r"^(\w+): (\d+)$", text, re.MULTILINE))
        return int(found["rchar"]), int(found["wchar"])

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def url(self, path: str = "", user: str = "") -> str:
        """An address; `user`: within that user's tree."""
        root = f"/remote.php/dav/files/{user}" if user else ""
        return f"http://127.0.0.1:{self.port}{root}{path}"

    def client(self, user: str = "alice", root: str = "") -> dav.Client:
        return dav.Client(self.port, user, USERS[user], root or f"/remote.php/dav/files/{user}")

    def tool(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The operator's command on this gateway's settings."""
        return launch.nursery().tool(["--config", str(self.config), *arguments], self.folder, timeout=120)

    def leftovers(self, user: str = "alice") -> list[str]:
        """Files of the gateway's own among the user's, but for what it keeps there: a mark, the trash, versions."""
        found = []
        for folder, _, files in os.walk(self.disk(user)):
            for name in files:
                path = Path(folder, name).relative_to(self.disk(user))
                kept = path.parts[:2] in KEPT
                if any(part.startswith(".clawgate") for part in path.parts) and not kept:
                    found.append(str(path))
        return found

    def assert_tidy(self, user: str = "alice") -> None:
        """Nothing of the gateway's own is left among the user's files; what is deleted in the background has a moment."""
        deadline = time.monotonic() + 60
        while left := self.leftovers(user):
            assert time.monotonic() < deadline, f"left over: {left}"
            time.sleep(0.01)

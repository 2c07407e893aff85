"""The servers that are compared: each serves a tree on a port of its own, with a configuration made here.

All but @tus/server ask for a password (Apache compares a plain SHA-1, rclone does what it does with ``--user`` and ``--pass``).
The peers keep no ids, folder etags or checksums: whatever they save by that counts for them.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import processes

APACHE_DIRECTORY = Path("/usr/lib/apache2/modules")
# What Debian enables after installation, and WebDAV.
APACHE_MODULES = (
    "mpm_event access_compat alias auth_basic authn_core authn_file authz_core authz_host authz_user autoindex deflate dir env "
    "filter mime negotiation reqtimeout setenvif status dav dav_fs"
)
USER, PASSWORD = "bench", "bench-4711"
LOGIN = b"Authorization: Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()) + b"\r\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Peer:
    """One server: started, measured, restarted, stopped."""

    name = ""
    prefix = ""

    def __init__(self, tree: Path, work: Path) -> None:
        self.tree = tree
        self.work = work
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        work.mkdir(parents=True, exist_ok=True)
        self.prepare()

    def prepare(self) -> None:
        """Write the configuration."""

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        log = (self.work / "output.log").open("ab")
        self.process = subprocess.Popen(self.command(), cwd=self.work, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise SystemExit(f"{self.name} did not start:\n{(self.work / 'output.log').read_text()[-3000:]}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def pids(self) -> list[int]:
        assert self.process is not None
        return processes.family(self.process.pid)

    def cpu(self) -> float:
        return processes.cpu(self.pids)

    def memory(self) -> int:
        return processes.memory(self.pids)

    def request(self, verb: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        """The bytes of one request; `path` is relative to the tree."""
        return self.absolute(verb, f"{self.prefix}/{path}", body, **headers)

    def absolute(self, verb: str, target: str, body: bytes = b"", **headers: str) -> bytes:
        """The same for a whole path or URL. Without `body` its length may be among `headers`."""
        lines = [f"{verb} {target} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        if body:
            headers["Content_Length"] = str(len(body))
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n" + LOGIN + b"\r\n" + body


class Clawgate(Peer):
    """The gateway as its users run it (index, ids, etags, one login, access log, metrics), but for syncing uploads."""

    name = "clawgate"
    prefix = f"/remote.php/dav/files/{USER}"
    durability = "none"
    """The peers do not sync what they were sent before they answer; with the gateway's default the disk would be measured."""

    def prepare(self) -> None:
        from argon2 import PasswordHasher

        admin = free_port()
        (self.work / "users.toml").write_text(f'[users.{USER}]\npassword = "{PasswordHasher().hash(PASSWORD)}"\n')
        (self.work / "clawgate.toml").write_text(
            f"""data = "{self.work / "data"}"
[http]
listen = ["tcp:{self.port}:interface=127.0.0.1"]
[admin]
listen = ["tcp:{admin}:interface=127.0.0.1"]
[users]
file = "{self.work / "users.toml"}"
[mounts.home]
durability = "{self.durability}"
root = "{self.tree}"
"""
        )

    def command(self) -> list[str]:
        twistd = Path(sys.executable).with_name("twistd")
        return [str(twistd), "-n", "--pidfile=", "clawgate", "--config", str(self.work / "clawgate.toml")]


class ClawgateData(Clawgate):
    """The gateway as its users run it."""

    name = "clawgate-data"
    durability = "data"


class Apache(Peer):
    """Debian's Apache with mod_dav and the event MPM."""

    name = "apache"

    def prepare(self) -> None:
        digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
        (self.work / "users").write_text(f"{USER}:{{SHA}}{digest}\n")
        lines = [f"LoadModule {name}_module {APACHE_DIRECTORY}/mod_{name}.so" for name in APACHE_MODULES.split()]
        lines += [
            f"ServerRoot {self.work}",
            "ServerName 127.0.0.1",
            f"Listen 127.0.0.1:{self.port}",
            f"PidFile {self.work}/apache.pid",
            f"ErrorLog {self.work}/error.log",
            'LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\"" combined',
            f"CustomLog {self.work}/access.log combined",
            "TypesConfig /etc/mime.types",
            "RequestReadTimeout header=0 body=0",
            f"DefaultRuntimeDir {self.work}",
            f"DavLockDB {self.work}/DavLock",
            f"DocumentRoot {self.tree}",
            "KeepAlive On",
            "MaxKeepAliveRequests 0",
            "KeepAliveTimeout 300",
            "Timeout 300",
            "MaxRequestWorkers 400",
            "<Location />",
            "  Dav On",
            "  AuthType Basic",
            "  AuthName bench",
            f"  AuthUserFile {self.work}/users",
            "  Require valid-user",
            "</Location>",
        ]
        if os.geteuid() == 0:
            lines += ["User www-data", "Group www-data"]
            shutil.chown(self.work, "www-data", "www-data")
        (self.work / "apache.conf").write_text("\n".join(lines) + "\n")

    def command(self) -> list[str]:
        binary = shutil.which("apache2", path=os.environ.get("PATH", "") + ":/usr/sbin") or "apache2"
        return [binary, "-f", str(self.work / "apache.conf"), "-D", "FOREGROUND"]


class Rclone(Peer):
    """``rclone serve webdav`` with its default cache settings."""

    name = "rclone"

    def command(self) -> list[str]:
        address = f"127.0.0.1:{self.port}"
        options = ["--addr", address, "--user", USER, "--pass", PASSWORD, "--config", "/dev/null", "--server-read-timeout", "10m"]
        return ["rclone", "serve", "webdav", str(self.tree), *options]


class TusServer(Peer):
    """@tus/server with its file store. It asks for no password, writes no log and leaves files under their ids."""

    name = "tus-server"
    prefix = "/files"

    def command(self) -> list[str]:
        return ["node", str(Path(__file__).parent / "tus_server" / "server.js"), str(self.port), str(self.tree)]

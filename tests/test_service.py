from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

TWISTD = str(Path(sys.executable).with_name("twistd"))


class Gateway:
    """``twistd -n clawgate`` on unix sockets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.process: subprocess.Popen[str] | None = None
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("CLAWGATE_")}
        self.environment["CLAWGATE_ADMIN__LISTEN"] = f"unix:{folder}/admin"

    def spawn(self, *arguments: str) -> subprocess.Popen[str]:
        common = ["--pidfile=", "-n", "clawgate", "--data", str(self.data), "--listen", f"unix:{self.folder}/http"]
        self.process = subprocess.Popen(
            [TWISTD, *common, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            cwd=self.folder,
        )
        return self.process

    def start(self, *arguments: str) -> None:
        process = self.spawn(*arguments)
        while process.poll() is None:
            try:
                assert self.get("/status.php")[0] == 200
                return
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.05)
        pytest.fail("\n".join(process.communicate()))

    def connect(self, name: str = "http") -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("localhost", timeout=120)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(120)
        try:
            connection.sock.connect(str(self.folder / name))
        except OSError:
            connection.close()
            raise
        return connection

    def get(self, path: str, auth: str = "", name: str = "http") -> tuple[int, bytes]:
        connection = self.connect(name)
        headers = {"Authorization": "Basic " + base64.b64encode(auth.encode()).decode()} if auth else {}
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, body

    def stop(self) -> tuple[str, str, int]:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=120)
        return out, err, self.process.returncode


@pytest.fixture
def gateway(tmp_path) -> Iterator[Gateway]:
    # A name for a socket has at most 107 bytes.
    folder = tmp_path if len(str(tmp_path)) < 90 else Path(os.path.relpath(tmp_path))
    found = Gateway(folder)
    yield found
    if found.process is not None and found.process.poll() is None:
        found.process.kill()
        found.process.communicate()


USER = "/ocs/v1.php/cloud/user"


def test_the_first_start_makes_an_admin_and_shows_the_password_once(gateway):
    gateway.start()
    assert gateway.get("/ready", name="admin")[0] == 200
    out, err, _ = gateway.stop()
    password = next(line.split()[-1] for line in err.splitlines() if "password:" in line)

    assert gateway.data.stat().st_mode & 0o777 == 0o700
    assert (gateway.data / "users.toml").stat().st_mode & 0o777 == 0o600
    assert password not in out
    assert password not in (gateway.data / "users.toml").read_text()
    gateway.start()
    assert gateway.get(USER, f"admin:{password}")[0] == 200
    assert gateway.get(USER, "admin:other")[0] == 401
    out, err, _ = gateway.stop()
    assert err == ""


def test_users_of_the_command_line(gateway):
    gateway.start("--user", "alice:one", "--user", "bob:t:wo")
    assert gateway.get(USER, "alice:one")[0] == 200
    assert gateway.get(USER, "bob:t:wo")[0] == 200
    assert gateway.stop()[1] == ""
    gateway.start("--user", "alice:three")
    assert gateway.get(USER, "alice:three")[0] == 200
    assert gateway.get(USER, "bob:t:wo")[0] == 200


def test_running_requests_may_end(gateway):
    gateway.start("--user", "alice:one")
    connection = gateway.connect()
    connection.putrequest("PUT", "/remote.php/webdav/slow.txt")
    connection.putheader("Authorization", "Basic " + base64.b64encode(b"alice:one").decode())
    connection.putheader("Content-Length", "10")
    connection.endheaders(b"01234")
    while b'clawgate_open_requests{verb="PUT"} 1.0' not in gateway.get("/metrics", name="admin")[1]:
        time.sleep(0.02)
    gateway.process.send_signal(signal.SIGTERM)
    while gateway.get("/ready", name="admin")[0] == 200:
        time.sleep(0.02)
    with pytest.raises((FileNotFoundError, ConnectionRefusedError)):
        gateway.connect()
    connection.send(b"56789")

    response = connection.getresponse()
    assert (response.status, response.read()) == (201, b"")
    connection.close()
    out, _, _ = gateway.stop()
    assert "stopping; 1 requests are running" in out
    assert '"PUT /remote.php/webdav/slow.txt HTTP/1.1" 201' in out
    assert (gateway.data / "files" / "alice" / "slow.txt").read_text() == "0123456789"


def test_requests_that_do_not_end_are_cut(gateway):
    gateway.environment["CLAWGATE_HTTP__STOP_TIMEOUT"] = "0.3"
    gateway.start("--user", "alice:one")
    connection = gateway.connect()
    connection.putrequest("PUT", "/remote.php/webdav/slow.txt")
    connection.putheader("Authorization", "Basic " + base64.b64encode(b"alice:one").decode())
    connection.putheader("Content-Length", "10")
    connection.endheaders(b"01234")
    deadline = time.monotonic() + 60
    # What comes is written to a file without a name in her home.
    while not (gateway.data / "files" / "alice").is_dir():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    gateway.stop()
    connection.close()

    assert [path for path in (gateway.data / "files" / "alice").iterdir() if path.name[0] != "."] == []


def test_logs_as_json_without_secrets(gateway):
    gateway.environment["CLAWGATE_LOG__FORMAT"] = "json"
    gateway.start("--user", "alice:verysecret")
    gateway.get(USER + "?token=verysecret", "alice:verysecret")
    out, _, _ = gateway.stop()
    records = [json.loads(line) for line in out.splitlines()]

    assert [record["user"] for record in records if record.get("path") == USER] == ["alice"]
    assert "verysecret" not in out
    assert base64.b64encode(b"alice:verysecret").decode() not in out


def test_two_do_not_share_data(gateway):
    gateway.start()
    other = gateway.folder / "other"
    other.mkdir()
    second = Gateway(other)
    second.data = gateway.data
    out, err = second.spawn().communicate(timeout=120)

    assert second.process.returncode == 1
    assert f"clawgate: another clawgate works with {gateway.data}" in out + err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--config", "/nowhere"), "clawgate: /nowhere: cannot be read"),
        (("--listen", "nothing:1"), "clawgate: http.listen: 'nothing:1' is not a server endpoint"),
        (("--listen", "systemd:domain=INET6:index=0"), "systemd has passed no such socket"),
        (("--listen", "tls:/nowhere:1"), "clawgate: http.listen: tls:/nowhere:1: /nowhere is no folder; put a file NAME.pem"),
        (("--user", "alice"), "--user: expected NAME:PASSWORD"),
        (("--user", "a/b:c"), "clawgate: user 'a/b'"),
        (("--user", "alice:x", "--config", "/dev/null"), "--user is for the embedded default"),
        (("--listen", "unix:/nowhere/socket"), "clawgate: http.listen: unix:/nowhere/socket: there is no folder /nowhere"),
    ],
)
def test_what_cannot_work_ends_at_once_and_says_why(gateway, arguments, expected):
    process = gateway.spawn(*arguments)
    out, err = process.communicate(timeout=120)

    assert process.returncode == 1
    assert expected in out + err
    assert "Traceback" not in out + err


def test_what_fails_later_ends_with_a_failure(gateway):
    gateway.data.mkdir()
    (gateway.data / "users.toml").write_text("[users.")
    process = gateway.spawn()
    out, _ = process.communicate(timeout=120)

    assert process.returncode == 1
    assert "cannot start: " in out
    assert "is not TOML" in out


def test_check(gateway):
    process = gateway.spawn("--check")
    out, _ = process.communicate(timeout=120)

    assert process.returncode == 0
    assert out.splitlines()[-1] == "ready to run"
    assert not gateway.data.exists()

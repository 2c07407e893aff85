"""Nextcloud's notify_push: a websocket that says when there is something new, which is found at once."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from . import dav
from .gateway import USERS, Gateway
from .websocket import Socket

PRE_AUTH = "/index.php/apps/notify_push/pre_auth"
KIB = 1 << 10


def capability(gateway: Gateway) -> dict[str, object]:
    with gateway.client() as client:
        told = json.loads(client.raw("GET", "/ocs/v2.php/cloud/capabilities?format=json").body)
    found: dict[str, object] = told["ocs"]["data"]["capabilities"].get("notify_push", {})
    return found


@contextlib.contextmanager
def pushed(gateway: Gateway, user: str = "alice", password: str = "") -> Iterator[Socket]:
    with closing(Socket(gateway.port)) as client:
        client.say(user, password or USERS[user])
        assert client.heard() == "authenticated"
        yield client


def etag(client: dav.Client) -> str:
    return client.list("", "0")[""].etag


def test_changes_are_found_as_soon_as_they_are_told(gateway: Gateway) -> None:
    assert capability(gateway) == {
        "type": ["files"],
        "endpoints": {
            "websocket": f"ws://127.0.0.1:{gateway.port}/push/ws",
            "pre_auth": f"http://127.0.0.1:{gateway.port}{PRE_AUTH}",
        },
    }
    with gateway.client() as client, pushed(gateway) as told, pushed(gateway, "bob") as other:
        told.say("listen notify_file_id")
        assert client.list().keys() == {""}
        before = etag(client)
        client.put("x", b"1")
        assert told.heard() == "notify_file"
        assert etag(client) != before
        # Others change something behind the gateway, and nobody asks.
        before = etag(client)
        (gateway.disk() / "job.txt").write_text("done")
        assert told.heard() == "notify_file"
        assert etag(client) != before
        assert "job.txt" in client.list()
        assert told.pinged(b"still there?") == b"still there?"
        with gateway.client("bob") as bob:
            bob.put("mine", b"x")
        assert other.heard() == "notify_file"
        assert gateway.metrics()["clawgate_event_streams"] == 2
    until(gateway, "clawgate_event_streams", 0)


def until(gateway: Gateway, name: str, value: float) -> None:
    deadline = time.monotonic() + 60
    while gateway.metrics()[name] != value:
        assert time.monotonic() < deadline, (name, gateway.metrics()[name])
        time.sleep(0.02)


def test_many_changes_are_one_message(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    gateway.configure(events={"push_seconds": 3})
    gateway.start()
    with gateway.client() as client, pushed(gateway) as told:
        for number in range(40):
            client.put(f"x{number}", b"x")
        last = etag(client)
        heard = 0
        told.socket.settimeout(6)
        with contextlib.suppress(TimeoutError):
            while told.heard() == "notify_file":
                heard += 1
        assert 1 <= heard < 10
        assert etag(client) == last


def test_who_may_come_in(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    gateway.configure(events={"per_user": 2})
    gateway.start()
    for name, password in (("alice", "wrong"), ("nobody", "x"), ("", ""), ("", "no ticket")):
        with closing(Socket(gateway.port)) as client:
            client.say(name, password)
            assert client.heard() == "err: Invalid credentials"
            assert client.heard() is None
    with gateway.client() as client:
        assert client.raw("GET", PRE_AUTH).status == 501
        ticket = client.raw("POST", PRE_AUTH).body.decode()
    stranger = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    stranger.request("POST", PRE_AUTH)
    assert stranger.getresponse().status == 401
    stranger.close()
    with pushed(gateway), closing(Socket(gateway.port)) as second:
        second.say("", ticket)
        assert second.heard() == "authenticated"
        with closing(Socket(gateway.port)) as third:
            # A ticket is good once.
            third.say("", ticket)
            assert third.heard() == "err: Invalid credentials"
        with closing(Socket(gateway.port)) as third:
            third.say("alice", USERS["alice"])
            assert third.heard() == "err: too many clients wait for changes"
            assert third.heard() is None
        with pushed(gateway, "bob"):
            pass


def test_guessing_is_slowed_down_here_too(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    gateway.configure(brake={"free": 1, "tries": 3, "base_seconds": 0.01})
    gateway.start()
    heard = []
    for number in range(6):
        with closing(Socket(gateway.port)) as client:
            client.say("alice", f"guess {number}")
            heard.append(client.heard())
    assert heard[0] == "err: Invalid credentials"
    assert heard[-1] == "err: Too many failed attempts"


def test_an_app_password_that_is_ended_ends_the_connection(gateway: Gateway) -> None:
    made = gateway.tool("token", "create", "alice", "--name", "desktop")
    assert made.returncode == 0, made.stderr
    password = made.stdout.split()[-1]
    with pushed(gateway) as stays, pushed(gateway, "alice", password) as told, gateway.client() as client:
        client.put("x", b"1")
        assert (told.heard(), stays.heard()) == ("notify_file", "notify_file")
        listed = gateway.tool("token", "list", "alice").stdout
        id = next(line.split()[0] for line in listed.splitlines() if "desktop" in line)
        assert gateway.tool("token", "revoke", "alice", id).returncode == 0
        assert told.heard() is None
        client.put("x", b"22")
        assert stays.heard() == "notify_file"
        with closing(Socket(gateway.port)) as again:
            again.say("alice", password)
            assert again.heard() == "err: Invalid credentials"
        # Whoever has another password in the file of users is judged anew, and with them everybody in it.
        users = gateway.folder / "users.toml"
        users.write_text(users.read_text().replace("[users.bob]", "[users.robert]"))
        assert stays.heard() is None
    with pushed(gateway):
        pass


@pytest.mark.parametrize("waits", [True, False])
def test_the_gateway_stops_at_once(gateway: Gateway, waits: bool) -> None:
    with closing(Socket(gateway.port)) as client:
        if waits:
            client.say("alice", USERS["alice"])
            assert client.heard() == "authenticated"
        else:
            client.say("alice")
            client.pinged(b"x")
        # This one does not answer the farewell.
        gateway.stop()
        while client.heard() is not None:
            pass


HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def test_what_is_no_handshake(gateway: Gateway) -> None:
    with gateway.client() as client:
        for change, status in (
            ({"Upgrade": "h2c"}, 426),
            ({"Connection": "close"}, 426),
            ({"Sec-WebSocket-Version": "8"}, 426),
            ({"Sec-WebSocket-Key": "short"}, 400),
        ):
            assert client.raw("GET", "/push/ws", None, HANDSHAKE | change).status == status
        assert client.raw("GET", "/push/ws/more", None, HANDSHAKE).status == 404
        assert client.raw("POST", "/push/ws", b"x", HANDSHAKE).status == 426
        assert client.raw("GET", "/push/ws", b"x", HANDSHAKE).status == 400
        # The connection is still good.
        assert client.raw("GET", "/status.php").status == 200


def test_those_who_break_the_rules_are_sent_away(gateway: Gateway) -> None:
    head = b"GET /push/ws HTTP/1.1\r\nHost: h\r\n" + b"".join(f"{n}: {v}\r\n".encode() for n, v in HANDSHAKE.items()) + b"\r\n"
    before = gateway.memory()
    for sent, code in (
        (b"\x81\x02hi", 1002),  # not masked
        (b"\x82\x81\0\0\0\0x", 1003),  # no text
        (b"\x81\xff\0\0\0\0\x40\0\0\0\0\0\0\0" + b"x" * 100_000, 1009),  # without end
        (b"\x81\x82\0\0\0\0\xff\xff", 1007),  # no UTF-8
        (b"\x88\x82\0\0\0\0\x03\xe8", 1000),  # farewell
    ):
        with closing(socket.create_connection(("127.0.0.1", gateway.port), timeout=30)) as raw:
            raw.sendall(head + sent)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while data := raw.recv(65536):
                    answer += data
            head_got, _, frames = answer.partition(b"\r\n\r\n")
            assert head_got.startswith(b"HTTP/1.1 101 ")
            # RFC 6455 section 1.3 has this answer to this key.
            assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head_got
            assert (frames[:1], int.from_bytes(frames[2:4])) == (b"\x88", code), answer
    assert gateway.memory() - before < 4 << 20


def test_a_slow_client_costs_nothing_but_its_connection(stopped_gateway: Gateway) -> None:
    """It asks again and again whether somebody is there, and takes no answers."""
    gateway = stopped_gateway
    gateway.configure(http={"idle_timeout": 2})
    gateway.start()
    with closing(Socket(gateway.port, receive_buffer=4096)) as client:
        client.say("alice", USERS["alice"])
        assert client.heard() == "authenticated"
        before = gateway.memory()
        ping = b"\x89\xfd\0\0\0\0" + b"x" * 125
        client.socket.settimeout(10)
        with pytest.raises((TimeoutError, ConnectionError)):
            for _ in range(100_000):
                client.socket.sendall(ping * 100)
        assert gateway.memory() - before < 8 << 20
    until(gateway, "clawgate_event_streams", 0)


NODE = """
const [address, user, password] = process.argv.slice(1);
const socket = new WebSocket(address);
socket.onopen = () => { socket.send(user); socket.send(password); };
socket.onmessage = (message) => {
  console.log(message.data);
  if (message.data === 'notify_file') socket.close();
};
socket.onclose = (event) => { console.log(event.code, event.wasClean); process.exit(0); };
"""


def test_the_websocket_of_node(gateway: Gateway) -> None:
    """An implementation that shares nothing with ours (undici)."""
    address = f"ws://127.0.0.1:{gateway.port}/push/ws"
    command = ["node", "--experimental-websocket", "--no-warnings", "-e", NODE, address, "alice", USERS["alice"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as node, gateway.client() as client:
        assert node.stdout is not None
        assert node.stdout.readline() == "authenticated\n"
        client.put("x", b"1")
        assert node.stdout.readline() == "notify_file\n"
        assert node.stdout.readline() in ("1000 true\n", "1005 true\n")
        node.wait(120)


def test_without_it_clients_ask(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    gateway.configure(events={"push": False})
    gateway.start()
    assert capability(gateway) == {}
    with gateway.client() as client:
        assert client.raw("GET", "/push/ws", None, HANDSHAKE).status == 404
        assert client.raw("POST", PRE_AUTH).status == 404

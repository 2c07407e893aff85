from __future__ import annotations

import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
import pytest_twisted
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet import reactor, threads
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString

from clawgate import settings
from clawgate.web.request import Request
from clawgate.web.site import ClawSite
from clawgate.workers import Workers


class Client:
    """A blocking client on a raw socket; used in threads only."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self.socket: socket.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.rest = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def more(self) -> bytes:
        data = self.socket.recv(65536)
        self.rest += data
        return data

    def head(self) -> tuple[int, dict[str, str]]:
        while b"\r\n\r\n" not in self.rest:
            if not self.more():
                raise EOFError(self.rest)
        block, self.rest = self.rest.split(b"\r\n\r\n", 1)
        first, *lines = block.decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in lines:
            name, value = line.split(": ", 1)
            assert name.lower() not in headers or name.lower() == "www-authenticate"
            headers[name.lower()] = value
        return int(first.split(" ")[1]), headers

    def exactly(self, count: int) -> bytes:
        while len(self.rest) < count:
            if not self.more():
                raise EOFError(self.rest)
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def until_closed(self) -> bytes:
        while self.more():
            pass
        data, self.rest = self.rest, b""
        return data

    def chunked(self) -> bytes:
        found = b""
        while True:
            while b"\r\n" not in self.rest:
                if not self.more():
                    raise EOFError(found)
            size, self.rest = self.rest.split(b"\r\n", 1)
            data = self.exactly(int(size, 16) + 2)[:-2]
            if not data:
                return found
            found += data

    def response(self, verb: str = "GET") -> tuple[int, dict[str, str], bytes]:
        status, headers = self.head()
        if verb == "HEAD" or status in (100, 204, 304):
            return status, headers, b""
        if headers.get("transfer-encoding") == "chunked":
            return status, headers, self.chunked()
        if "content-length" in headers:
            return status, headers, self.exactly(int(headers["content-length"]))
        return status, headers, self.until_closed()

    def ask(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        self.send(data)
        return self.response(data.split(b" ", 1)[0].decode())

    def closed(self) -> bool:
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.socket.close()


@attrs.define
class Server:
    site: ClawSite
    port: Any
    number: int
    workers: Workers
    context: ssl.SSLContext | None = None

    async def talk(self, function: Callable[[Client], Any]) -> Any:
        """Run `function` with a new connection in a thread."""

        def run() -> Any:
            client = Client(self.number, self.context)
            try:
                return function(client)
            finally:
                client.close()

        return await threads.deferToThread(run)


def sleep(seconds: float) -> Deferred[None]:
    waiter: Deferred[None] = Deferred()
    reactor.callLater(seconds, waiter.callback, None)
    return waiter


@pytest.fixture
def wait() -> Callable[[float], Deferred[None]]:
    return sleep


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Any]:
    async def wait_until(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, "it never came true"
            await sleep(0.01)

    return wait_until


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PEM file with a key and a self-signed certificate for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return str(path)


@pytest_twisted.async_yield_fixture
async def serve(certificate: str) -> AsyncIterator[Any]:
    """A function that starts a real server: ``await serve(handler, tls=..., metrics=..., **settings of http)``."""
    servers: list[Server] = []

    async def start(
        handler: Callable[[Request], Any],
        tls: bool = False,
        metrics: Any = None,
        access_log: Any = None,
        alpn: tuple[str, ...] = (),
        **http: Any,
    ) -> Server:
        workers = Workers(reactor, "test", 4, 1000)
        workers.start()
        site = ClawSite(handler, settings.Http(**http), reactor, metrics, access_log, workers)
        kind = f"ssl:0:interface=127.0.0.1:privateKey={certificate}:certKey={certificate}" if tls else "tcp:0:interface=127.0.0.1"
        port = await serverFromString(reactor, kind).listen(site)
        context = None
        if tls:
            context = ssl.create_default_context(cafile=certificate)
            if alpn:
                context.set_alpn_protocols(list(alpn))
        server = Server(site, port, port.getHost().port, workers, context)
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.port.stopListening()
        await server.site.drain(0.2)
        server.workers.stop()

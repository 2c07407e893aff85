"""Servers that hang, talk nonsense or cannot prove who they are."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import capturedLogs

from clawgate.errors import ClawgateError, Overloaded, StorageTimeout
from clawgate.identity.ldap.directory import LdapDirectory
from clawgate.identity.ldap.errors import DirectoryUnavailable
from clawgate.model.people import Password
from clawgate.web.failures import status_of

from .authority import Authority
from .slapd import Slapd

ALICE = Password("alice", "secret of alice")

Serve = Callable[[Callable[[socket.socket], None]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server whose every connection is given to a function, in a thread."""
    listening: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def make(talk: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listening.append(listener)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        talk(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=accept)
        threads.append(thread)
        thread.start()
        return f"ldap://127.0.0.1:{listener.getsockname()[1]}"

    yield make
    for listener in listening:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
async def test_a_server_that_never_answers(directory, silent, scheme):
    ldap = directory(urls=[f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"], connect_timeout=1.0)

    before = time.monotonic()
    with pytest.raises(DirectoryUnavailable) as caught:
        await ldap.authenticate(ALICE)
    assert 1.0 <= time.monotonic() - before < 30
    assert not isinstance(caught.value, StorageTimeout)
    assert status_of(caught.value) == 503
    assert came(silent) > 0
    # And for a while it is not even tried.
    with pytest.raises(DirectoryUnavailable):
        await ldap.authenticate(ALICE)
    assert came(silent) == 0


def came(listener: socket.socket) -> int:
    """Connections since the last time."""
    listener.setblocking(False)
    for count in itertools.count():
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            return count
        connection.close()
    raise AssertionError


@pytest_twisted.ensureDeferred
async def test_an_answer_that_never_ends(directory, serve):
    """Every single byte comes in time, the answer does not."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(bytes.fromhex("308400ffffff"))
        while True:
            connection.sendall(b"\0")
            time.sleep(0.02)

    ldap = directory(urls=[serve(talk)], start_tls=False, answer_timeout=0.3)

    before = time.monotonic()
    with capturedLogs() as events, pytest.raises(DirectoryUnavailable):
        await ldap.authenticate(ALICE)
    assert time.monotonic() - before < 30
    assert "timed out" in events[0]["why"]


@pytest_twisted.ensureDeferred
async def test_an_answer_that_is_too_large(directory, serve):
    def talk(connection: socket.socket) -> None:
        connection.sendall(bytes.fromhex("308400ffffff"))
        while True:
            connection.sendall(bytes(10000))

    ldap = directory(urls=[serve(talk)], start_tls=False, answer_bytes=100000)

    with capturedLogs() as events, pytest.raises(DirectoryUnavailable):
        await ldap.authenticate(ALICE)
    assert "the answer has more than 100000 bytes" in events[0]["why"]


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    "nonsense",
    [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes.fromhex("3003020101"), bytes.fromhex("300c02010161070a017f04000400")],
)
async def test_nonsense(directory, serve, nonsense):
    def talk(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(nonsense)

    ldap = directory(urls=[serve(talk)], start_tls=False)
    with pytest.raises(DirectoryUnavailable):
        await ldap.authenticate(ALICE)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("secure", [False, True])
async def test_certificates_are_verified(directory, slapd, tmp_path, secure):
    url = slapd.secure_url if secure else slapd.url
    assert await directory(urls=[url]).authenticate(ALICE)
    before = len(slapd.binds())
    foreign = Authority(tmp_path, "foreign").file
    for wrong in ({"ca_file": str(foreign)}, {"ca_file": ""}, {"urls": [url.replace("127.0.0.1", "localhost")]}):
        with capturedLogs() as events, pytest.raises(DirectoryUnavailable):
            await directory(**({"urls": [url]} | wrong)).authenticate(ALICE)
        assert "its certificate is not accepted: " in events[0]["why"]
    assert len(slapd.binds()) == before

    assert await directory(urls=[url.replace("127.0.0.1", "localhost")], verify=False).authenticate(ALICE)


@pytest_twisted.ensureDeferred
async def test_no_tls_is_not_accepted(directory, tmp_path, authority):
    server = Slapd(tmp_path / "clear", authority.file, authority.certify("127.0.0.1"), more="disallow tls_2_anon")
    configuration = tmp_path / "clear" / "slapd.conf"
    lines = [line for line in configuration.read_text().splitlines() if not line.startswith("TLS")]
    configuration.write_text("\n".join(lines))
    server.start()
    try:
        with capturedLogs() as events, pytest.raises(DirectoryUnavailable):
            await directory(urls=[server.url]).authenticate(ALICE)
        assert "StartTLS is refused" in events[0]["why"]
        assert server.binds() == []
        assert await directory(urls=[server.url], start_tls=False).authenticate(ALICE)
    finally:
        server.stop()


@pytest_twisted.ensureDeferred
async def test_an_own_account_that_is_not_accepted(directory, slapd):
    ldap = directory(bind_password="wrong")
    before = len(slapd.binds())

    with capturedLogs() as events, pytest.raises(DirectoryUnavailable):
        await ldap.authenticate(ALICE)
    assert "does not accept bind_dn and bind_password" in events[0]["why"]
    # It is not tried again and again, which would lock it.
    with pytest.raises(DirectoryUnavailable):
        await ldap.authenticate(ALICE)
    assert len(slapd.binds()) == before + 1


@pytest_twisted.ensureDeferred
async def test_more_than_can_wait(directory, silent):
    ldap = directory(urls=[f"ldaps://127.0.0.1:{silent.getsockname()[1]}"], connect_timeout=0.3, threads=1, queue=2)

    found = await gatherResults([Deferred.fromCoroutine(outcome(ldap)) for _ in range(8)])

    assert found.count(Overloaded) == 5
    assert found.count(DirectoryUnavailable) == 3


async def outcome(ldap: LdapDirectory) -> type[ClawgateError] | None:
    try:
        await ldap.authenticate(ALICE)
    except ClawgateError as error:
        return type(error)
    return None

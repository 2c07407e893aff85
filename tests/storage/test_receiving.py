"""What may wait in the kernel of content that comes."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import pytest_twisted
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.web.client import Agent

from clawgate.certificates import policy
from clawgate.storage import receiving
from clawgate.storage.connections import Pieces, Pool
from clawgate.storage.receiving import Room, is_near, largest_room, lowest, round_trip
from clawgate.storage.s3.agents import PIECE, Raw

from ..identity.ldap.authority import Authority


class Answering(Protocol):
    def dataReceived(self, data):
        self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


@pytest_twisted.async_yield_fixture
async def url():
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(Factory.forProtocol(Answering))
    yield f"http://127.0.0.1:{port.getHost().port}/".encode()
    await port.stopListening()


async def connected(pool, url, *trusting):
    """The transport of the connection that is kept."""
    kept = Deferred()
    putting = pool._putConnection
    pool._putConnection = lambda key, connection: (putting(key, connection), kept.callback(connection.transport))
    assert (await Agent(reactor, *trusting, pool=pool).request(b"GET", url)).code == 204
    return await kept


def greedy(asked):
    """A pool for content."""
    return Pool(reactor, 1, Pieces(Room(asked), 300_000))


def room(transport):
    return transport.getHandle().getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


@pytest.mark.parametrize("asked", [65536, 100_000])
async def test_from_near_by_it_is_what_was_asked_for(url, monkeypatch, asked):
    monkeypatch.setattr(receiving, "round_trip", lambda connection: 0.0)
    pool = greedy(asked)
    transport = await connected(pool, url)
    # Linux doubles it, for what it needs itself.
    assert room(transport) == 2 * asked
    assert (transport.bufferSize, transport.SEND_LIMIT) == (300_000, type(transport).SEND_LIMIT)
    assert pool.made == 1
    await pool.closeCachedConnections()


async def test_from_far_away_or_unasked_it_is_what_the_system_thinks_right(url, monkeypatch):
    monkeypatch.setattr(receiving, "round_trip", lambda connection: 0.02)
    made = greedy(65000), greedy(0), Pool(reactor, 1)
    found = {room(await connected(pool, url)) for pool in made}
    assert len(found) == 1 and 2 * 65000 not in found
    for pool in made:
        await pool.closeCachedConnections()


async def test_the_same_for_s3(url, monkeypatch):
    monkeypatch.setattr(receiving, "round_trip", lambda connection: 0.0)
    raw = Raw(reactor, 10, 1, None, 65000)
    transport = await connected(raw._pool, url)
    assert room(transport) == 2 * 65000
    assert (transport.bufferSize, transport.SEND_LIMIT) == (PIECE, PIECE)
    await raw.close()


async def test_the_same_below_tls(tmp_path, monkeypatch):
    monkeypatch.setattr(receiving, "round_trip", lambda connection: 0.0)
    authority = Authority(tmp_path)
    certificate, key = authority.certify("127.0.0.1")
    options = CertificateOptions(
        privateKey=load_pem_private_key(key.read_bytes(), None),
        certificate=load_pem_x509_certificate(certificate.read_bytes()),
    )
    port = reactor.listenSSL(0, Factory.forProtocol(Answering), options, interface="127.0.0.1")
    raw = Raw(reactor, 10, 1, None, 65000)
    url = f"https://127.0.0.1:{port.getHost().port}/".encode()
    transport = await connected(raw._pool, url, policy(str(authority.file)))
    below = lowest(transport)
    assert below is not transport
    assert room(below) == 2 * 65000
    assert (below.bufferSize, below.SEND_LIMIT) == (PIECE, PIECE)
    await raw.close()
    await port.stopListening()


async def test_no_more_is_asked_for_than_the_system_gives(url, monkeypatch):
    monkeypatch.setattr(receiving, "_LARGEST", Path("/nowhere"))
    assert largest_room() == 212992
    monkeypatch.setattr(receiving, "largest_room", lambda: 70_000)
    monkeypatch.setattr(receiving, "round_trip", lambda connection: 0.0)
    pool = greedy(1 << 30)
    assert room(await connected(pool, url)) == 140_000
    await pool.closeCachedConnections()


async def test_the_kernel_knows_how_far_it_is(url):
    pool = Pool(reactor, 1)
    # Whatever the machine is doing: neither nothing nor a number that means something else.
    assert 0 < round_trip((await connected(pool, url)).getHandle()) < 5
    await pool.closeCachedConnections()


def test_what_is_near():
    assert is_near(0.0001, 212_992)
    assert is_near(0.0004, 524_288)
    assert not is_near(0.001, 524_288)
    assert not is_near(0.02, 4 << 20)

"""Connections that are kept, and by whom they are closed."""

from __future__ import annotations

import time

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs

from clawgate.identity.ldap.build import connector
from clawgate.model.people import Password

from .people import GATEWAY, PEOPLE
from .slapd import Slapd

ALICE = Password("alice", "secret of alice")


@pytest_twisted.ensureDeferred
async def test_connections_that_the_server_closed(directory, second):
    ldap = directory(urls=[second.url], threads=3)
    await gatherResults([Deferred.fromCoroutine(ldap.authenticate(ALICE)) for _ in range(12)])
    second.stop()
    second.start()

    with capturedLogs() as events:
        assert all(await gatherResults([Deferred.fromCoroutine(ldap.authenticate(ALICE)) for _ in range(12)]))
    assert events == []


@pytest_twisted.ensureDeferred
async def test_connections_that_the_server_finds_idle(tmp_path, authority, directory):
    server = Slapd(tmp_path / "idle", authority.file, authority.certify("127.0.0.1"), idle=3).start()
    try:
        ldap = directory(urls=[server.url])
        assert await ldap.authenticate(ALICE)
        until = time.monotonic() + 60
        while "(idletimeout)" not in server.log():
            assert time.monotonic() < until
            await deferLater(reactor, 0.05)
        with capturedLogs() as events:
            assert await ldap.authenticate(ALICE)
        assert events == []
        assert server.binds().count(GATEWAY) == 2
    finally:
        server.stop()


@pytest_twisted.ensureDeferred
async def test_connections_that_we_find_idle(directory, slapd):
    ldap = directory(idle_seconds=0.0)
    before = slapd.binds().count(GATEWAY)
    for _ in range(3):
        assert await ldap.find_user("alice") is not None
        assert await ldap.search("alice", 1)

    assert slapd.binds().count(GATEWAY) == before + 1 + 3


def test_no_bind_is_anonymous(settings, slapd):
    """RFC 4513 section 5.1.2, whoever calls."""
    before = slapd.binds()
    link = connector("lab", settings())(slapd.url)
    for name, password in ((GATEWAY, ""), ("", "secret")):
        with pytest.raises(ValueError, match="anonymous"):
            link.bind(name, password)
    link.close()

    assert before == slapd.binds()


@pytest_twisted.ensureDeferred
async def test_kept_connections_stay_the_services(directory, slapd):
    """Binding as somebody happens elsewhere."""
    ldap = directory(threads=1)
    before = len(slapd.binds())
    for name, secret in (("alice", "secret of alice"), ("Bob", "secret of Bob")):
        assert await ldap.authenticate(Password(name, secret))

    assert slapd.binds()[before:] == [GATEWAY, "uid=alice," + PEOPLE, "uid=Bob," + PEOPLE]

"""Several servers, some of which are stopped."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs

from clawgate.identity.ldap.errors import DirectoryUnavailable
from clawgate.model.people import Password
from clawgate.web.failures import headers_of, status_of

from .people import PEOPLE

ALICE = Password("alice", "secret of alice")
GUESS = Password("alice", "guess")
DIRECT = {"user_dn": f"uid={{user}},{PEOPLE}", "bind_dn": "", "bind_password": ""}


@pytest_twisted.ensureDeferred
async def test_the_next_server_answers(directory, slapd):
    ldap = directory(urls=["ldaps://127.0.0.1:9", slapd.secure_url])

    with capturedLogs() as events:
        for _ in range(3):
            assert await ldap.authenticate(ALICE)
    assert [event["url"] for event in events] == ["ldaps://127.0.0.1:9"]
    assert "cannot be reached" in events[0]["why"]


@pytest_twisted.ensureDeferred
async def test_stopped_and_started(directory, slapd, second):
    ldap = directory(urls=[second.url, slapd.url], retry_seconds=0.3)
    assert await ldap.authenticate(ALICE)
    ours = len(slapd.binds())
    second.stop()

    for _ in range(3):
        assert await ldap.authenticate(ALICE)
    assert len(slapd.binds()) == ours + 1 + 3

    second.start()
    await deferLater(reactor, 0.3)
    theirs = len(second.binds())
    with capturedLogs() as events:
        for _ in range(3):
            assert await ldap.authenticate(ALICE)
    assert len(second.binds()) == theirs + 1 + 3
    assert "answers again" in events[0]["log_format"]


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("more", [{}, DIRECT])
@pytest.mark.parametrize("password", [ALICE, GUESS])
async def test_all_stopped_is_503_and_never_401(directory, second, more, password):
    ldap = directory(urls=[second.url], retry_seconds=0.2, **more)
    assert await ldap.authenticate(ALICE)
    second.stop()

    for _ in range(3):
        with pytest.raises(DirectoryUnavailable) as caught:
            await ldap.authenticate(password)
        assert status_of(caught.value) == 503
        assert b"Retry-After" in dict(headers_of(caught.value))
    with pytest.raises(DirectoryUnavailable):
        await ldap.find_user("Bob")
    with pytest.raises(DirectoryUnavailable):
        await ldap.search("alice", 5)

    second.start()
    await deferLater(reactor, 0.2)
    assert await ldap.authenticate(ALICE)


@pytest_twisted.ensureDeferred
async def test_a_silent_server_costs_the_others_nothing(directory, silent, slapd):
    ldap = directory(urls=[f"ldaps://127.0.0.1:{silent.getsockname()[1]}", slapd.url], connect_timeout=2.0)

    assert await ldap.authenticate(ALICE)
    assert await ldap.authenticate(ALICE)


@pytest_twisted.ensureDeferred
async def test_in_turns(directory, slapd, second):
    ldap = directory(urls=[second.url, slapd.url], balance="turns")
    before = len(slapd.binds()), len(second.binds())
    for name in ("alice", "Bob", "carol", "k"):
        assert await ldap.authenticate(Password(name, f"secret of {name}"))

    ours, theirs = len(slapd.binds()) - before[0], len(second.binds()) - before[1]
    assert ours + theirs == 4 + 2
    assert min(ours, theirs) >= 2

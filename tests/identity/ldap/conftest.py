from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from clawgate.identity.ldap.build import build
from clawgate.identity.ldap.directory import LdapDirectory
from clawgate.settings import Ldap

from .authority import Authority
from .people import GATEWAY, PEOPLE, SECRET
from .slapd import Slapd

Make = Callable[..., LdapDirectory]


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def slapd(tmp_path_factory, authority) -> Iterator[Slapd]:
    """A server that runs all the time."""
    server = Slapd(tmp_path_factory.mktemp("slapd"), authority.file, authority.certify("127.0.0.1")).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _second(tmp_path_factory, authority) -> Slapd:
    return Slapd(tmp_path_factory.mktemp("second"), authority.file, authority.certify("127.0.0.1"))


@pytest.fixture
def second(_second) -> Iterator[Slapd]:
    """Another server with the same people, for tests that stop it."""
    yield _second.start()
    _second.stop()


@pytest.fixture
def settings(slapd, authority) -> Callable[..., Ldap]:
    """Settings that work, but for those that are given."""

    def make(**changed: Any) -> Ldap:
        usual: dict[str, Any] = {
            "urls": [slapd.url],
            "ca_file": str(authority.file),
            "bind_dn": GATEWAY,
            "bind_password": SECRET,
            "base": PEOPLE,
            "connect_timeout": 30.0,
            "answer_timeout": 30.0,
        }
        return Ldap(**(usual | changed))

    return make


@pytest.fixture
def directory(settings) -> Iterator[Make]:
    made: list[LdapDirectory] = []

    def make(**changed: Any) -> LdapDirectory:
        (one,) = build({"lab": settings(**changed)}, reactor)
        one.workers.start()
        made.append(one)
        return one

    yield make
    for one in made:
        pytest_twisted.blockon(Deferred.fromCoroutine(one.close()))
        one.workers.stop()


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Where connections are accepted, by the kernel, and nobody ever answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener

"""What a login leaves behind (streams, keys, flows that were granted) ends with what it came from."""

from __future__ import annotations

import http.client
import json
import sqlite3
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

import attrs
import pytest

from clawgate.identity import users_file
from clawgate.identity.ldap.library import ldap3
from clawgate.identity.signing import signature

from ..identity.ldap.authority import Authority
from ..identity.ldap.people import GATEWAY, PEOPLE, SECRET, dn_of
from ..identity.ldap.slapd import Slapd
from .browser import Browser
from .gateway import HASHER, USERS, Gateway
from .test_events import PATH
from .test_login_flow import Flow
from .test_page_logins import ALIVE, Page, is_sent_away

KEY = "/ocs/v2.php/cloud/user/signing-key?format=json"
MAKE = "/ocs/v2.php/core/getapppassword?format=json"
ME = "/remote.php/dav/files/alice/x"
OCS = {"OCS-APIRequest": "true"}


class Program:
    """Asks with a password."""

    def __init__(self, gateway: Gateway, password: str, user: str = "alice") -> None:
        self.port = gateway.port
        self.headers = {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}

    def ask(self, verb: str, path: str, **headers: str) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)) as connection:
            connection.request(verb, path, b"hello" if verb == "PUT" else None, {**self.headers, **OCS, **headers})
            response = connection.getresponse()
            return response.status, response.read()

    def key(self) -> str:
        status, body = self.ask("GET", KEY)
        assert status == 200, body
        key: str = json.loads(body)["ocs"]["data"]["signing-key"]
        return key

    def app_password(self) -> str:
        status, body = self.ask("GET", MAKE)
        assert status == 200, body
        secret: str = json.loads(body)["ocs"]["data"]["apppassword"]
        return secret

    def works(self) -> bool:
        status = self.ask("GET", "/graph/v1.0/me")[0]
        assert status in (200, 401)
        return status == 200

    @contextmanager
    def waiting(self) -> Iterator[http.client.HTTPResponse]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)) as connection:
            connection.request("GET", PATH, headers=self.headers)
            response = connection.getresponse()
            with closing(response):
                assert response.status == 200
                assert response.readline() == ALIVE
                yield response


def fetch(gateway: Gateway, key: str, path: str = ME) -> int:
    """The status of an address that a web client has signed."""
    date = quote(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"), safe="")
    url = gateway.url(path) + ("&" if "?" in path else "?") + f"OC-Credential=alice&OC-Date={date}&OC-Expires=1200&OC-Verb=GET"
    target = url.removeprefix(gateway.url("")) + f"&OC-Algo=PBKDF2%2F10000-SHA512&OC-Signature={signature(url, key)}"
    with closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=120)) as connection:
        connection.request("GET", "/" + target.lstrip("/"), headers=OCS)
        response = connection.getresponse()
        response.read()
        return response.status


def granted(gateway: Gateway, password: str) -> Flow:
    """What alice has let in by her browser, and what has not fetched its app password yet."""
    flow, browser = Flow(gateway), Browser()
    page = browser.press(browser.open(flow.page), "Log in", user="alice", password=password)
    assert browser.press(page, "Grant access").status == 200
    return flow


def until(condition: Callable[[], bool]) -> None:
    """Wait for what the gateway sees within a second."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def set_password(gateway: Gateway, password: str) -> None:
    file = gateway.folder / "users.toml"
    account = users_file.parse(file.read_text(), str(file))["alice"]
    new = attrs.evolve(account, password=HASHER.hash(password))
    users_file.write(str(file), users_file.replaced(file.read_text(), "alice", new, str(file)))


def test_keys(gateway: Gateway) -> None:
    alice, page = Program(gateway, USERS["alice"]), Page(gateway)
    assert alice.ask("PUT", ME)[0] == 201
    first = alice.key()
    assert fetch(gateway, first) == 200
    # Who has less than the password cannot make more of it.
    assert fetch(gateway, first, MAKE) == 403
    assert fetch(gateway, first, KEY) == 401
    page.headers |= OCS
    assert page.ask("GET", MAKE) == 403
    assert page.ask("GET", KEY) == 401
    secret = alice.app_password()
    assert Program(gateway, secret).ask("GET", KEY)[0] == 403

    assert gateway.tool("login", "end", "alice").returncode == 0
    assert fetch(gateway, first) == 401
    second = alice.key()
    assert fetch(gateway, second) == 200
    assert fetch(gateway, first) == 401
    set_password(gateway, "another secret")
    again = Program(gateway, "another secret")
    until(again.works)
    assert fetch(gateway, second) == 401
    assert fetch(gateway, again.key()) == 200
    assert Program(gateway, secret).works(), "app passwords go on"


def test_an_app_password_begins_no_login_that_it_could_leave_behind(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.put("x", b"1")
    for limits in ((), ("--read-only",), ("--space", "home$alice")):
        secret = gateway.tool("token", "create", "alice", *limits).stdout.split()[-1]
        assert Program(gateway, secret).works()
        for path in ("/login/files", "/login/app-passwords", Flow(gateway).page.removeprefix(gateway.url(""))):
            browser = Browser()
            page = browser.press(browser.open(gateway.url(path)), "Log in", user="alice", password=secret)
            assert page.status == 403 and "app passwords are for programs" in page.text
    assert gateway.tool("login", "list").stdout == ""


def test_a_flow_that_was_granted_and_not_fetched(gateway: Gateway) -> None:
    for command in (("token", "revoke", "alice", "--all"), ("login", "end", "alice")):
        flow = granted(gateway, USERS["alice"])
        assert gateway.tool(*command).returncode == 0
        assert flow.poll()[0] == 404
    flow = granted(gateway, USERS["alice"])
    set_password(gateway, "another secret")
    again = Program(gateway, "another secret")
    until(again.works)
    status, answer = flow.poll()
    assert (status, "another one now" in answer["error"]) == (403, True)
    assert gateway.tool("token", "list", "alice").stdout == ""


def test_logged_out_by_another_process(gateway: Gateway) -> None:
    hers, other = Page(gateway), Page(gateway)
    with hers.waiting() as answer:
        with closing(sqlite3.connect(gateway.data / "state.db", timeout=60)) as state, state:
            # The newest one is the other's.
            oldest = "SELECT browser FROM login_session WHERE purpose = 'page' ORDER BY expires LIMIT 1"
            assert state.execute(f"DELETE FROM login_session WHERE browser = ({oldest})").rowcount == 1
        is_sent_away(answer)
    assert other.works() and not hers.works()


def test_uploads_need_a_login_each_time_and_requests_come_to_their_end(gateway: Gateway) -> None:
    own = Program(gateway, USERS["alice"])
    program = Program(gateway, own.app_password())
    content = b"0123456789abcdef" * (1 << 20)
    (gateway.make_home() / "large").write_bytes(content)
    folder = "/remote.php/dav/files/alice/"
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "5", "Upload-Metadata": f"filename {b64encode(b'y').decode()}"}
    with closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=120)) as connection:
        connection.request("POST", folder, headers={**program.headers, **tus})
        begun = connection.getresponse()
        begun.read()
        assert begun.status == 201
        upload = urlsplit(begun.headers["Location"]).path
        connection.request("GET", folder + "large", headers=program.headers)
        with closing(connection.getresponse()) as under_way:
            assert under_way.read(16) == content[:16]
            assert gateway.tool("token", "revoke", "alice", "--all").returncode == 0
            until(lambda: program.ask("HEAD", upload, **{"Tus-Resumable": "1.0.0"})[0] == 401)
            assert under_way.read() == content[16:]
        connection.request("HEAD", upload, headers={"Tus-Resumable": "1.0.0"})
        nobody = connection.getresponse()
        nobody.read()
        assert nobody.status == 401
    assert Program(gateway, USERS["bob"], "bob").ask("HEAD", upload, **{"Tus-Resumable": "1.0.0"})[0] == 404
    assert own.ask("HEAD", upload, **{"Tus-Resumable": "1.0.0"})[0] == 200


@pytest.fixture
def slapd(tmp_path: Path) -> Iterator[Slapd]:
    """A directory in which people can change what it says of them, and in which every change tells that the password did."""
    (tmp_path / "authority").mkdir()
    authority = Authority(tmp_path / "authority")
    own = (
        "access to attrs=userPassword by self write by anonymous auth\naccess to attrs=description,title by self write by * read"
    )
    server = Slapd(tmp_path / "slapd", authority.file, authority.certify("127.0.0.1"), more=own).start()
    yield server
    server.stop()


@pytest.fixture
def house(stopped_gateway: Gateway, slapd: Slapd) -> Gateway:
    stopped_gateway.configure(
        users={"file": str(stopped_gateway.data / "nobody.toml"), "cache_seconds": 3600},
        ldap__site={
            "urls": [slapd.url],
            "start_tls": False,
            "bind_dn": GATEWAY,
            "bind_password": SECRET,
            "base": PEOPLE,
            "cache_seconds": 0.5,
            "password_attribute": "description",
            "user_filter": "(&(uid={user})(!(title=left)))",
        },
    )
    stopped_gateway.start()
    return stopped_gateway


def change(slapd: Slapd, **values: str) -> None:
    """What alice says of herself."""
    changes = {name: [(ldap3.MODIFY_REPLACE, [value])] for name, value in values.items()}
    connection = ldap3.Connection(ldap3.Server(slapd.url), dn_of("alice"), "secret of alice", auto_bind=True)
    try:
        assert connection.modify(dn_of("alice"), changes), connection.result
    finally:
        connection.unbind()


def test_another_password_in_a_directory(house: Gateway, slapd: Slapd) -> None:
    own, page = Program(house, "secret of alice"), Page(house, password="secret of alice")
    program = Program(house, own.app_password())
    assert own.ask("PUT", ME)[0] == 201
    key, flow = own.key(), granted(house, "secret of alice")
    with own.waiting() as hears, page.waiting() as shows:
        change(slapd, userPassword="a new secret", description="changed")
        is_sent_away(hears)
        is_sent_away(shows)
    assert not own.works(), "it was remembered for an hour"
    assert not page.works()
    assert fetch(house, key) == 401
    assert flow.poll()[0] == 403
    assert program.works()
    assert fetch(house, Program(house, "a new secret").key()) == 200


def test_somebody_who_leaves_a_directory(house: Gateway, slapd: Slapd) -> None:
    own = Program(house, "secret of alice")
    page, program = Page(house, password="secret of alice"), Program(house, own.app_password())
    assert own.ask("PUT", ME)[0] == 201
    key, flow = own.key(), granted(house, "secret of alice")
    with own.waiting() as hears, page.waiting() as shows, program.waiting() as told:
        change(slapd, title="left")
        for answer in (hears, shows, told):
            is_sent_away(answer)
    assert [one.works() for one in (own, page, program)] == [False] * 3
    assert fetch(house, key) == 401
    assert flow.poll()[0] == 403
    assert own.ask("GET", KEY)[0] == own.ask("GET", MAKE)[0] == 401

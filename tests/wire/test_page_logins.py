"""Logins at the gateway's own page end with the password by which they were, by command, and everywhere at once."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager

import attrs

from clawgate.identity import users_file

from .browser import Browser
from .gateway import HASHER, USERS, Gateway
from .test_events import PATH

XHR = {"X-Requested-With": "XMLHttpRequest"}
ALIVE = b": still here\n"


class Page:
    """The page in one browser."""

    def __init__(self, gateway: Gateway, user: str = "alice", password: str = "") -> None:
        self.port = gateway.port
        browser = Browser()
        page = browser.open(gateway.url("/login/files"))
        page = browser.press(page, "Log in", user=user, password=password or USERS[user])
        assert page.url == gateway.url("/")
        self.headers = {"Cookie": f"clawgate_page={browser.cookies['/', 'clawgate_page']}", **XHR}

    def ask(self, verb: str, path: str) -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(verb, path, headers=self.headers)
            response = connection.getresponse()
            response.read()
            return response.status

    def works(self) -> bool:
        status = self.ask("GET", "/graph/v1.0/me")
        assert status in (200, 401)
        return status == 200

    @contextmanager
    def waiting(self) -> Iterator[http.client.HTTPResponse]:
        """An answer that goes on for as long as the login does."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)) as connection:
            connection.request("GET", PATH, headers=self.headers)
            response = connection.getresponse()
            assert response.status == 200
            assert response.readline() == ALIVE
            yield response


def is_sent_away(answer: http.client.HTTPResponse) -> None:
    """Long before it would have to come again without any reason, which is some thirty signs of life later."""
    alive = 0
    while line := answer.readline():
        alive += line == ALIVE
        assert alive < 10, "it goes on"


def test_another_password(gateway: Gateway) -> None:
    hers, his = Page(gateway), Page(gateway, "bob")
    with hers.waiting() as answer:
        file = gateway.folder / "users.toml"
        text = file.read_text()
        account = users_file.parse(text, str(file))["alice"]
        new = attrs.evolve(account, password=HASHER.hash("another secret"))
        users_file.write(str(file), users_file.replaced(text, "alice", new, str(file)))
        # Until the gateway has looked at the file again, at the latest.
        is_sent_away(answer)
    assert not hers.works()
    assert his.works()
    again = Page(gateway, password="another secret")
    assert again.works() and not hers.works()


def test_everywhere(gateway: Gateway) -> None:
    one, two, his = Page(gateway), Page(gateway), Page(gateway, "bob")
    with two.waiting() as answer, his.waiting() as goes_on:
        assert one.ask("POST", "/login/files/end-all") == 204
        is_sent_away(answer)
        assert not (one.works() or two.works())
        with gateway.client("bob") as client:
            client.put("news", b"1")
        while not (line := goes_on.readline()).startswith(b"event:"):
            assert line, "his goes on"
    assert his.works()
    assert one.ask("POST", "/login/files/end-all") == 403


def test_by_command(gateway: Gateway) -> None:
    hers, his = Page(gateway), Page(gateway, "bob")
    listed = gateway.tool("login", "list").stdout.splitlines()
    assert [line.split("\t")[0] for line in listed] == ["alice", "bob"]
    with hers.waiting() as answer:
        assert "1 logins of alice" in gateway.tool("login", "end", "alice").stdout
        is_sent_away(answer)
    assert not hers.works() and his.works()
    assert "1 logins of bob" in gateway.tool("token", "revoke", "bob", "--all").stdout
    assert not his.works()
    assert gateway.tool("login", "list").stdout == ""

"""Nextcloud's login flow v2 and the pages for people, with a real OpenID provider, a browser and real sync clients."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from ..ports import free_port
from . import dav
from .browser import FORM, Browser, Page
from .chromium import PHONE, Chromium
from .gateway import USERS, Gateway
from .oidc_provider.provider import GATEWAY, PAGES, Provider
from .programs import SyncClient

AGENT = "Mozilla/5.0 (Linux) mirall/3.7.3 (Nextcloud) <b>"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    one = Provider(tmp_path_factory.mktemp("provider"), free_port())
    one.start()
    yield one
    one.stop()


def settings(provider: Provider, **more: object) -> dict[str, object]:
    return {
        "issuer": provider.issuer,
        "audiences": ["files"],
        "opaque": "introspection",
        "client_id": GATEWAY[0],
        "client_secret": GATEWAY[1],
        "groups_claim": "realm_access.roles",
        "browser_client_id": PAGES[0],
        "browser_client_secret": PAGES[1],
        "browser_title": "the <lab>",
        "retry_seconds": 0.3,
        **more,
    }


@pytest.fixture(scope="module")
def house(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Nobody has a password here; one of two providers is away."""
    gateway = Gateway(tmp_path_factory.mktemp("gateway"))
    (gateway.folder / "users.toml").write_text("")
    gateway.configure(
        oidc__main=settings(provider),
        oidc__away={"issuer": f"http://127.0.0.1:{free_port()}", "audiences": ["files"], "browser_client_id": "x"},
        mounts__lab={"root": "lab", "kind": "project", "members": ["@physics"]},
    )
    gateway.data.mkdir()
    (gateway.data / "lab").mkdir()
    gateway.start()
    yield gateway
    gateway.close()


class Flow:
    """The program's side."""

    def __init__(self, gateway: Gateway) -> None:
        self.port = gateway.port
        status, begun = self.ask("/index.php/login/v2", None)
        assert status == 200
        self.token, self.endpoint, self.page = begun["poll"]["token"], begun["poll"]["endpoint"], begun["login"]
        assert self.endpoint == gateway.url("/login/v2/poll")
        assert self.page.startswith(gateway.url("/login/v2/flow/"))

    def ask(self, path: str, form: dict[str, str] | None) -> tuple[int, dict[str, dict[str, str]]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            headers = {"User-Agent": AGENT, "Content-Type": FORM, "OCS-APIREQUEST": "true"}
            connection.request("POST", path, urlencode(form or {}), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def poll(self) -> tuple[int, dict[str, str]]:
        status, answer = self.ask(urlsplit(self.endpoint).path, {"token": self.token})
        return status, answer  # type: ignore[return-value]


def at_provider(browser: Browser, page: Page, user: str, stop: str = "") -> Page:
    """Through the provider's own pages and back."""
    while not (page.status == 0 or "/login/" in page.url):
        if "login" in page.forms[0].fields:
            page = browser.press(page, "Sign-in", login=f"id-of-{user}", password="x", stop=stop)
        else:
            page = browser.press(page, "Continue", stop=stop)
    return page


def log_in(browser: Browser, url: str, user: str, stop: str = "") -> Page:
    page = browser.open(url)
    assert "Log in with the <lab>" in page.links, page.text
    return at_provider(browser, browser.follow(page, "Log in with the <lab>", stop=stop), user, stop)


def app_password(gateway: Gateway, user: str) -> str:
    flow, browser = Flow(gateway), Browser()
    assert browser.press(log_in(browser, flow.page, user), "Grant access").status == 200
    status, answer = flow.poll()
    assert status == 200
    return answer["appPassword"]


def written(gateway: Gateway, text: str) -> str:
    """The log when `text` is in it: the access log is written once a second."""
    deadline = time.monotonic() + 60
    while text not in (log := gateway.log()):
        assert time.monotonic() < deadline, f"{text!r} does not come into the log"
        time.sleep(0.05)
    return log


def client(gateway: Gateway, user: str, password: str) -> dav.Client:
    return dav.Client(gateway.port, user, password, f"/remote.php/dav/files/{user}")


def test_a_program_gets_in(house: Gateway, provider: Provider) -> None:
    flow, browser = Flow(house), Browser()
    page = browser.open(flow.page + "?user=somebody")
    assert page.status == 200
    assert AGENT in page.text and house.url() in page.text
    assert not page.forms, "nobody has a password"
    assert flow.poll() == (404, [])

    page = log_in(browser, flow.page, "alice")
    assert "alice of the tests (alice)" in page.text and AGENT in page.text and house.url() in page.text
    assert flow.poll() == (404, []), "nobody has granted it yet"

    page = browser.press(page, "Grant access")
    assert "You can close this window" in page.text
    assert browser.open(flow.page).status == 404, "it is granted once"
    status, answer = flow.poll()
    assert (status, answer["server"], answer["loginName"]) == (200, house.url(), "alice")
    assert flow.poll() == (404, [])

    with client(house, "alice", answer["appPassword"]) as alice:
        assert alice.put("by-flow.txt", b"let in").status == 201
        # What the provider says about groups counts as with a token.
        assert alice.raw("PROPFIND", "/remote.php/dav/spaces/lab$lab/", None, {"Depth": "0"}).status == 207
    log = written(house, '/login/v2/poll HTTP/1.1" 200')
    assert "/login/v2/flow/***" in log
    secrets = [flow.token, flow.page.rpartition("/")[2], answer["appPassword"], *browser.cookies.values()]
    assert not [secret for secret in secrets if secret and secret in log]


def test_what_programs_of_nextcloud_are_told(house: Gateway) -> None:
    """They log in this way only at a server of version 16 or newer."""
    for agent, version in ((AGENT, "20.0.14.0"), ("mirall/2.11.0", "10.15.0.0")):
        page = Browser().open(house.url("/status.php"), **{"User-Agent": agent})
        assert json.loads(page.source)["version"] == version


def test_the_pages_are_shut_to_other_sites(house: Gateway, provider: Provider) -> None:
    flow, browser = Flow(house), Browser()
    for page in (browser.open(flow.page), log_in(browser, flow.page, "alice"), browser.open(house.url("/login/nothing"))):
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ") and "frame-ancestors 'none'" in policy and "script" not in policy
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Cache-Control"] == "no-store"
        assert "<script" not in page.source and "<b>" not in page.source


def test_another_browser_cannot_grant(house: Gateway, provider: Provider) -> None:
    flow, hers, his = Flow(house), Browser(), Browser()
    page = log_in(hers, flow.page, "alice")
    # The address of the page alone: he must log in himself.
    assert "Log in" in his.open(page.url).text
    form = page.form("Grant access")
    for browser in (his, Browser()):
        sent = browser.open(page.url, {**form.fields, "action": "grant"})
        assert sent.status == 403, sent.text
    assert hers.open(page.url, {"action": "grant"}).status == 403
    assert hers.open(page.url, {**form.fields, "mark": "x" * 43, "action": "grant"}).status == 403
    assert flow.poll() == (404, [])
    assert hers.press(page, "Grant access").status == 200


def test_a_login_belongs_to_the_browser_that_began_it(house: Gateway, provider: Provider) -> None:
    flow, browser = Flow(house), Browser()
    back = house.url("/login/oidc/callback")
    sent_back = log_in(browser, flow.page, "alice", stop=back)
    assert sent_back.url.startswith(back)
    assert Browser().open(sent_back.url).status == 403
    other = Browser()
    other.open(flow.page)
    assert other.open(sent_back.url).status == 403
    assert browser.open(re.sub("state=([^&]*)", lambda found: f"state={found[1][:-3]}xyz", sent_back.url)).status == 403
    assert browser.open(re.sub("code=[^&]*", "code=invented", sent_back.url)).status == 403
    foreign = sent_back.url.replace("iss=", "iss=x")
    assert foreign != sent_back.url, "the provider says who it is (RFC 9207)"
    assert browser.open(foreign).status == 403
    page = browser.open(sent_back.url)
    assert "Grant access?" in page.text
    # The code and the state are used up.
    assert browser.open(sent_back.url).status == 403
    assert browser.press(page, "Grant access").status == 200


def test_a_denied_flow_ends(house: Gateway, provider: Provider) -> None:
    flow, browser = Flow(house), Browser()
    page = browser.press(log_in(browser, flow.page, "alice"), "Deny")
    assert "Access denied" in page.text
    assert browser.open(flow.page).status == 404
    assert flow.poll() == (404, [])


def test_somebody_else(house: Gateway, provider: Provider) -> None:
    flow, browser = Flow(house), Browser()
    page = browser.press(log_in(browser, flow.page, "alice"), "Log in as somebody else")
    page = browser.follow(page, "Log in with the <lab>")
    assert "login" in page.forms[0].fields, "that alice has logged in is not enough"
    page = at_provider(browser, page, "zoe")
    assert "zoe" in page.text and "alice" not in page.text
    browser.press(page, "Grant access")
    assert flow.poll()[1]["loginName"] == "zoe"


def test_nobody_logs_in_at_the_provider(house: Gateway, provider: Provider) -> None:
    flow, browser = Flow(house), Browser()
    page = browser.follow(browser.open(flow.page), "Log in with the <lab>")
    page = browser.follow(page, "[ Cancel ]")
    assert page.status == 403
    assert "did not log you in" in page.text
    assert "access_denied" in house.log()
    assert "Log in with the <lab>" in browser.follow(page, "Try again").links


def test_a_provider_that_is_away(house: Gateway) -> None:
    flow, browser = Flow(house), Browser()
    page = browser.follow(browser.open(flow.page), "Log in with away")
    assert (page.status, page.headers["Retry-After"]) == (503, "30")
    assert "does not answer" in page.text


def test_an_outcome_is_told_once(house: Gateway, provider: Provider) -> None:
    flow, browser = Flow(house), Browser()
    browser.press(log_in(browser, flow.page, "alice"), "Grant access")
    statuses: list[int] = []
    workers = [threading.Thread(target=lambda: statuses.append(flow.poll()[0])) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(statuses) == [200] + [404] * 7


def test_own_app_passwords(house: Gateway, provider: Provider) -> None:
    browser, here = Browser(), house.url("/login/app-passwords")
    page = log_in(browser, here, "many")
    page = browser.press(page, "Make it", name="a phone <i>", read_only="1", days="7")
    secret = re.search(r'class="secret">([^<]+)<', page.source)
    assert secret and "a phone <i>" in page.text
    with client(house, "many", secret[1]) as phone:
        assert phone.list("", "0")
        assert phone.put("x", b"").status == 403
    page = browser.follow(page, "Back")
    assert "a phone <i>" in page.text and "may only read" in page.text and secret[1] not in page.source
    other = Browser()
    strange = other.open(here, page.form("Revoke").fields)
    assert strange.status == 403
    page = browser.press(page, "Revoke")
    assert "a phone" not in page.text
    with client(house, "many", secret[1]) as phone:
        assert phone.raw("PROPFIND", phone.href(""), None, {"Depth": "0"}).status == 401
    page = browser.press(page, "Log out")
    assert "Log in with the <lab>" in page.links
    assert "Log in with the <lab>" in browser.open(here).links


@pytest.mark.parametrize("program", ["owncloudcmd", "nextcloudcmd"])
def test_a_sync_program_where_nobody_has_a_password(house: Gateway, provider: Provider, tmp_path: Path, program: str) -> None:
    user = f"user-of-{program}"
    sync = SyncClient(program, house, tmp_path, user, password=app_password(house, user))
    (sync.folder / "up.txt").write_text("from the client")
    sync.sync()
    assert (house.disk(user) / "up.txt").read_text() == "from the client"
    (house.disk(user) / "down.txt").write_text("from the disk")
    sync.sync()
    assert (sync.folder / "down.txt").read_text() == "from the disk"


def test_people_with_passwords(quick_gateway: Gateway) -> None:
    gateway = quick_gateway
    gateway.configure(brake={"free": 100, "tries": 2}, login_flow={"flows_per_network": 4}, users={"passwords": "page"})
    gateway.start()
    flow, browser = Flow(gateway), Browser()
    page = browser.open(flow.page + "?user=ali")
    assert page.form("Log in").fields["user"] == "ali"
    page = browser.press(page, "Log in", user="alice", password="wrong")
    assert (page.status, page.headers["WWW-Authenticate"]) == (403, None)
    assert "wrong user name or password" in page.text and page.form("Log in").fields["user"] == "alice"
    page = browser.press(page, "Log in", user="alice", password=USERS["alice"])
    assert "You are logged in as alice" in page.text
    assert browser.press(page, "Grant access").status == 200

    # Nothing is lost in between, and no secret is kept.
    gateway.restart()
    status, answer = flow.poll()
    assert status == 200
    with client(gateway, "alice", answer["appPassword"]) as alice, gateway.client() as by_own_password:
        assert alice.list("", "0")
        assert by_own_password.raw("PROPFIND", "/remote.php/webdav/", None, {"Depth": "0"}).status == 401

    # App passwords do not make others.
    again = Flow(gateway)
    page = browser.press(browser.open(again.page), "Log in", user="alice", password=answer["appPassword"])
    assert page.status == 403 and "app passwords are for programs" in page.text

    for password in ("wrong", "wronger"):
        page = browser.press(page, "Log in", user="bob", password=password)
    page = browser.press(page, "Log in", user="bob", password=USERS["bob"])
    assert page.status == 429 and int(page.headers["Retry-After"]) > 0
    assert "try again in" in page.text

    statuses = [again.ask("/login/v2", None)[0] for _ in range(4)]
    assert statuses == [200, 200, 200, 429], "one was waiting"


def test_switched_off(quick_gateway: Gateway) -> None:
    quick_gateway.configure(login_flow={"enabled": False})
    quick_gateway.start()
    assert Browser().open(quick_gateway.url("/login/app-passwords")).status == 404
    connection = http.client.HTTPConnection("127.0.0.1", quick_gateway.port, timeout=120)
    connection.request("POST", "/index.php/login/v2")
    assert connection.getresponse().status == 404
    connection.close()


def test_in_chromium(house: Gateway, provider: Provider, tmp_path: Path) -> None:
    flow = Flow(house)
    with Chromium(tmp_path) as chromium:
        chromium.open(flow.page)
        chromium.see(AGENT)
        assert chromium.run("return getComputedStyle(document.querySelector('.first')).color") == "rgb(255, 255, 255)"
        chromium.press("Log in with the <lab>")
        chromium.find("//input[@name='login']").type("id-of-alice")
        chromium.find("//input[@name='password']").type("x")
        chromium.press("Sign-in")
        chromium.press("Continue")
        chromium.see("You are logged in as alice of the tests (alice)")
        chromium.press("Grant access")
        chromium.see("You can close this window")
        status, answer = flow.poll()
        assert status == 200

        chromium.open(house.url("/login/app-passwords"))
        chromium.press("Log in with the <lab>")
        chromium.press("Continue")
        chromium.see(AGENT)
        labels = [chromium.find(f"//*[@name='{name}']").label for name in ("name", "space", "days", "read_only")]
        assert labels == ["Name, to tell it from others", "Reaches", "Days until it ends", "may only read"]
        assert chromium.find("//li//button").label == f"Revoke {AGENT}"
        chromium.find("//input[@name='name']").type("a phone")
        chromium.press("Make it")
        chromium.see("It is shown only now")
        chromium.press("Back")
        chromium.see("a phone")
        width = chromium.run("return document.documentElement.scrollWidth")
        assert width <= PHONE[0], "the page is wider than a phone"
        here = [line for line in chromium.complaints() if house.url() in line]
        assert not here, here
    with client(house, "alice", answer["appPassword"]) as alice:
        assert alice.list("", "0")

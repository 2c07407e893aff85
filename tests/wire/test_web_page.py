"""The gateway's own page in Chromium: who somebody is, spaces, folders, downloads, uploads over a connection that breaks."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..ports import free_port
from .browser import Browser
from .chromium import Chromium
from .cutting_proxy import CuttingProxy, Then
from .gateway import USERS, Gateway
from .oidc_provider.provider import GATEWAY, PAGES, Provider
from .recorded import repeated
from .upload_content import Content

HOSTILE = ("<img src=x onerror=alert(1)>.html", "a\"b'c&amp;d.txt", "x#y?z%41 ü.txt", "\u202etxt.exe", "<d:response>.txt")
MIB = 1024 * 1024
XHR = {"X-Requested-With": "XMLHttpRequest"}


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Chromium]:
    folder = tmp_path / "chromium"
    folder.mkdir()
    with Chromium(folder) as one:
        yield one


def soon(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def press(chromium: Chromium, label: str) -> None:
    """A button by what a screen reader says."""
    chromium.find(f"//button[@aria-label={json.dumps(label)}]").click()


def follow(chromium: Chromium, words: str) -> None:
    """A link that can be seen."""
    chromium.find(f"//section[not(@hidden)]//a[normalize-space()='{words}']").click()


def answer(chromium: Chromium, button: str, text: str | None = None) -> None:
    """Say yes to a question."""
    if text is not None:
        chromium.find("//dialog[@open]//input").type(text)
    chromium.find(f"//dialog[@open]//button[normalize-space()='{button}']").click()


def names(chromium: Chromium) -> list[str]:
    return list(chromium.run("return [...document.querySelectorAll('#folder tbody bdi')].map((one) => one.textContent)"))


def log_in(chromium: Chromium, url: str) -> None:
    chromium.open(url)
    chromium.press("Log in")
    chromium.find("//input[@name='user']").type("alice")
    chromium.find("//input[@name='password']").type(USERS["alice"])
    chromium.press("Log in")
    chromium.see("My spaces")


def ask(port: int, verb: str, path: str, cookie: str, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(
            verb, path, headers={"Cookie": cookie, **{name.replace("_", "-"): text for name, text in headers.items()}}
        )
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def test_files_of_a_person(stopped_gateway: Gateway, chromium: Chromium, tmp_path: Path) -> None:
    gateway = stopped_gateway
    home = gateway.make_home()
    for name in HOSTILE:
        (home / name).write_text(name)
    (home / "many").mkdir()
    for number in range(450):
        (home / "many" / f"file {number}").touch()
    (gateway.folder / "lab").mkdir()
    gateway.configure(
        mounts__lab={"root": str(gateway.folder / "lab"), "kind": "project", "title": "The <lab>", "readers": ["alice"]}
    )
    gateway.start()
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    chromium.save_downloads(downloads)

    log_in(chromium, gateway.url("/"))
    chromium.see("The <lab>")
    follow(chromium, "alice")
    chromium.see("Drop files here")
    shown = names(chromium)
    assert sorted(shown[1:]) == sorted(name.replace("\u202e", "\ufffd") for name in HOSTILE) and shown[0] == "many"
    assert not chromium.run("return document.querySelectorAll('img').length")
    assert chromium.run("return document.documentElement.scrollWidth <= window.innerWidth"), "wider than a phone"

    # Fetched by the browser itself, under its own name, and never shown under ours.
    for name in HOSTILE[:3]:
        chromium.find(f"(//tbody//button[@class='link'])[{shown.index(name)}]").click()
    soon(lambda: len([one for one in downloads.iterdir() if one.suffix in (".html", ".txt")]) == 3, "downloads do not come")
    assert sorted(one.read_text() for one in downloads.iterdir()) == sorted(HOSTILE[:3])

    # A long list comes in slices.
    follow(chromium, "many")
    chromium.see("450 entries")
    assert 200 <= len(names(chromium)) < 450
    script = "document.querySelector('#more')?.scrollIntoView()"
    soon(lambda: chromium.run(script) or len(names(chromium)) == 450, "the end of the list does not come")
    assert names(chromium) == [f"file {number}" for number in range(450)], "numbers count as such"
    follow(chromium, "alice")
    chromium.see("6 entries")

    # A private link leads to the folder, also when one must log in first.
    with gateway.client() as client:
        link = f"/f/{client.list('many/file 7', '0')['many/file 7'].id}"
        assert client.raw("GET", link).headers["Location"].endswith("/many/file%207"), "programs are sent to the file itself"
    chromium.press("Log out everywhere")
    chromium.see("Log in")
    chromium.open(gateway.url(link))
    chromium.find("//a[@id='login']").click()
    chromium.find("//input[@name='user']").type("alice")
    chromium.find("//input[@name='password']").type(USERS["alice"])
    chromium.press("Log in")
    chromium.see("450 entries")
    follow(chromium, "alice")
    chromium.see("6 entries")

    # making, renaming, deleting
    chromium.press("New folder")
    answer(chromium, "Make it", "b <b>")
    chromium.see("b <b>")
    assert (home / "b <b>").is_dir()
    press(chromium, "Rename b <b>")
    answer(chromium, "Rename", "c")
    soon(lambda: (home / "c").is_dir(), "it is not renamed")
    chromium.see("7 entries")
    press(chromium, "Delete c")
    answer(chromium, "Cancel")
    press(chromium, "Delete c")
    answer(chromium, "Delete")
    chromium.see("6 entries")
    assert not (home / "c").exists()

    # Where one may only read, nothing else is offered.
    follow(chromium, "My spaces")
    follow(chromium, "The <lab>")
    chromium.see("This folder is empty")
    assert not chromium.run("return [...document.querySelectorAll('#tools *')].some((one) => one.checkVisibility())")

    # The cookie is worth something beside a header that other sites cannot send, and nothing any more after the end.
    cookie = next(one for one in chromium.ask("GET", "/cookie") if one["name"] == "clawgate_page")
    assert (cookie["httpOnly"], cookie["sameSite"], "expiry" in cookie) == (True, "Strict", False)
    kept = f"clawgate_page={cookie['value']}"
    for headers, status in (
        ({}, 401),
        (XHR, 200),
        ({**XHR, "Sec-Fetch-Site": "same-site"}, 401),
        ({**XHR, "Sec-Fetch-Site": "same-origin"}, 200),
    ):
        assert ask(gateway.port, "GET", "/graph/v1.0/me", kept, **headers)[0] == status
    assert ask(gateway.port, "POST", "/login/files/end", kept)[0] == 403
    chromium.press("Log out")
    chromium.find("//a[@id='login'][contains(@href, 'anew=1')]")
    assert ask(gateway.port, "GET", "/graph/v1.0/me", kept, **XHR)[0] == 401
    chromium.open(gateway.url("/#/home%24alice"))
    chromium.find("//a[@id='login']")
    said = [line for line in chromium.complaints() if "401" not in line]
    assert not said, said
    assert kept[-43:] not in gateway.log()


def test_uploads(stopped_gateway: Gateway, chromium: Chromium, tmp_path: Path) -> None:
    gateway = stopped_gateway
    home = gateway.make_home()
    (home / "there").write_text("old")
    gateway.start()
    content = Content(25 * MIB, 1)
    tree = tmp_path / "tree"
    (tree / "below").mkdir(parents=True)
    (tree / "below" / "deep <i>.txt").write_text("deep")
    (tree / "empty").write_bytes(b"")
    for name, text in (("there", "new"), ("small ü.txt", "small"), ("large.bin", content.bytes())):
        (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)

    with CuttingProxy(gateway.port) as proxy:
        log_in(chromium, proxy.url("/"))
        follow(chromium, "alice")
        chromium.see("Drop files here")

        # In the midst of the second piece, twice.
        proxy.stop_after(14 * MIB, Then.CUT)
        proxy.stop_after(1 * MIB, Then.CUT)
        chromium.find("//input[@id='chosen']").give(tmp_path / "large.bin")
        chromium.see("large.bin is there")
        assert content.is_in(home / "large.bin")
        assert (home / "large.bin").stat().st_mtime == pytest.approx((tmp_path / "large.bin").stat().st_mtime, abs=0.01)
        pieces = [one for one in proxy.exchanges if one.method == "PATCH"]
        assert not all(one.status for one in pieces), "none was cut"
        assert max(one.body for one in pieces) <= 10 * MIB
        assert not repeated(proxy.exchanges)

        chromium.drop("//section[@id='folder']", tmp_path / "small ü.txt", tree, tmp_path / "there")
        chromium.see("Something with this name is there already.")
        assert (home / "there").read_text() == "old"
        press(chromium, "Replace there")
        chromium.see("there is there")
        soon(lambda: (home / "tree" / "below" / "deep <i>.txt").exists(), "the folder does not come")
        chromium.see("deep <i>.txt is there")
        chromium.see("small ü.txt is there")
        chromium.see("empty is there")
        assert (home / "there").read_text() == "new"
        assert (home / "small ü.txt").read_text() == "small"
        assert (home / "tree" / "empty").read_bytes() == b""
        assert (home / "tree" / "below" / "deep <i>.txt").read_text() == "deep"
        chromium.see("4 entries")
        assert names(chromium)[:4] == ["tree", "large.bin", "small ü.txt", "there"]
    gateway.assert_tidy()


def test_with_a_login_service(stopped_gateway: Gateway, tmp_path: Path) -> None:
    """The way back comes from another site, whose requests never carry the page's cookie: it is given then."""
    provider = Provider(tmp_path, free_port())
    provider.start()
    try:
        gateway = stopped_gateway
        (gateway.folder / "users.toml").write_text("")
        gateway.configure(
            oidc__main={
                "issuer": provider.issuer,
                "audiences": ["files"],
                "opaque": "introspection",
                "client_id": GATEWAY[0],
                "client_secret": GATEWAY[1],
                "browser_client_id": PAGES[0],
                "browser_client_secret": PAGES[1],
            }
        )
        gateway.start()
        browser = Browser()
        page = browser.follow(browser.open(gateway.url("/login/files")), "Log in with main")
        page = browser.press(page, "Sign-in", login="id-of-alice", password="x")
        page = browser.press(page, "Continue")
        assert page.url == gateway.url("/")
        secret = browser.cookies["/", "clawgate_page"]
        status, _, body = ask(gateway.port, "GET", "/graph/v1.0/me", f"clawgate_page={secret}", **XHR)
        assert (status, json.loads(body)["displayName"]) == (200, "alice of the tests")
        # The cookie of the login pages does not open anything else, and that login is over.
        assert (
            ask(gateway.port, "GET", "/graph/v1.0/me", f"clawgate_page={browser.cookies['/login', 'clawgate_login']}", **XHR)[0]
            == 401
        )
        assert "Log in with main" in browser.open(gateway.url("/login/files")).links
    finally:
        provider.stop()

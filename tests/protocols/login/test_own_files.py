"""The way to the page at ``/``, and away from it."""

from __future__ import annotations

import pytest_twisted

from clawgate.model.login_flow import Visitor as Somebody
from clawgate.model.people import User

from .test_pages import back_from_provider, logged_in
from .visitor import Visitor

FILES = "/login/files"
END = "/login/files/end"
PROVIDER = "&code=c&iss=https%3A%2F%2Fidp.example.org"


@pytest_twisted.ensureDeferred
async def test_to_the_page(house):
    browser = await logged_in(house, FILES)
    inside = browser.cookie
    assert (await browser.open(FILES, "HEAD")).status == 405 and not house.pages.begun, "it hands something over"
    seen = await browser.open(FILES)
    assert (seen.status, seen.header("location")) == (303, "/")
    assert seen.header("set-cookie") == f"clawgate_page={'0' * 43}; Path=/; HttpOnly; SameSite=Strict"
    assert house.pages.begun["0" * 43].user.id == "alice"
    # That was it: the browser's other cookie is worth nothing now.
    browser.cookie = inside
    assert "Log in with" in (await browser.open(FILES)).text and len(house.pages.begun) == 1


@pytest_twisted.ensureDeferred
async def test_by_provider(house):
    browser = Visitor(house.ask)
    seen = await browser.open(await back_from_provider(browser, FILES) + PROVIDER)
    assert (seen.status, seen.header("location")) == (303, FILES)
    await browser.open(FILES)
    (visitor,) = house.pages.begun.values()
    assert visitor.user.id == "carol" and visitor.foreign


@pytest_twisted.ensureDeferred
async def test_a_login_for_something_else_does_not_count(house):
    browser = await logged_in(house)
    assert "Log in with" in (await browser.open(FILES)).text
    seen = await browser.open(FILES)
    assert (await browser.send(FILES, mark=seen.mark, action="logout")).status == 400
    assert (await browser.send(FILES, action="login", user="alice", password="right")).status == 403
    assert not house.pages.begun


@pytest_twisted.ensureDeferred
async def test_logging_out(house):
    browser = await logged_in(house, FILES)
    await browser.open(FILES)
    for headers in ({"Cookie": browser.cookie}, {"X-Requested-With": "XMLHttpRequest"}):
        response, _ = await house.ask("POST", END, headers=headers)
        assert response.code == 403 and house.pages.begun, headers
    response, _ = await house.ask("POST", END, headers={"Cookie": browser.cookie, "X-Requested-With": "XMLHttpRequest"})
    assert response.code == 204 and not house.pages.begun
    assert response.headers.getRawHeaders("set-cookie") == ["clawgate_page=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"]
    response, _ = await house.ask("GET", END)
    assert response.code == 405


@pytest_twisted.ensureDeferred
async def test_logging_out_everywhere(house):
    first, second = await logged_in(house, FILES), await logged_in(house, FILES)
    for browser in (first, second):
        await browser.open(FILES)
    house.pages.begun["3" * 43] = Somebody(User("bob"))
    for headers in ({"Cookie": first.cookie}, {"X-Requested-With": "XMLHttpRequest"}):
        response, _ = await house.ask("POST", f"{END}-all", headers=headers)
        assert response.code == 403 and len(house.pages.begun) == 3, headers
    headers = {"Cookie": first.cookie, "X-Requested-With": "XMLHttpRequest"}
    response, _ = await house.ask("POST", f"{END}-all", headers=headers)
    assert response.code == 204 and list(house.pages.begun) == ["3" * 43]
    assert "Max-Age=0" in response.headers.getRawHeaders("set-cookie")[0]
    response, _ = await house.ask("POST", f"{END}-all", headers=headers)
    assert response.code == 403, "logged out already"

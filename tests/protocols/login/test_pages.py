from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_twisted

from clawgate.errors import Forbidden, Overloaded, StorageUnavailable, TooManyAttempts, Unauthenticated
from clawgate.model.login_flow import Visitor as Visitor_
from clawgate.model.people import Scope, User

from .test_program import begin, page_of
from .visitor import Visitor

OWN = "/login/app-passwords"


async def logged_in(house, path=OWN, user="alice"):
    browser = Visitor(house.ask)
    seen = await browser.open(path)
    seen = await browser.send(path, mark=seen.mark, action="login", user=user, password="right")
    assert (seen.status, seen.header("location")) == (303, path)
    return browser


async def back_from_provider(browser, path):
    """As far as the address to which the provider sends the browser back, without what it adds."""
    seen = await browser.open((await browser.open(path)).start)
    assert seen.status == 303
    return "/login/oidc/callback?state=" + parse_qs(urlsplit(seen.header("location")).query)["state"][0]


@pytest_twisted.ensureDeferred
async def test_what_the_page_of_a_flow_says(house):
    _, begun = await begin(house, **{"User-Agent": "<b>Program</b>", "Host": "cloud.example.org"})
    page, browser = await page_of(house, begun)
    seen = await browser.open(page + '?user=al%22%3Ei"')
    assert seen.status == 200
    assert seen.header("content-type") == "text/html; charset=utf-8"
    assert "&lt;b&gt;Program&lt;/b&gt;" in seen.text and "<b>" not in seen.text and 'value="al&quot;&gt;i' in seen.text
    assert "127.0.0.1" in seen.text and "Log in with the lab" in seen.text
    assert '<html lang="en">' in seen.text and "viewport" in seen.text
    for name, value in {
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }.items():
        assert seen.header(name) == value
    token = begun["login"].rpartition("/")[2]
    assert token not in page and token not in seen.text, "the page's own address is worth nothing"


@pytest_twisted.ensureDeferred
async def test_the_cookie(house):
    browser = Visitor(house.ask)
    seen = await browser.open(OWN)
    first = seen.header("set-cookie")
    assert first.endswith("; Path=/login; Max-Age=1200; HttpOnly; SameSite=Lax")
    secret = browser.cookie.partition("=")[2]
    assert secret not in seen.text
    assert (await browser.open(OWN)).header("set-cookie") == first, "it is kept"
    browser.cookie = "clawgate_login=short"
    assert (await browser.open(OWN)).status == 200
    assert browser.cookie != "clawgate_login=short"
    seen = await browser.open(OWN)
    before = browser.cookie
    await browser.send(OWN, mark=seen.mark, action="login", user="alice", password="right")
    assert browser.cookie != before, "who knew it before the login knows nothing"
    other = Visitor(house.ask)
    other.cookie = before
    assert "Log in" in (await other.open(OWN)).text


@pytest_twisted.ensureDeferred
async def test_ways_to_log_in(house):
    house.people.providers = []
    seen = await Visitor(house.ask).open(OWN)
    assert 'name="password"' in seen.text and "oidc/start" not in seen.text
    house.people.with_passwords = False
    assert "<form" not in (await Visitor(house.ask).open(OWN)).text


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (Unauthenticated("wrong <password>"), 403, ""),
        (TooManyAttempts("too many failed logins; try again in 9 seconds", 9), 429, "9"),
        (StorageUnavailable("the directory does not answer"), 503, "30"),
        (Overloaded("too many logins", 5), 503, "5"),
        (Forbidden("in too many groups"), 403, ""),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_login_that_fails(house, error, status, retry):
    browser = Visitor(house.ask)
    seen = await browser.open(OWN)
    house.people.error = error
    seen = await browser.send(OWN, mark=seen.mark, action="login", user="ali<ce", password="right")
    assert (seen.status, seen.header("retry-after"), seen.header("www-authenticate")) == (status, retry, "")
    assert 'role="alert"' in seen.text and str(error).split(" <")[0] in seen.text and "<password>" not in seen.text
    assert 'value="ali&lt;ce"' in seen.text and "right" not in seen.text
    assert (await browser.send(OWN, mark=seen.mark, action="login", user="alice", password="right")).status == 303


@pytest_twisted.ensureDeferred
async def test_forms_of_others(house):
    browser, other = Visitor(house.ask), Visitor(house.ask)
    seen, stranger = await browser.open(OWN), await other.open(OWN)
    login = {"action": "login", "user": "alice", "password": "right"}
    for mark in ({}, {"mark": ""}, {"mark": "ü"}, {"mark": stranger.mark}, {"mark": seen.mark[:-1]}):
        refused = await browser.send(OWN, **login, **mark)
        assert refused.status == 403 and "not of your browser" in refused.text
    _, begun = await begin(house)
    page, _ = await page_of(house, begun)
    assert (await browser.send(page, **login, mark=seen.mark)).status == 403, "a form is for one purpose"
    nobody = Visitor(house.ask)
    refused = await nobody.send(OWN, **login, mark=seen.mark)
    assert refused.status == 403 and "did not send our cookie" in refused.text
    assert (await browser.send(OWN, mark=seen.mark, action="explode")).status == 400
    assert (await browser.send(OWN, mark=seen.mark)).status == 400
    ended = await browser.send(OWN, mark=seen.mark, action="make", name="x")
    assert ended.status == 403 and "your login has ended" in ended.text and not house.passwords.kept


@pytest_twisted.ensureDeferred
async def test_letting_a_program_in_and_not(house):
    for action in ("grant", "deny"):
        _, begun = await begin(house)
        page, browser = await page_of(house, begun)
        seen = await browser.open(page)
        assert (await browser.send(page, mark=seen.mark, action=action)).status == 403, "nobody has logged in"
        await browser.send(page, mark=seen.mark, action="login", user="alice", password="right")
        seen = await browser.open(page)
        assert "alice &lt;the great&gt; (alice)" in seen.text
        other = Visitor(house.ask)
        assert (await other.send(page, mark=seen.mark, action=action)).status == 403
        assert (await browser.send(page, mark=seen.mark)).status == 400
        assert (await browser.send(page, mark=seen.mark, action=action)).status == 200
        assert (await browser.send(page, mark=seen.mark, action=action)).status == 404
        response, _ = await house.ask("POST", f"/login/v2/poll?token={begun['poll']['token']}")
        assert response.code == (200 if action == "grant" else 404)
    seen = await browser.open(OWN)
    assert "Log in with" in seen.text, "that login was for the program alone"


@pytest_twisted.ensureDeferred
async def test_who_has_too_many_app_passwords_is_told(house):
    for _ in range(2):
        await house.passwords.make(Visitor_(User("alice")), "x", Scope(), None)
    _, begun = await begin(house)
    page, browser = await page_of(house, begun)
    seen = await browser.open(page)
    await browser.send(page, mark=seen.mark, action="login", user="alice", password="right")
    seen = await browser.open(page)
    refused = await browser.send(page, mark=seen.mark, action="grant")
    assert refused.status == 403 and "you have too many" in refused.text
    await house.passwords.revoke("alice", "id0")
    assert (await browser.send(page, mark=seen.mark, action="grant")).status == 200


@pytest_twisted.ensureDeferred
async def test_a_login_ends_after_a_while(house):
    browser = await logged_in(house)
    seen = await browser.open(OWN)
    house.clock[0] += 601
    assert "Log in with" in (await browser.open(OWN)).text
    assert (await browser.send(OWN, mark=seen.mark, action="make", name="x")).status == 403


@pytest_twisted.ensureDeferred
async def test_by_provider(house):
    browser = Visitor(house.ask)
    _, begun = await begin(house)
    page, browser = await page_of(house, begun)
    back = await back_from_provider(browser, page)
    seen = await browser.open(back + "&code=c&iss=https%3A%2F%2Fidp.example.org")
    assert (seen.status, seen.header("location")) == (303, page)
    (_, *asked), (code, *redeemed) = house.people.asked
    assert (code, redeemed) == ("c", asked)
    assert asked[0].endswith("/login/oidc/callback") and len({*asked}) == 3
    assert "carol" in (await browser.open(page)).text
    # Another login has other secrets.
    await back_from_provider(Visitor(house.ask), OWN)
    other = Visitor(house.ask)
    await back_from_provider(other, OWN)
    await back_from_provider(other, OWN)
    assert len({one[2] for one in house.people.asked}) == len({one[3] for one in house.people.asked}) == 4


@pytest_twisted.ensureDeferred
async def test_answers_of_providers_that_are_refused(house):
    browser = Visitor(house.ask)
    back = await back_from_provider(browser, OWN)
    state = back.partition("state=")[2]
    provider, purpose, salt, mac = state.split(".")
    for wrong in (
        "/login/oidc/callback?code=c",
        "/login/oidc/callback?code=c&state=" + ".".join(("other", purpose, salt, mac)),
        "/login/oidc/callback?code=c&state=" + ".".join((provider, "0" * 64, salt, mac)),
        "/login/oidc/callback?code=c&state=" + ".".join((provider, purpose, salt[::-1], mac)),
        back + "&code=c&iss=https%3A%2F%2Fevil.example.org",
        back,
        back + "&error=access_denied",
    ):
        assert (await browser.open(wrong)).status == 403, wrong
    for stranger in (Visitor(house.ask), await logged_in(house)):
        assert (await stranger.open(back + "&code=c")).status == 403
    assert not [one for one in house.people.asked if one[0] == "c"]
    house.people.error = StorageUnavailable("the login service does not answer")
    seen = await browser.open(back + "&code=c")
    assert seen.status == 503 and f'href="{OWN}"' in seen.text
    assert (await browser.open(back + "&code=c")).status == 303
    assert (await browser.open(back + "&code=c")).status == 403, "it is used up"


@pytest_twisted.ensureDeferred
async def test_a_provider_that_is_away_or_unknown(house):
    browser = Visitor(house.ask)
    start = (await browser.open(OWN)).start
    house.people.error = StorageUnavailable("the login service does not answer")
    seen = await browser.open(start)
    assert (seen.status, seen.header("retry-after")) == (503, "30")
    assert (await browser.open("/login/oidc/start?provider=x&for=")).status == 404


@pytest_twisted.ensureDeferred
async def test_making_and_revoking(house):
    browser = await logged_in(house)
    seen = await browser.open(OWN)
    assert "You have none" in seen.text and "only The &lt;lab&gt;" in seen.text
    made = await browser.send(OWN, mark=seen.mark, action="make", name=" a <phone> ", space="lab$lab", read_only="1", days="30")
    assert made.status == 200 and "secret-0-of-alice" in made.text and "a &lt;phone&gt;" in made.text
    (one,) = house.passwords.kept["alice"]
    assert (one.name, one.scope.read_only, one.scope.space, one.expires) == ("a <phone>", True, "lab$lab", 30 * 86400)
    await browser.send(OWN, mark=seen.mark, action="make", name="another", space="", days="")
    assert house.passwords.kept["alice"][1].expires is None
    made = await browser.send(OWN, mark=seen.mark, action="make", name="a\0b\u202e c" + "x" * 200)
    await house.passwords.revoke("alice", house.passwords.kept["alice"][-1].id)
    assert f"Give this to <strong>a b c{'x' * 115}</strong>" in made.text, "by the name that it has in the list"
    seen = await browser.open(OWN)
    for text in ("a &lt;phone&gt;", "may only read, reaches only The &lt;lab&gt;, ends 1970-01-31", "not used yet"):
        assert text in seen.text
    assert "secret-0" not in seen.text
    assert (await browser.send(OWN, mark=seen.mark, action="revoke", id="id0")).status == 303
    assert (await browser.send(OWN, mark=seen.mark, action="revoke", id="id0")).status == 404
    assert [one.id for one in house.passwords.kept["alice"]] == ["id1"]
    assert (await browser.send(OWN, mark=seen.mark, action="logout")).status == 303
    assert "Log in with" in (await browser.open(OWN)).text


@pytest_twisted.ensureDeferred
async def test_somebody_else(house):
    _, begun = await begin(house)
    page, browser = await page_of(house, begun)
    for where, action in ((page, "leave"), (OWN, "logout")):
        seen = await browser.open(where)
        assert "prompt" not in (await browser.open(seen.start)).header("location")
        await browser.send(where, mark=seen.mark, action="login", user="alice", password="right")
        left = await browser.send(where, mark=(await browser.open(where)).mark, action=action)
        assert (left.status, left.header("location")) == (303, f"{where}?anew=1")
        seen = await browser.open(left.header("location"))
        assert "prompt=login" in (await browser.open(seen.start)).header("location")
        assert "alice" not in (await browser.open(where)).text


@pytest.mark.parametrize(
    "form",
    [
        {"name": " "},
        {"name": "x", "space": "home$bob"},
        {"name": "x", "days": "0"},
        {"name": "x", "days": "-1"},
        {"name": "x", "days": "36501"},
        {"name": "x", "days": "9" * 400},
        {"name": "x", "days": "1.5"},
        {"name": "x", "days": "²"},
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_made(house, form):
    browser = await logged_in(house)
    seen = await browser.open(OWN)
    assert (await browser.send(OWN, mark=seen.mark, action="make", **form)).status == 400
    assert not house.passwords.kept

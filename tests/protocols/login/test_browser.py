from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from clawgate.protocols.login.browser import Browser

SECRET = "s" * 43


def request(*cookies: str, base: str = "https://cloud.example.org") -> Any:
    return SimpleNamespace(headers_all=lambda name: list(cookies) if name == "cookie" else [], base_url=base)


@pytest.mark.parametrize(
    "cookies",
    [
        (f"clawgate_login={SECRET}",),
        (f"a=b; clawgate_login={SECRET}; c=d",),
        ("a=b", f"clawgate_login={SECRET}"),
        (f"clawgate_login=x;clawgate_login={SECRET}",),
    ],
)
def test_a_browser_that_is_known(cookies: tuple[str, ...]) -> None:
    browser = Browser.of(request(*cookies))
    assert (browser.secret, browser.known) == (SECRET, True)
    assert browser.signed(browser.sign("form", "x"), "form", "x")
    assert not browser.signed(browser.sign("form", "x"), "form", "y")
    assert not browser.signed("", "form", "x")


@pytest.mark.parametrize("cookies", [(), ("",), ("clawgate_login=",), ("clawgate_login=x y",), (f"xclawgate_login={SECRET}",)])
def test_a_browser_that_is_not(cookies: tuple[str, ...]) -> None:
    browser, other = Browser.of(request(*cookies)), Browser.of(request(*cookies))
    assert not browser.known and browser.secret != other.secret
    assert not browser.signed(browser.sign("form"), "form"), "it has not shown the secret yet"


def test_words_are_kept_apart() -> None:
    browser = Browser(SECRET, known=True)
    assert len({browser.sign(*words) for words in (("ab", "c"), ("a", "bc"), ("abc",), ("ab", "c", ""))}) == 4


def test_the_cookie_stays_with_https() -> None:
    browser = Browser(SECRET, known=True)
    name, value = browser.cookie(request(), 1200.0)
    assert name == b"Set-Cookie"
    assert value.decode() == f"clawgate_login={SECRET}; Path=/login; Max-Age=1200; HttpOnly; SameSite=Lax; Secure"
    assert b"Secure" not in browser.cookie(request(base="http://localhost"), 1200.0)[1]

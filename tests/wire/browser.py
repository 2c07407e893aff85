"""A browser without scripts: keeps cookies, follows redirects and links, fills in forms."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import attrs

FORM = "application/x-www-form-urlencoded"


@attrs.define
class Form:
    """One form: where it leads, what its fields hold, and which buttons it has, by their labels."""

    action: str
    fields: dict[str, str] = attrs.field(factory=dict)
    buttons: dict[str, tuple[str, str]] = attrs.field(factory=dict)


class _Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.text = ""
        self.hidden = 0
        self.link: str | None = None
        self.button: tuple[str, str] | None = None
        self.label = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        if tag == "form":
            assert found["method"].lower() in ("post", "dialog")
            self.forms.append(Form(found.get("action", "")))
        elif tag in ("input", "select") and "name" in found and self.forms:
            assert found.get("type") == "hidden" or self.text, "a field must be labelled"
            if found.get("type") not in ("checkbox", "submit"):
                self.forms[-1].fields[found["name"]] = found.get("value", "")
        elif tag == "button" and self.forms:
            self.button, self.label = (found.get("name", ""), found.get("value", "")), ""
        elif tag == "a":
            self.link, self.label = found.get("href", ""), ""
        elif tag in ("script", "style"):
            self.hidden += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "button" and self.button is not None:
            self.forms[-1].buttons[self.label.strip()] = self.button
            self.button = None
        elif tag == "a" and self.link is not None:
            self.links[self.label.strip()] = self.link
            self.link = None
        elif tag in ("script", "style"):
            self.hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.text += data
            self.label += data


@attrs.frozen
class Page:
    """What the browser shows."""

    url: str
    status: int
    headers: http.client.HTTPMessage
    source: str
    text: str
    forms: list[Form]
    links: dict[str, str]

    def form(self, button: str) -> Form:
        """The first form with a button labelled like this."""
        return next(form for form in self.forms if button in form.buttons)


class Browser:
    """Cookies belong to a path; all hosts here are the same one, whose ports share them."""

    def __init__(self) -> None:
        self.cookies: dict[tuple[str, str], str] = {}
        self.visited: list[str] = []
        """All addresses, redirects included."""

    def open(self, url: str, form: Mapping[str, str] | None = None, *, stop: str = "", **headers: str) -> Page:
        """Go to `url`, with a form if one is given, and on to where it leads; not beyond an address that begins with `stop`."""
        verb = "POST" if form is not None else "GET"
        for _ in range(20):
            self.visited.append(url)
            if stop and url.startswith(stop):
                return Page(url, 0, http.client.HTTPMessage(), "", "", [], {})
            page = self._ask(verb, url, form, headers)
            if page.status not in (301, 302, 303):
                return page
            url, verb, form = urljoin(url, page.headers["Location"]), "GET", None
        raise AssertionError(f"too many redirects: {self.visited[-5:]}")

    def press(self, page: Page, button: str, *, stop: str = "", **fields: str) -> Page:
        """Fill in fields and press a button."""
        form = page.form(button)
        name, value = form.buttons[button]
        pressed = {name: value} if name else {}
        return self.open(urljoin(page.url, form.action), {**form.fields, **fields, **pressed}, stop=stop)

    def follow(self, page: Page, link: str, *, stop: str = "") -> Page:
        """Follow a link by its label."""
        return self.open(urljoin(page.url, page.links[link]), stop=stop)

    def _ask(self, verb: str, url: str, form: Mapping[str, str] | None, more: Mapping[str, str]) -> Page:
        parts = urlsplit(url)
        path = parts.path or "/"
        sent = [
            f"{name}={value}" for (place, name), value in self.cookies.items() if (path + "/").startswith(place.rstrip("/") + "/")
        ]
        headers = {
            **({"Cookie": "; ".join(sent)} if sent else {}),
            **({"Content-Type": FORM} if form is not None else {}),
            **more,
        }
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        try:
            body = urlencode(form) if form is not None else None
            connection.request(verb, f"{path}?{parts.query}" if parts.query else path, body, headers)
            response: Any = connection.getresponse()
            source = response.read().decode()
        finally:
            connection.close()
        for line in response.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[morsel["path"] or "/", name] = morsel.value
        html = _Reader(source) if "html" in (response.headers["Content-Type"] or "") else _Reader("")
        return Page(url, response.status, response.headers, source, html.text, html.forms, html.links)

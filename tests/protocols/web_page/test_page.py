from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from clawgate.errors import Forbidden
from clawgate.interfaces import Authenticator
from clawgate.model.people import Actor, Password, User
from clawgate.protocols import web_page
from clawgate.protocols.web_page.page import WebPage
from clawgate.protocols.web_page.signing import ADDRESS, PageAddresses
from clawgate.web.login import Login

STATIC = Path(web_page.__file__).parent / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))


def header(response: Any, name: str) -> str:
    return ", ".join(response.headers.getRawHeaders(name, []))


@pytest_twisted.ensureDeferred
async def test_the_page(serve: Any) -> None:
    ask = await serve({"/": WebPage("A & <b>", "1", "/login/files")})
    response, body = await ask("GET", "/", headers={"Host": 'x"><script>'})
    text = body.decode()
    assert response.code == 200 and "A &amp; &lt;b&gt;" in text and "/remote.php/webdav/" in text and "$" not in text
    policy = header(response, "content-security-policy")
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';") and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    # Everything that it names is there, and nothing is written in it.
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            assert not [name for name, _ in attributes if name.startswith("on") or name == "style"]
            assert tag != "style" and (tag != "script" or dict(attributes).get("src"))
            found.extend(value for name, value in attributes if name in ("src", "href") and value)

    Reader().feed(text)
    files = [one for one in found if one.startswith("/page/")]
    assert len(files) == 3
    for script in SCRIPTS:
        files += [f"/page/{name}" for name in re.findall(r'from "\./([^"]+)"', script.read_text())]
    for path in set(files):
        response, body = await ask("GET", path)
        assert response.code == 200 and header(response, "x-content-type-options") == "nosniff", path
        assert body == (STATIC / path.rpartition("/")[2]).read_bytes()
        etag = header(response, "etag")
        assert (await ask("GET", path, headers={"If-None-Match": etag}))[0].code == 304
    for path in ("/page/index.html", "/page/", "/page/../page.py", "/other", "/page/x.js"):
        assert (await ask("GET", path))[0].code == 404, path
    assert (await ask("POST", "/"))[0].code == 405


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_make_no_markup_of_text(script: Path) -> None:
    text = script.read_text()
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "http://",
        "https://",
    ):
        rest = text.replace("http://owncloud.org/ns", "").replace("http://sabredav.org/ns", "")
        assert word not in rest, f"{word} in {script.name}"


class People(Authenticator):
    async def authenticate(self, credentials: object) -> Actor | None:
        return Actor(User("alice")) if credentials == Password("alice", "x") else None


@pytest_twisted.ensureDeferred
async def test_addresses(serve: Any) -> None:
    asked: list[tuple[str, str, int]] = []

    async def sign(actor: Actor, url: str, seconds: int) -> str:
        if "forbidden" in url:
            raise Forbidden("not by an app password")
        asked.append((actor.id, url, seconds))
        return url + "?signed"

    login = Login(People(), "r")
    server = await serve({ADDRESS: PageAddresses(sign, 86400.0, login, 1000)})

    async def ask(path: object, **headers: str) -> tuple[int, bytes]:
        response, body = await server("POST", ADDRESS, data=json.dumps({"path": path}).encode(), headers=headers)
        return response.code, body

    alice = {"Authorization": "Basic YWxpY2U6eA==", "Host": "cloud.example.org"}
    path = "/dav/spaces/home$alice/a%20b'(1)~.txt"
    assert await ask(path, **alice) == (200, json.dumps({"address": path + "?signed"}).encode())
    assert asked == [("alice", "http://cloud.example.org" + path, 1200)]
    assert (await ask("/archiver?id=home%24alice!x", **alice))[0] == 200
    assert (await ask(path))[0] == 401
    assert (await ask("/dav/forbidden", **alice))[0] == 403
    for wrong in ("/graph/v1.0/me", "//evil.example.org/dav/", "/davx", "/dav/a b", "/dav/\n", 1, "/dav/x?OC-Verb=GET", "x/dav/"):
        assert (await ask(wrong, **alice))[0] == 400, wrong
    response, _ = await server("POST", ADDRESS, data=b"[]", headers=alice)
    assert response.code == 400
    response, _ = await server("GET", ADDRESS, headers=alice)
    assert response.code == 405
    response, _ = await server("POST", ADDRESS, data=b"x" * 2000, headers=alice)
    assert response.code == 413
    assert len(asked) == 2

from __future__ import annotations

import base64
import hashlib

import pytest

from clawgate.protocols.web_client import config
from clawgate.protocols.web_client.config import Build, Provider
from clawgate.protocols.web_client.markup import page
from clawgate.protocols.web_client.names import caching, encodings, is_name, is_route, media_type, segments
from clawgate.protocols.web_client.policy import policy


@pytest.mark.parametrize(
    ("path", "name", "route"),
    [
        (b"/js/a-b.mjs", True, True),
        (b"/files/spaces/personal/a%20b", True, True),
        (b"/f/x%2Fy", True, True),
        (b"/js/%2e%2e/x", False, True),
        (b"/../x", False, False),
        (b"/%2e%2e%2fx", False, False),
        (b"/js//x", False, True),
        (b"/js/x%00", False, True),
        (b"/js/..%5cx", False, True),
        (b"/files/.hidden/x", False, True),
        (b"/.git/config", False, False),
        (b"/.well-known/x", False, False),
        (b"/api/v0/settings", True, False),
        (b"/app/open", True, False),
        (b"/themes/x/theme.json", True, False),
        (b"/%ff", False, False),
        (b"/", False, True),
    ],
)
def test_names(path: bytes, name: bool, route: bool) -> None:
    parts = segments(path)
    assert (is_name(parts), is_route(parts)) == (name, route)


@pytest.mark.parametrize(
    ("name", "immutable"),
    [
        ("index.html-Bx3kF9_a.mjs", True),
        ("chunk-a1b2c3d4.mjs.map", True),
        ("style.0a1b2c3d4e5f.css", True),
        ("index.html", False),
        ("theme.json", False),
        ("require.js", False),
        ("web-app-administration.mjs", False),
        ("jquery-3.7.1.min.js", False),
        ("logo-20240101.png", False),
        ("-a1b2c3d4.js", False),
    ],
)
def test_caching(name: str, immutable: bool) -> None:
    assert ("immutable" in caching(name)) is immutable
    assert immutable or caching(name) == "no-cache"


def test_media_types() -> None:
    assert media_type("a.MJS") == "text/javascript; charset=utf-8"
    assert media_type("a.woff2") == "font/woff2"
    assert media_type("a.exe") == media_type("a") == "application/octet-stream"


@pytest.mark.parametrize(
    ("accepted", "found"),
    [
        (None, []),
        ("gzip, deflate, br, zstd", ["br", "gzip"]),
        ("GZIP;q=0.5", ["gzip"]),
        ("br;q=0, gzip", ["gzip"]),
        ("*", ["br", "gzip"]),
        ("*;q=0", []),
        ("gzip;q=0.000, *", ["br"]),
        ("identity", []),
        (";;,=", []),
    ],
)
def test_encodings(accepted: str | None, found: list[str]) -> None:
    assert encodings(accepted) == found


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_pages() -> None:
    found = page(b'<html><HEAD lang="x"><script>a\r\nb</script><script type="module" src="x"></script><script>c</script></HEAD>')
    assert found.body.startswith(b'<html><HEAD lang="x"><base href="/"><script>')
    assert found.hashes == (digest("a\nb"), digest("c"))
    with_base = b'<head><base href="/sub/"></head><header></header><script></script>'
    assert page(with_base).body == with_base
    assert page(b"<header></header>").body == b"<header></header>"
    assert page(b"<script>x</script><script>x</script>").hashes == (digest("x"),)
    # What another script writes is none of its own.
    assert page(b'<script>document.write("<script src=y>\\x3C/script>")</script>').hashes == (
        digest('document.write("<script src=y>\\x3C/script>")'),
    )


def test_policies() -> None:
    text = policy(["https://idp.example.org"], ["frame-src https://a https://b", "worker-src https://c"], ["'sha256-x'"])
    rules = dict(rule.split(" ", 1) for rule in text.split("; "))
    assert rules["connect-src"] == "'self' blob: https://idp.example.org"
    assert rules["frame-src"] == "'self' blob: https://idp.example.org https://a https://b"
    assert rules["script-src"] == "'self' 'sha256-x'"
    assert rules["default-src"] == "'none'"
    loose = policy([], ["script-src 'unsafe-inline'", "default-src https://x"], ["'sha256-x'"])
    assert "script-src 'self' 'unsafe-inline';" in loose, "a hash would make it void"
    assert "default-src https://x;" in loose


def test_configuration() -> None:
    build = Build("themes/x.json", ("files",))
    found = config.document("https://c", build, None, "/meta")
    assert found["theme"] == "https://c/themes/x.json" and "openIdConnect" not in found
    assert config.document("https://c", Build("", ()), None, "/meta")["theme"] == ""
    found = config.document("https://c", build, Provider("https://idp", "web", ("openid", "email")), "/meta")
    assert found["openIdConnect"] == {
        "metadata_url": "https://c/meta",
        "authority": "https://idp",
        "client_id": "web",
        "response_type": "code",
        "scope": "openid email",
    }
    assert config.merged({"a": {"b": 1, "c": [1]}, "d": 2}, {"a": {"c": [2], "e": None}, "d": None, "f": {"g": 1}}) == {
        "a": {"b": 1, "c": [2]},
        "f": {"g": 1},
    }


def test_apps() -> None:
    names = [
        "web-app-files-CdE5fGhI.mjs",
        "web-app-text-editor-0123_-aB.js",
        "web-app-ocm-CdE5fGhI.mjs",
        "web-app-files.mjs",
        "x",
    ]
    there = config.apps_of(names)
    assert there == {"files", "text-editor", "ocm"}
    assert config.chosen(there) == ("files", "text-editor")
    assert config.chosen(set()) == config.APPS

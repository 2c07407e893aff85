from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from clawgate.errors import SettingsError
from clawgate.protocols.web_client.client import WebClient
from clawgate.protocols.web_client.folder import SMALL, Folder, read_overrides
from clawgate.settings import Web
from clawgate.workers import Workers


@pytest_twisted.async_yield_fixture
async def workers() -> AsyncIterator[Workers]:
    pool = Workers(reactor, "files", 2, 50)  # type: ignore[arg-type]
    pool.start()
    yield pool
    pool.stop()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    found = tmp_path / "build"
    (found / "js").mkdir(parents=True)
    (found / "index.html").write_text("<head></head><script>x</script>")
    (found / "js" / "a.js").write_text("a")
    (tmp_path / "secret").write_text("secret")
    return found


@pytest.fixture
def client(serve: Any, workers: Workers, root: Path) -> Any:
    async def start(**settings: Any) -> Any:
        web = Web(root=str(root), **settings)
        return await serve({"/": WebClient(Folder(web.root, workers), web, None, ["https://idp.example.org"])})

    return start


def header(response: Any, name: str) -> str:
    return ", ".join(response.headers.getRawHeaders(name, []))


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest_twisted.ensureDeferred
async def test_links_lead_nowhere_else(client: Any, root: Path, tmp_path: Path) -> None:
    (root / "js" / "inside.js").symlink_to("a.js")
    (root / "js" / "out.js").symlink_to(tmp_path / "secret")
    (root / "js" / "up.js").symlink_to("../../secret")
    (root / "js" / "loop.js").symlink_to("loop.js")
    (root / "out").symlink_to(tmp_path)
    (root / "same").symlink_to("js")
    os.mkfifo(root / "js" / "pipe.js")
    ask = await client()
    for path, status in {
        "/js/a.js": 200,
        "/js/inside.js": 200,
        "/same/a.js": 200,
        "/js/out.js": 404,
        "/js/up.js": 404,
        "/js/loop.js": 404,
        "/js/pipe.js": 404,
        "/out/secret": 404,
        "/js/a.js/b": 404,
        "/js": 404,
        "/js/" + "x" * 300: 404,
    }.items():
        response, body = await ask("GET", path)
        assert (response.code, b"secret" in body) == (status, False), path


@pytest_twisted.ensureDeferred
async def test_a_large_file(client: Any, root: Path) -> None:
    content = os.urandom(SMALL * 3 + 1)
    (root / "js" / "large.wasm").write_bytes(content)
    ask = await client()
    before = descriptors()
    response, body = await ask("GET", "/js/large.wasm")
    assert body == content and header(response, "content-type") == "application/wasm"
    assert response.length == len(content)
    response, body = await ask("HEAD", "/js/large.wasm")
    assert (response.code, body) == (200, b"")
    for _ in range(3):
        await ask("GET", "/js/a.js")
        await ask("GET", "/")
    assert descriptors() <= before + 2, "files are closed"


@pytest_twisted.ensureDeferred
async def test_versions(client: Any, root: Path) -> None:
    ask = await client()
    response, _ = await ask("GET", "/js/a.js")
    etag, date = header(response, "etag"), header(response, "last-modified")
    assert (await ask("GET", "/js/a.js", headers={"If-None-Match": etag}))[0].code == 304
    assert (await ask("GET", "/js/a.js", headers={"If-Modified-Since": date}))[0].code == 304
    (root / "js" / "a.js").write_text("another")
    response, body = await ask("GET", "/js/a.js", headers={"If-None-Match": etag})
    assert (response.code, body) == (200, b"another")
    # A build that is replaced while the gateway runs
    assert b"<script>x" in (await ask("GET", "/"))[1]
    (root / "index.html").write_text("<head></head><script>newer</script>")
    response, body = await ask("GET", "/")
    assert b'<base href="/"></head><script>newer' in body
    assert header(response, "content-security-policy").count("sha256-") == 1


@pytest_twisted.ensureDeferred
async def test_compressed_copies(client: Any, root: Path) -> None:
    (root / "js" / "a.js.br").write_bytes(b"br")
    (root / "js" / "a.js.gz").write_bytes(b"gz")
    (root / "index.html.gz").write_bytes(b"gz")
    ask = await client()
    for accepted, encoding in (("br, gzip", "br"), ("gzip", "gzip"), ("identity", "")):
        response, _ = await ask("HEAD", "/js/a.js", headers={"Accept-Encoding": accepted})
        # The client here hides that of gzip.
        assert header(response, "content-encoding") == encoding.replace("gzip", "")
        assert header(response, "etag").endswith(f'-{encoding}"') is bool(encoding)
        assert header(response, "content-type") == "text/javascript; charset=utf-8"
        assert header(response, "vary") == "Accept-Encoding"
    response, _ = await ask("GET", "/", headers={"Accept-Encoding": "gzip"})
    assert header(response, "content-encoding") == "", "pages are changed before they are sent"


@pytest_twisted.ensureDeferred
async def test_what_is_not_there(client: Any, root: Path) -> None:
    ask = await client()
    response, body = await ask("POST", "/files")
    assert (response.code, header(response, "allow")) == (405, "GET, HEAD")
    assert (await ask("GET", "/files/x"))[0].code == 200
    (root / "index.html").unlink()
    response, body = await ask("GET", "/files/x")
    assert response.code == 404 and b"web.root has no index.html" in body


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_read(client: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    ask = await client()
    monkeypatch.setattr(os, "open", refuse)
    response, body = await ask("GET", "/js/a.js")
    assert response.code == 503 and str(root).encode() not in body


@pytest_twisted.ensureDeferred
async def test_configuration(client: Any, root: Path, tmp_path: Path) -> None:
    assert json.loads((await (await client())("GET", "/config.json"))[1])["theme"] == ""
    (root / "themes" / "opencloud").mkdir(parents=True)
    (root / "themes" / "opencloud" / "theme.json").write_text("{}")
    file = tmp_path / "over.json"
    file.write_text('{"options": {"x": 1}}')
    ask = await client(config=str(file), apps=["files", "own"], policy="default-src *")
    response, body = await ask("GET", "/config.json")
    found = json.loads(body)
    assert found["theme"] == found["server"] + "/themes/opencloud/theme.json"
    assert found["apps"] == ["files", "own"] and found["options"]["x"] == 1
    assert json.loads((await ask("GET", "/app/list"))[1]) == {"mime-types": []}
    assert header((await ask("GET", "/"))[0], "content-security-policy") == "default-src *"
    # It is read when it is asked for.
    file.write_text("no JSON")
    response, body = await ask("GET", "/config.json")
    assert response.code == 503 and str(tmp_path).encode() not in body
    for text, words in (("[]", "no JSON object"), ("{", "is no JSON")):
        file.write_text(text)
        with pytest.raises(SettingsError, match=words):
            read_overrides(str(file))
    file.unlink()
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_overrides(str(file))

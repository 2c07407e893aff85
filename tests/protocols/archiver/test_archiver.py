"""Archives and signed addresses through the whole gateway on loopback."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import time
import zipfile
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
import pytest_twisted
import treq
from argon2 import PasswordHasher
from lxml import etree
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.web.client import Agent, HTTPConnectionPool, ResponseFailed
from twisted.web.http import PotentialDataLoss

from clawgate.assembly import Gateway
from clawgate.errors import StorageBroken
from clawgate.identity.signing import signature
from clawgate.model.people import Scope, User
from clawgate.protocols.archiver import spool, zip_format
from clawgate.settings import Mount, Settings
from clawgate.storage.posix.reading import PosixReader

# Cheap on purpose.
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
WEBDAV = "/remote.php/webdav"


class Client:
    def __init__(self, base: str, pool: HTTPConnectionPool, gateway: Gateway, files) -> None:
        self.base = base
        self.gateway = gateway
        self.files = files
        self._client = treq.client.HTTPClient(Agent(reactor, pool=pool))

    async def __call__(self, verb: str, path: str, user: str | None = "ada", **options):
        auth = None if user is None else (user, "pw")
        url = path if path.startswith("http") else self.base + path
        response = await self._client.request(verb, url, auth=auth, allow_redirects=False, **options)
        return response, await response.content()

    async def id(self, path: str, user: str = "ada") -> str:
        body = b'<d:propfind xmlns:d="DAV:"><d:prop><id xmlns="http://owncloud.org/ns"/></d:prop></d:propfind>'
        response, xml = await self("PROPFIND", path, user, data=body, headers={"Depth": "0"})
        assert response.code == 207, xml
        return etree.fromstring(xml).findtext(".//{http://owncloud.org/ns}id")

    async def archive(self, *paths: str, form: str = "zip") -> bytes:
        ids = [f"id={await self.id(f'{WEBDAV}/{quote(path)}')}" for path in paths]
        response, body = await self("GET", f"/archiver?{'&'.join(ids)}&output-format={form}")
        assert response.code == 200, body
        return body

    async def key(self, user: str = "ada") -> str:
        response, body = await self("GET", "/ocs/v2.php/cloud/user/signing-key", user)
        assert response.code == 200
        xml = etree.fromstring(body)
        assert xml.findtext("data/user") == user
        return xml.findtext("data/signing-key")

    async def signed(self, path: str, *, expires: object = 1200, verb: str = "GET", at: float = 0.0, user: str = "ada") -> str:
        date = datetime.fromtimestamp(time.time() + at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        url = self.base + path + ("&" if "?" in path else "?")
        url += f"OC-Credential={user}&OC-Date={quote(date, safe='')}&OC-Expires={expires}&OC-Verb={verb}"
        made = signature(url, await self.key(user))
        return f"{url}&OC-Algo=PBKDF2%2F10000-SHA512&OC-Signature={made}"


@pytest_twisted.async_yield_fixture
async def client(tmp_path):
    users = "".join(f'[users."{name}"]\npassword = "{HASHER.hash("pw")}"\n' for name in ("ada", "bob"))
    (tmp_path / "users.toml").write_text(users)
    mounts = {"home": Mount(), "closed": Mount(root=str(tmp_path / "closed"), kind="project", members=["bob"])}
    (tmp_path / "closed").mkdir()
    gateway = Gateway(Settings(data=str(tmp_path), mounts=mounts), reactor)
    await gateway.start()
    port = await serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(gateway.site)
    pool = HTTPConnectionPool(reactor)
    files = tmp_path / "files/ada"
    files.mkdir(parents=True)
    try:
        yield Client(f"http://127.0.0.1:{port.getHost().port}", pool, gateway, files)
    finally:
        await pool.closeCachedConnections()
        await port.stopListening()
        await gateway.site.drain(1.0)
        await gateway.stop()


LONG = "long-" + "n" * 200
BIG = os.urandom(700_001)


def some(files) -> dict[str, bytes]:
    """Files on the disk, by their names in an archive of `d`."""
    content = {
        "d/a.txt": b"hello",
        "d/empty": b"",
        "d/ä €/日本 😀.bin": BIG,
        f"d/{LONG}/{LONG}/f": b"deep",
        "d/.hidden": b"h",
    }
    for name, data in content.items():
        (files / name).parent.mkdir(parents=True, exist_ok=True)
        (files / name).write_bytes(data)
        os.utime(files / name, (1_700_000_001, 1_700_000_001))
    (files / "d/leer").mkdir()
    return content


def run(*command: object) -> None:
    environment = {**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"}
    ended = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("limit", [None, 1000])
@pytest_twisted.ensureDeferred
async def test_zip(client, tmp_path, monkeypatch, limit):
    if limit is not None:
        # As if so many bytes and entries were more than 32 and 16 bits.
        monkeypatch.setattr(zip_format, "LIMIT", limit)
        monkeypatch.setattr(zip_format, "COUNT_LIMIT", 3)
        monkeypatch.setattr(spool, "KEPT", 100)
    content = some(client.files)
    (client.files / "top.txt").write_bytes(b"top")
    made = tmp_path / "made.zip"
    made.write_bytes(await client.archive("d", "top.txt"))
    run("unzip", "-t", made)
    with zipfile.ZipFile(made) as archive:
        assert archive.testzip() is None
        found = {info.filename: info for info in archive.infolist()}
        assert {name for name in found if not name.endswith("/")} == {*content, "top.txt"}
        assert {name for name in found if name.endswith("/")} == {"d/", "d/leer/", "d/ä €/", f"d/{LONG}/", f"d/{LONG}/{LONG}/"}
        for name, data in content.items():
            assert archive.read(name) == data
            assert found[name].compress_type == zipfile.ZIP_STORED
            assert found[name].flag_bits == 0x808
            assert (found[name].extract_version == 45) == (
                limit is not None and (len(data) >= limit or found[name].header_offset >= limit)
            )
        assert found["d/a.txt"].date_time == (2023, 11, 14, 22, 13, 20)
    target = tmp_path / "out"
    run("unzip", "-q", made, "-d", target)
    for name, data in content.items():
        assert (target / name).read_bytes() == data
        assert (target / name).stat().st_mtime == 1_700_000_001
    assert (target / "d/leer").is_dir()


@pytest_twisted.ensureDeferred
async def test_tar(client, tmp_path):
    content = some(client.files)
    made = tmp_path / "made.tar"
    made.write_bytes(await client.archive("d", form="tar"))
    assert made.stat().st_size % 512 == 0
    run("tar", "tf", made)
    (tmp_path / "out").mkdir()
    run("tar", "xf", made, "-C", tmp_path / "out")
    for name, data in content.items():
        assert (tmp_path / "out" / name).read_bytes() == data
        assert (tmp_path / "out" / name).stat().st_mtime == 1_700_000_001
    with tarfile.open(made) as archive:
        assert "d/leer" in archive.getnames()


@pytest.mark.parametrize("form", ["zip", "tar"])
@pytest_twisted.ensureDeferred
async def test_names_that_do_not_escape(client, form):
    hostile = ["..\\..\\evil", "C:evil", "a\\b", "a_b", "line\nbreak", "-rf", "..."]
    for name in hostile:
        (client.files / name).write_bytes(name.encode())
    (client.files / "C:").mkdir()
    (client.files / "C:/x").write_bytes(b"x")
    body = await client.archive("", form=form)
    if form == "zip":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            found = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    else:
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            found = {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}
    assert sorted(found.values()) == sorted([*(name.encode() for name in hostile), b"x"])
    for name in found:
        segments = name.split("/")
        assert segments[0] == "ada"
        assert not {"..", ".", ""} & set(segments)
        assert "\\" not in name
        assert ":" not in name
        assert "\n" not in name


@pytest_twisted.ensureDeferred
async def test_what_is_chosen(client):
    some(client.files)
    (client.files / "e").mkdir()
    for name in ("e/a.txt", "e/A.TXT"):
        (client.files / name).write_bytes(name.encode())
    body = await client.archive("d/a.txt", "e/a.txt", "e/A.TXT", "d/a.txt")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "a.txt": b"hello",
            "a (2).txt": b"e/a.txt",
            "A (3).TXT": b"e/A.TXT",
        }
    one = await client.id(f"{WEBDAV}/d/%C3%A4%20%E2%82%AC")
    response, _ = await client("HEAD", f"/archiver?id={quote(one, safe='')}&output-format=tar")
    assert response.code == 200
    assert response.headers.getRawHeaders("content-type") == ["application/x-tar"]
    name = "%C3%A4%20%E2%82%AC.tar"
    (shown,) = response.headers.getRawHeaders("content-disposition")
    assert shown == f"attachment; filename=\"{name.replace('%20', ' ')}\"; filename*=UTF-8''{name}"
    response, body = await client("GET", "/archiver?path=/e&path=d/a.txt")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert set(archive.namelist()) == {"e/", "e/a.txt", "e/A.TXT", "a.txt"}
    assert 'filename="download.zip"' in response.headers.getRawHeaders("content-disposition")[0]


@pytest_twisted.ensureDeferred
async def test_refusals(client):
    some(client.files)
    id = await client.id(f"{WEBDAV}/d")
    for path, status in (
        ("/archiver", 400),
        (f"/archiver?id={id}&output-format=rar", 400),
        (f"/archiver?id={id}x", 404),
        (f"/archiver?id={id}&id=closed$closed", 404),
        ("/archiver?id=%FF", 400),
        ("/archiver?path=none", 404),
        ("/archiver?path=../bob", 400),
        (f"/archiver/x?id={id}", 404),
    ):
        response, _ = await client("GET", path)
        assert response.code == status, path
    assert (await client("GET", f"/archiver?id={id}", user=None))[0].code == 401
    assert (await client("GET", f"/archiver?id={id}", user="bob"))[0].code == 404
    assert (await client("POST", f"/archiver?id={id}"))[0].code == 405
    assert (await client("GET", "/archiver?id=closed$closed", user="bob"))[0].code == 200


@pytest.mark.parametrize("form", ["zip", "tar"])
@pytest_twisted.ensureDeferred
async def test_a_failure_in_the_middle_is_no_archive(client, monkeypatch, form):
    (client.files / "d").mkdir()
    for name in ("a", "b", "c"):
        (client.files / "d" / name).write_bytes(BIG)
    original = PosixReader._read

    def breaking(self, start, end):
        if self._path.endswith("b") and start > 100_000:
            raise StorageBroken("the disk is broken")
        return original(self, start, end)

    monkeypatch.setattr(PosixReader, "_read", breaking)
    with pytest.raises((ResponseFailed, PotentialDataLoss)):
        await client.archive("d", form=form)
    monkeypatch.setattr(PosixReader, "_read", original)
    (client.files / "d/b").unlink()
    assert await client.archive("d", form=form)


@pytest_twisted.ensureDeferred
async def test_capabilities_tell(client):
    _, body = await client("GET", "/ocs/v2.php/cloud/capabilities?format=json")
    told = json.loads(body)["ocs"]["data"]["capabilities"]
    assert told["core"]["support-url-signing"] is True
    (archiver,) = told["files"]["archivers"]
    assert (archiver["enabled"], archiver["formats"], archiver["archiver_url"]) == (True, ["zip", "tar"], "/archiver")
    assert int(archiver["max_size"]) > 2**50
    assert told["dav"]["reports"] == ["search-files", "filter-files", "sync-collection"]
    assert told["search"]["property"]["name"] == {"enabled": True}


@pytest_twisted.ensureDeferred
async def test_signed_addresses(client):
    some(client.files)
    path = f"{WEBDAV}/d/%C3%A4%20%E2%82%AC/%E6%97%A5%E6%9C%AC%20%F0%9F%98%80.bin"
    url = await client.signed(path)
    for _ in range(2):
        response, body = await client("GET", url, user=None)
        assert (response.code, body) == (200, BIG)
    response, body = await client("GET", url, user=None, headers={"Range": "bytes=5-9"})
    assert (response.code, body) == (206, BIG[5:10])
    assert (await client("HEAD", url, user=None))[0].code == 200
    id = await client.id(f"{WEBDAV}/d")
    response, body = await client("GET", await client.signed(f"/archiver?id={id}"), user=None)
    assert response.code == 200
    assert zipfile.ZipFile(io.BytesIO(body)).testzip() is None
    # One key for all of one's addresses, another for everybody.
    assert await client.key() == await client.key() != await client.key("bob")


@pytest_twisted.ensureDeferred
async def test_addresses_that_are_not_good(client):
    some(client.files)
    path = f"{WEBDAV}/d/a.txt"
    good = await client.signed(path)
    assert (await client("GET", good, user=None))[0].code == 200
    for url in (
        good.replace("a.txt", "empty"),
        good.replace("OC-Credential=ada", "OC-Credential=bob"),
        good.replace("OC-Credential=ada", "OC-Credential=nobody"),
        good.replace("OC-Expires=1200", "OC-Expires=1300"),
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        good + "0",
        good.replace("PBKDF2", "MD5"),
        good + "&x=1",
        good.partition("&OC-Date")[0] + "&OC-Signature=x",
        await client.signed(path, at=-1201),
        await client.signed(path, at=400),
        await client.signed(path, expires=86401),
        await client.signed(path, expires=0),
        await client.signed(path, expires="x"),
        await client.signed(path, verb="PUT"),
        await client.signed(path, verb="DELETE"),
    ):
        response, _ = await client("GET", url, user=None)
        assert response.code == 401, url
    for verb in ("PUT", "DELETE", "PROPFIND", "MKCOL"):
        assert (await client(verb, good, user=None))[0].code == 401, verb
        assert (await client(verb, await client.signed(path, verb=verb), user=None))[0].code == 401, verb
    assert (await client("GET", await client.signed("/ocs/v2.php/cloud/user/signing-key"), user=None))[0].code == 401
    # Somebody's address leads to nobody else's files.
    assert (await client("GET", await client.signed(path, user="bob"), user=None))[0].code == 404
    assert (client.files / "d/a.txt").read_bytes() == b"hello"


@pytest_twisted.ensureDeferred
async def test_who_is_not_known_any_more_has_signed_nothing(client, tmp_path):
    some(client.files)
    good = await client.signed(f"{WEBDAV}/d/a.txt")
    users = (tmp_path / "users.toml").read_text()
    (tmp_path / "users.toml").write_text(users.replace('users."ada"', 'users."eve"'))
    await client.gateway.core.user_file.load()
    assert (await client("GET", good, user=None))[0].code == 401


@pytest_twisted.ensureDeferred
async def test_limited_credentials_get_no_key(client):
    core = client.gateway.core
    for scope in (Scope(read_only=True), Scope(space="home$ada")):
        _, secret = await core.app_passwords.make(User("ada"), "x", foreign=False, scope=scope)
        response = await treq.get(f"{client.base}/ocs/v2.php/cloud/user/signing-key", auth=("ada", secret))
        assert response.code == 403
        await response.content()

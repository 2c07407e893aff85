"""Private links through the whole gateway on loopback."""

from __future__ import annotations

import pytest
import pytest_twisted
import treq
from argon2 import PasswordHasher
from lxml import etree
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.web.client import Agent, HTTPConnectionPool

from clawgate.assembly import Gateway
from clawgate.settings import Mount, Settings

# Cheap on purpose.
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
IDS = (
    '<d:propfind xmlns:d="DAV:"><d:prop><id xmlns="http://owncloud.org/ns"/><privatelink xmlns="http://owncloud.org/ns"/>'
    "</d:prop></d:propfind>"
)


class Client:
    def __init__(self, base: str, pool: HTTPConnectionPool) -> None:
        self.base = base
        self._client = treq.client.HTTPClient(Agent(reactor, pool=pool))

    async def __call__(self, verb: str, path: str, user: str | None = "ada", **options):
        url = path if path.startswith("http:") else self.base + path
        auth = None if user is None else (user, "pw")
        response = await self._client.request(verb, url, auth=auth, allow_redirects=False, **options)
        return response, await response.content()

    async def location(self, path: str, user: str = "ada", verb: str = "GET") -> str:
        response, _ = await self(verb, path, user)
        assert response.code == 302
        (location,) = response.headers.getRawHeaders("location")
        assert location.startswith(self.base)
        return location.removeprefix(self.base)

    async def link(self, path: str, user: str = "ada") -> tuple[str, str]:
        """Id and private link."""
        response, body = await self("PROPFIND", path, user, data=IDS.encode(), headers={"Depth": "0"})
        assert response.code == 207
        xml = etree.fromstring(body)
        return tuple(xml.findtext(f".//{{http://owncloud.org/ns}}{name}") for name in ("id", "privatelink"))


@pytest_twisted.async_yield_fixture
async def client(tmp_path):
    users = "".join(f'[users."{name}"]\npassword = "{HASHER.hash("pw")}"\n' for name in ("ada", "bob"))
    (tmp_path / "users.toml").write_text(users)
    mounts = {
        "home": Mount(),
        "for all": Mount(root=str(tmp_path / "shared"), kind="project"),
        "closed": Mount(root=str(tmp_path / "closed"), kind="project", members=["bob"]),
    }
    for name in ("shared", "closed"):
        (tmp_path / name).mkdir()
    gateway = Gateway(Settings(data=str(tmp_path), mounts=mounts), reactor)
    await gateway.start()
    port = await serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(gateway.site)
    pool = HTTPConnectionPool(reactor)
    try:
        yield Client(f"http://127.0.0.1:{port.getHost().port}", pool)
    finally:
        await pool.closeCachedConnections()
        await port.stopListening()
        await gateway.site.drain(1.0)
        await gateway.stop()


HOME = "/remote.php/dav/spaces/home$ada"


@pytest_twisted.ensureDeferred
async def test_leads_to_where_it_is_now(client):
    await client("MKCOL", "/remote.php/webdav/a%20%C3%A4")
    await client("PUT", "/remote.php/webdav/a%20%C3%A4/50%25%23%3F.txt", data=b"hello")
    id, link = await client.link("/remote.php/webdav/a%20%C3%A4/50%25%23%3F.txt")
    assert link == f"{client.base}/f/{id}"
    assert id.startswith("home$ada!")
    where = f"{HOME}/a%20%C3%A4/50%25%23%3F.txt"
    assert await client.location(link) == where
    assert (await client("GET", where))[1] == b"hello"
    for form in (f"/f/{id}", f"/index.php/f/{id}", f"/f/{id.replace('$', '%24').replace('!', '%21')}", f"/f/{id}?x=/f/y"):
        assert await client.location(form) == where
    assert await client.location(link, verb="HEAD") == where
    await client("MOVE", "/remote.php/webdav/a%20%C3%A4", headers={"Destination": f"{client.base}/remote.php/webdav/b"})
    assert await client.location(link) == f"{HOME}/b/50%25%23%3F.txt"
    await client("DELETE", "/remote.php/webdav/b")
    response, _ = await client("GET", link)
    assert response.code == 404


@pytest_twisted.ensureDeferred
async def test_folders_and_roots(client):
    await client("MKCOL", "/remote.php/webdav/d")
    _, link = await client.link("/remote.php/webdav/d")
    assert await client.location(link) == f"{HOME}/d/"
    _, link = await client.link("/remote.php/webdav/")
    assert await client.location(link) == f"{HOME}/"
    assert await client.location("/f/home$ada") == f"{HOME}/"
    assert await client.location("/f/home%24ada") == f"{HOME}/"
    shared = "/remote.php/dav/spaces/for%20all$"
    assert (await client.location("/f/for%20all$" + (await shared_key(client)))).startswith(shared)
    response, _ = await client("PROPFIND", f"{HOME}/", headers={"Depth": "0"})
    assert response.code == 207


async def shared_key(client) -> str:
    _, body = await client("PROPFIND", "/remote.php/dav/spaces/", headers={"Depth": "1"})
    (href,) = [href.text for href in etree.fromstring(body).iterfind(".//{DAV:}href") if "for%20all" in href.text]
    return href.rstrip("/").rpartition("$")[2]


@pytest_twisted.ensureDeferred
async def test_others_are_not_told(client):
    await client("PUT", "/remote.php/webdav/f", data=b"1")
    closed = "/remote.php/dav/spaces/closed$closed"
    response, _ = await client("PUT", f"{closed}/secret", "bob", data=b"1")
    assert response.code == 201
    _, mine = await client.link("/remote.php/webdav/f")
    _, secret = await client.link(f"{closed}/secret", "bob")
    assert await client.location(secret, "bob") == f"{closed}/secret"
    shown = set()
    for user, path in (
        ("bob", mine),
        ("bob", "/f/home$ada"),
        ("ada", secret),
        ("ada", "/f/closed$closed"),
        ("ada", "/f/closed$closed!nothing"),
        ("ada", "/f/home$ada!nothing"),
        ("ada", "/f/home$ada!%00"),
        ("ada", "/f/%FF"),
        ("ada", "/f/"),
        ("ada", "/f"),
        ("ada", "/f/!"),
        ("ada", "/f/5"),
        ("ada", f"{mine}/"),
        ("ada", mine.replace("/f/", "/f/x/f/")),
    ):
        response, body = await client("GET", path, user)
        assert response.code == 404, path
        shown.add(body)
    assert len(shown) == 1


@pytest_twisted.ensureDeferred
async def test_login_and_verbs(client):
    _, link = await client.link("/remote.php/webdav/")
    for path in (link, "/f/home$ada", "/index.php/f/nothing"):
        response, _ = await client("GET", path, None)
        assert response.code == 401
        assert response.headers.getRawHeaders("www-authenticate") == ['Basic realm="clawgate", charset="UTF-8"']
    response, _ = await client("GET", link, "eve")
    assert response.code == 401
    for verb in ("POST", "PROPFIND", "DELETE"):
        response, _ = await client(verb, link)
        assert (response.code, response.headers.getRawHeaders("allow")) == (405, ["GET, HEAD"])


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest_twisted.ensureDeferred
async def test_clients_are_told(client, form):
    _, body = await client("GET", f"/ocs/v1.php/cloud/capabilities?format={form}")
    if form == "json":
        assert b'"privateLinks":true' in body.replace(b" ", b"")
        assert b'"favorites":true' in body.replace(b" ", b"")
        assert b'"filter-files"' in body
    else:
        assert b"<privateLinks>1</privateLinks>" in body

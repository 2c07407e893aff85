"""A client of LibreGraph, and a gateway for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import jsonschema
import treq
from argon2 import PasswordHasher
from lxml import etree
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.web.client import Agent, HTTPConnectionPool

from clawgate.assembly import Gateway

# Schemas of LibreGraph's OpenAPI document, without its texts.
DOCUMENT = json.loads(Path(__file__).with_name("libregraph.json").read_text())
# Cheap on purpose.
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PEOPLE = {
    "ada": 'name = "Ada Lovelace"\nmail = "ada@example.org"\ngroups = ["optics lab", "staff"]\n',
    "bob": 'groups = ["staff", "other"]\n',
}
ETAG = b'<d:propfind xmlns:d="DAV:"><d:prop><d:getetag/></d:prop></d:propfind>'


def check(schema: str, value: object) -> None:
    """`value` has the shape that the document gives it, and no member that the document does not know."""
    whole = {**DOCUMENT, "$ref": f"#/components/schemas/{schema}"}
    jsonschema.Draft4Validator(whole, format_checker=jsonschema.FormatChecker()).validate(value)


class Client:
    def __init__(self, base: str, pool: HTTPConnectionPool) -> None:
        self.base = base
        self._client = treq.client.HTTPClient(Agent(reactor, pool=pool))

    async def __call__(self, verb: str, path: str, user: str | None = "ada", **options):
        auth = None if user is None else (user, "pw")
        response = await self._client.request(verb, self.base + path, auth=auth, allow_redirects=False, **options)
        return response.code, await response.content()

    async def get(self, path: str, user: str = "ada", status: int = 200, **params):
        code, body = await self("GET", f"/graph/{path}", user, params=params)
        assert code == status, body
        return json.loads(body)

    async def etag(self, path: str, user: str = "ada") -> str:
        status, body = await self("PROPFIND", path, user, data=ETAG, headers={"Depth": "0"})
        assert status == 207
        return etree.fromstring(body).findtext(".//{DAV:}getetag")


def users_file(folder: Path, people: Mapping[str, str]) -> None:
    """Everybody's password is ``pw``."""
    users = "".join(f'[users.{name}]\npassword = "{HASHER.hash("pw")}"\n{more}' for name, more in people.items())
    (folder / "users.toml").write_text(users)


@asynccontextmanager
async def serving(gateway: Gateway) -> AsyncIterator[Client]:
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

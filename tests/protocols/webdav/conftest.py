"""A real stack (memory storage, index, state, gateway, HTTP on loopback) with the DAV handler on top."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from io import BytesIO

import attrs
import pytest_twisted
import treq
from lxml import etree
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import Cooperator
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool
from twisted.web.http_headers import Headers

from clawgate import settings
from clawgate.errors import Unauthenticated
from clawgate.gateway.locks import Locks
from clawgate.gateway.namespace import Namespace, Rule
from clawgate.gateway.properties import Properties
from clawgate.gateway.quota import Quotas
from clawgate.gateway.storages import Storages
from clawgate.gateway.tree import Tree
from clawgate.index import schema as index_schema
from clawgate.index.index import Index
from clawgate.model.people import Actor, Password, User
from clawgate.model.space import SpaceKind
from clawgate.protocols.webdav.handler import DavHandler
from clawgate.state import schema as state_schema
from clawgate.state.engine import Database
from clawgate.state.locks import StoredLocks
from clawgate.state.properties import StoredProperties
from clawgate.storage.memory import MemoryStorage
from clawgate.storage.wrappers.indexed import Indexed
from clawgate.web import credentials
from clawgate.web.site import ClawSite
from clawgate.workers import Workers

NAMES = {
    "d": "DAV:",
    "oc": "http://owncloud.org/ns",
    "nc": "http://nextcloud.org/ns",
    "s": "http://sabredav.org/ns",
    "x": "urn:x",
}
PEOPLE = {"alan": Actor(User("alan", "Alan Turing")), "grace": Actor(User("grace"))}


@attrs.define
class Entry:
    """One response element: properties by ``prefix:name`` and status."""

    href: str
    found: dict[str, etree._Element]
    missing: set[str]
    statuses: list[str]

    def text(self, name: str) -> str:
        return self.found[name].text or ""


@attrs.define
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, list[str]]
    body: bytes

    def header(self, name: str) -> str | None:
        values = self.headers.get(name.lower())
        return values[0] if values else None

    @property
    def xml(self) -> etree._Element:
        return etree.fromstring(self.body)

    @property
    def message(self) -> str:
        return self.xml.findtext("s:message", namespaces=NAMES) or ""

    @property
    def exception(self) -> str:
        return self.xml.findtext("s:exception", namespaces=NAMES) or ""

    @property
    def entries(self) -> dict[str, Entry]:
        found = {}
        for response in self.xml.iterfind("d:response", NAMES):
            entry = Entry(response.findtext("d:href", namespaces=NAMES) or "", {}, set(), [])
            for propstat in response.iterfind("d:propstat", NAMES):
                status = propstat.findtext("d:status", namespaces=NAMES) or ""
                entry.statuses.append(status)
                for element in propstat.find("d:prop", NAMES):
                    if status == "HTTP/1.1 200 OK":
                        entry.found[spelled(element)] = element
                    else:
                        entry.missing.add(spelled(element))
            found[entry.href] = entry
        return found


def spelled(element: etree._Element) -> str:
    name = etree.QName(element)
    prefix = next((prefix for prefix, namespace in NAMES.items() if namespace == name.namespace), name.namespace)
    return f"{prefix}:{name.localname}"


@attrs.define
class Client:
    """Requests to the server; ``root`` is the prefix of all paths, except those written ``=/path``."""

    port: int
    agent: Agent
    handler: DavHandler
    properties: Properties
    root: str = "/remote.php/webdav"
    user: str = "alan"

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __call__(self, verb: str, path: str, body: bytes | str = b"", **headers: str) -> Answer:
        fields = Headers({name.replace("_", "-"): [value] for name, value in headers.items()})
        if self.user and not fields.hasHeader("Authorization"):
            fields.addRawHeader("Authorization", "Basic " + base64.b64encode(f"{self.user}:pw".encode()).decode())
        data = body.encode() if isinstance(body, str) else body
        where = path.removeprefix("=") if path.startswith("=") else self.root + path
        producer = FileBodyProducer(BytesIO(data), cooperator=Cooperator(scheduler=soon)) if data else None
        response = await self.agent.request(verb.encode(), f"{self.base}{where}".encode(), fields, producer)
        content = await treq.content(response) if verb != "HEAD" else b""
        found: dict[str, list[str]] = {}
        for name, values in response.headers.getAllRawHeaders():
            found[name.decode().lower()] = [value.decode("latin-1") for value in values]
        if isinstance(response.length, int) and verb != "HEAD":
            # The agent takes it out of the headers.
            found["content-length"] = [str(response.length)]
        return Answer(response.code, found, content)

    async def propfind(self, path: str, *names: str, depth: str = "0", **headers: str) -> dict[str, Entry]:
        answer = await self("PROPFIND", path, wanted(*names) if names else b"", Depth=depth, **headers)
        assert answer.status == 207, answer.body
        return answer.entries

    async def etag(self, path: str) -> str:
        (entry,) = (await self.propfind(path, "d:getetag")).values()
        return entry.text("d:getetag")


def soon(work):
    return reactor.callLater(0, work)


def wanted(*names: str) -> str:
    declared = " ".join(f'xmlns:{prefix}="{namespace}"' for prefix, namespace in NAMES.items())
    return f"<d:propfind {declared}><d:prop>{''.join(f'<{name}/>' for name in names)}</d:prop></d:propfind>"


class Times:
    """A clock for locks that tests move."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest_twisted.async_yield_fixture
async def client(tmp_path):
    async for found in serve(tmp_path, settings.Dav(listing_cache_bytes=4_000_000)):
        yield found


@pytest_twisted.async_yield_fixture
async def deep_client(tmp_path):
    async for found in serve(tmp_path, settings.Dav(depth_infinity=True)):
        yield found


async def serve(tmp_path, dav):
    workers = Workers(reactor, "test", 4, 1000)
    workers.start()
    state = Database(f"sqlite:///{tmp_path}/state.db", workers, state_schema.SCHEMA)
    indexed = Database(f"sqlite:///{tmp_path}/index.db", workers, index_schema.SCHEMA)
    await state.start()
    await indexed.start()
    index = Index(indexed, 10000, 30.0)

    async def build(space):
        return Indexed(MemoryStorage(), await index.space(space.id), reactor.seconds, 60.0)

    async def prepare(space, user):
        pass

    async def authenticate(request):
        found = credentials.parse(request.header("authorization"))
        if not isinstance(found, Password) or found.secret != "pw" or found.user not in PEOPLE:
            raise Unauthenticated("log in first")
        return PEOPLE[found.user]

    def challenges(request):
        return credentials.challenges("test", True, True, False)

    clock = Times()
    locks = Locks(StoredLocks(state), dav, clock)
    properties = Properties(StoredProperties(state), dav)
    await locks.load()
    await properties.start()
    rules = {
        "home": Rule("home", SpaceKind.PERSONAL, "/none/{user.id}"),
        "shared": Rule("shared", SpaceKind.PROJECT, "/none/shared", title="For all"),
        "frozen": Rule("frozen", SpaceKind.PROJECT, "/none/frozen", read_only=True),
    }

    async def reserved(space: str, apart: object) -> int:
        return 0

    tree = Tree(Storages(build), locks, properties, Quotas(reserved), {})
    handler = DavHandler(tree, Namespace(rules, prepare), locks, properties, dav, authenticate, challenges, now=clock)
    site = ClawSite(handler, settings.Http(), reactor, workers=workers)
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(site)
    pool = HTTPConnectionPool(reactor)
    try:
        yield Client(port.getHost().port, Agent(reactor, pool=pool), handler, properties)
    finally:
        await pool.closeCachedConnections()
        await port.stopListening()
        await site.drain(1.0)
        await state.stop()
        await indexed.stop()
        workers.stop()

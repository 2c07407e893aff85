"""What happens to chunks between two steps of a request, on a real stack."""

from __future__ import annotations

import pytest_twisted
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.web.client import Agent, HTTPConnectionPool

from clawgate import settings
from clawgate.gateway.namespace import Namespace, Rule
from clawgate.gateway.properties import Properties
from clawgate.gateway.uploads.sessions import Uploads
from clawgate.model.people import Actor, User
from clawgate.model.space import SpaceKind
from clawgate.protocols.webdav.chunking_v1 import ChunkingV1
from clawgate.protocols.webdav.foresight import Foresight
from clawgate.protocols.webdav.handler import DavHandler
from clawgate.state.properties import StoredProperties
from clawgate.web.site import ClawSite

from ...gateway.uploads.house import House
from .conftest import Client


class Racing(Uploads):
    """Somebody sends a chunk again just when the set is to be published, and breaks off."""

    broken_off = "0"

    async def finish(self, upload, publication):
        if self.broken_off:
            await self.drop_part(upload, self.broken_off)
            self.broken_off = ""
        return await super().finish(upload, publication)


@pytest_twisted.async_yield_fixture
async def client(tmp_path):
    house = House(tmp_path, "memory")
    await house.open()
    uploads = Racing(house.stored, house.storages, house.tree, house.quotas, house.limits, reactor, house.now)
    properties = Properties(StoredProperties(house.state), settings.Dav())

    async def prepare(space, user):
        pass

    async def authenticate(request):
        return Actor(User("ada"))

    rules = {"home": Rule("home", SpaceKind.PERSONAL, "/none/{user.id}")}
    chunked = ChunkingV1(uploads, house.limits, Foresight())
    handler = DavHandler(
        house.tree,
        Namespace(rules, prepare),
        house.locks,
        properties,
        settings.Dav(),
        authenticate,
        lambda request: [],
        chunked=chunked,
    )
    site = ClawSite(handler, settings.Http(), reactor, workers=house.workers)
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(site)
    pool = HTTPConnectionPool(reactor)
    try:
        yield Client(port.getHost().port, Agent(reactor, pool=pool), handler, properties)
    finally:
        await pool.closeCachedConnections()
        await port.stopListening()
        await site.drain(1.0)
        await house.close()


@pytest_twisted.ensureDeferred
async def test_a_set_that_is_not_complete_any_more_is_kept(client):
    for total in ({}, {"OC_Total_Length": "6"}):
        name = f"/a{len(total)}"
        chunked = {"OC_Chunked": "1", **total}
        client.handler.dav.chunked._uploads.broken_off = "0"
        assert (await client("PUT", f"{name}-chunking-1-2-0", b"abc", **chunked)).status == 201
        answer = await client("PUT", f"{name}-chunking-1-2-1", b"def", **chunked)
        assert (answer.status, answer.header("etag")) == (201, None)
        assert (await client("GET", name)).status == 404
        done = await client("PUT", f"{name}-chunking-1-2-0", b"abc", **chunked)
        assert done.status == 201
        assert done.header("etag") == await client.etag(name)
        assert (await client("GET", name)).body == b"abcdef"

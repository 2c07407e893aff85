"""The driver's requests to Debian's XRootD: its real framing, redirects, kept connections and ranges."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import pytest_twisted
from twisted.internet import reactor

from clawgate.errors import NotFound, StorageUnavailable
from clawgate.storage.eos.instance import Instance
from clawgate.storage.eos.names import in_url
from clawgate.storage.eos.options import EosOptions
from clawgate.storage.eos.redirects import target
from clawgate.storage.eos.transfer import fetch, open_write, send
from clawgate.testing.conformance import LARGE, SMALL, Broken, body_of, breaking
from clawgate.workers import Workers

from .xrootd import Xrootd, xrootd

NAMES = ["plain", "with space", "r #.txt", "50%", "a+b&c", 'quo"te', "Äpfel", "[x]"]


@pytest.fixture(scope="module")
def real() -> Iterator[Xrootd]:
    with xrootd() as server:
        yield server


@pytest_twisted.async_yield_fixture
async def instance(real):
    made = Instance(reactor, EosOptions((real.redirector,), timeout=10, idle=10), Workers(reactor, "eos", 1, 1))
    yield made
    await made.close()


async def located(instance, method, path):
    """Where the redirector sends us. XRootD passes the query on; EOS puts its capability there."""
    answer = await instance.ask("alice", method, in_url(path), b"encURI=%26cap.msg%3Dx")
    assert answer.status == (307 if method == "PUT" else 302)
    assert not answer.body
    return target(answer.headers["location"], in_url(path), instance.redirect_hosts, secure=False)


async def content(instance, path, size, start=0, stop=None, **options):
    url = await located(instance, "GET", path)
    stop = size if stop is None else stop
    return b"".join([data async for data in fetch(instance, url, size, start, stop, "", **options)])


@pytest.mark.parametrize("name", NAMES)
async def test_there_and_back(instance, real, name):
    path = f"/{name}"
    await send(instance, await located(instance, "PUT", path), len(SMALL), body_of(SMALL), {"X-OC-Mtime": "1700000000"})
    assert (real.data / name).read_bytes() == SMALL
    assert await content(instance, path, len(SMALL)) == SMALL


@pytest.mark.parametrize("announced", [True, False])
async def test_large_content(instance, real, announced):
    for _ in range(2):
        url = await located(instance, "PUT", "/large")
        await send(instance, url, len(LARGE) if announced else None, body_of(LARGE), {})
    assert (real.data / "large").read_bytes() == LARGE
    size = len(LARGE)
    assert await content(instance, "/large", size) == LARGE
    for start, stop in ((0, 1), (5, 100_000), (size - 1, size), (1000, size)):
        assert await content(instance, "/large", size, start, stop) == LARGE[start:stop]
    assert await content(instance, "/large", size, 7, 500, ranged=False) == LARGE[7:500]


async def test_a_body_that_breaks(instance):
    with pytest.raises(Broken):
        await send(instance, await located(instance, "PUT", "/broken"), len(LARGE) + 5, breaking(LARGE), {})


async def test_what_is_not_there(instance):
    with pytest.raises(NotFound):
        await content(instance, "/gone", 5)


async def test_a_redirect_without_a_capability_leads_nowhere(instance):
    with pytest.raises(StorageUnavailable):
        await open_write(instance, "alice", "/file", {})


async def test_nothing_listens(real):
    port = urlsplit(real.url).port
    gone = Instance(reactor, EosOptions((f"http://127.0.0.2:{port}",)), Workers(reactor, "eos", 1, 1))
    with pytest.raises(StorageUnavailable):
        await open_write(gone, "alice", "/file", {})

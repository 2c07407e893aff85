"""How often a request calls S3, as the metrics count it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .. import dav
from ..bucket import BucketGateway
from ..cutting_proxy import CuttingProxy
from ..dav import OWNCLOUD

LIST, HEAD, PUT, GET, COPY = "list_objects_v2", "head_object", "put_object", "get_object", "copy_object"


@contextmanager
def calls(gateway: BucketGateway, **wanted: int) -> Iterator[None]:
    """Exactly these are made in the block."""
    before = Counter(gateway.calls())
    yield
    assert dict(Counter(gateway.calls()) - before) == wanted


@contextmanager
def writes(gateway: BucketGateway, **wanted: int) -> Iterator[None]:
    """Exactly these are made in the block, and others that only look: a look of a moment ago may do."""
    before = Counter(gateway.calls())
    yield
    made = Counter(gateway.calls()) - before
    assert made[HEAD] <= 10 and made[LIST] <= 3, made
    assert {name: count for name, count in made.items() if name not in (HEAD, LIST)} == wanted


@pytest.fixture
def client(stopped_gateway: BucketGateway) -> Iterator[dav.Client]:
    # Nothing but what is asked for: no learning in the background.
    stopped_gateway.configure(index={"learn_folders": 0}, mounts__home={"staleness_max": 600.0, "outside_changes": "none"})
    stopped_gateway.start()
    with stopped_gateway.client() as client:
        client.list()
        yield client


def test_polls_and_listings(stopped_gateway: BucketGateway, client: dav.Client) -> None:
    gateway, folder = stopped_gateway, stopped_gateway.disk() / "folder"
    for number in range(1100):
        (folder / f"{number:04}").write_bytes(b"x" * (number % 3))
    client.list()
    # The first look at a folder also asks whether it is one.
    before = Counter(gateway.calls())
    assert len(client.list("folder")) == 1101
    made = Counter(gateway.calls()) - before
    assert made[LIST] <= 3 and made[HEAD] <= 3, made
    with calls(gateway, **{LIST: 2}):
        assert len(client.list("folder")) == 1101
    with calls(gateway):
        for path in ("", "folder", "folder/0000"):
            assert client.ask("PROPFIND", path, OWNCLOUD, {"Depth": "0"}).status == 207


def test_files(stopped_gateway: BucketGateway, client: dav.Client) -> None:
    gateway = stopped_gateway
    client.ask("MKCOL", "folder")
    # Named: is there a file, a folder with a marker, or one without; the folder is known. Then the file itself.
    with calls(gateway, **{HEAD: 2, LIST: 1, PUT: 1}):
        assert client.put("folder/file", b"content").status == 201
    # Named: what stands there, for its id and for the condition of the write.
    with calls(gateway, **{HEAD: 1, PUT: 1}):
        assert client.put("folder/file", b"new content").status == 204
    with calls(gateway):
        assert client.ask("PROPFIND", "folder/file", OWNCLOUD, {"Depth": "0"}).status == 207
    with calls(gateway, **{HEAD: 1, GET: 1}):
        assert client.ask("GET", "folder/file").body == b"new content"


def test_a_stat_lists_nothing(stopped_gateway: BucketGateway, client: dav.Client) -> None:
    gateway = stopped_gateway
    client.close()
    gateway.stop()
    gateway.configure(mounts__home={"staleness_max": 0.1})
    gateway.start()
    client.ask("MKCOL", "folder")
    client.put("folder/file", b"content")
    before = Counter(gateway.calls())
    for _ in range(5):
        assert client.ask("PROPFIND", "folder/file", OWNCLOUD, {"Depth": "0"}).status == 207
        assert client.ask("PROPFIND", "folder", OWNCLOUD, {"Depth": "0"}).status == 207
    assert (Counter(gateway.calls()) - before).keys() <= {HEAD}


def test_bytes_are_sent_once(stopped_gateway: BucketGateway) -> None:
    """Bodies of all requests to the service are as long as the files, but for the signatures of chunks without TLS (one of 64 KiB
    has 90 bytes) and small notes."""
    gateway = stopped_gateway
    with CuttingProxy(int(gateway.server.endpoint.rpartition(":")[2])) as proxy:
        gateway.configure(mounts__home__s3={"endpoint": f"http://127.0.0.1:{proxy.port}", "put_bytes": 5 << 20})
        gateway.start()
        with gateway.client() as client:
            client.list()
            for size in (0, 1000, 700_000, 3_000_000, 12_000_000):
                for announced in (True, False):
                    before, content = proxy.forwarded, os.urandom(size)
                    assert client.ask("PUT", "file", content if announced else iter([content])).status in (201, 204)
                    sent = proxy.forwarded - before
                    assert size <= sent <= size * 1.002 + 2000, f"{sent} bytes were sent for {size}"
                    assert client.ask("GET", "file").body == content
        gateway.stop()


def test_moves_and_copies(stopped_gateway: BucketGateway, client: dav.Client) -> None:
    gateway = stopped_gateway
    client.ask("MKCOL", "folder")
    client.put("folder/file", b"content")
    # The plan, and that it is there; both away again together.
    with writes(gateway, **{PUT: 2, COPY: 1, "delete_objects": 1}):
        assert client.move("folder/file", "folder/copy", "COPY").status == 201
    with writes(gateway, **{PUT: 2, COPY: 1, "delete_objects": 1, "delete_object": 1}):
        assert client.move("folder/file", "folder/moved").status == 201

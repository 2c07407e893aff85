from __future__ import annotations

import itertools
from collections import Counter

import pytest
import pytest_twisted
from botocore.credentials import Credentials
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from clawgate.storage.s3.control import Control
from clawgate.storage.s3.driver import S3Storage
from clawgate.storage.s3.exchange import Exchange
from clawgate.storage.s3.options import S3Options
from clawgate.storage.s3.signing import Signer
from clawgate.workers import Workers

from . import servers

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory):
    # Each bucket, and so each file of tests that makes one, takes several.
    with servers.seaweed(tmp_path_factory.mktemp("seaweed"), volumes=100) as server:
        yield server


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    with servers.moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="session")
def s3_workers():
    workers = Workers(reactor, "s3", 8, 1000)
    workers.start()
    yield workers
    workers.stop()


class Mounted:
    """A part of a bucket, and what serves it."""

    def __init__(self, server, workers, endpoint="", keys=1000, **options):
        self.keys_a_call = keys
        self.server = server
        self.calls = Counter()
        # One bucket for all: SeaweedFS sets aside room for each.
        self.bucket = options.pop("bucket", servers.BUCKET)
        self.client = server.client()
        self.workers = workers
        self.opened = []
        self.options = S3Options(
            self.bucket, **{"prefix": f"tree-{next(_numbers)}/", "small_bytes": 65536, "put_bytes": 16 << 20, **options}
        )
        self.storage = self.open(endpoint)

    def open(self, endpoint=""):
        """One more that knows nothing, as after a restart."""
        client = self.server.client(endpoint)
        control = Control(client, self.workers, self.bucket, self.count, self.keys_a_call)
        signer = Signer(endpoint or self.server.endpoint, "us-east-1", self.bucket, Credentials(servers.KEY, servers.SECRET))
        exchange = Exchange(reactor, control, signer, 60.0)
        self.opened.append(exchange)
        return S3Storage(control, exchange, self.options)

    def count(self, name):
        self.calls[name] += 1

    def keys(self, prefix=""):
        return [one["Key"] for one in self.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", ())]

    def leftovers(self):
        prefix = self.options.prefix
        uploads = self.client.list_multipart_uploads(Bucket=self.bucket, Prefix=prefix).get("Uploads", ())
        hidden = [key for key in self.keys(prefix + ".clawgate/") if key != f"{prefix}.clawgate/begun"]
        return hidden + [one["Key"] for one in uploads if one["Key"].startswith(prefix)]

    async def close(self):
        for exchange in self.opened:
            await exchange.close()


@pytest.fixture
def mount(s3_workers):
    """Makes a storage on a server, with options."""
    mounted = []

    async def make(server, endpoint="", **options):
        mounted.append(Mounted(server, s3_workers, endpoint, **options))
        await mounted[-1].storage.start()
        return mounted[-1]

    yield make
    for one in mounted:
        blockon(one.close())


def blockon(coroutine):
    return pytest_twisted.blockon(Deferred.fromCoroutine(coroutine))


@pytest.fixture(params=["seaweed", "moto"])
def server(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def mounted(server, mount):
    return blockon(mount(server))


@pytest.fixture
def on_seaweed(seaweed, mount):
    return blockon(mount(seaweed))


@pytest.fixture
def on_moto(moto, mount):
    return blockon(mount(moto))

"""The driver with metadata by gRPC, on a double that has a gRPC port beside its others."""

from __future__ import annotations

from contextlib import asynccontextmanager

from twisted.internet import reactor

from clawgate.storage.eos.accounts import Accounts
from clawgate.storage.eos.grpc.channels import Channels
from clawgate.storage.eos.grpc.grpc_metadata import GrpcMetadata
from clawgate.storage.eos.grpc.options import GrpcOptions
from clawgate.testing.eos import EosDouble
from clawgate.testing.eos.grpc_server import GrpcPort
from clawgate.workers import Workers

from .conftest import Mounted

KEY = "grpc-key"


class GrpcMounted(Mounted):
    """As `Mounted`; with ports of as many managers as are wanted."""

    def __init__(
        self, double, *, ports=1, key=KEY, through="mgm", grpc=None, detect=False, numbers=None, empty_missing=False, tls=None,
        **options,
    ):  # fmt: skip
        super().__init__(double, through, **options)
        self.ports = [GrpcPort(double, empty_missing=empty_missing, tls=tls) for _ in range(ports)]
        for port in self.ports:
            port.start()
        self.threads = Workers(reactor, "eos-grpc", 16, 100)
        self.threads.start()
        chosen = {"urls": tuple(port.url for port in self.ports), "key": key, **(grpc or {})}
        self.channels = Channels(reactor, GrpcOptions(**chosen), self.threads)
        self.metadata = GrpcMetadata(self.instance, self.channels, detect=detect, numbers=numbers)
        self.accounts = Accounts(self.metadata, lambda uid: uid >= 1000 and uid != 65534, 300, reactor.seconds)

    async def close(self):
        self.metadata.close()
        for port in self.ports:
            port.stop()
        self.threads.stop()
        await super().close()


@asynccontextmanager
async def grpc_mounted(data, version="5.4", flags=None, clean=True, **options):
    """One of them for a `with`; nothing may have happened meanwhile that would harm a real EOS, unless not `clean`."""
    async with EosDouble(data, version=version, **(flags or {})) as double:
        mounted = GrpcMounted(double, **options)
        try:
            yield mounted
        finally:
            await mounted.close()
        if clean:
            double.record.check()


def calls(double):
    """What was asked since the last time, in short."""
    found = double.record.calls()
    double.record.clear()
    return found

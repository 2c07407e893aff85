"""A gateway on each kind of storage in turn, with all that it can do there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from ..storage.s3 import servers
from .bucket import BucketGateway
from .eos_site import Site
from .gateway import Gateway

STORAGES = ["posix", "s3", "eos"]
BUCKET = "anywhere"


def gateway_on(storage: str, folder: Path) -> Iterator[Gateway]:
    """A running one, on a directory, a bucket of SeaweedFS that keeps versions, or the double of EOS."""
    with ExitStack() as stack:
        gateway: Gateway
        if storage == "s3":
            (folder / "server").mkdir()
            server = stack.enter_context(servers.seaweed(folder / "server"))
            client = server.client()
            client.create_bucket(Bucket=BUCKET)
            client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
            gateway = BucketGateway(folder, server)
            gateway.configure(mounts__home__s3={"bucket": BUCKET, "versioned": True})
        else:
            gateway = Gateway(folder)
        if storage == "eos":
            site = Site(folder / "eos", "5.4")
            stack.callback(site.close)
            gateway.configure(**site.settings())
        stack.callback(gateway.close)
        gateway.start()
        yield gateway

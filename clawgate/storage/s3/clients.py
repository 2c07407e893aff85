"""Clients of boto3, set up as this driver needs them."""

from __future__ import annotations

from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.handlers import add_expect_header  # type: ignore[import-untyped]

ATTEMPTS = 4
"""How often a call is made until it succeeds; with pauses of random length in between."""


def make_client(
    session: boto3.Session,
    endpoint: str | None = None,
    *,
    virtual: bool = False,
    timeout: float = 60.0,
    connections: int = 16,
    verify: bool | str = True,
) -> Any:
    """A client for S3. `virtual`: the bucket is a part of the host name; `timeout` is in seconds; `verify`: whether certificates
    must prove anything, or a file with the authorities that may do so."""
    config = Config(
        s3={"addressing_style": "virtual" if virtual else "path"},
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=timeout,
        read_timeout=timeout,
        max_pool_connections=connections,
        # Services that are not AWS do not know all of its checksums.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client = session.client("s3", endpoint_url=endpoint, config=config, verify=verify)
    # botocore reads for ever when the connection ends within "100 Continue"; so nobody asks for it.
    client.meta.events.unregister("before-call.s3", add_expect_header)
    return client

"""Settings of mounts with the driver s3."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import attrs

from .rule import setting

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


def _bucket(value: str) -> None:
    if value and _BUCKET.fullmatch(value) is None:
        raise ValueError("expected the name of a bucket")


def _endpoint(value: str) -> None:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
        raise ValueError("expected 'https://HOST' or 'https://HOST:PORT'")


def _prefix(value: str) -> None:
    if value.startswith("/"):
        raise ValueError("keys do not begin with a slash; expected a prefix such as 'home/{user.id}'")


@attrs.frozen
class S3:
    """[mounts.NAME.s3]: where a mount with driver = \"s3\" keeps its files, and how they are got"""

    bucket: str = setting("", "the bucket; must be given", check=_bucket)
    prefix: str = setting(
        "{user.id}", "what the keys of a space begin with, a template as root; empty: the whole bucket", check=_prefix
    )
    endpoint: str = setting(
        "", "address of the service, e.g. https://s3.example.org; empty: AWS, in this region", check=_endpoint
    )
    region: str = setting("us-east-1", "region; most services that are not AWS do not care")
    addressing: str = setting(
        "auto",
        "path: HOST/BUCKET, virtual: BUCKET.HOST, auto: virtual on AWS, path elsewhere",
        choices=("auto", "path", "virtual"),
    )
    ca_file: str = setting("", "PEM file of the authorities that its certificate may come from; empty: the system's")
    verify: bool = setting(True, "refuse a service whose certificate does not prove its name")
    versioned: bool = setting(
        False, "its versions and delete markers are versions and trash; versioning must be enabled then (see docs/storage-s3.md)"
    )
    events_secret: str = setting(
        "",
        'outside_changes = "events": what the service says to be believed at /bucket-events/NAME (see docs/storage-s3.md)',
        secret=True,
    )
    events_queue: str = setting(
        "",
        'outside_changes = "events" on AWS: address of the queue (SQS) that is told, https://sqs.REGION.amazonaws.com/ACCOUNT/NAME',
        check=_endpoint,
    )
    listing_seconds: float = setting(
        0.0,
        "seconds for which a folder is shown without asking the bucket again, though others may have changed it; 0: always ask",
    )
    # who the gateway is there
    access_key: str = setting(
        "", "access key, may be a template: {user.s3_key}; empty: found as boto3 does (environment, files, instance)"
    )
    secret_key: str = setting("", "and its secret, also a template or file:/...", secret=True)
    profile: str = setting("", "a profile of boto3's files to use instead")
    role: str = setting("", "ARN of a role to take on by STS, may be a template: arn:aws:iam::1:role/home-{user.id}; empty: none")
    role_external_id: str = setting("", "external id that goes with the role")
    role_seconds: int = setting(3600, "for how long it is taken on at a time; renewed before it ends", low=900, high=43200)
    sts_endpoint: str = setting("", "address of STS; empty: AWS's of this region, or endpoint if that is set", check=_endpoint)
    # what requests say
    requester_pays: bool = setting(False, "declare that the gateway pays for requests, for buckets that want it")
    sse: str = setting(
        "",
        "server-side encryption of what is written; empty: as the bucket is set",
        choices=("", "AES256", "aws:kms", "aws:kms:dsse"),
    )
    sse_key: str = setting("", "id or ARN of the KMS key; empty: the bucket's")
    # how content goes
    small_bytes: int = setting(
        1048576, "content up to this is held as a whole, verified, and sent in one call that can be repeated", low=1, size=True
    )
    put_bytes: int = setting(
        67108864,
        "content of known length up to this is one streamed call; longer content goes in parts",
        low=5242880,
        high=5368709120,
        size=True,
    )
    part_bytes: int = setting(
        5242880,
        "a part, held in memory so that it can be sent again; longer where 10,000 would not be enough",
        low=5242880,
        high=1073741824,
        size=True,
    )
    window_bytes: int = setting(
        33554432,
        "parts of one upload that are in memory, the one that is filled and those that are sent meanwhile",
        low=5242880,
        high=4294967296,
        size=True,
    )
    parallel: int = setting(8, "calls that one request may make at a time, e.g. to copy a folder", low=1)
    attempts: int = setting(4, "how often what failed is tried, with pauses in between", low=1)
    timeout: float = setting(60.0, "seconds in which nothing moves after which a call has failed", low=1)
    redirect: list[str] = setting(
        [],
        "programs whose User-Agent contains one of these get downloads from the bucket itself, by a signed address; empty: none",
    )
    redirect_seconds: int = setting(300, "for how long such an address is good", low=1, high=604800)
    threads: int = setting(16, "threads for calls that carry no large content", low=1)
    queue: int = setting(1000, "calls that may wait for them")
    connections: int = setting(32, "connections kept open for content", low=1)
    receive_bytes: int = setting(
        524288,
        "of a download from a near service: bytes that may wait in the kernel to be read; 0: the system decides",
        size=True,
    )
    facts: int = setting(100000, "objects whose metadata are remembered, about 1 KiB each", low=1000)
    trust_seconds: float = setting(
        2.0, "a look at a name is not repeated for so long on the way from the check of a request to the writing call", high=60
    )

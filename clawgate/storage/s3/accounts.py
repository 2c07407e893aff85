"""Who the gateway is for the service, and how it gets there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import attrs
import boto3  # type: ignore[import-untyped]
import botocore.session  # type: ignore[import-untyped]
from botocore.credentials import (  # type: ignore[import-untyped]
    DeferredRefreshableCredentials,
    create_assume_role_refresher,
)
from botocore.exceptions import BotoCoreError, ProfileNotFound  # type: ignore[import-untyped]
from botocore.loaders import create_loader  # type: ignore[import-untyped]

from ...errors import SettingsError, StorageUnavailable
from .clients import make_client
from .signing import Signer

_SESSION = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
"""Names that STS takes for sessions."""


@attrs.frozen
class Address:
    """A bucket, and how requests to it look."""

    bucket: str
    endpoint: str = ""
    """Empty: AWS."""
    region: str = "us-east-1"
    virtual: bool = False
    """Whether the bucket is a part of the host name."""
    ca_file: str = ""
    verify: bool = True
    sts_endpoint: str = ""
    requester_pays: bool = False
    sse: str = ""
    sse_key: str = ""
    timeout: float = 60.0
    """Seconds."""
    connections: int = 16

    def extras(self) -> dict[str, str]:
        """Parameters of boto3 for every call that knows them."""
        found = {"RequestPayer": "requester"} if self.requester_pays else {}
        if self.sse:
            found["ServerSideEncryption"] = self.sse
        if self.sse and self.sse_key:
            found["SSEKMSKeyId"] = self.sse_key
        return found

    def every(self) -> dict[str, str]:
        """Headers of every request for content."""
        return {"x-amz-request-payer": "requester"} if self.requester_pays else {}

    def objects(self) -> dict[str, str]:
        """Headers of those that make an object."""
        found = {"x-amz-server-side-encryption": self.sse} if self.sse else {}
        if self.sse and self.sse_key:
            found["x-amz-server-side-encryption-aws-kms-key-id"] = self.sse_key
        return found


@attrs.frozen
class Account:
    """Credentials. Equal ones share a client and its connections."""

    access_key: str = ""
    """Empty: found as boto3 does."""
    secret_key: str = attrs.field(default="", repr=False)
    profile: str = ""
    role: str = ""
    """ARN; empty: none is taken on."""
    session: str = ""
    """For whom; becomes the name of the session, which the logs of the service show."""
    external_id: str = ""
    seconds: int = 3600


@attrs.frozen
class Way:
    """What an account uses to talk to a bucket."""

    client: Any
    signer: Signer


def connect(address: Address, account: Account) -> Way:
    """Blocks for a while, most of all at the first time. Raises `SettingsError`, `StorageUnavailable` without credentials."""
    try:
        session = session_of(address, account)
        verify: bool | str = address.ca_file or address.verify
        client = make_client(
            session,
            address.endpoint or None,
            virtual=address.virtual,
            timeout=address.timeout,
            connections=address.connections,
            verify=verify if address.verify else False,
        )
        credentials = session.get_credentials()
    except ProfileNotFound as error:
        raise SettingsError(f"s3.profile: there is no profile {account.profile!r} in boto3's files") from error
    except BotoCoreError as error:
        raise StorageUnavailable(f"the credentials for the storage cannot be found: {error}") from error
    if credentials is None:
        raise StorageUnavailable("there are no credentials for the storage: set s3.access_key, or see docs/storage-s3.md")
    extras = address.extras()
    if extras:
        client.meta.events.register("provide-client-params.s3", _Adding(extras))
    return Way(client, Signer(client.meta.endpoint_url, address.region, address.bucket, credentials, address.virtual))


def is_virtual(style: str, endpoint: str, bucket: str) -> bool:
    """Whether ``auto``, ``path`` or ``virtual`` puts the bucket into the host name. A dot in it does not fit TLS certificates."""
    if style == "auto":
        host = urlsplit(endpoint).hostname or ""
        return (not endpoint or host.endswith(".amazonaws.com")) and "." not in bucket
    return style == "virtual"


def session_name(name: str) -> str:
    """`name` as STS takes it; what has to be changed gets an end of its own, so that no two become one."""
    if _SESSION.fullmatch(name):
        return name
    plain = re.sub(r"[^A-Za-z0-9_+=,.@-]", "-", name)[:48]
    return f"{plain}-{sha256(name.encode()).hexdigest()[:12]}"


class _Adding:
    """Adds parameters to calls that know them."""

    def __init__(self, extras: Mapping[str, str]) -> None:
        self._extras = extras

    def __call__(self, params: dict[str, Any], model: Any, **_: Any) -> dict[str, Any]:
        members = model.input_shape.members if model.input_shape is not None else {}
        return {**{name: value for name, value in self._extras.items() if name in members}, **params}


def session_of(address: Address, account: Account) -> boto3.Session:
    """What makes clients for this account. Blocks. Raises errors of botocore."""
    core = _plain(address, account)
    if account.role:
        base = _plain(address, account)
        sts = boto3.Session(botocore_session=base).client(
            "sts",
            endpoint_url=address.sts_endpoint or address.endpoint or None,
            verify=(address.ca_file or True) if address.verify else False,
        )
        wanted = {
            "RoleArn": account.role,
            "RoleSessionName": session_name(account.session or "clawgate"),
            "DurationSeconds": account.seconds,
        }
        if account.external_id:
            wanted["ExternalId"] = account.external_id
        # botocore renews them when less than 15 minutes are left, and lets nobody wait for that until 10 are.
        core._credentials = DeferredRefreshableCredentials(create_assume_role_refresher(sts, wanted), "assume-role")
    return boto3.Session(botocore_session=core, region_name=address.region)


def _plain(address: Address, account: Account) -> Any:
    core = botocore.session.Session(profile=account.profile or None)
    core.set_config_variable("region", address.region)
    core.register_component("data_loader", _loader())
    if account.access_key:
        core.set_credentials(account.access_key, account.secret_key)
    return core


@cache
def _loader() -> Any:
    """What boto3 knows of services: some MB, read once."""
    return create_loader()

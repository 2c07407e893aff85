"""What the settings of a mount with the driver s3 come to: whose credentials, for which bucket.

What talks to S3 is imported only when it is needed: boto3 is large, and need not be installed for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

import attrs

from .errors import Forbidden, SettingsError
from .gateway import template
from .model.people import User
from .settings import Mount

if TYPE_CHECKING:
    from .storage.s3.accounts import Account, Address
    from .storage.s3.options import S3Options

_TEMPLATES = ("access_key", "secret_key", "role")


def check(mounts: Mapping[str, Mount]) -> None:
    """Raises `SettingsError` if the settings of such a mount do not go together, or boto3 is missing."""
    queues: dict[str, str] = {}
    for name, mount in mounts.items():
        if mount.driver != "s3":
            if mount.outside_changes == "events":
                raise SettingsError(f"mounts.{name}.outside_changes: only buckets have 'events'; set 'watch' or 'scan'")
            continue
        key, s3 = f"mounts.{name}.s3", mount.s3
        if not s3.bucket:
            raise SettingsError(f"{key}.bucket: a mount with driver = 's3' needs a bucket")
        if bool(s3.access_key) != bool(s3.secret_key):
            raise SettingsError(f"{key}: access_key and secret_key go together")
        if s3.profile and s3.access_key:
            raise SettingsError(f"{key}.profile: is not used when there is an access_key; leave one of them out")
        if s3.sse_key and not s3.sse.startswith("aws:kms"):
            raise SettingsError(f"{key}.sse_key: goes with sse = 'aws:kms'")
        for setting in _TEMPLATES:
            _check_template(f"{key}.{setting}", mount.kind, getattr(s3, setting))
        if mount.outside_changes == "watch":
            raise SettingsError(
                f"mounts.{name}.outside_changes: no kernel watches a bucket; set 'scan' (folders are listed again and again), "
                "'events' (the service tells, see docs/storage-s3.md), or 'none'"
            )
        if mount.outside_changes == "events" and not s3.events_secret and not s3.events_queue:
            raise SettingsError(
                f"{key}.events_secret: outside_changes = 'events' needs one, which the service says (openssl rand -hex 24), or "
                "events_queue, a queue of AWS"
            )
        if s3.events_queue and mount.outside_changes != "events":
            raise SettingsError(f"{key}.events_queue: is read with outside_changes = 'events' only; set that or leave it out")
        if s3.events_queue and s3.events_queue in queues:
            raise SettingsError(
                f"{key}.events_queue: mounts.{queues[s3.events_queue]} takes its messages; give each its own queue"
            )
        queues[s3.events_queue] = name
        if s3.listing_seconds > mount.staleness_max:
            raise SettingsError(
                f"{key}.listing_seconds: no answer may be older than staleness_max of the mount, {mount.staleness_max:g}; raise "
                "that or lower this"
            )
        if find_spec("boto3") is None:
            raise SettingsError(f"mounts.{name}.driver: 's3' needs boto3, which is missing: pip install 'clawgate[s3]'")


def _check_template(key: str, kind: str, text: str) -> None:
    try:
        pieces = template.compiled(text)
    except SettingsError:
        # The text may be a secret.
        raise SettingsError(f"{key}: has a {{field}} that cannot be understood, see docs/namespace.md") from None
    fields = [piece for piece in pieces if isinstance(piece, template.Field)]
    if kind == "project" and fields:
        raise SettingsError(f"{key}: a project has one for all; {fields[0].text} cannot stand here")
    template.check("".join(field.text for field in fields), key)


def address_of(mount: Mount) -> Address:
    """Where a mount's bucket is."""
    from .storage.s3.accounts import Address, is_virtual

    s3 = mount.s3
    return Address(
        s3.bucket,
        s3.endpoint,
        s3.region,
        is_virtual(s3.addressing, s3.endpoint, s3.bucket),
        s3.ca_file,
        s3.verify,
        s3.sts_endpoint,
        s3.requester_pays,
        s3.sse,
        s3.sse_key,
        s3.timeout,
        max(s3.threads, s3.connections),
    )


def account_of(mount: Mount, user: User) -> Account:
    """Whose credentials are used for `user`. Raises `Forbidden` if what is known of the user does not fill a template."""
    from .storage.s3.accounts import Account

    s3 = mount.s3
    try:
        filled = {name: template.title(getattr(s3, name), user) for name in _TEMPLATES}
    except Forbidden as error:
        raise Forbidden(f"nobody knows with which credentials the storage could be used: {error}") from error
    session = user.id if s3.role else ""
    return Account(**filled, profile=s3.profile, session=session, external_id=s3.role_external_id, seconds=s3.role_seconds)


def is_shared(mount: Mount) -> bool:
    """Whether everybody uses the same credentials."""
    return not mount.s3.role and not any("{" in getattr(mount.s3, name) for name in _TEMPLATES)


def queue_account_of(mount: Mount) -> Account:
    """Whose credentials are used for the queue that is told of changes: those of the mount, where it has some for everybody."""
    from .storage.s3.accounts import Account

    s3 = mount.s3
    plain = {name: "" if "{" in getattr(s3, name) else getattr(s3, name) for name in _TEMPLATES}
    if not plain["access_key"] or not plain["secret_key"]:
        plain |= {"access_key": "", "secret_key": ""}
    return Account(**plain, profile=s3.profile, external_id=s3.role_external_id, seconds=s3.role_seconds)


def options_of(mount: Mount, prefix: str) -> S3Options:
    """How the part of the bucket is served whose keys begin with `prefix`."""
    from .storage.s3.options import S3Options

    s3, names = mount.s3, {field.name for field in attrs.fields(S3Options)}
    given = {field.name: getattr(s3, field.name) for field in attrs.fields(type(s3)) if field.name in names}
    keeps = s3.versioned and not mount.read_only
    kept = {"trash": keeps and mount.trash, "versions": keeps and mount.versions}
    # What is told may be lost; then an answer must not be older than it could be without.
    told = mount.staleness_max if mount.follows == "events" else 0.0
    # The index tells what changed; marks that begin anew with each process would make all folders look like others.
    return S3Options(**{**given, "prefix": prefix, "marks": False, "told_seconds": told, **kept})

"""What ``clawgate check`` says of a mount with the driver s3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from . import bucket_access
from .errors import ClawgateError
from .gateway.rules import rules_of
from .model.finding import Finding, Level
from .model.people import User
from .settings import Mount

if TYPE_CHECKING:
    from .storage.s3.accounts import Account

ACCOUNTS = 10
"""So many accounts of a mount are tried."""


def inspect(name: str, mount: Mount, users: Sequence[User]) -> Iterator[Finding]:
    """Look with each of the accounts that the settings come to, at the prefix of the first one of `users` who has it. Blocking;
    small hidden objects are written and removed unless the mount is read-only."""
    what = f"mounts.{name}"
    try:
        bucket_access.check({name: mount})
        (rule,) = rules_of({name: mount}, "/").values()
    except ClawgateError as error:
        yield Finding(Level.FAILURE, str(error), "docs/storage-s3.md lists the settings")
        return
    prefixes: dict[Account, str] = {}
    for user in users:
        try:
            for grant in rule.grants(user):
                prefixes.setdefault(bucket_access.account_of(mount, user), grant.space.root)
        except ClawgateError as error:
            yield Finding(Level.FAILURE, f"{what}: {error}", f"see 'clawgate explain {user.id}'")
    if not prefixes:
        try:
            prefixes[bucket_access.account_of(mount, User(""))] = rule.root.partition("{")[0]
        except ClawgateError:
            yield Finding(Level.WARNING, f"{what}: there is nobody whose credentials could be tried", "clawgate user add NAME")
            return
    from .storage.s3.inspection import inspect as look_at
    from .storage.s3.inspection import inspect_queue as look_at_queue

    address = bucket_access.address_of(mount)
    if mount.s3.events_queue:
        yield from look_at_queue(what, address, bucket_access.queue_account_of(mount), mount.s3.events_queue)
    for account, prefix in list(prefixes.items())[:ACCOUNTS]:
        yield from look_at(what, address, account, prefix, read_only=mount.read_only, versioned=mount.s3.versioned)
    if len(prefixes) > ACCOUNTS:
        yield Finding(Level.OK, f"{what}: {len(prefixes) - ACCOUNTS} further accounts were not tried")

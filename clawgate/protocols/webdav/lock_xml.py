"""Locks as ``activelock`` elements (RFC 4918 14.1)."""

from __future__ import annotations

from collections.abc import Callable

from ...gateway.locks import Locks
from ...model.lock import Lock
from ...model.path import Path
from .address import Address


def activelock(lock: Lock, address: Address, now: float) -> str:
    """One lock; `address` gives the tree in which its root is shown."""
    return (
        "<d:activelock><d:locktype><d:write/></d:locktype>"
        f"<d:lockscope><d:{'exclusive' if lock.exclusive else 'shared'}/></d:lockscope>"
        f"<d:depth>{'infinity' if lock.deep else '0'}</d:depth>{lock.owner_xml}"
        f"<d:timeout>Second-{max(0, round(lock.expires - now))}</d:timeout>"
        f"<d:locktoken><d:href>{lock.token}</d:href></d:locktoken>"
        f"<d:lockroot><d:href>{address.href(lock.path, False)}</d:href></d:lockroot></d:activelock>"
    )


def discovery(locks: Locks, space: str, address: Address, now: float) -> Callable[[Path], str]:
    """What ``lockdiscovery`` holds, for any path of a space."""
    if not locks.any(space):
        return lambda path: ""
    return lambda path: "".join(activelock(lock, address, now) for lock in locks.covering(space, path))

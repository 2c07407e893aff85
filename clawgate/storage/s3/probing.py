"""What the service can do that is not the same everywhere."""

from __future__ import annotations

import secrets

from ...errors import ClawgateError, Forbidden, Overloaded, PreconditionFailed, StorageTimeout
from .ground import Ground

_AGAIN = (Overloaded, StorageTimeout)
"""What says nothing about what the service can do."""


async def probe(ground: Ground) -> None:
    """Look, with a small hidden object, whether writes can have conditions, and whether an object and a folder can have one
    name."""
    control, key = ground.control, ground.keys.hidden(f"probe-{secrets.token_hex(4)}")
    service = ground.service
    await control.call("put_object", Key=key, Body=b"")
    try:
        try:
            await control.call("put_object", Key=key, Body=b"", IfNoneMatch="*")
        except PreconditionFailed:
            service.conditional = True
        except _AGAIN:
            raise
        except ClawgateError:
            service.conditional = False
        try:
            await control.call("put_object", Key=f"{key}/", Body=b"")
            service.both = await control.head(key) is not None
        except _AGAIN:
            raise
        except ClawgateError:
            service.both = False
    finally:
        await _clear(ground, key)
    service.probed = True


async def _clear(ground: Ground, key: str) -> None:
    try:
        await ground.control.delete([f"{key}/", key])
    except Forbidden:
        # Where nothing may be deleted, some bytes stay; `clawgate check` tells.
        return

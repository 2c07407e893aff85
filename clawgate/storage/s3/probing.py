"""What the service can do that is not the same everywhere."""

from __future__ import annotations

import base64
import secrets
import time
from typing import Any

from ...errors import ClawgateError, Forbidden, Overloaded, PreconditionFailed, StorageBroken, StorageTimeout
from .facts import nanoseconds
from .ground import Ground
from .leftovers import content
from .owners import me

_AGAIN = (Overloaded, StorageTimeout)
"""What says nothing about what the service can do."""
_PROBE = "probe-"
_WRONG = base64.b64encode(bytes(32)).decode()


async def probe(ground: Ground) -> None:
    """Look, with a small hidden object, whether writes can have conditions and checksums, and whether an object and a folder can
    have one name."""
    control, key = ground.control, ground.keys.hidden(f"{_PROBE}{secrets.token_hex(4)}")
    service = ground.service
    ground.working.add(key)
    try:
        await control.call("put_object", Key=key, Body=_owner())
        try:
            service.conditional = await _refused(ground, key, IfNoneMatch="*")
            service.matching = await _refused(ground, key, IfMatch=f'"{"0" * 32}"')
            service.verifying = await _refused(ground, key, StorageBroken, ChecksumSHA256=_WRONG)
            try:
                await control.call("put_object", Key=f"{key}/", Body=b"")
                service.both = await control.head(key) is not None
            except _AGAIN:
                raise
            except ClawgateError:
                service.both = False
        finally:
            await _clear(ground, key)
    finally:
        ground.working.discard(key)
    service.probed = True


async def sweep_probes(ground: Ground, older_than: float) -> int:
    """Remove what a kill has left of a look that is older than `older_than` seconds; returns how many there were."""
    swept = 0
    found = await ground.all_below(ground.keys.hidden(_PROBE))
    objects = {one.key for one in found}
    for one in found:
        key, age = one.key.rstrip("/"), time.time() - nanoseconds(one.modified) / 1e9
        if key in ground.working or age < older_than or (key != one.key and key in objects):
            continue
        text = await content(ground, one.key)
        if text is not None and me().left(text.decode(errors="replace"), age):
            await _clear(ground, key)
            swept += 1
    return swept


def _owner() -> bytes:
    return me().text.encode()


async def _refused(ground: Ground, key: str, error: type[ClawgateError] = PreconditionFailed, **condition: Any) -> bool:
    """Whether the service sees, and says by `error`, that a condition does not hold. There are some that know the one and not the
    other."""
    try:
        await ground.control.call("put_object", Key=key, Body=_owner(), **condition)
    except error:
        return True
    except _AGAIN:
        raise
    except ClawgateError:
        # It does not take the header.
        return False
    return False


async def _clear(ground: Ground, key: str) -> None:
    try:
        await ground.control.delete([f"{key}/", key])
    except Forbidden:
        # Where nothing may be deleted, some bytes stay; `clawgate check` tells.
        return

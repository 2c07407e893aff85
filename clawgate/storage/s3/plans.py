"""Plans of what takes more than one call, noted down in the bucket before it begins."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import attrs

from ...errors import ClawgateError
from ...log import make_logger
from .facts import nanoseconds
from .ground import Ground
from .leftovers import content, read_note
from .owners import me

log = make_logger()

COPYING, CLEARING = "copying", "clearing"
_HEARD = ".heard"
"""Ends the key of the object that says that whoever wrote a note knows that it is there."""
_OVER = 10_000
"""Plans of which it is remembered that only their removal failed."""


@attrs.frozen
class Plan:
    """What is to become of some objects. Whatever is done for it can be done again."""

    act: str
    """``copy``, ``move`` or ``remove``."""
    source: str
    """A key; it ends with a slash if it is all that begins so."""
    target: str = ""
    above: str = ""
    """The path of the folder that must not vanish with the last of what is taken out of it."""
    old: Mapping[str, str] = attrs.field(factory=dict)
    """Keys and ETags of what gives way: at the target, or (``remove``) at the source. Nothing else does."""
    replaces: bool = False
    """Whether something stood at the target."""
    stage: str = COPYING
    """From `CLEARING` on the target is complete, and what is left at the source has been copied."""
    token: str = attrs.field(factory=lambda: secrets.token_hex(8))
    """Begins the ids and marks of all copies (``copy``), so that they are known again."""

    def key(self, ground: Ground) -> str:
        """Where it is noted down."""
        return ground.keys.hidden("plans", self.token)

    def keys(self, ground: Ground) -> list[str]:
        """All that is noted down of it, what goes first before the rest."""
        return [self.key(ground), self.key(ground) + _HEARD]

    def parked(self, ground: Ground) -> str:
        """Where a file waits while what is in its way goes."""
        return ground.keys.hidden("parked", self.token)

    def there(self, key: str) -> str:
        """Where the object under `key` goes."""
        return self.target + key[len(self.source) :]

    def mark(self) -> str:
        """A new id or mark that shows whose it is."""
        return self.token + secrets.token_hex(4)

    async def begin(self, ground: Ground) -> None:
        """Write it down. From now on, whatever happens, it is carried out or taken back.

        Two calls, one after the other: a call that was on its way at a kill, or whose answer got lost, may be carried out by the
        service at any time. A note that comes so late is alone, because the second object is written only when it is known that
        the first one is there, and both are removed together. Nothing has been done for a note that is alone, or all.
        """
        await self.note(ground)
        try:
            await ground.control.call("put_object", Key=self.key(ground) + _HEARD, Body=me().text.encode())
        except BaseException:
            # The call may have been carried out all the same, and whoever asked for it hears that nothing was done.
            try:
                await self.done(ground)
            except ClawgateError as error:
                log.warn(
                    "{key}: a plan that was not begun has to wait for the janitor: {error}", key=self.key(ground), error=error
                )
            raise

    async def note(self, ground: Ground) -> None:
        """Write down what it is now."""
        text = json.dumps({**attrs.asdict(self), "owner": me().text, "heard": True})
        await ground.control.call("put_object", Key=self.key(ground), Body=text.encode(), ContentType="application/json")

    async def done(self, ground: Ground) -> None:
        """Nothing more is to be done, also if that cannot be noted down: what has been written to the old place by then has to
        stay there."""
        key, over = self.key(ground), ground.service.over
        if len(over) < _OVER:
            over.add(key)
        await ground.control.delete(self.keys(ground))
        over.discard(key)


async def left_behind(ground: Ground, older_than: float) -> AsyncIterator[Plan]:
    """Plans that nobody is carrying out and that are older than `older_than` seconds. What was never begun, or came after its
    plan was over, is removed."""
    found = await ground.all_below(ground.keys.hidden("plans", ""))
    there = {one.key for one in found}
    for one in found:
        age = time.time() - nanoseconds(one.modified) / 1e9
        key = one.key.removesuffix(_HEARD)
        if key in ground.working or age < older_than or (key != one.key and key in there):
            continue
        if key in ground.service.over:
            await ground.control.delete([key, key + _HEARD])
            ground.service.over.discard(key)
            continue
        text = await content(ground, one.key)
        if text is None:
            continue
        if key != one.key:
            if me().left(text.decode(errors="replace"), age) and await ground.control.head(key) is None:
                await ground.control.delete([one.key])
            continue
        noted = read_note(text) or {}
        # Notes of earlier versions of clawgate count alone.
        owner, alone = noted.pop("owner", ""), not noted.pop("heard", False)
        plan = _read(noted)
        if plan is None:
            log.error("{key}: is no plan that could be carried out; look at it, and remove it", key=key)
        elif not me().left(owner, age) or key in ground.working:
            continue
        # Whoever wrote the note is gone only now: what the listing did not show may have come since.
        elif not alone and key + _HEARD not in there and await ground.control.head(key + _HEARD) is None:
            log.info("{key}: {act} of {source} was not begun, and is not any more", key=key, act=plan.act, source=plan.source)
            await ground.control.delete([key])
        else:
            yield plan


def _read(noted: dict[str, Any]) -> Plan | None:
    try:
        return Plan(**noted)
    except TypeError:
        return None

"""Plans of what takes more than one call, noted down in the bucket before it begins."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping

import attrs

from ...log import make_logger
from .facts import nanoseconds
from .ground import Ground
from .leftovers import read_note
from .owners import me

log = make_logger()

COPYING, CLEARING = "copying", "clearing"


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

    def parked(self, ground: Ground) -> str:
        """Where a file waits while what is in its way goes."""
        return ground.keys.hidden("parked", self.token)

    def there(self, key: str) -> str:
        """Where the object under `key` goes."""
        return self.target + key[len(self.source) :]

    def mark(self) -> str:
        """A new id or mark that shows whose it is."""
        return self.token + secrets.token_hex(4)

    async def note(self, ground: Ground) -> None:
        """Write it down. From now on, whatever happens, it is carried out or taken back."""
        text = json.dumps({**attrs.asdict(self), "owner": me().text})
        await ground.control.call("put_object", Key=self.key(ground), Body=text.encode(), ContentType="application/json")

    async def done(self, ground: Ground) -> None:
        """Nothing more is to be done."""
        await ground.control.delete([self.key(ground)])


async def left_behind(ground: Ground, older_than: float) -> AsyncIterator[Plan]:
    """Plans that nobody is carrying out and that are older than `older_than` seconds."""
    for one in await ground.all_below(ground.keys.hidden("plans", "")):
        age = time.time() - nanoseconds(one.modified) / 1e9
        if one.key in ground.working or age < older_than:
            continue
        answer = await ground.control.call("get_object", Key=one.key)
        noted = read_note(await ground.control.run(answer["Body"].read))
        if noted is None:
            log.error("{key}: is no plan that could be carried out; look at it, and remove it", key=one.key)
        elif me().left(noted.pop("owner", ""), age):
            yield Plan(**noted)

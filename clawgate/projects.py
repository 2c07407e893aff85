"""What operators do to the project spaces that people make; the commands of ``clawgate space``. A gateway may be running."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TextIO

from .errors import SettingsError
from .gateway.made_spaces import Fixed
from .gateway.making import Change
from .gateway.rules import rules_of
from .model.made_space import MadeSpace, Role, Standing
from .settings import Settings
from .state.made_spaces import peek

DAY = 86400.0
LONGEST = 36500.0
"""Days."""

if TYPE_CHECKING:
    from .assembly import Core


def known(settings: Settings) -> Fixed:
    """All that there is, without a reactor. Raises `SettingsError`."""
    file = f"sqlite:///{os.path.join(os.path.abspath(settings.data), 'state.db')}"
    return Fixed(peek(settings.state.url or file).at(time.time()))


def show(settings: Settings, out: TextIO) -> int:
    """Print all, the oldest first; returns the exit code."""
    rules = rules_of(settings.mounts, settings.data)
    for one in known(settings).known.all():
        rule = rules.get(one.mount)
        where = rule.space_of(one).root if rule is not None and rule.creators else "its mount is not in the settings"
        quota = f"{one.quota} bytes" if one.quota is not None else "quota of the mount"
        print("\t".join((one.id, one.name, one.standing.value, quota, where, _members(one))), file=out)
    return 0


async def create(core: Core, mount: str, name: str, manager: str, quota: int, out: TextIO) -> int:
    """Make one; returns the exit code. Raises what `Making.create` raises."""
    core.files.start()
    try:
        made = await core.making.create(mount, Change(name, quota=quota), manager)
    finally:
        core.files.stop()
    print(f"{made.id} «{made.name}» was made; its manager is {manager}. A gateway that runs knows within a second", file=out)
    return 0


async def give(core: Core, id: str, member: str, role: str, days: float | None, out: TextIO) -> int:
    """Give somebody a role, for some `days` or (None) for ever, or none; returns the exit code. Raises `SettingsError`, and what
    `Making.grant` raises."""
    wanted = None if role == "none" else Role(role)
    if days is not None and not 0 < days <= LONGEST:
        raise SettingsError(f"--days: expected a number above 0 and up to {LONGEST:.0f}")
    until = time.time() + days * DAY if days is not None else None
    made = await core.making.grant(None, id, [member], wanted, new=wanted is not None, until=until)
    print(f"{made.id} «{made.name}»: {_members(made)}", file=out)
    return 0


async def turn(core: Core, id: str, what: str, out: TextIO) -> int:
    """Disable, restore or remove one; returns the exit code. Raises what `Making` raises."""
    work: Mapping[str, Callable[[None, str], Awaitable[MadeSpace]]] = {
        "disable": core.making.disable,
        "restore": core.making.restore,
        "remove": core.making.remove,
    }
    made = await work[what](None, id)
    text = {
        Standing.READY: "can be used",
        Standing.DISABLED: "is disabled; its files stay",
        Standing.REMOVING: "is not there any more; the gateway removes its files, now or when it is started",
    }[made.standing]
    print(f"{made.id} «{made.name}» {text}", file=out)
    return 0


def _members(one: MadeSpace) -> str:
    found = []
    for member, role in sorted(one.members.items()):
        until = one.until.get(member)
        end = f" until {time.strftime('%Y-%m-%d %H:%M', time.localtime(until))}" if until is not None else ""
        found.append(f"{member} ({role.value}{end})")
    return ", ".join(found) or "no members"

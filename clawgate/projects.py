"""What operators do to the project spaces that people make; the commands of ``clawgate space``. A gateway may be running."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TextIO

from .gateway.made_spaces import Fixed
from .gateway.making import Change
from .gateway.rules import rules_of
from .model.made_space import MadeSpace, Role, Standing
from .settings import Settings
from .state.made_spaces import peek

if TYPE_CHECKING:
    from .assembly import Core


def known(settings: Settings) -> Fixed:
    """All that there is, without a reactor. Raises `SettingsError`."""
    return Fixed(peek(settings.state.url or f"sqlite:///{os.path.join(os.path.abspath(settings.data), 'state.db')}"))


def show(settings: Settings, out: TextIO) -> int:
    """Print all, the oldest first; returns the exit code."""
    rules = rules_of(settings.mounts, settings.data)
    for one in known(settings).known.all():
        rule = rules.get(one.mount)
        where = rule.space_of(one).root if rule is not None and rule.creators else "its mount is not in the settings"
        quota = f"{one.quota} bytes" if one.quota is not None else "quota of the mount"
        print("\t".join((one.id, one.name, one.standing.value, quota, where, _members(one.members))), file=out)
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


async def give(core: Core, id: str, member: str, role: str, out: TextIO) -> int:
    """Give somebody a role, or none; returns the exit code. Raises what `Making.grant` raises."""
    wanted = None if role == "none" else Role(role)
    made = await core.making.grant(None, id, [member], wanted, new=wanted is not None)
    print(f"{made.id} «{made.name}»: {_members(made.members)}", file=out)
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


def _members(members: Mapping[str, Role]) -> str:
    return ", ".join(f"{member} ({role.value})" for member, role in sorted(members.items())) or "no members"

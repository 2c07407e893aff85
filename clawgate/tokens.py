"""What operators do to app passwords and to logins with browsers; the commands of ``clawgate token`` and ``clawgate login``. A
gateway may be running."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from . import people
from .errors import SettingsError
from .identity.users_file import check_user_id
from .model.app_password import AppPassword
from .model.path import ROOT
from .model.people import Scope, User

if TYPE_CHECKING:
    from .assembly import Core


async def create(
    core: Core, id: str, name: str, scope: Scope, days: float | None, foreign: bool, out: TextIO, notes: TextIO
) -> int:
    """Make one for the person `id`; prints the secret, alone, to `out` and the rest to `notes`. Returns the exit code."""
    person = await _foreign(core, id) if foreign else await _known(core, id)
    if scope.space:
        await core.made_spaces.load()
        _check_space(core, person, scope.space)
    made, secret = await core.app_passwords.make(
        person, name or "made by the operator", foreign=foreign, scope=scope, days=days, by_operator=True
    )
    print(f"app password {made.id} ({_scope(made)}, {_end(made, time.time())}); log in as {id} with", file=notes, flush=True)
    print(secret, file=out)
    return 0


async def show(core: Core, id: str | None, out: TextIO) -> int:
    """Print those of one person, or everybody's; returns the exit code."""
    now = time.time()
    for one in await core.app_passwords.of(id):
        used = f"used {_moment(one.used)}" if one.used is not None else "never used"
        seen = await core.app_passwords.seen(one.user) if one.foreign else None
        owner = f"owner last seen {_moment(seen.seen)}" if seen is not None else ""
        fields = (one.id, one.user, one.name, _scope(one), f"made {_moment(one.created)}", used, _end(one, now), owner)
        print("\t".join(fields).rstrip(), file=out)
    return 0


async def revoke(core: Core, id: str, ids: Sequence[str], everything: bool, out: TextIO) -> int:
    """End some of one person's, or all; returns the exit code. Raises `NotFound`."""
    # First what others are made by.
    ended = await core.page_sessions.end_all(id) if everything else 0
    chosen = [one.id for one in await core.app_passwords.of(id)] if everything else list(dict.fromkeys(ids))
    if chosen:
        await core.app_passwords.revoke_all(id, chosen)
    print(f"{len(chosen)} app passwords of {id} were revoked; a gateway that runs knows within a second", file=out)
    if everything:
        print(f"{ended} logins of {id} with a browser were ended", file=out)
    return 0


async def show_logins(core: Core, id: str | None, out: TextIO) -> int:
    """Print the logins at our own page of one person, or everybody's; returns the exit code."""
    for user, expires in await core.page_sessions.of(id):
        print(f"{user}\tends {_moment(expires)}", file=out)
    return 0


async def end_logins(core: Core, id: str, out: TextIO) -> int:
    """Log a person out with all browsers; returns the exit code."""
    count = await core.page_sessions.end_all(id)
    print(f"{count} logins of {id} with a browser were ended; what they wait for ends within seconds", file=out)
    return 0


async def _known(core: Core, id: str) -> User:
    known = await people.find(core, id)
    if known is None:
        hint = (
            "say --foreign: nobody tells us when such a person leaves, and so the app password works only as long as its owner "
            "logs in by the provider from time to time"
        )
        raise people.unknown(core.settings, id, hint if core.settings.oidc else "")
    return known.user


async def _foreign(core: Core, id: str) -> User:
    """Somebody whom only a provider knows: as the last login described them, or, before there was one, by the id alone."""
    if not core.settings.oidc:
        raise SettingsError("--foreign: there is no OpenID provider in the settings")
    check_user_id(id)
    known = await people.find(core, id)
    if known is not None:
        raise SettingsError(f"--foreign: {id} is in {known.source}; leave it out")
    seen = await core.app_passwords.seen(id)
    return seen.user if seen is not None else User(id)


def _check_space(core: Core, person: User, space: str) -> None:
    places = [found.place for found in core.namespace.explain(person, ROOT)]
    ids = [place.space.id for place in places if place is not None]
    if space not in ids:
        raise SettingsError(f"--space: {person.id} has no space {space}; there are: {', '.join(ids) or 'none'}")


def _scope(one: AppPassword) -> str:
    where = one.scope.space or "all spaces"
    return f"{where}, read only" if one.scope.read_only else where


def _end(one: AppPassword, now: float) -> str:
    if one.expires is None:
        return "no end"
    return f"{'expired' if one.expires <= now else 'expires'} {_moment(one.expires)}"


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))

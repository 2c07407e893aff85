"""Who somebody is, for operators: asked of those who would be asked at a login, or described by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from . import data
from .errors import ClawgateError, SettingsError, StorageUnavailable
from .identity import users_file
from .identity.users_file import check_user_id
from .model.people import User
from .model.size import parse_size
from .settings import Settings

if TYPE_CHECKING:
    from .assembly import Core


@attrs.frozen
class Known:
    """A person, and who says so."""

    user: User
    source: str


def in_file(settings: Settings) -> dict[str, Known]:
    """All people of the file of users, by id. Raises `SettingsError`."""
    file = data.users_path(settings)
    accounts = users_file.parse(data.read_users(file), file)
    return {id: Known(account.user, f"the file of users, {file}") for id, account in sorted(accounts.items())}


async def find(core: Core, id: str) -> Known | None:
    """The person with this id, of the first that knows it; None: nobody does. Needs nothing of `core` to be started.

    Raises `StorageUnavailable` if a directory that comes before does not answer.
    """
    if (known := in_file(core.settings).get(id)) is not None:
        return known
    for directory in core.directories:
        running = directory.workers.running
        if not running:
            directory.workers.start()
        try:
            user = await directory.find_user(id)
        except ClawgateError as error:
            text = f"ldap.{directory.name}, which may know {id}, does not answer; see 'clawgate check'"
            raise StorageUnavailable(text) from error
        finally:
            if not running:
                await directory.close()
                directory.workers.stop()
        if user is not None:
            return Known(user, f"ldap.{directory.name}")
    return None


def unknown(settings: Settings, id: str, otherwise: str = "") -> SettingsError:
    """What is said of somebody whom nobody knows; `otherwise`: what to do if it is somebody of an OpenID provider."""
    asked = [data.users_path(settings), *(f"ldap.{name}" for name in settings.ldap)]
    more = f"; for people of OpenID providers {otherwise}" if otherwise else ""
    return SettingsError(f"{id} is not in {' or '.join(asked)}{more}")


def described(
    id: str,
    *,
    name: str | None = None,
    mail: str | None = None,
    groups: Sequence[str] = (),
    attributes: Sequence[str] = (),
    uid: int | None = None,
    gid: int | None = None,
    quota: str | None = None,
) -> Known | None:
    """A person as options describe one, `attributes` as ``NAME=VALUE``; None if they say nothing. Raises `SettingsError`."""
    if not groups and not attributes and (name, mail, uid, gid, quota) == (None,) * 5:
        return None
    kept = {}
    for line in attributes:
        key, equals, value = line.partition("=")
        if not key or not equals:
            raise SettingsError(f"--attribute: expected NAME=VALUE, found {line!r}")
        kept[key] = value
    try:
        size = parse_size(quota) if quota is not None else None
    except ValueError as error:
        raise SettingsError(f"--quota: {error}") from None
    user = User(check_user_id(id), name or "", mail or "", frozenset(groups), size, uid, gid, kept)
    return Known(user, "the options of this command")

"""``clawgate explain``: where a path of a user is, and what other settings would change."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from .. import configuration, explaining, people
from ..errors import SettingsError
from ..gateway.namespace import Namespace
from ..gateway.rules import rules_of
from ..model import path as paths
from ..model.people import User
from ..model.space import Space
from ..settings import Settings
from .running import in_reactor

if TYPE_CHECKING:
    from ..assembly import Core


def explain(options: argparse.Namespace, settings: Settings) -> int:
    """Say where a path of a user is. Raises `SettingsError`, `StorageUnavailable`."""
    if options.against:
        return _change(options, settings, configuration.load(options.against, os.environ, data=options.data))
    if options.user is None:
        raise SettingsError("explain: name a user")
    from .. import cast

    [[found]] = _asked(options, settings)
    assert found is not None
    path = paths.make(*(segment for segment in options.path.split("/") if segment))
    explanations = _namespace(settings).explain(found.user, path)
    for line in explaining.lines(found.user, explanations, settings.mounts, source=found.source, acts_as=cast.describe):
        print(line)
    return 0


def _change(options: argparse.Namespace, settings: Settings, other: Settings) -> int:
    pairs = [(known.user, then.user if then else None) for known, then in _asked(options, settings, other) if known is not None]
    found = list(explaining.changes(pairs, _namespace(settings), _namespace(other)))
    print("\n".join(found) or f"nothing changes for {len(pairs)} users")
    if options.user is None and (settings.ldap or settings.oidc):
        print("people of directories and providers were not looked at; name them one by one")
    return 0


def _asked(options: argparse.Namespace, *many: Settings) -> list[list[people.Known | None]]:
    """Whom a command is about, as known with each of `many` settings; None: not known with them.

    Raises `SettingsError` if nobody knows somebody with the first ones, `StorageUnavailable`.
    """
    files = [people.in_file(settings) for settings in many]
    id = options.user
    if id is None:
        return [[file.get(one) for file in files] for one in files[0]]
    known = people.described(
        id,
        name=options.display,
        mail=options.mail,
        groups=options.group,
        attributes=options.attribute,
        uid=options.uid,
        gid=options.gid,
        quota=options.quota,
    )
    if known is not None:
        return [[known] * len(many)]
    found = [file.get(id) for file in files]

    async def ask(core: Core) -> int:
        for place, settings in enumerate(many):
            if found[place] is None:
                found[place] = await people.find(core if settings is core.settings else type(core)(settings, core.reactor), id)
        return 0

    if any(one is None and settings.ldap for one, settings in zip(found, many, strict=True)):
        in_reactor(many[0], ask)
    if found[0] is None:
        hint = "say what a token would: --group, --attribute, --uid, ..." if many[0].oidc else ""
        raise people.unknown(many[0], id, hint)
    return [found]


def _namespace(settings: Settings) -> Namespace:
    async def nothing(space: Space, user: User) -> None:
        """Spaces are looked at here, not opened."""

    made = None
    if any(mount.creators for mount in settings.mounts.values()):
        from .. import projects

        made = projects.known(settings)
    return Namespace(rules_of(settings.mounts, settings.data), nothing, made=made)

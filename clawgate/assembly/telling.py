"""Clients that are told of changes: by server-sent events and by websocket."""

from __future__ import annotations

import time
from typing import Any

from ..errors import ClawgateError
from ..gateway.chores import Chore
from ..gateway.overseer import Overseer
from ..gateway.rules import among
from ..log import make_logger
from ..model.people import Actor
from ..protocols.capabilities import Push
from ..protocols.events import PREFIXES, EventStreams
from ..protocols.notify_push import PRE_AUTH, SOCKET, TYPES, NotifyPush
from ..settings import Settings
from ..web.login import Login
from ..web.router import Router
from .core import Core

log = make_logger()

WATCH_SECONDS = 5.0
"""Between looks for credentials that have ended, and signs that spaces for which somebody waits are in use."""


class Telling:
    """Who waits for what, and for how long."""

    def __init__(self, core: Core, login: Login, reactor: Any) -> None:
        """Nothing is started here."""
        self._core = core
        self._overseer = Overseer(core.news, core.judge, core.page_sessions.again, core.app_passwords.again, core.sees)
        self._streams = EventStreams(core.news, self._journaled, login, time.time)
        self._push = None
        if pushes(core.settings):
            self._push = NotifyPush(core.news, self._journaled, login, core.settings.events, reactor, time.time)
            core.revocations.forget.append(self._push.tickets.forget)
            core.user_file.changed.append(self._push.tickets.forget)
        core.revocations.forget.append(core.news.dismiss)
        core.user_file.changed.append(core.news.dismiss)
        core.made_spaces.changed.append(self._have_others)
        self.chores = [
            Chore(reactor, "watching over clients that wait", WATCH_SECONDS, self._watch),
            # Beside the other: a directory may take its time.
            Chore(reactor, "judging clients that wait", WATCH_SECONDS, self._overseer.look),
        ]

    def add(self, router: Router) -> None:
        """Make them known."""
        for prefix in PREFIXES:
            router.add(prefix, self._streams)
        if self._push is not None:
            router.add(SOCKET, self._push.connect)
            router.add(PRE_AUTH, self._push.pre_auth)

    def release(self) -> None:
        """Send everybody away."""
        self._core.news.close()
        if self._push is not None:
            self._push.close()

    async def _journaled(self, actor: Actor) -> list[str]:
        """The spaces whose changes the index hears of; they are open from now on, or nobody would look for changes by others."""
        found = [space for space in await self._core.namespace.spaces(actor) if space.mount not in self._core.eos]
        for space in found:
            try:
                await self._core.storages.of(space)
            except ClawgateError as error:
                # It is heard of as soon as somebody can open it.
                log.warn("{space} cannot be opened for a client that waits: {error}", space=space.id, error=str(error))
        return [space.id for space in found]

    def _have_others(self, members: frozenset[str]) -> None:
        """Some people have other spaces now: they come again, and are told of those."""
        affected = among(members)
        self._core.news.dismiss(lambda actor: affected(actor.user))

    async def _watch(self) -> None:
        if not self._core.news.streams:
            return
        for space in self._core.news.spaces:
            # Whoever is told does not ask, and what nobody asks for is not walked.
            self._core.followers.used(space)
        await self._core.revocations.refresh()
        await self._core.user_file.refresh()
        await self._core.made_spaces.refresh()


def pushes(settings: Settings) -> bool:
    """Whether Nextcloud's programs can be told. Once they are, they do not ask any more: so it must be of all that they see."""
    return settings.events.enabled and settings.events.push and all(mount.driver != "eos" for mount in settings.mounts.values())


def push(settings: Settings) -> Push | None:
    """What they are told of that."""
    return Push(TYPES, SOCKET, PRE_AUTH) if pushes(settings) else None

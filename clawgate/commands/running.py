"""How a command gets at what the gateway works with: all of it while no gateway runs, or a part beside one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from .. import data
from ..errors import SettingsError
from ..settings import Settings

if TYPE_CHECKING:
    from ..assembly import Core

Work = Callable[["Core"], Coroutine[Any, Any, int]]


def with_core(settings: Settings, work: Work) -> int:
    """Run `work` with everything below the protocols started; returns what it returns. Raises what it raises."""

    async def run(core: Core) -> int:
        try:
            await core.start()
            return await work(core)
        finally:
            await core.stop()

    return in_reactor(settings, run)


def with_state(settings: Settings, work: Work) -> int:
    """The same with nothing but the state started: a gateway may be running."""

    async def run(core: Core) -> int:
        core.state_workers.start()
        try:
            await core.state.start()
            return await work(core)
        finally:
            await core.state.stop()
            core.state_workers.stop()

    return in_reactor(settings, run)


def with_index(settings: Settings, work: Work) -> int:
    """The same with nothing but the index started: a gateway may be running."""

    async def run(core: Core) -> int:
        core.index_workers.start()
        try:
            await core.index_database.start()
            return await work(core)
        finally:
            await core.index_database.stop()
            core.index_workers.stop()

    return in_reactor(settings, run)


def in_reactor(settings: Settings, run: Work) -> int:
    """Run `run` with a core of which nothing is started; returns what it returns. Raises what it raises."""
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred

    from .. import log
    from ..assembly import Core

    log.set_level("error")
    core = Core(settings, reactor)
    outcome: list[Any] = []

    def ended(result: Any) -> None:
        outcome.append(result)
        reactor.stop()

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(run(core)).addBoth(ended))
    reactor.run()
    if isinstance(outcome[0], int):
        return outcome[0]
    raise outcome[0].value


def alone_with_core(settings: Settings, work: Work, otherwise: Work | None = None) -> int:
    """`with_core` while no gateway runs. If one does, `otherwise` with the state only; raises `SettingsError` without that."""
    data.make(settings)
    lock = data.Lock(settings)
    if not lock.take():
        if otherwise is None:
            raise SettingsError(f"a gateway works with {settings.data}; stop it first")
        return with_state(settings, otherwise)
    try:
        return with_core(settings, work)
    finally:
        lock.release()

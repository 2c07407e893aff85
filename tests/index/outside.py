"""What the tests of scanning and learning share: walking the space of a house, and looking at what its index says."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from twisted.internet import reactor

from clawgate.index import maintenance, rows
from clawgate.index.idle import Idle
from clawgate.index.learner import Learner, Portions
from clawgate.index.scanner import Measure, Scanner
from clawgate.interfaces import Survey
from clawgate.storage.wrappers.indexed import Indexed

AT_ONCE = 0.0
"""Seconds over which a pass is spread."""


class Known(NamedTuple):
    """One row."""

    id: str
    etag: str
    folder: bool
    learned: bool
    checksums: str


def idle(busy: Callable[[], bool] = lambda: False, longest: float = 60.0) -> Idle:
    return Idle(reactor, busy, longest)


def scanner(storage: Indexed, survey: Survey | None = None, *, folders: int = 3, calls: int = 2, now=None) -> Scanner:
    survey = survey or storage.inner.abilities.survey
    more = {} if now is None else {"now": now}
    return Scanner(storage.index, survey, storage.observer, idle(), Measure(0, folders, calls), **more)


def learner(storage: Indexed, survey: Survey | None = None, *, entries: int = 20, folders: int = 4, pause: Idle | None = None):
    have = storage.inner.abilities
    portions = Portions(folders, entries, 2)
    return Learner(storage.index, survey or have.survey, have.ids, storage.observer, pause or idle(), portions)


async def learn(storage: Indexed, **options) -> Learner:
    """Learn everything."""
    found = learner(storage, **options)
    await storage.stat("")
    while await found.step():
        pass
    return found


async def known(storage: Indexed) -> dict[str, Known]:
    """All that the index says, by path, as it stands in the database."""

    def read(connection):
        found = {}

        def add(path, row):
            node = storage.index.node(row)
            found[path] = Known(row.id, node.etag, row.kind == 2, bool(row.learned), row.checksums)
            for child in rows.children(connection, row.no) if row.kind == 2 else ():
                add(f"{path}/{child.name}" if path else child.name, child)

        add("", rows.root(connection, storage.index.no))
        return found

    return await storage.index.database.read(read)


async def agrees(storage: Indexed) -> bool:
    """Whether `index verify` has nothing to complain of, and everything is learned."""
    findings = await maintenance.verify(storage.index.database, storage.inner, storage.index.id, lambda folders, nodes: None)
    assert findings == [], [(finding.path, finding.text) for finding in findings]
    assert {path for path, row in (await known(storage)).items() if row.folder and not row.learned} == set()
    return True

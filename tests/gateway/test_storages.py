"""One storage for a space, or one for each person who works on it as themselves."""

from __future__ import annotations

import attrs
import pytest

from clawgate.gateway.storages import Storages
from clawgate.model.space import Persona, Space, SpaceKind
from clawgate.storage.memory import MemoryStorage

ANN, BOB = Persona(3001, 3001), Persona(3002, 3002)
HOME = Space("home$ann", "ann", SpaceKind.PERSONAL, "home", "ann", "/srv/ann")
COMMON = Space("common$common", "common", SpaceKind.PROJECT, "common", "", "/srv/common")


@pytest.fixture
def built():
    return []


@pytest.fixture
def storages(built):
    async def build(space):
        built.append((space.id, space.persona))
        return MemoryStorage()

    return Storages(build, 2)


async def test_nobody_gets_what_was_opened_for_somebody_else(storages, built):
    ann, bob = attrs.evolve(COMMON, persona=ANN), attrs.evolve(COMMON, persona=BOB)
    one, other = await storages.of(ann), await storages.of(bob)
    assert one is not other
    assert await storages.of(attrs.evolve(COMMON, persona=Persona(3001, 3001))) is one
    # The same uid with other groups is not the same person.
    assert await storages.of(attrs.evolve(COMMON, persona=Persona(3001, 3001, (5,)))) is not one
    # First came the gateway's own, with which it looks after all of it.
    assert built[0] == (COMMON.id, None)
    assert [space.persona for space, _ in storages.opened()] == [None]
    assert storages.opened()[0][1] not in (one, other)


async def test_those_not_used_for_longest_are_let_go(storages, built):
    people = [attrs.evolve(COMMON, persona=Persona(uid, uid)) for uid in (3001, 3002, 3003)]
    first = await storages.of(people[0])
    await storages.of(people[1])
    assert await storages.of(people[0]) is first
    await storages.of(people[2])
    assert await storages.of(people[0]) is first
    assert len(built) == 4
    await storages.of(people[1])
    assert len(built) == 5
    assert len(storages.opened()) == 1


async def test_a_home_is_its_owners(storages, built):
    ann = attrs.evolve(HOME, persona=ANN)
    storage = await storages.of(ann)
    assert await storages.of(ann) is storage
    assert storages.opened() == [(ann, storage)]
    # The system now tells another uid or other groups.
    changed = attrs.evolve(HOME, persona=Persona(3001, 3001, (7,)))
    assert await storages.of(changed) is not storage
    assert [space for space, _ in storages.opened()] == [changed]
    assert built == [(HOME.id, ANN), (HOME.id, changed.persona)]

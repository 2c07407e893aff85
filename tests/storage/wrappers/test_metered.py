from __future__ import annotations

from collections import Counter

import pytest
import pytest_twisted

from clawgate.errors import NotFound
from clawgate.interfaces import Piece
from clawgate.model.content import Intent
from clawgate.model.path import ROOT, Path
from clawgate.storage.memory import MemoryStorage
from clawgate.storage.wrappers.metered import Metered
from clawgate.testing.conformance import StorageConformance, body_of


class TestMetered(StorageConformance):
    @pytest.fixture
    def storage(self):
        return Metered(MemoryStorage(), lambda method, seconds, good: None)


@pytest_twisted.ensureDeferred
async def test_every_call_is_told():
    calls: Counter[tuple[str, bool]] = Counter()
    now = iter(range(100))
    times = []

    def observe(method, seconds, good):
        calls[method, good] += 1
        times.append(seconds)

    storage = Metered(MemoryStorage(), observe, clock=lambda: next(now))
    await storage.write(Path("a"), body_of(b"x"), Intent())
    await storage.list(ROOT)
    await storage.list(ROOT)
    with pytest.raises(NotFound):
        await storage.stat(Path("b"))
    await storage.abilities.ids.identify(ROOT, ["a"])
    parts = storage.abilities.parts
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(b"x"))
    assembled = await parts.assemble([Piece(handle, 0, 1)])
    await parts.finish(assembled, Path("b"), Intent())
    await parts.published(assembled, Path("b"))
    await parts.abort(handle)
    assert calls == {
        ("write", True): 1,
        ("list", True): 2,
        ("stat", False): 1,
        ("identify", True): 1,
        ("begin", True): 1,
        ("write_at", True): 1,
        ("assemble", True): 1,
        ("finish", True): 1,
        ("published", True): 1,
        ("abort", True): 1,
    }
    assert set(times) == {1}

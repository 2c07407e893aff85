"""What storages lack is not tested; what they have is."""

from __future__ import annotations

import pytest

from clawgate.testing.conformance import StorageConformance
from clawgate.testing.tools import ABILITIES, Suite, needs


def collected(suite: type) -> set[str]:
    return {name for name in dir(suite) if name.startswith("test_") and getattr(suite, name) is not None}


def test_only_what_is_lacked_is_left_out() -> None:
    class Keeps(StorageConformance):
        pass

    class Lacks(StorageConformance):
        lacks = frozenset({"trash"})

    left_out = collected(Keeps) - collected(Lacks)
    assert collected(Keeps) == collected(StorageConformance) >= collected(Lacks)
    assert left_out and all("trash" in Keeps.__dict__.get(name, getattr(Keeps, name)).__code__.co_varnames for name in left_out)


def test_who_has_it_after_all_is_told() -> None:
    class Lacks(Suite):
        lacks = frozenset({"copy"})

        @needs("copy")
        async def test_copies(self) -> None:
            pass

    assert Lacks.test_copies is None
    with pytest.raises(AssertionError, match=r"Has\.lacks must name what Lacks lacks: copy"):

        class Has(Lacks):
            lacks = frozenset()

    with pytest.raises(AssertionError, match="no such ability: wings"):

        class Flies(Suite):
            lacks = frozenset({"wings"})

    assert "copy" in ABILITIES

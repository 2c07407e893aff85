"""What every storage has to do: one suite that each driver and each stack of wrappers runs.

A driver's whole test file::

    import pytest
    from clawgate.testing.conformance import StorageConformance

    class TestMine(StorageConformance):
        @pytest.fixture
        def storage(self):
            return MyStorage()

The reactor is pytest-twisted's, which awaits the coroutines. What the storage cannot do the class names, and nothing of it is
collected::

        lacks = frozenset({"trash", "versions"})

Tests of abilities that are neither there nor named are skipped. What is asked of which ability stands in `suites` and `history`,
one a file.
"""

from __future__ import annotations

from .history import HistoryConformance
from .parts import PartsConformance
from .suites.copying import CopyingConformance
from .suites.folders import FoldersConformance
from .suites.ids import IdsConformance
from .suites.looking import LookingConformance
from .suites.moving import MovingConformance
from .suites.quota import QuotaConformance
from .suites.reading import ReadingConformance
from .suites.rivals import RivalsConformance
from .suites.times import TimesConformance
from .suites.writing import WritingConformance
from .tools import (
    LARGE,
    MTIME,
    NAMES,
    SMALL,
    Broken,
    Held,
    body_of,
    breaking,
    children,
    forbidden,
    get,
    outcomes,
    put,
    start,
    tree,
)

__all__ = [
    "LARGE",
    "MTIME",
    "NAMES",
    "SMALL",
    "Broken",
    "Held",
    "StorageConformance",
    "body_of",
    "breaking",
    "children",
    "forbidden",
    "get",
    "outcomes",
    "put",
    "start",
    "tree",
]


class StorageConformance(
    LookingConformance,
    ReadingConformance,
    WritingConformance,
    RivalsConformance,
    FoldersConformance,
    MovingConformance,
    IdsConformance,
    CopyingConformance,
    TimesConformance,
    QuotaConformance,
    PartsConformance,
    HistoryConformance,
):
    """Derive, give a fixture ``storage`` (an empty one), and override what is said to be overridable."""

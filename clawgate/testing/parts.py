"""What a storage has to do that takes content in pieces; a part of `conformance`.

`suites.parts` has the tests. This is where drivers take the suite from, and the contents that it uploads.
"""

from __future__ import annotations

from .suites.parts.assembling import AssemblingConformance
from .suites.parts.checksums import ChecksumsConformance
from .suites.parts.content import ContentConformance
from .suites.parts.finishing import FinishingConformance
from .suites.parts.handles import HandlesConformance
from .suites.parts.pieces import NO_HANDLES, ORDERS, OTHER, PIECES, WRONG, Writes, pieces_of, sha1, written_over
from .suites.parts.published import PublishedConformance
from .suites.parts.rivals import RivalsConformance

__all__ = [
    "NO_HANDLES",
    "ORDERS",
    "OTHER",
    "PIECES",
    "WRONG",
    "PartsConformance",
    "Writes",
    "pieces_of",
    "sha1",
    "written_over",
]


class PartsConformance(
    ContentConformance,
    ChecksumsConformance,
    FinishingConformance,
    PublishedConformance,
    AssemblingConformance,
    RivalsConformance,
    HandlesConformance,
):
    """See `conformance.StorageConformance`."""

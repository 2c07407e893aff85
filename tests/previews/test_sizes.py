from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.previews.sizes import WAYS, cut

SIDES = st.integers(1, 70000)


@pytest.mark.parametrize(
    ("way", "frame", "enlarge", "size", "box"),
    [
        ("fit", (100, 100), False, (100, 50), (0, 0, 400, 200)),
        ("fit", (1000, 1000), False, (400, 200), (0, 0, 400, 200)),
        ("fit", (1000, 1000), True, (1000, 500), (0, 0, 400, 200)),
        ("fill", (100, 100), False, (100, 100), (100, 0, 300, 200)),
        ("fill", (1000, 1000), False, (200, 200), (100, 0, 300, 200)),
        ("fill", (1000, 1000), True, (1000, 1000), (100, 0, 300, 200)),
        ("cover", (100, 100), False, (200, 100), (0, 0, 400, 200)),
        ("resize", (100, 100), False, (100, 100), (0, 0, 400, 200)),
        ("resize", (100, 1000), False, (100, 200), (0, 0, 400, 200)),
    ],
)
def test_shapes(way, frame, enlarge, size, box):
    assert cut(way, (400, 200), frame, enlarge) == (box, size)


@given(st.sampled_from(WAYS), st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), st.booleans())
def test_what_is_cut_out_lies_within(way, original, frame, enlarge):
    (left, upper, right, lower), size = cut(way, original, frame, enlarge)

    assert 0 <= left < right <= original[0] + 1e-6
    assert 0 <= upper < lower <= original[1] + 1e-6
    assert min(size) >= 1
    if way != "cover":
        assert size[0] <= frame[0] + 1 and size[1] <= frame[1] + 1
    if not enlarge:
        assert size[0] <= original[0] and size[1] <= original[1]

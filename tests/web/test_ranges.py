from __future__ import annotations

from contextlib import suppress

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st

from clawgate.errors import RangeNotSatisfiable
from clawgate.interfaces import Body, Reader
from clawgate.web import ranges

small = st.integers(0, 40)
spec = st.one_of(
    st.builds("{}-".format, small),
    st.builds("-{}".format, small),
    st.tuples(small, small).map(lambda pair: f"{min(pair)}-{max(pair)}"),
)


@given(st.lists(spec, min_size=1, max_size=8), small)
def test_exactly_the_bytes_asked_for(specs: list[str], size: int) -> None:
    wanted: set[int] = set()
    for text in specs:
        first, _, last = text.partition("-")
        if not first:
            wanted |= set(range(max(0, size - int(last)), size))
        else:
            wanted |= set(range(int(first), min(size, int(last) + 1 if last else size)))
    try:
        found = ranges.parse("bytes=" + ", ".join(specs), size)
    except RangeNotSatisfiable as error:
        assert not wanted
        assert error.size == size
        return
    if found is None:
        assert size == 0
        return
    assert all(start < stop for start, stop in found)
    covered = [byte for start, stop in found for byte in range(start, stop)]
    assert len(covered) == len(set(covered))
    assert set(covered) == wanted


@given(st.text(max_size=30), small)
def test_garbage_raises_nothing_else(text: str, size: int) -> None:
    with suppress(RangeNotSatisfiable):
        ranges.parse("bytes=" + text, size)


def test_ignored() -> None:
    for value in (
        None,
        "",
        "bytes",
        "items=0-1",
        "bytes=",
        "bytes=,",
        "bytes=5-4",
        "bytes=a-b",
        "bytes=1",
        "bytes=0-1,x",
        "bytes=--1",
    ):
        assert ranges.parse(value, 100) is None
    assert ranges.parse("bytes=" + "0-0," * 17, 100) is None
    assert ranges.parse("bytes=0-" + "9" * 5000, 100) is None
    assert ranges.parse("bytes=-5", 0) is None


def test_order_is_kept_unless_joined() -> None:
    assert ranges.parse("bytes=50-59, 0-9", 100) == [(50, 60), (0, 10)]
    assert ranges.parse("Bytes = 50-59,0-9,5-20", 100) == [(0, 21), (50, 60)]
    assert ranges.parse("bytes=-1000", 100) == [(0, 100)]
    assert ranges.parse("bytes=0-0,200-300", 100) == [(0, 1)]
    for value in ("bytes=100-", "bytes=-0", "bytes=100-200,300-"):
        with pytest.raises(RangeNotSatisfiable):
            ranges.parse(value, 100)


class Memory(Reader):
    def __init__(self, data: bytes) -> None:
        self.data = data

    async def stream(self, start: int = 0, stop: int | None = None) -> Body:
        for at in range(start, stop if stop is not None else len(self.data), 7):
            yield self.data[at : min(at + 7, stop or len(self.data))]

    async def close(self) -> None:
        pass


@pytest_twisted.ensureDeferred
async def test_multipart_has_the_announced_length() -> None:
    data = bytes(range(100))
    body = ranges.Multipart([(0, 10), (50, 99)], 100, b"text/plain", b"XYZ")
    sent = b"".join([piece async for piece in body.stream(Memory(data))])
    assert len(sent) == body.length
    assert body.content_type == b"multipart/byteranges; boundary=XYZ"
    assert sent == (
        b"--XYZ\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-9/100\r\n\r\n"
        + data[:10]
        + b"\r\n--XYZ\r\nContent-Type: text/plain\r\nContent-Range: bytes 50-98/100\r\n\r\n"
        + data[50:99]
        + b"\r\n--XYZ--\r\n"
    )

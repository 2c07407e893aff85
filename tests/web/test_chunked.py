from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.errors import InvalidRequest
from clawgate.web.chunked import ChunkedDecoder


def encode(chunks: list[bytes], extension: bytes = b"", trailers: bytes = b"") -> bytes:
    return b"".join(b"%x%b\r\n%b\r\n" % (len(c), extension, c) for c in chunks if c) + b"0\r\n" + trailers + b"\r\n"


def decode(data: bytes, cuts: list[int]) -> tuple[bytes, bytes, bool]:
    decoder = ChunkedDecoder()
    found = b""
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    start = 0
    for end in ends:
        if decoder.finished:
            return found, decoder.rest + data[start:], True
        if start < end:
            found += decoder.feed(data[start:end])
        start = end
    return found, decoder.rest, decoder.finished


@given(
    st.lists(st.binary(max_size=300), max_size=10),
    st.sampled_from([b"", b";a", b';a="b;c"', b" ; a=b"]),
    st.sampled_from([b"", b"X: y\r\n", b"A: b\r\nC: d\r\n"]),
    st.binary(max_size=30),
    st.lists(st.integers(0, 2000), max_size=20),
)
def test_any_split_gives_the_content(
    chunks: list[bytes], extension: bytes, trailers: bytes, rest: bytes, cuts: list[int]
) -> None:
    assert decode(encode(chunks, extension, trailers) + rest, cuts) == (b"".join(chunks), rest, True)


@given(st.binary(max_size=100), st.lists(st.integers(0, 100), max_size=5))
def test_garbage_raises_nothing_else(data: bytes, cuts: list[int]) -> None:
    with suppress(InvalidRequest):
        decode(data, cuts)


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5), st.data())
def test_truncated_is_never_complete(chunks: list[bytes], data: st.DataObject) -> None:
    whole = encode(chunks)
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert decode(whole[:cut], [])[2] is False


@pytest.mark.parametrize(
    "data",
    [
        b"g\r\n",
        b"\r\n",
        b"-1\r\n",
        b"0x1\r\n",
        b"1\r\nab\r\n",
        b"1\r\na\n\n",
        b"f" * 16 + b"\r\n",
        b"1;\x01\r\n",
        b" 1\r\n",
        b"1" * 2000,
        b"0\r\nno colon\r\n",
        b"0\r\n: no name\r\n",
        b"0\r\nA B: blank in the name\r\n",
        b"0\r\n folded: line\r\n",
        b"0\r\nA: stray\rCR\r\n",
        b"0\r\nA: stray\nLF\r\n",
        b"0\r\nA: NUL\0\r\n",
    ],
)
def test_broken(data: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode(data, [])
    with pytest.raises(InvalidRequest):
        decode(data, list(range(len(data))))


@given(st.lists(st.integers(0, 60), max_size=10))
def test_trailers(cuts: list[int]) -> None:
    data = encode([b"content"], trailers=b"X-A:  1 \r\nx-a: 2\r\nUpload-Checksum: sha1 abc=\r\n")
    decoder = ChunkedDecoder()
    start = 0
    for end in sorted({*cuts, len(data)}):
        assert not decoder.finished
        if start < end:
            decoder.feed(data[start:end])
        start = max(start, end)
    assert decoder.finished
    assert decoder.trailers == {"x-a": ["1", "2"], "upload-checksum": ["sha1 abc="]}


def test_trailers_are_bounded() -> None:
    decoder = ChunkedDecoder()
    with pytest.raises(InvalidRequest):
        decoder.feed(b"0\r\n" + b"X: y\r\n" * 5000)

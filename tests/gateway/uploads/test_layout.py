from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.errors import InvalidRequest, LengthMismatch
from clawgate.gateway.uploads.layout import END, MOST, Chunk, complete, in_order, number, ordered, place
from clawgate.model.upload import Part


def part(name: str, start: int, stop: int) -> Part:
    return Part(name, start, stop)


A, B, C = part("0", 0, 10), part("1", 10, 20), part("2", 20, 30)


def test_what_has_arrived_and_is_still_under_way_counts_once() -> None:
    assert place(Chunk("2", 10, index=2), [A, B], [B], 30) == C


def overlap(one: Part, two: Part) -> bool:
    return max(one.start, two.start) < min(one.stop, two.stop)


# Chunks that say where they begin


@pytest.mark.parametrize(
    ("chunk", "known", "size", "expected"),
    [
        (Chunk("a", 10, 0), [], None, (0, 10)),
        (Chunk("a", 10, 90), [], 100, (90, 100)),
        (Chunk("b", 10, 10), [A, C], 30, (10, 20)),
        # sent again, also with another length or elsewhere: what it was does not stand in its way
        (Chunk("1", 10, 10), [A, B, C], 30, (10, 20)),
        (Chunk("1", 5, 10), [B], 30, (10, 15)),
        (Chunk("1", 10, 15), [B], 30, (15, 25)),
        # empty: anywhere
        (Chunk("9", 0, 30), [A, B, C], 30, (30, 30)),
        (Chunk("9", 0, 15), [A, B, C], 30, (15, 15)),
        # of unknown length: up to the end, or to what follows
        (Chunk("a", None, 10), [A], None, (10, END)),
        (Chunk("a", None, 10), [A], 100, (10, 100)),
        (Chunk("a", None, 10), [A, part("3", 40, 40)], 100, (10, 100)),
        (Chunk("a", None, 10), [A, C, part("3", 40, 50)], 100, (10, 20)),
        (Chunk("1", None, 10), [A, B, C], 100, (10, 20)),
        (Chunk("a", None, 100), [A], 100, (100, 100)),
    ],
)
def test_explicit(chunk: Chunk, known: list[Part], size: int | None, expected: tuple[int, int]) -> None:
    # What flies there is not asked: it is waited for.
    assert place(chunk, known, [part("x", 0, 1000)], size) == (chunk.name, *expected)


@pytest.mark.parametrize(
    ("chunk", "known", "size", "text"),
    [
        (Chunk("x", 10, 5), [A], None, "chunk x overlaps chunk 0"),
        (Chunk("x", 30, 5), [B], None, "chunk x overlaps chunk 1"),
        (Chunk("x", 1, 0), [A], None, "chunk x overlaps chunk 0"),
        (Chunk("x", None, 0), [A], None, "chunk x overlaps chunk 0"),
        (Chunk("x", None, 5), [A], None, "chunk x overlaps chunk 0"),
        (Chunk("x", 11, 90), [], 100, "reaches beyond the 100 bytes"),
        (Chunk("x", 0, 101), [], 100, "reaches beyond the 100 bytes"),
        (Chunk("x", None, 101), [], 100, "reaches beyond the 100 bytes"),
    ],
)
def test_explicit_refused(chunk: Chunk, known: list[Part], size: int | None, text: str) -> None:
    with pytest.raises(InvalidRequest, match=text):
        place(chunk, known, [], size)


# Chunks that have a number only


@pytest.mark.parametrize(
    ("chunk", "known", "flying", "size", "expected"),
    [
        # the first one, whichever it is
        (Chunk("0", 10, index=0), [], [], None, (0, 10)),
        (Chunk("1", 10, index=1), [], [], None, (0, 10)),
        (Chunk("3", 10, index=3), [], [], None, (20, 30)),
        # beside neighbours, counted from 0 or 1, there or on their way
        (Chunk("1", 7, index=1), [A], [], None, (10, 17)),
        (Chunk("1", 7, index=1), [], [A], None, (10, 17)),
        (Chunk("1", 10, index=1), [C], [], None, (10, 20)),
        (Chunk("2", 10, index=2), [part("1", 0, 10)], [], None, (10, 20)),
        (Chunk("3", 5, index=3), [part("1", 0, 10)], [], None, (20, 25)),
        (Chunk("3", 5, index=3), [A], [], None, (30, 35)),
        # the last one comes first
        (Chunk("4", 3, index=4, last=True), [], [], 43, (40, 43)),
        (Chunk("4", 3, index=4, last=True, stride=10), [], [], None, (40, 43)),
        (Chunk("4", 3, index=4), [A], [], 43, (40, 43)),
        (Chunk("4", 9, index=4), [A], [], 40, (31, 40)),
        # the client said how long the others are
        (Chunk("1", 10, index=1, stride=10), [], [], None, (10, 20)),
        # an empty one tells nothing about its neighbours
        (Chunk("2", 10, index=2), [part("1", 5, 5)], [], None, (10, 20)),
        (Chunk("5", 0, index=5), [A], [], None, (50, 50)),
        # taken: behind all others
        (Chunk("1", 10, index=1), [part("7", 5, 15)], [], None, (15, 25)),
        (Chunk("1", 10, index=1), [], [part("7", 5, 15)], None, (15, 25)),
        # no place at all
        (Chunk("99", 10, index=10**30), [A], [], None, (10, 20)),
        (Chunk("99", 10, index=MOST + 2), [], [], None, (0, 10)),
        # sent again: where it was, if it still fits there
        (Chunk("1", 10, index=1), [A, B, C], [], 30, (10, 20)),
        (Chunk("1", 4, index=1), [A, B, C], [], 30, (10, 14)),
        (Chunk("1", 12, index=1), [A, B, C], [], 40, (30, 42)),
    ],
)
def test_numbered(chunk: Chunk, known: list[Part], flying: list[Part], size: int | None, expected: tuple[int, int]) -> None:
    assert place(chunk, known, flying, size) == (chunk.name, *expected)


def test_one_that_is_on_its_way_twice_is_counted_once() -> None:
    assert place(Chunk("2", 10, index=2), [A], [part("1", 10, 20), part("1", 40, 50)], 30) == ("2", 20, 30)


@pytest.mark.parametrize(
    ("chunk", "known", "expected"),
    [
        (Chunk("0", None, index=0), [], (0, END)),
        (Chunk("2", None, index=2), [A, B], (20, END)),
        (Chunk("2", None, index=2), [A, B, C], (20, END)),
    ],
)
def test_numbered_without_length(chunk: Chunk, known: list[Part], expected: tuple[int, int]) -> None:
    assert place(chunk, known, [], None) == (chunk.name, *expected)
    assert place(chunk, known, [], 50) == (chunk.name, expected[0], 50)


@pytest.mark.parametrize(
    ("chunk", "known", "size", "text"),
    [
        (Chunk("2", None, index=2), [A], None, "needs a Content-Length"),
        (Chunk("1", None, index=1), [A, B, C], None, "needs a Content-Length"),
        (Chunk("3", 1, index=3), [A, B, C], 30, "there are more than the 30 bytes"),
        (Chunk("3", 31, index=3), [], 30, "there are more than the 30 bytes"),
        (Chunk("3", 10, index=3), [part("9", 0, END - 5)], None, "no room"),
    ],
)
def test_numbered_refused(chunk: Chunk, known: list[Part], size: int | None, text: str) -> None:
    with pytest.raises(InvalidRequest, match=text):
        place(chunk, known, [], size)


# The whole


@pytest.mark.parametrize(
    ("parts", "size", "expected"),
    [
        ([], 0, []),
        ([part("0", 0, 0)], None, []),
        ([C, A, B], 30, [A, B, C]),
        ([A, B, part("2", 500, 500)], None, [A, B]),
        ([A, part("1", 500, 500), part("2", 10, 20)], None, [A, part("2", 10, 20)]),
        # out of place, but the numbers tell
        ([part("2", 0, 10), part("1", 10, 20)], 20, [part("1", 10, 20), part("2", 0, 10)]),
        ([part("2", 0, 10), part("1", 30, 40)], None, [part("1", 30, 40), part("2", 0, 10)]),
        ([part("7", 0, 10), part("5", 30, 40)], 20, [part("5", 30, 40), part("7", 0, 10)]),
        ([part("0", 0, 1), part("2", 2, 3), part("3", 3, 4)], 3, [part("0", 0, 1), part("2", 2, 3), part("3", 3, 4)]),
        # names are offsets
        ([part("0000-0009", 0, 10), part("0010-0014", 10, 15)], None, [part("0000-0009", 0, 10), part("0010-0014", 10, 15)]),
        ([part("x", 0, 10)], None, [part("x", 0, 10)]),
        ([part("x", 0, 10), part("y", 10, 12)], None, [part("x", 0, 10), part("y", 10, 12)]),
    ],
)
def test_complete(parts: list[Part], size: int | None, expected: list[Part]) -> None:
    assert complete(parts, size) == expected


@pytest.mark.parametrize(
    ("parts", "size", "error", "text"),
    [
        ([A, B], 30, LengthMismatch, "20 bytes arrived, 30 were announced"),
        ([A, B, C], 25, LengthMismatch, "30 bytes arrived, 25 were announced"),
        ([], None, InvalidRequest, "no chunk has arrived"),
        # named by offsets: whatever the sum, a hole is a hole
        ([part("0", 0, 10), part("20", 20, 30)], 20, InvalidRequest, "missing from 10 on"),
        ([part("20", 20, 30)], None, InvalidRequest, "missing from 0 on"),
        # numbers
        ([A, C], None, InvalidRequest, "chunk 1 is missing"),
        ([part("2", 10, 20), part("3", 20, 30)], None, InvalidRequest, "chunk 1 is missing"),
        ([part("1", 0, 10), part("3", 10, 20)], None, InvalidRequest, "chunk 2 is missing"),
        ([part("1", 0, 10), part("01", 10, 20)], None, InvalidRequest, "chunks 1 and 01 have the same number"),
        ([part("1", 0, 10), part("01", 10, 20)], 20, InvalidRequest, "chunks 1 and 01 have the same number"),
        ([part("x", 10, 20), part("1", 0, 10)], 20, InvalidRequest, "chunk x has no number"),
    ],
)
def test_incomplete(parts: list[Part], size: int | None, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        complete(parts, size)


def test_numbers() -> None:
    assert number(part("000012-000019", 0, 1)) == 12
    assert number(part("chunk7of9", 0, 1)) == 7
    assert number(part("", 0, 1)) == 0
    assert number(part("9" * 10_000, 0, 1)) == int("9" * 100)


# Any client


@st.composite
def uploads(draw: st.DrawFn) -> tuple[list[Chunk], bytes, int | None, int]:
    """Numbered chunks of one file in any order, its content, its length if it is announced, and how many come at a time."""
    stride = draw(st.integers(1, 6))
    count = draw(st.integers(1, 8))
    rest = draw(st.integers(1, stride))
    base = draw(st.sampled_from([0, 1]))
    size = stride * (count - 1) + rest
    content = bytes(range(size))
    v1 = base == 0 and draw(st.booleans())
    chunks = [
        Chunk(
            f"{base + i:05}" if base else str(i),
            rest if i == count - 1 else stride,
            index=base + i,
            last=v1 and i == count - 1,
            stride=(stride if i < count - 1 else None) if v1 else None,
        )
        for i in range(count)
    ]
    total = draw(st.sampled_from([None, size]))
    return draw(st.permutations(chunks)), content, total, draw(st.integers(1, 4))


def send(
    chunks: list[Chunk], content: bytes, size: int | None, parallel: int, sources: dict[str, bytes]
) -> tuple[list[Part], bytes]:
    """What comes of chunks that are placed one after the other, `parallel` of them on their way at any time."""
    known: list[Part] = []
    flying: list[Part] = []
    file = bytearray(1000)
    for chunk in chunks:
        if len(flying) == parallel:
            known.append(flying.pop(0))
        there = [*known, *flying]
        found = place(chunk, known, flying, size)
        assert found.stop - found.start == chunk.length
        assert not [other for other in there if other.name != chunk.name and overlap(other, found)], (found, there)
        known = [other for other in known if other.name != chunk.name]
        file[found.start : found.stop] = sources[chunk.name]
        flying.append(found)
    known += flying
    return known, b"".join(bytes(file[one.start : one.stop]) for one in complete(known, size))


@given(uploads())
def test_any_order_gives_the_file(upload: tuple[list[Chunk], bytes, int | None, int]) -> None:
    chunks, content, size, parallel = upload
    in_turn = sorted(chunks, key=lambda chunk: chunk.index)
    ends = [0]
    for chunk in in_turn:
        ends.append(ends[-1] + (chunk.length or 0))
    sources = {chunk.name: content[ends[i] : ends[i + 1]] for i, chunk in enumerate(in_turn)}

    parts, found = send(chunks, content, size, parallel, sources)
    assert found == content
    # Where the guess has all it needs it is right: nothing has to be copied.
    if chunks == in_turn or (in_turn[-1].last and size is not None):
        assert in_order(ordered(parts))


@given(uploads(), st.data())
def test_chunks_that_are_sent_again(upload: tuple[list[Chunk], bytes, int | None, int], data: st.DataObject) -> None:
    chunks, content, size, _ = upload
    in_turn = sorted(chunks, key=lambda chunk: chunk.index)
    ends = [0]
    for chunk in in_turn:
        ends.append(ends[-1] + (chunk.length or 0))
    sources = {chunk.name: content[ends[i] : ends[i + 1]] for i, chunk in enumerate(in_turn)}
    again = data.draw(st.lists(st.sampled_from(chunks), max_size=5))
    order = data.draw(st.permutations([*chunks, *again]))

    _, found = send(order, content, size, 1, sources)
    assert found == content


@given(st.lists(st.integers(1, 9), min_size=1, max_size=9), st.booleans(), st.randoms(use_true_random=False), st.integers(1, 4))
def test_unequal_chunks(lengths: list[int], empty: bool, random: object, parallel: int) -> None:
    """And the empty one at the end that the Android app sends."""
    lengths = [*lengths, 0] if empty else lengths
    size = sum(lengths)
    content = bytes(range(size))
    chunks, sources, at = [], {}, 0
    for i, length in enumerate(lengths):
        chunks.append(Chunk(str(i), length, index=i))
        sources[str(i)] = content[at : at + length]
        at += length
    order = list(chunks)
    random.shuffle(order)  # type: ignore[attr-defined]

    _, found = send(order, content, size, parallel, sources)
    assert found == content


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.one_of(st.none(), st.integers(0, 20)), st.integers(0, 5), st.booleans()),
        max_size=12,
    ),
    st.one_of(st.none(), st.integers(0, 60)),
)
def test_nothing_overlaps(asked: list[tuple[int, int | None, int, bool]], size: int | None) -> None:
    """Whatever chunks come, explicit and numbered ones mixed."""
    known: list[Part] = []
    kinds = set()
    for start, length, name, explicit in asked:
        chunk = Chunk(str(name), length, start=start if explicit else None, index=name)
        try:
            found = place(chunk, known, [], size)
        except InvalidRequest:
            continue
        if length is None:
            found = found._replace(stop=min(found.stop, found.start + 7))
        assert 0 <= found.start <= found.stop
        assert not [other for other in known if other.name != found.name and overlap(other, found)]
        known = [*(other for other in known if other.name != found.name), found]
        kinds.add(explicit)
        if size is not None and len(kinds) == 1:
            assert sum(one.stop - one.start for one in known) <= size

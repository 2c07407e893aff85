"""Where chunks lie in the one file that holds them all, and whether they make up a whole. Pure.

A chunk that says its offset goes there. One that only has a number goes where it belongs if its neighbours are known, else where
it belongs if all chunks but the last have the same length, which is what clients do. Only when that guess turns out to be wrong
must the file be put together anew before it is published (`in_order` says so).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import attrs

from ...errors import InvalidRequest, LengthMismatch
from ...model.upload import Part

END = 2**63 - 1
"""Where a range stops whose length nothing limits; no storage holds more bytes."""
MOST = 100_000
"""A number further from the first one is no position in the file: clients that send so many chunks do not exist."""

_NUMBER = re.compile(r"[0-9]{1,100}")


@attrs.frozen
class Chunk:
    """What a client says of a chunk."""

    name: str
    length: int | None
    """Bytes; None: not announced."""
    start: int | None = None
    """The byte at which it begins; None: only its number is known."""
    index: int = 0
    """Its number."""
    last: bool = False
    """Known to be the last one, which may be shorter than the others."""
    stride: int | None = None
    """The length of all chunks but the last, if the client said so; the first one has the number 0 then."""


def place(chunk: Chunk, known: Sequence[Part], flying: Sequence[Part], size: int | None) -> Part:
    """The range to write `chunk` to; if its length is not announced, the range that it may not leave.

    `known` have arrived, `flying` are on their way; `size` is the announced whole. For a chunk with a `start` only those of
    `known` need to be given that overlap it (if its length is not announced: that end behind its start); it has to wait until
    nobody else writes there. Raises `InvalidRequest` if it overlaps others, if there are more than `size` bytes with it, or if it
    must follow others that are not here.
    """
    if chunk.start is not None:
        return _explicit(chunk, chunk.start, [part for part in known if part.name != chunk.name], size)
    # Who has noted its chunk and is about to leave is both.
    others = list({part.name: part for part in (*known, *flying) if part.name != chunk.name}.values())
    length = chunk.length or 0
    # One that comes anew may be on its way twice.
    lengths = {part.name: part.stop - part.start for part in others}
    if size is not None and sum(lengths.values()) + length > size:
        raise InvalidRequest(f"with chunk {chunk.name} there are more than the {size} bytes that were announced")
    if chunk.length is None:
        return _unmeasured(chunk, others, size)
    again = next((part for part in known if part.name == chunk.name), None)
    if again is not None and again.stop - again.start >= length:
        return Part(chunk.name, again.start, again.start + length)
    for start in _guesses(chunk, length, others, size):
        if 0 <= start <= (END if size is None else size) - length and _clash(others, start, start + length) is None:
            return Part(chunk.name, start, start + length)
    start = max((part.stop for part in others), default=0)
    if start + length > END:
        raise InvalidRequest(f"there is no room for chunk {chunk.name}")
    return Part(chunk.name, start, start + length)


def number(part: Part) -> int:
    """By which parts are ordered: the first number in the name; 0 if there is none."""
    found = _NUMBER.search(part.name)
    return int(found[0]) if found else 0


def ordered(parts: Iterable[Part]) -> list[Part]:
    """The parts that hold bytes, as they follow one another in the whole."""
    return sorted((part for part in parts if part.stop > part.start), key=lambda part: (number(part), part.start))


def in_order(parts: Sequence[Part]) -> bool:
    """Whether `ordered` parts lie one after the other from the first byte on."""
    return not parts or (parts[0].start == 0 and all(one.stop == other.start for one, other in pairwise(parts)))


def complete(parts: Sequence[Part], size: int | None) -> list[Part]:
    """The `ordered` parts, once it is sure that they make up a whole of `size` bytes (None: its length was not announced).

    Raises `LengthMismatch` if there are more or less, `InvalidRequest` if bytes or chunks are missing, or if it cannot be told in
    which order they belong.
    """
    found = ordered(parts)
    total = sum(part.stop - part.start for part in found)
    if size is not None and total != size:
        raise LengthMismatch(f"{total} bytes arrived, {size} were announced")
    if size is None and not parts:
        raise InvalidRequest("no chunk has arrived")
    straight = in_order(found)
    # Chunks of one byte are where their number says in any case.
    offsets = all(number(part) == part.start for part in found) and any(part.stop - part.start > 1 for part in found)
    if offsets and not straight:
        raise InvalidRequest(f"bytes are missing from {_gap(found)} on")
    nameless = next((part for part in found if not _NUMBER.search(part.name)), None)
    if nameless is not None and not straight:
        raise InvalidRequest(f"chunk {nameless.name} has no number: it is not known where it belongs")
    if not offsets and nameless is None:
        _check_numbers(found)
        if size is None:
            _check_for_gaps(parts)
    return found


def _check_numbers(found: Sequence[Part]) -> None:
    """Whether the numbers of `ordered` parts tell their order."""
    for one, other in pairwise(found):
        if number(one) == number(other):
            raise InvalidRequest(f"chunks {one.name} and {other.name} have the same number: it is not known which comes first")


def _check_for_gaps(parts: Sequence[Part]) -> None:
    """Whether there is a chunk for every number; they are counted from 0 or 1."""
    numbers = sorted(map(number, parts))
    for before, after in pairwise([min(numbers[0], 1) - 1, *numbers]):
        if after > before + 1:
            raise InvalidRequest(f"chunk {before + 1} is missing")


def _gap(parts: Sequence[Part]) -> int:
    end = 0
    for part in parts:
        if part.start != end:
            break
        end = part.stop
    return end


def _explicit(chunk: Chunk, start: int, others: Sequence[Part], size: int | None) -> Part:
    if size is not None and start + (chunk.length or 0) > size:
        raise InvalidRequest(f"chunk {chunk.name} reaches beyond the {size} bytes that were announced")
    stop = start + chunk.length if chunk.length is not None else END if size is None else size
    if chunk.length is None:
        stop = min([stop, *(part.start for part in others if part.stop > part.start > start)])
    clash = _clash(others, start, stop)
    if clash is not None:
        raise InvalidRequest(f"chunk {chunk.name} overlaps chunk {clash.name}")
    return Part(chunk.name, start, stop)


def _guesses(chunk: Chunk, length: int, others: Sequence[Part], size: int | None) -> Iterable[int]:
    """Where a chunk may belong, the best guess first."""
    by_number = {number(part): part for part in others if part.stop > part.start}
    before, after = by_number.get(chunk.index - 1), by_number.get(chunk.index + 1)
    if before is not None:
        yield before.stop
    if after is not None:
        yield after.start - length
    if chunk.last and size is not None:
        yield size - length
    base = 0 if chunk.index == 0 or chunk.last or chunk.stride is not None or 0 in by_number else 1
    if 0 <= chunk.index - base <= MOST:
        start = (chunk.index - base) * (chunk.stride or max([length, *(part.stop - part.start for part in others)]))
        # The last one is shorter than the others and may have come first.
        yield start if size is None or start + length <= size else size - length


def _unmeasured(chunk: Chunk, others: Sequence[Part], size: int | None) -> Part:
    """Nothing may come behind a chunk whose end is not known."""
    last = max(others, key=lambda part: part.stop, default=None)
    if last is not None and number(last) != chunk.index - 1:
        raise InvalidRequest(f"chunk {chunk.name} needs a Content-Length, or must follow the one before it")
    start = 0 if last is None else last.stop
    return Part(chunk.name, start, END if size is None else max(start, size))


def _clash(parts: Iterable[Part], start: int, stop: int) -> Part | None:
    return next((part for part in parts if max(part.start, start) < min(part.stop, stop)), None)

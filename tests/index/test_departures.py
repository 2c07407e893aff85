from __future__ import annotations

from clawgate.index import departures
from clawgate.index.departures import Departures
from clawgate.index.reconcile import Outcome
from clawgate.model.path import Path


def outcome(left: list[tuple[int, str]] | None = None, back: list[tuple[int, str]] | None = None) -> Outcome:
    return Outcome(0, 0, [], [], [], [], [], [], left or [], back or [], [])


def told(departures: Departures) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    departures.moved = lambda before, now: found.append((before, now))
    return found


def test_what_vanished_and_turns_up_was_moved() -> None:
    departures = Departures()
    moves = told(departures)
    departures.note(Path("a"), outcome(left=[(1, "x"), (2, "y")]))
    departures.note(Path(""), outcome(back=[(1, "z"), (3, "never seen")]))
    assert moves == [("a/x", "z")]
    departures.note(Path("a"), outcome(back=[(1, "again")]))
    assert moves == [("a/x", "z")], "it had not left in between"


def test_a_new_name_in_the_same_folder() -> None:
    departures = Departures()
    moves = told(departures)
    departures.note(Path("a"), outcome(left=[(1, "x"), (2, "y")], back=[(1, "z"), (2, "y")]))
    assert moves == [("a/x", "a/z")], "what is back where it was has not moved"


def test_memory_is_bounded() -> None:
    places = Departures()
    moves = told(places)
    places.note(Path(""), outcome(left=[(number, str(number)) for number in range(departures.KEPT + 1)]))
    places.note(Path("b"), outcome(back=[(0, "first"), (1, "second")]))
    assert moves == [("1", "b/second")]

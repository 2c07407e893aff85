"""Where a change was interrupted, and for how long that matters."""

from __future__ import annotations

from twisted.internet.task import Clock

from clawgate.model.path import ROOT, Path
from clawgate.storage.wrappers.doubts import MOST, SECONDS, Doubts


def test_what_is_in_doubt():
    clock = Clock()
    doubts = Doubts(clock.seconds)
    assert not doubts.about(ROOT)
    doubts.add(Path("a/b"))
    in_doubt = {"a", "a/b", "a/b/c"}
    for folder in ("", "a", "a/b", "a/b/c", "a/bc", "x"):
        assert doubts.about(Path(folder)) is (folder in in_doubt)
    clock.advance(SECONDS / 2)
    doubts.add(Path("x"))
    clock.advance(SECONDS / 2)
    assert not doubts.about(Path("a"))
    assert doubts.about(ROOT)
    clock.advance(SECONDS / 2)
    assert not doubts.about(ROOT)


def test_of_too_many_places_all_are():
    clock = Clock()
    doubts = Doubts(clock.seconds)
    for number in range(MOST + 1):
        doubts.add(Path(f"a/{number}"))
    assert doubts.about(Path("elsewhere"))
    clock.advance(SECONDS)
    assert not doubts.about(Path("elsewhere"))

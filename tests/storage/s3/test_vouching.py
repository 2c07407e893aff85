"""When a folder need not be listed again."""

from __future__ import annotations

from twisted.internet.task import Clock

from clawgate.storage.s3.vouching import Vouchers


def vouchers(seconds=0.0, told=0.0, most=100):
    clock = Clock()
    made = Vouchers(seconds, told, clock.seconds, most)
    made.hears = lambda: True
    return clock, made


def test_nobody_vouches_unless_told_to():
    _, made = vouchers()
    assert made.issue("a/") is None
    _, made = vouchers(told=60)
    made.hears = lambda: False
    assert made.issue("a/") is None
    assert len(made) == 0


def test_it_ends_by_itself():
    clock, made = vouchers(5.0)
    current = made.issue("a/")
    clock.advance(4.9)
    assert current()
    clock.advance(0.2)
    assert not current()


def test_where_nobody_tells_any_more():
    clock, made = vouchers(5.0, told=60.0)
    current, other = made.issue("a/"), made.issue("b/")
    clock.advance(6.0)
    assert current() and other()
    made.silence()
    assert not current()
    # What was listed a moment ago is still good for as long as it would have been anyway.
    current = made.issue("a/")
    clock.advance(1.0)
    made.silence()
    assert current()


def test_what_a_change_touches():
    names = ("", "a/", "a/b/", "a/b/c/", "a/bc/", "x/")

    def left(key, **how):
        _, made = vouchers(60.0)
        issued = {name: made.issue(name) for name in names}
        made.touch(key, **how)
        held = {name for name, current in issued.items() if current()}
        assert len(made) == len(held)
        return held

    # Its folder, and those above, which may have gone with it.
    assert left("a/b/file") == {"a/b/c/", "a/bc/", "x/"}
    # What was written did not make the folders that were there.
    assert left("a/b/file", written=True) == {"", "a/", "a/b/c/", "a/bc/", "x/"}
    assert left("a/new/file", written=True) == {"", "a/b/", "a/b/c/", "a/bc/", "x/"}
    # Some services do not say that it was a folder.
    assert left("a/b") == {"a/bc/", "x/"}
    assert left("a/b/") == {"a/bc/", "x/"}
    assert left("y", written=True) == {"a/", "a/b/", "a/b/c/", "a/bc/", "x/"}


def test_a_listing_that_is_overtaken_vouches_for_nothing():
    _, made = vouchers(60.0)
    first = made.issue("a/")
    second = made.issue("a/")
    assert not first()
    assert second()
    made.clear()
    assert not second()


def test_what_came_to_nothing_is_not_kept():
    _, made = vouchers(60.0)
    first = made.issue("a/")
    made.withdraw(first)
    assert (first(), len(made)) == (False, 0)
    second = made.issue("a/")
    # Of two that list the same folder one fails.
    made.withdraw(first)
    assert (second(), len(made)) == (True, 1)
    made.withdraw(second)
    made.touch("a/x")
    assert len(made) == 0


def test_there_are_not_too_many():
    _, made = vouchers(60.0, most=3)
    issued = [made.issue(f"{number}/") for number in range(5)]
    assert [current() for current in issued] == [False, False, True, True, True]
    assert len(made) == 3
    made.touch("2")
    assert not issued[2]()

from __future__ import annotations

from clawgate.web.closing import ABORT_SECONDS, Deadline


def test_nothing_left_to_send() -> None:
    deadline = Deadline(100.0, 0, patience=2.0, over=2.0)
    assert not deadline.overdue(101.0, 0)
    assert deadline.overdue(102.0, 0)


def test_who_takes_nothing_is_given_up() -> None:
    deadline = Deadline(100.0, 5000)
    assert not deadline.overdue(100.0 + ABORT_SECONDS - 1, 5000)
    assert deadline.overdue(100.0 + ABORT_SECONDS, 5000)


def test_each_byte_that_is_taken_gives_as_long_again() -> None:
    now = 100.0
    deadline = Deadline(now, 10)
    for left in range(9, 0, -1):
        now += ABORT_SECONDS
        assert not deadline.overdue(now, left)
    assert not deadline.overdue(now + ABORT_SECONDS - 1, 1)
    assert deadline.overdue(now + ABORT_SECONDS, 1)


def test_once_all_is_taken_the_client_has_a_moment_to_close_its_side() -> None:
    deadline = Deadline(100.0, 10, over=2.0)
    assert not deadline.overdue(130.0, 0)
    assert not deadline.overdue(131.0, 0)
    assert deadline.overdue(132.0, 0)


def test_time_that_was_given_is_not_taken_back() -> None:
    deadline = Deadline(100.0, 10, over=2.0)
    assert not deadline.overdue(101.0, 0)
    assert not deadline.overdue(100.0 + ABORT_SECONDS - 1, 0)
    assert deadline.overdue(100.0 + ABORT_SECONDS, 0)

from __future__ import annotations

from clawgate.web.patience import Patience, Wait


def test_silence() -> None:
    patience = Patience(0)
    assert not patience.exhausted(5, Wait.INPUT, 0, 10, 60, 0)
    assert not patience.exhausted(60, Wait.INPUT, 0, 10, 60, 0)
    assert patience.exhausted(61, Wait.INPUT, 0, 10, 60, 0)
    patience = Patience(0)
    for now in range(0, 600, 5):
        assert not patience.exhausted(now, Wait.OUTPUT, 0, now, 60, 0)


def test_rate_counts_only_time_in_which_we_wait() -> None:
    patience = Patience(0)
    for now in range(0, 1000, 5):
        assert not patience.exhausted(now, Wait.NOTHING, now, 0, 60, 1000)
    slow = [patience.exhausted(now, Wait.INPUT, now - 1, (now - 1000) * 900, 60, 1000) for now in range(1000, 1100, 5)]
    assert slow.index(True) * 5 in range(60, 70)
    patience = Patience(0)
    assert not any(patience.exhausted(now, Wait.INPUT, now - 1, now * 1100, 60, 1000) for now in range(0, 1000, 5))
    patience = Patience(0)
    assert not any(patience.exhausted(now, Wait.INPUT, now - 1, now, 60, 0) for now in range(0, 1000, 5))

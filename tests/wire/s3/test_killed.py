"""Kills, with homes in a bucket: fewer rounds of what is done on a disk."""

from __future__ import annotations

from collections import Counter

import pytest

from .. import test_kill, test_upload_kill
from ..bucket import BucketGateway, BucketPath

KILLS = 12
LATE = 3


def scan(root: BucketPath) -> test_kill.Tree:
    """As `test_kill.scan`."""
    found: test_kill.Tree = {}
    for path, fact in root.content().items():
        found[path] = None if fact is None else test_kill.digest((root / path).read_bytes())
    return found


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_old_or_new_and_nothing_else(quick_gateway: BucketGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes several steps here, the next start completes or takes back."""
    monkeypatch.setattr(test_kill, "KILLS", KILLS)
    monkeypatch.setattr(test_kill, "scan", scan)
    test_kill.test_old_or_new_and_nothing_else(quick_gateway)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_nothing_is_lost(quick_gateway: BucketGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of uploads in every dialect."""
    monkeypatch.setattr(test_upload_kill, "settle", settle)

    def enough(requests: int, cut_off: int, finishes_cut: int, _finished: Counter[str]) -> bool:
        return bool(requests and cut_off > KILLS and finishes_cut)

    hit = test_upload_kill.play(quick_gateway, KILLS, 4.0, enough)
    assert enough(*hit), f"the kills did not hit anything: {hit}"


def settle(gateway: BucketGateway) -> None:
    """As `test_upload_kill.settle`; the handles are folders here. What the service carries out after the start though it was sent
    before the kill, the next start puts in order."""
    for _ in range(LATE):
        if not left_over(gateway):
            return
        gateway.restart()
    strays = left_over(gateway)
    assert not strays, f"no session owns {strays}"


def left_over(gateway: BucketGateway) -> list[str]:
    """What is there and no session owns."""
    with gateway.client() as client:
        client.list()
    owned = test_upload_kill.owned(gateway)
    return [name for name in gateway.leftovers() if not any(handle in name for handle in owned)]

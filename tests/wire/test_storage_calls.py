"""How often a request asks the storage, as the metrics count it."""

from __future__ import annotations

import re
from collections import Counter

from .dav import OWNCLOUD
from .gateway import Gateway


def calls(gateway: Gateway) -> Counter[str]:
    """Calls of the storage so far, by method."""
    found: Counter[str] = Counter()
    for name, value in gateway.metrics().items():
        if name.startswith("clawgate_storage_calls_total"):
            method = re.search(r'method="(\w+)"', name)
            assert method
            found[method[1]] += int(value)
    return found


def test_polls_and_listings(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    folder = gateway.make_home() / "folder"
    folder.mkdir()
    for number in range(50):
        (folder / f"{number}").write_bytes(b"x")
    # Else a folder that was listed before it was watched is read once more, some time soon.
    gateway.configure(mounts__home={"outside_changes": "none"})
    gateway.start()
    with gateway.client() as client:
        client.walk()
        assert calls(gateway), "the storage is not counted"

        before = calls(gateway)
        for _ in range(20):
            assert client.ask("PROPFIND", "", OWNCLOUD, {"Depth": "0"}).status == 207
            assert client.ask("PROPFIND", "folder", OWNCLOUD, {"Depth": "0"}).status == 207
        assert calls(gateway) - before == Counter(), "a repeated poll asked the storage"

        before = calls(gateway)
        assert len(client.list("folder")) == 51
        made = calls(gateway) - before
        assert made.total() <= 1, f"a listing is one scan, not {made}"

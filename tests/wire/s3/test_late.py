"""A kill while an order to the service is on its way, which it carries out when another gateway has started."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator

import pytest

from ...storage.s3.faulty import Way
from ..bucket import BucketGateway

_PATIENCE = 120.0
"""Seconds for what has to happen, on a machine that has a lot to do."""


@pytest.fixture
def way(stopped_gateway: BucketGateway) -> Iterator[Way]:
    way = Way(stopped_gateway.server.endpoint)
    stopped_gateway.configure(mounts__home__s3={"endpoint": way.endpoint}, mounts__home={"outside_changes": "none"})
    yield way
    way.close()


def in_background(act: Callable[[], object]) -> threading.Thread:
    """Do what ends when the gateway does."""

    def run() -> None:
        # The connection breaks, or there is no answer that could be read.
        try:
            act()
        except (OSError, http.client.HTTPException):
            return
        raise AssertionError("the gateway has answered")

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_move_of_which_the_service_hears_late(stopped_gateway: BucketGateway, way: Way, release: threading.Event) -> None:
    """Days later nobody remembers it; what has been written to the old place since has to stay there."""
    gateway = stopped_gateway
    gateway.start()
    with gateway.client() as client:
        client.ask("MKCOL", "folder")
        client.put("folder/file", b"content")
        fault = way.fault("PUT /", "/.clawgate/plans/", release=release)
        moving = in_background(lambda: client.move("folder", "moved"))
        assert fault.kept.wait(_PATIENCE), way.requests[-20:]
        gateway.kill()
        moving.join(_PATIENCE)
        assert not moving.is_alive()
    gateway.start()
    with gateway.client() as client:
        client.put("folder/since", b"written since")
    assert gateway.leftovers() == []
    before = gateway.disk().content()
    assert sorted(before) == ["folder", "folder/file", "folder/since"]
    release.set()
    assert fault.brought.wait(_PATIENCE)
    assert len(gateway.leftovers()) == 1, "nothing has come"
    for _ in range(2):
        gateway.restart()
        with gateway.client() as client:
            client.list()
        assert gateway.disk().content() == before
        assert gateway.leftovers() == []

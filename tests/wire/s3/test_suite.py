"""Tests of the wire as they are for a disk, with homes in a bucket."""

from __future__ import annotations

from pathlib import Path

import pytest

from .. import test_litmus, test_restart
from ..bucket import BucketGateway
from ..test_restart import (  # noqa: F401
    test_a_stop_ends_running_uploads,
    test_many_first_requests_at_once,
    test_nothing_moves_when_nothing_changed,
)
from ..two_clients import play


@pytest.mark.parametrize("suite", ["basic", "copymove", "props", "locks", "http"])
def test_every_suite_of_litmus(gateway: BucketGateway, tmp_path: Path, suite: str) -> None:
    test_litmus.test_litmus(gateway, tmp_path, suite, "/remote.php/dav/files/alice/")


@pytest.mark.parametrize(("program", "tus"), [("owncloudcmd", True), ("nextcloudcmd", False)])
def test_two_clients_and_the_bucket_agree(stopped_gateway: BucketGateway, tmp_path: Path, program: str, tus: bool) -> None:
    stopped_gateway.configure(uploads={"tus": tus})
    play(program, stopped_gateway, tmp_path)


def test_the_index_can_be_deleted(stopped_gateway: BucketGateway, tmp_path: Path) -> None:
    test_restart.test_the_index_can_be_deleted(stopped_gateway, tmp_path, "deleted")

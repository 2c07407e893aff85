"""Two ``owncloudcmd`` clients on a tree of 300 files that was there before the gateway."""

from __future__ import annotations

from pathlib import Path

from .gateway import Gateway
from .two_clients import play


def test_two_clients_and_the_disk_agree(stopped_gateway: Gateway, tmp_path: Path) -> None:
    play("owncloudcmd", stopped_gateway, tmp_path)

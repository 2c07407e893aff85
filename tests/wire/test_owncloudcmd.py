"""Two ``owncloudcmd`` clients on a tree of 300 files that was there before the gateway, by TUS and by chunking NG."""

from __future__ import annotations

from pathlib import Path

import pytest

from .gateway import Gateway
from .two_clients import play


@pytest.mark.parametrize("tus", [True, False], ids=["tus", "ng"])
def test_two_clients_and_the_disk_agree(stopped_gateway: Gateway, tmp_path: Path, tus: bool) -> None:
    gateway = stopped_gateway
    gateway.configure(uploads={"tus": tus})
    play("owncloudcmd", gateway, tmp_path)
    assert ('"PATCH /tus/' in gateway.log()) is tus
    assert ('"MKCOL /remote.php/dav/uploads/' in gateway.log()) is not tus

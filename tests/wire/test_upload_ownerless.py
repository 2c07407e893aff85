"""Unfinished uploads of somebody whom no directory knows vanish with their bytes when their time is up."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

from .gateway import Gateway

UPLOADS = "/remote.php/dav/uploads/alice/1"


def test_nobody_knows_the_owner(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    gateway.configure(index={"tidy_seconds": 1})
    gateway.make_home()
    gateway.start()
    with gateway.client() as client:
        assert client.raw("MKCOL", UPLOADS).status == 201
        assert client.raw("PUT", f"{UPLOADS}/1", b"1234").status == 201
    assert gateway.leftovers()
    gateway.stop()
    (gateway.folder / "users.toml").write_text("")
    with closing(sqlite3.connect(gateway.data / "state.db")) as state:
        state.execute("UPDATE upload SET expires = 1")
        state.commit()
    gateway.start()
    # Nobody opens her space but the janitor.
    gateway.assert_tidy()
    deadline = time.monotonic() + 60
    while gateway.tool("uploads", "list").stdout:
        assert time.monotonic() < deadline
    assert gateway.disk().is_dir()

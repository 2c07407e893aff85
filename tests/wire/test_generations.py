"""A gateway that is killed again and again, with notes of generations under way, never takes that for a restored backup."""

from __future__ import annotations

import random
import re
import shutil
import time

from . import dav
from .gateway import Gateway

WANTED = b'<propfind xmlns="DAV:"><prop><data-fingerprint xmlns="http://owncloud.org/ns"/></prop></propfind>'
KILLS = 25


def fingerprint(client: dav.Client) -> str:
    answer = client.ask("PROPFIND", "", WANTED, {"Depth": "0"})
    assert answer.status == 207
    if b"<oc:data-fingerprint/>" in answer.body:
        return ""
    found = re.search(rb"<oc:data-fingerprint>(.*)</oc:data-fingerprint>", answer.body)
    assert found, answer.body
    return found[1].decode()


def noted(gateway: Gateway) -> int:
    file = gateway.disk() / ".clawgate/generation"
    found = re.match(r"generation=(\d+)\n", file.read_text()) if file.exists() else None
    return int(found[1]) if found else 0


def test_kills_are_no_restored_backup(quick_gateway: Gateway) -> None:
    gateway = quick_gateway
    gateway.configure(outside={"generation_seconds": 0.0})
    rng = random.Random(3)
    for life in range(KILLS):
        gateway.start()
        with gateway.client() as client:
            assert fingerprint(client) == ""
            before = noted(gateway)
            for number in range(rng.randrange(1, 4)):
                assert client.put(f"{life}-{number}", b"content").status == 201
            # At a moment when something is written, most often, however long that takes.
            deadline = time.monotonic() + (rng.random() * 0.15 if rng.random() < 0.2 else 60)
            while time.monotonic() < deadline and noted(gateway) == before:
                time.sleep(0.001)
            gateway.kill()
    assert noted(gateway) > KILLS / 2
    gateway.start()
    with gateway.client() as client:
        assert fingerprint(client) == ""
        assert "went back in time" not in gateway.log()

        shutil.copytree(gateway.disk(), gateway.folder / "backup")
        # The second note is only written when the state has the first.
        for name in ("later", "latest"):
            at = noted(gateway)
            client.put(name, b"later")
            deadline = time.monotonic() + 60
            while noted(gateway) == at:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        client.close()
        gateway.kill()
        for entry in gateway.disk().iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        shutil.copytree(gateway.folder / "backup", gateway.disk(), dirs_exist_ok=True)
        gateway.start()
        told = fingerprint(client)
        assert told
        assert "went back in time" in gateway.log()
        client.close()
        gateway.restart()
        assert fingerprint(client) == told
        listed = client.list()
        assert "later" not in listed and "0-0" in listed
        client.close()
        gateway.stop()
        done = gateway.tool("index", "restored", "alice")
        assert done.returncode == 0, done
        gateway.start()
        assert fingerprint(client) not in ("", told)

"""Trash and versions driven by the libraries of ownCloud's web interfaces, under node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from .gateway import USERS, Gateway

HERE = Path(__file__).parent


def run(gateway: Gateway, which: str) -> dict[str, Any]:
    order = json.dumps({"url": f"http://127.0.0.1:{gateway.port}", "user": "alice", "password": USERS["alice"]})
    command = ["node", str(HERE / "webclient" / f"{which}.mjs"), order]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr[:3000] + gateway.log()[-3000:]
    saw: dict[str, Any] = json.loads(ended.stdout)
    return saw


def test_web_client(gateway: Gateway) -> None:
    """``@ownclouders/web-client`` 12: it asks for versions with an empty list of properties, names the folder in place of the
    file when it restores one, and sends a Destination with two paths in it."""
    saw = run(gateway, "kept_web")
    (version,) = saw["versions"]
    assert version["size"] == "5" and version["mdate"]
    assert saw["path"] == "/folder/a & b.txt"
    assert saw["restored"] == "first"
    (entry,) = saw["trash"]
    assert (entry["name"], entry["path"], entry["isFolder"]) == ("a & b.txt", "/folder/a & b.txt", False)
    assert entry["ddate"].endswith(" GMT")
    assert saw["taken"] == 412
    assert saw["back"] == "first" and saw["same"]
    assert saw["left"] == ["/folder", "/folder/a & b.txt"]
    assert (saw["fewer"], saw["none"]) == (1, 0)


def test_sdk(gateway: Gateway) -> None:
    """``owncloud-sdk`` 3, which ownCloud Web was built on before, with the addresses of ownCloud 10."""
    assert run(gateway, "kept_sdk") == {
        "versions": [5],
        "former": "first",
        "restored": "first",
        "trash": [["a.txt", "folder/a.txt"]],
        "back": "first",
        "none": 0,
    }

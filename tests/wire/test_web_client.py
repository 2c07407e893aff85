"""ownCloud's own JavaScript libraries: search, favourites, archives and signed addresses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from .gateway import USERS, Gateway

FOLDER = Path(__file__).parent / "webclient"


def test_finding(gateway: Gateway) -> None:
    with gateway.client() as client:
        assert client.ask("MKCOL", "d ä").status == 201
        for path in ("report.pdf", "d ä/report 2.txt", "d ä/other.txt", "d ä/report.jpg"):
            assert client.put(path, path.encode()).status == 201
        folder = client.list("d ä", "0")["d ä"].id
        file = client.list("report.pdf", "0")["report.pdf"].id
    asked = {"base": gateway.url(), "user": "alice", "password": USERS["alice"], "archive": f"id={folder}&id={file}"}
    ended = subprocess.run(
        ["node", "finding.mjs", json.dumps(asked)], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.strip().splitlines()[-1])
    assert found["contains"] == {"names": ["report 2.txt", "report.jpg", "report.pdf"], "total": 3}
    assert found["composed"] == {"names": ["report 2.txt", "report.pdf"], "total": 2}
    assert len(found["limited"]["names"]) == 1
    assert found["limited"]["total"] == 3
    assert found["nothing"] == {"names": [], "total": None}
    assert found["first"] == {"name": "report.pdf", "type": "file", "fileId": file, "starred": False}
    assert found["favourites"] == ["report.pdf"]
    assert found["signed"] == {"status": 200, "text": "d ä/report 2.txt".encode().decode("latin-1")}
    assert found["changed"] == 401
    assert found["archive"] == {"status": 200, "magic": "PK\3\4"}
    root = "/files/alice"
    assert found["sdk"]["search"] == [f"{root}/d ä/report 2.txt", f"{root}/d ä/report.jpg", f"{root}/report.pdf"]
    assert found["sdk"]["favourites"] == [f"{root}/report.pdf"]
    assert found["sdk"]["signed"] == {"status": 200, "text": "report.pdf"}

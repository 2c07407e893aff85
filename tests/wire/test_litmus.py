"""Debian's litmus: every test of every suite passes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .gateway import USERS, Gateway
from .programs import run

# Warnings that are no fault, by test: what litmus says and why it may.
EXPLAINED: dict[str, str] = {}


@pytest.mark.parametrize("root", ["/remote.php/webdav/", "/remote.php/dav/files/alice/"])
@pytest.mark.parametrize("suite", ["basic", "copymove", "props", "locks", "http"])
def test_litmus(gateway: Gateway, tmp_path: Path, suite: str, root: str) -> None:
    said = run(["litmus", gateway.url(root), "alice", USERS["alice"]], tmp_path / "home", environment={"TESTS": suite})
    summary = re.search(rf"summary for `{suite}': of (\d+) tests run: (\d+) passed, 0 failed\. 100", said)
    assert summary, said
    assert int(summary[1]) == int(summary[2]) >= 4, said
    assert "skipped" not in said.lower(), said
    warnings = [line for line in said.splitlines() if "WARNING" in line and not any(text in line for text in EXPLAINED)]
    assert not warnings, said

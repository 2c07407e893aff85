from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest_twisted

from clawgate.testing.conformance import tree

SCRIPT = Path(__file__).with_name("busy.py")
KILLS = 12


def work_and_die(root, seed, seconds):
    with subprocess.Popen([sys.executable, SCRIPT, root, str(seed)], stdout=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
    *lines, _cut_off = (first + rest).split("\n")
    return {line.split()[1] for line in lines if line.startswith("written")}


@pytest_twisted.ensureDeferred
async def test_killed_at_any_instant(root, make):
    chance = random.Random(7)
    known = {b"small", b"medium" * 10_000, b"large" * 100_000}
    storage = make()
    written = set()
    for seed in range(KILLS):
        written |= work_and_die(root, seed, chance.random() / 4)
        await storage.sweep(frozenset(), 0)
        assert os.listdir(root / ".clawgate") == []
        found = await tree(storage)
        assert {content for content in found.values() if content is not None} <= known
        assert written <= set(found), "what was acknowledged is there"
        assert not [path for path in root.rglob("*") if ".clawgate-tmp" in path.name]

"""What somebody can do who has taken over the making of a picture: next to nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from clawgate.previews.process import HEAD

LIMITS = {"seconds": 60, "cpu_seconds": 5, "memory_bytes": 300 << 20, "pixels": 1000, "result_bytes": 100_000}

TAKEN_OVER = """
import os, signal, socket, sys, time
from clawgate.previews import drawing, process

def draw(content, *rest):
    {deed}

drawing.draw = draw
process.main()
"""
SOMETHING = 'return "image/png", b"fine"'


def ask(deed: str, **limits: float) -> tuple[dict[str, object], bytes]:
    """What is answered twice, the second time to an order without harm: that must go well."""
    order = {"kind": "image", "way": "fit", "x": 9, "y": 9, "enlarge": False, "size": 4}

    def said(content: bytes) -> bytes:
        head = json.dumps(order).encode()
        return HEAD.pack(len(head)) + head + content

    text = TAKEN_OVER.format(deed=f'if bytes(content) == b"good":\n        {SOMETHING}\n    {deed}')
    done = subprocess.run(
        [sys.executable, "-c", text, json.dumps(LIMITS | limits)],
        input=said(b"evil") + said(b"good"),
        capture_output=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    first, rest = taken(done.stdout)
    second, rest = taken(rest)
    assert rest == b""
    assert second == ({"type": "image/png", "size": 4}, b"fine")
    return first


def taken(data: bytes) -> tuple[tuple[dict[str, object], bytes], bytes]:
    (length,) = HEAD.unpack_from(data)
    start = HEAD.size + length
    head = json.loads(data[HEAD.size : start])
    return (head, data[start : start + head["size"]]), data[start + head["size"] :]


@pytest.mark.parametrize(
    ("deed", "why"),
    [
        ("while True: pass", "it takes too much computing"),
        ("time.sleep(100)", "it takes too long"),
        ("bytearray(1 << 30)", "it needs more memory than it may have"),
        ("os.abort()", "the process that makes it was killed"),
        ("os._exit(0)", "the process that makes it ended"),
        ("os.kill(os.getpid(), 9)", "the process that makes it was killed"),
        ("return 'image/png', bytes(200_000)", "it takes too long, or becomes too large"),
        ("return 'text/html', b'<script>'", "the process that makes it ended"),
    ],
)
def test_limits(deed: str, why: str) -> None:
    quick = {"cpu_seconds": 1} if "while" in deed else {"seconds": 1} if "sleep" in deed else {}
    told, picture = ask(deed, **quick)
    assert (told["why"], told["limit"], picture) == (why, True, b"")


@pytest.mark.parametrize(
    "deed",
    [
        "open('/etc/passwd')",
        "socket.socket()",
        "os.pipe()",
        "os.write(1, b'an answer')",
        "os.read(0, 1)",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "os.setuid(1)",
    ],
)
def test_nothing_can_be_got_hold_of(deed: str) -> None:
    told, _ = ask(deed)
    errors = ("OSError", "PermissionError", "BlockingIOError")
    if "execv" in deed:
        # It becomes a program that has nothing to write to.
        assert told["why"]
    else:
        assert str(told["why"]).startswith(errors), told
        assert told["limit"] is False

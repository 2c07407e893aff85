"""What a tree of processes has cost so far: CPU seconds and memory."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path


def family(pid: int) -> list[int]:
    """`pid` and all its descendants that live now."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                after_name = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(after_name[1]), []).append(int(entry))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def cpu(pids: list[int]) -> float:
    """User and system seconds of `pids`, with those of threads that have ended."""
    total = 0.0
    for pid in pids:
        # What clock_getcpuclockid(3) returns: nanoseconds where /proc/PID/stat has steps of 10 ms.
        with contextlib.suppress(OSError):
            total += time.clock_gettime((~pid << 3) | 2)
    return total


def memory(pids: list[int]) -> int:
    """Bytes of memory that `pids` hold; pages shared by several count once (PSS)."""
    total = 0
    for pid in pids:
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            continue
    return total

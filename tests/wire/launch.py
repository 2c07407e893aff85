"""Starts ``twistd -n clawgate``: as a user does, or many times in quick succession from a process that has imported it already.

The quick way exists for the kill tests: a fork and ``twistd``'s own entry point, so that what runs is the same program, and a
restart costs no second of imports.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Running(Protocol):
    """A started process."""

    pid: int

    def wait(self, timeout: float | None = None) -> int: ...

    def poll(self) -> int | None: ...


class Launcher(Protocol):
    def __call__(self, arguments: list[str], folder: Path, log: Path, environment: Mapping[str, str]) -> Running: ...


def twistd(arguments: list[str], folder: Path, log: Path, environment: Mapping[str, str]) -> Running:
    """As a user starts it."""
    return _run([str(Path(sys.executable).with_name("twistd")), *arguments], folder, log, environment)


def unprivileged(arguments: list[str], folder: Path, log: Path, environment: Mapping[str, str]) -> Running:
    """As a user starts it who may do nothing but with their own files; everything that root has made is root's own."""
    limited = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--"] if os.geteuid() == 0 else []
    return _run([*limited, str(Path(sys.executable).with_name("twistd")), *arguments], folder, log, environment)


def _run(command: list[str], folder: Path, log: Path, environment: Mapping[str, str]) -> Running:
    with log.open("ab") as out:
        return subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, **environment}
        )


def slow_disk(folder: Path, ns_per_kib: int) -> dict[str, str]:
    """The environment that makes a process write slowly, and its files hollow, see ``slow_disk.c``."""
    library = folder / "slow_disk.so"
    source = Path(__file__).with_name("slow_disk.c")
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "SLOW_DISK_NS_PER_KIB": str(ns_per_kib)}


class Forked:
    """A child of the `Nursery`; it is reaped through it."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.nursery = nursery
        self.pid = pid
        self.code: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        if self.code is None:
            self.code = int(self.nursery.ask(f"wait {self.pid}"))
        return self.code

    def poll(self) -> int | None:
        if self.code is None:
            answer = self.nursery.ask(f"poll {self.pid}")
            self.code = int(answer) if answer else None
        return self.code


class Nursery:
    """A process with everything imported that forks gateways on request."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("nursery.py")
        self.process = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line: str) -> str:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def __call__(self, arguments: list[str], folder: Path, log: Path, environment: Mapping[str, str]) -> Running:
        assert not environment, "forked gateways share the environment"
        return Forked(self, int(self.ask("\t".join(["start", str(folder), str(log), *arguments]))))

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

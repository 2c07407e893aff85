"""Starts ``twistd -n clawgate``: as a user does, or from a process that has imported it already.

The quick way is a fork and ``twistd``'s own entry point: what runs is the same program, and neither the first start nor the
hundredth costs a second of imports. The operator's command is run in the same way.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
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
        self.lock = threading.Lock()

    def wait(self, timeout: float | None = None) -> int:
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            time.sleep(0.005)
        return code

    def poll(self) -> int | None:
        # It can be reaped once.
        with self.lock:
            if self.code is None:
                answer = self.nursery.ask(poll=self.pid)
                self.code = int(answer) if answer else None
            return self.code


class Nursery:
    """A process with everything imported that forks gateways and the operator's command on request."""

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).with_name("nursery.py"))]
        # The test that comes first may have settings of its own.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CLAWGATE_")}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.lock = threading.Lock()
        self.numbers = itertools.count()

    def ask(self, **what: object) -> str:
        assert self.process.stdin is not None and self.process.stdout is not None
        with self.lock:
            answer = ""
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.write(json.dumps(what) + "\n")
                self.process.stdin.flush()
                answer = self.process.stdout.readline()
            assert answer, f"the nursery ended with {self.process.wait(60)}; what it said is on the standard error of the tests"
        return answer.strip()

    def start(self, arguments: list[str], folder: Path, log: Path, **how: object) -> Forked:
        """`how`: see ``nursery.become``."""
        return Forked(self, int(self.ask(folder=str(folder), log=str(log), arguments=arguments, **how)))

    def tool(self, arguments: list[str], folder: Path, timeout: float) -> subprocess.CompletedProcess[str]:
        """Run ``clawgate`` in a folder, which has what it says for as long as it runs."""
        number = next(self.numbers)
        out, err = folder / f"said-{os.getpid()}-{number}.out", folder / f"said-{os.getpid()}-{number}.err"
        try:
            forked = self.start(arguments, folder, out, errors=str(err), program="clawgate")
            try:
                code = forked.wait(timeout)
            except BaseException:
                os.kill(forked.pid, signal.SIGKILL)
                forked.wait()
                raise
            return subprocess.CompletedProcess(["clawgate", *arguments], code, out.read_text(), err.read_text())
        finally:
            for file in (out, err):
                with contextlib.suppress(FileNotFoundError):
                    file.unlink()

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


_nurseries: list[Nursery] = []


def nursery() -> Nursery:
    """The one of this process of tests, made when it is first wanted, or when the last one has ended by itself."""
    if _nurseries and _nurseries[0].process.poll() is not None:
        close_nursery()
    if not _nurseries:
        _nurseries.append(Nursery())
    return _nurseries[0]


def close_nursery() -> None:
    """After the last test."""
    while _nurseries:
        _nurseries.pop().close()


def quick(arguments: list[str], folder: Path, log: Path, environment: Mapping[str, str]) -> Running:
    """Without the imports, see `Nursery`; with an environment of its own, which forks cannot have, as a user starts it."""
    if environment:
        return twistd(arguments, folder, log, environment)
    return nursery().start(arguments, folder, log)

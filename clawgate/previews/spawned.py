"""A process that was started in a thread, with its pipes on the reactor.

``reactor.spawnProcess`` looks at each open descriptor, or forks, on the reactor's own thread: with 10,000 clients and 300 MiB of
memory that took 40 to 300 ms, in which nobody else is served. Here a thread starts it by vfork(2), which costs neither.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.process import ProcessReader, ProcessWriter

from ..log import make_logger
from ..workers import Workers

log = make_logger()


def start(command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a program with three pipes. To be called in a thread. Raises `OSError`."""
    # Descriptors of ours are closed by the kernel (PEP 446), and what a library has left open by the program itself: closing them
    # one by one, as is usual, would stop all threads meanwhile.
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, cwd="/", close_fds=False, bufsize=0)


class Spawned:
    """The transport of a ``ProcessProtocol``, as far as one is needed."""

    def __init__(self, reactor: Any, workers: Workers, process: subprocess.Popen[bytes], protocol: Any) -> None:
        """Connect `protocol`; it is told of the end when `workers` have waited for it."""
        self._workers = workers
        self._process = process
        self._protocol = protocol
        self._files: dict[int, Any] = dict(enumerate((process.stdin, process.stdout, process.stderr)))
        self.pipes: dict[int, Any] = {}
        """By the number that they have there; those that are open."""
        for number, file in self._files.items():
            kind: Any = ProcessReader if number else ProcessWriter
            self.pipes[number] = kind(reactor, self, number, file.fileno())
        protocol.makeConnection(self)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def write(self, data: bytes) -> None:
        """To its standard input."""
        if 0 in self.pipes:
            self.pipes[0].write(data)

    def closeStdin(self) -> None:
        """It is to end."""
        if 0 in self.pipes:
            self.pipes[0].loseConnection()

    def kill(self) -> None:
        """End it; as often as one likes."""
        with suppress(ProcessLookupError):
            self._process.kill()

    # What the pipes say

    def childDataReceived(self, number: int, data: bytes) -> None:
        """It has written something."""
        if number == 1:
            self._protocol.outReceived(data)
        else:
            self._protocol.errReceived(data)

    def childConnectionLost(self, number: int, reason: object) -> None:
        """It has closed a pipe, or we have."""
        del self.pipes[number]
        self._files.pop(number).close()
        if not self.pipes:
            Deferred.fromCoroutine(self._end()).addErrback(
                lambda failure: log.failure("the end of a process that makes previews cannot be seen", failure)
            )

    async def _end(self) -> None:
        try:
            await self._workers.run_always(self._process.wait)
        finally:
            self._protocol.processEnded()

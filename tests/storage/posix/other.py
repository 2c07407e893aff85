"""Another process that writes to an upload: some bytes, then it waits for a line, then the rest."""

from __future__ import annotations

import sys

from twisted.internet import defer, task

from clawgate.storage.posix import PosixOptions, PosixStorage
from clawgate.workers import Workers


async def main(reactor, root, handle, offset, how):
    workers = Workers(reactor, "files", 2, 10)
    workers.start()

    async def body():
        yield b"other"
        yield b" "
        print("held", flush=True)
        await workers.run(sys.stdin.readline)
        yield b"process"

    parts = PosixStorage(root, workers, PosixOptions(block_bytes=1)).abilities.parts
    try:
        print(await parts.write_at(handle, int(offset), body(), alone=how == "alone"), flush=True)
    finally:
        workers.stop()


task.react(lambda reactor, *args: defer.Deferred.fromCoroutine(main(reactor, *args)), sys.argv[1:])

"""Works in a tree until it is killed: each name holds one of a few known contents at any time."""

from __future__ import annotations

import contextlib
import random
import sys

from twisted.internet import defer, task

from clawgate.errors import ClawgateError
from clawgate.interfaces import Piece
from clawgate.model.content import Intent
from clawgate.model.path import Path
from clawgate.storage.posix import PosixOptions, PosixStorage
from clawgate.testing.conformance import body_of, put
from clawgate.testing.parts import sha1
from clawgate.workers import Workers

CONTENTS = [b"small", b"medium" * 10_000, b"large" * 100_000]


async def work(storage, chance, n):
    mine = f"client{n}"
    with contextlib.suppress(ClawgateError):
        await storage.make_folder(Path(mine))
    while True:
        name = f"{mine}/file{chance.randrange(3)}"
        try:
            act = chance.randrange(6)
            if act == 0:
                await put(storage, name, chance.choice(CONTENTS), compute=("SHA1",))
                print("written", name, flush=True)
            elif act == 1:
                parts, content = storage.abilities.parts, chance.choice(CONTENTS)
                cut = chance.randrange(len(content))
                pieces = [(0, content[:cut]), (cut, content[cut:])]
                chance.shuffle(pieces)
                handle = await parts.begin(None)
                for offset, some in pieces:
                    await parts.write_at(handle, offset, body_of(some), compute=("SHA1",))
                if chance.randrange(2):
                    handle, old = await parts.assemble([Piece(handle, 0, len(content))]), handle
                    await parts.abort(old)
                await parts.finish(handle, Path(name), Intent(checksums=(sha1(content),)))
                print("written", name, flush=True)
            elif act == 2:
                await storage.copy(Path(mine), Path(f"copy{n}"), replace=True)
            elif act == 3:
                await storage.move(Path(f"copy{n}"), Path(f"moved{n}"), replace=True)
            elif act == 4:
                await storage.move(Path(f"moved{n}/file0"), Path(f"copy{n}"), replace=True)
            else:
                await storage.remove(Path(f"copy{n}"))
        except ClawgateError:
            continue


async def main(reactor, root, seed):
    workers = Workers(reactor, "files", 4, 100)
    workers.start()
    reactor.addSystemEventTrigger("during", "shutdown", workers.stop)
    storage = PosixStorage(root, workers, PosixOptions(durability="none", block_bytes=65536))
    chance = random.Random(int(seed))
    await defer.gatherResults([defer.Deferred.fromCoroutine(work(storage, chance, n)) for n in range(3)])


if __name__ == "__main__":
    task.react(lambda reactor, *args: defer.Deferred.fromCoroutine(main(reactor, *args)), sys.argv[1:])

"""Another process that listens: says on its output what it may use, which folders nobody tells of, and what it hears.

Each line of its input is a list: ``cover`` and folders, or a change for a shell and one hint to wait for. Without one it waits
for a change made afterwards, which is enough as long as all folders are watched in the same way.
"""

from __future__ import annotations

import json
import subprocess
import sys

from twisted.internet import defer, task

from clawgate.storage.posix import Notifier, PosixOptions, PosixStorage
from clawgate.workers import Workers


async def main(reactor, root, kind):
    workers = Workers(reactor, "files", 3, 10)
    workers.start()
    notifier = Notifier(reactor, workers, kind, gather=0.002)
    notifier.start()
    changes = PosixStorage(root, workers, PosixOptions(), notifier=notifier).abilities.changes
    heard = []
    changes.subscribe(heard.extend, lambda: heard.append("lost"))
    try:
        while line := await workers.run(sys.stdin.readline):
            command, *more = json.loads(line)
            if command == "cover":
                rest = await workers.run(changes.cover, more)
                print(json.dumps([list(rest), notifier.describe()]), flush=True)
                continue
            heard.clear()
            await workers.run(change, root, command)
            while more[0] not in map(list, heard) if more else not any("fence" in hint for hint in heard):
                await task.deferLater(reactor, 0.002, lambda: None)
            # What the kernel tells in two portions may be told twice.
            print(json.dumps([hint for hint in dict.fromkeys(heard) if "fence" not in hint]), flush=True)
    finally:
        notifier.close()
        workers.stop()


def change(root, command):
    subprocess.run(["sh", "-ec", f"{command}; mkdir fence; rmdir fence"], cwd=root, check=True)


task.react(lambda reactor, *args: defer.Deferred.fromCoroutine(main(reactor, *args)), sys.argv[1:])

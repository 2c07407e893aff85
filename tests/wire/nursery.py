"""The forking half of `launch.Nursery`: imports the gateway without its reactor, then forks one ``twistd`` for each request."""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import sys
from types import ModuleType

import twisted.internet


def load_everything() -> None:
    import clawgate

    for name in ("twisted.scripts.twistd", "twisted.scripts._twistd_unix", "twisted.internet.epollreactor", "twisted.plugin"):
        importlib.import_module(name)

    # Klein wants the reactor for a method that nobody calls; the real one must be made in the child.
    sys.modules["twisted.internet.reactor"] = ModuleType("placeholder")
    for module in pkgutil.walk_packages(clawgate.__path__, "clawgate."):
        # service holds the reactor; the others are no part of the server.
        if module.name.split(".")[1] not in ("service", "cli", "testing"):
            importlib.import_module(module.name)
    del sys.modules["twisted.internet.reactor"]
    assert not hasattr(twisted.internet, "reactor"), "the reactor was made before the fork"


def become(folder: str, log: str, arguments: list[str]) -> None:
    from twisted.scripts import twistd

    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, target in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(descriptor, target)
    sys.argv = ["twistd", *arguments]
    code: object = 0
    try:
        twistd.run()  # type: ignore[no-untyped-call]
    except SystemExit as stop:
        code = stop.code
        if isinstance(code, str):
            print(code, file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(code if isinstance(code, int) else 1 if code else 0)


def main() -> None:
    load_everything()
    while line := sys.stdin.readline():
        word, _, rest = line.rstrip("\n").replace("\t", " ", 1).partition(" ")
        if word == "start":
            folder, log, *arguments = rest.split("\t")
            child = os.fork()
            if child == 0:
                become(folder, log, arguments)
            print(child, flush=True)
        else:
            pid, status = os.waitpid(int(rest), 0 if word == "wait" else os.WNOHANG)
            print(os.waitstatus_to_exitcode(status) if pid else "", flush=True)


if __name__ == "__main__":
    main()

"""The forking half of `launch.Nursery`: imports all but the reactor, then forks a ``twistd`` or ``clawgate`` for each request."""

from __future__ import annotations

import encodings
import importlib
import json
import os
import pkgutil
import signal
import sys
import traceback
from types import ModuleType

import as_service
import twisted.internet
from twisted.application.service import IServiceMaker

from twisted import plugin


def load_everything() -> None:
    import clawgate

    for name in ("twisted.scripts.twistd", "twisted.scripts._twistd_unix", "twisted.internet.epollreactor", "twisted.plugin"):
        importlib.import_module(name)

    # Klein wants the reactor for a method that nobody calls; the real one must be made in the child.
    sys.modules["twisted.internet.reactor"] = ModuleType("placeholder")
    for module in pkgutil.walk_packages(clawgate.__path__, "clawgate."):
        # These are no part of the server.
        if module.name.split(".")[1] != "testing":
            importlib.import_module(module.name)
    # One that becomes another user may not be able to read what Python is made of: twistd would look through all plugins unless
    # it found them listed.
    list(plugin.getPlugins(IServiceMaker))
    for module in pkgutil.iter_modules(encodings.__path__):
        if module.name.startswith(("utf", "idna", "latin", "ascii", "punycode")):
            importlib.import_module(f"encodings.{module.name}")
    del sys.modules["twisted.internet.reactor"]
    assert not hasattr(twisted.internet, "reactor"), "the reactor was made before the fork"


def become(
    folder: str, log: str, arguments: list[str], program: str = "twistd", errors: str = "", capabilities: list[str] | None = None
) -> None:
    """Run a program in a folder; what it says is added to `log`, and what it complains of to `errors` if that is another file.

    `capabilities`: as the user of ``as_service.py``, with these.
    """
    from twisted.scripts import twistd

    from clawgate import cli

    if capabilities is not None:
        as_service.drop(folder, capabilities)
    os.chdir(folder)
    nothing = os.open(os.devnull, os.O_RDONLY)
    out, err = [os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) for file in (log, errors or log)]
    for descriptor, target in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(descriptor, target)
        os.close(descriptor)
    sys.argv = [program, *arguments]
    code: object = 0
    try:
        if program == "twistd":
            twistd.run()  # type: ignore[no-untyped-call]
        else:
            code = cli.main()
    except SystemExit as stop:
        code = stop.code
        if isinstance(code, str):
            print(code, file=sys.stderr, flush=True)
    except BaseException:
        # The nursery's own loop is no place to go on.
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1 if code else 0)


def main() -> None:
    # The tests hear of it as well, and still have to see the end of those that run.
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    load_everything()
    running: set[int] = set()
    while line := sys.stdin.readline():
        asked = json.loads(line)
        if "poll" in asked:
            pid, status = os.waitpid(asked["poll"], os.WNOHANG)
            running.discard(pid)
            print(os.waitstatus_to_exitcode(status) if pid else "", flush=True)
        else:
            child = os.fork()
            if child == 0:
                # Where nobody is to interrupt the tests, as in the background of a shell, it was ignored before.
                signal.signal(signal.SIGINT, interrupt)
                become(**asked)
            running.add(child)
            print(child, flush=True)
    # The tests have ended, or were killed.
    for pid in running:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()

"""The double of EOS as a process of its own, for tests of a gateway that is one, too."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .plain import ask


class EosProcess:
    """Its addresses, and all that its port for tests can do."""

    def __init__(self, process: subprocess.Popen[str], addresses: dict[str, Any]) -> None:
        self.process = process
        self.mgm: str = addresses["mgm"]
        self.mhd: str = addresses["mhd"]
        self.fsts: list[str] = addresses["fst"]
        self.admin: str = addresses["admin"]
        self.key: str = addresses["key"]

    def tell(self, method: str, path: str, given: Any = None) -> Any:
        """A request to the port for tests."""
        body = json.dumps(given).encode() if given is not None else b""
        answer = ask(self.admin, method, path, {"Content-Length": str(len(body))}, body)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def call(self, what: str, /, **arguments: Any) -> Any:
        """One of the double's own methods, see `admin.CALLS`."""
        return self.tell("POST", "/call", {"name": what, "arguments": arguments})

    def put(self, path: str, content: bytes, **how: Any) -> None:
        """Somebody else writes a file."""
        self.call("put", path=path, content="base64:" + base64.b64encode(content).decode(), **how)

    def content(self, path: str) -> bytes:
        """The bytes of a file."""
        return base64.b64decode(self.call("content", path=path).removeprefix("base64:"))

    def fault(self, **what: Any) -> None:
        """What `Fault` takes, as far as it is JSON."""
        self.tell("POST", "/faults", what)

    def state(self, **what: bool) -> None:
        """booting, stopping, fst, follower."""
        self.tell("POST", "/state", what)

    def calls(self) -> list[str]:
        """Requests in short: "mgm PUT", "mgm fileinfo", "fst GET"."""
        return [f"{one['server']} {one['command'] or one['method']}" for one in self.tell("GET", "/record")]

    def violations(self) -> list[str]:
        """What must never be done to an EOS."""
        found: list[str] = self.tell("GET", "/violations")
        return found

    def leaked(self, text: str) -> list[str]:
        """Capabilities that occur in a text, such as a log."""
        return [secret for secret in self.tell("GET", "/secrets") if secret in text]

    def clear(self) -> None:
        """Forget requests and violations."""
        self.tell("DELETE", "/record")


@contextmanager
def eos_process(data: Path, *arguments: str) -> Iterator[EosProcess]:
    """Start it with more `arguments` of the command line; it is ended at the end, whatever it did."""
    command = [sys.executable, "-m", "clawgate.testing.eos", "--data", str(data), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, f"it ended with {process.wait(120)}"
            yield EosProcess(process, json.loads(line))
        finally:
            process.terminate()
            try:
                process.wait(120)
            except subprocess.TimeoutExpired:
                process.kill()

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import blockingCallFromThread

# Before anything of it is imported, whichever tests run first.
pytest.register_assert_rewrite("clawgate.testing")

from clawgate.testing.eos import EosDouble  # noqa: E402

from .plain import Answer, ask, follow  # noqa: E402


class Eos:
    """A double with a home of alice, and clients of it that act as somebody; for use in threads."""

    def __init__(self, double: EosDouble) -> None:
        self.double = double
        self.home = double.make_home("alice")

    def identity(self, who: str = "alice", *, mhd: bool = False) -> dict[str, str]:
        if mhd:
            return {"x-real-ip": "10.0.0.1", "remote-user": who}
        return {"x-forwarded-for": "dummy", "x-gateway-authorization": self.double.key, "remote-user": who}

    def mgm(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        who: str = "alice",
        mhd: bool = False,
        body: bytes = b"",
    ) -> Answer:
        """A request to the MGM; a path without a slash in front is below home. It is encoded here."""
        whole = path if path.startswith("/") else f"{self.home}/{path}".rstrip("/")
        target = quote(whole, safe="/", errors="surrogateescape")
        url = self.double.mhd_url if mhd else self.double.mgm_url
        return ask(url, method, target, {**self.identity(who, mhd=mhd), **(headers or {})}, body)

    def proc(self, query: str, *, who: str = "alice", mhd: bool = False, door: str = "user") -> Any:
        """A command; the query is sent as it is."""
        url = self.double.mhd_url if mhd else self.double.mgm_url
        answer = ask(url, "GET", f"/proc/{door}/?mgm.format=json&{query}", self.identity(who, mhd=mhd))
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def info(self, path: str, **how: Any) -> Any:
        """fileinfo of a path below home."""
        whole = path if path.startswith("/") or ":" in path else f"{self.home}/{path}".rstrip("/")
        return self.proc(f"mgm.cmd=fileinfo&eos.encodepath=1&mgm.path={quote(whole, safe='', errors='surrogateescape')}", **how)

    def located(self, path: str, size: int = 0, headers: Mapping[str, str] | None = None, **how: Any) -> str:
        """Where an atomic upload is to go."""
        answer = self.mgm("PUT", path, {"OC-Total-Length": str(size), "Content-Length": "0", **(headers or {})}, **how)
        assert answer.status == 307, answer
        return answer.header("Location") or ""

    def upload(self, path: str, content: bytes, headers: Mapping[str, str] | None = None, **how: Any) -> Answer:
        """Both hops, atomic; the headers go to both."""
        location = self.located(path, len(content), headers, **how)
        return follow(location, "PUT", {"Content-Length": str(len(content)), **(headers or {})}, content)

    def plain_upload(self, path: str, content: bytes) -> Answer:
        """Both hops, not atomic: nothing is said about the length at first."""
        location = self.mgm("PUT", path, {"Content-Length": "0"}).header("Location") or ""
        return follow(location, "PUT", {"Content-Length": str(len(content))}, content)

    def download(self, path: str, headers: Mapping[str, str] | None = None, **how: Any) -> Answer:
        return follow(self.mgm("GET", path, **how).header("Location") or "", "GET", headers)

    def run(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call something of the double's in its thread."""
        return blockingCallFromThread(reactor, function, *arguments, **named)

    def names(self, path: str = "") -> list[str]:
        # By way of the reactor, which is done then with what came before.
        found: list[str] = self.run(self.double.names, f"{self.home}/{path}".rstrip("/"))
        return found

    def accept(self, *parts: str) -> None:
        """The violations so far were made on purpose: one for each of `parts`, which it contains."""
        found = self.double.record.violations
        assert len(found) == len(parts) and all(part in one for part, one in zip(parts, found, strict=True)), found
        found.clear()


@pytest_twisted.async_yield_fixture
async def make_eos(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    made: list[EosDouble] = []

    async def make(**values: Any) -> Eos:
        double = EosDouble(tmp_path / f"eos {len(made)}", **{"propagation": 0, "accounting": 0, **values})
        await double.start()
        made.append(double)
        return Eos(double)

    yield make
    for double in made:
        await double.stop()
        assert double.record.violations == []


@pytest_twisted.async_yield_fixture
async def eos(make_eos: Callable[..., Any]) -> AsyncIterator[Eos]:
    """One that behaves like 5.3.21; at the end nothing was done to it that must not be, if it was not said."""
    yield await make_eos()


@pytest_twisted.async_yield_fixture
async def old(make_eos: Callable[..., Any]) -> AsyncIterator[Eos]:
    """5.1.30, whose behaviour was seen."""
    yield await make_eos(version="5.1.30")


@pytest_twisted.async_yield_fixture
async def makes(make_eos: Callable[..., Any]) -> AsyncIterator[Any]:
    """Doubles by version, or by version and flags; made when they are asked for, from a thread."""

    class Makes(dict[Any, Eos]):
        def __missing__(self, key: Any) -> Eos:
            version, flags = (key, ()) if isinstance(key, str) else key
            made: Eos = blockingCallFromThread(reactor, lambda: Deferred.fromCoroutine(make_eos(version=version, **dict(flags))))
            self[key] = made
            return made

    yield Makes()

"""What came in, so that tests can count calls and see that nothing came that must not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import unquote

import attrs

IDENTITY = frozenset({"x-forwarded-for", "x-gateway-authorization", "remote-user", "x-real-ip", "cookie", "authorization"})
"""What an FST must never see (section 3.1 item 9)."""


@attrs.define(eq=False)
class Exchange:
    """One request and what became of it."""

    server: str
    """"mgm", "mhd" (the MGM's other port), "fst" or "fst-mhd"."""
    method: str
    target: str
    """As it was sent."""
    path: str
    """Decoded."""
    query: str
    """As it was sent, without its question mark."""
    headers: list[tuple[str, str]]
    """Names in lower case."""
    smuggled: bool = False
    who: int | None = None
    """The uid that the MGM worked as."""
    command: str = ""
    """For `/proc`: "fileinfo", "file rename", ..."""
    status: int = 0
    """0 as long as nothing was answered."""
    received: int = 0
    """Bytes of the body that were taken."""
    sent: int = 0
    """Bytes of the answer's body."""
    body: bytes = b""
    """What was sent with PROPFIND."""
    done: bool = False
    """Whether the answer went out as a whole."""

    @property
    def query_keys(self) -> list[str]:
        """Names of the query, in order."""
        return [unquote(part.split("=", 1)[0]) for part in self.query.split("&") if part]

    def header(self, name: str) -> str | None:
        """The last value of a header."""
        return next((value for key, value in reversed(self.headers) if key == name.lower()), None)


class Record:
    """All requests since the start or the last `clear`."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.violations: list[str] = []
        """What no gateway may do to an EOS, and where the double itself failed."""
        self.secrets: set[str] = set()
        """Every capability that was given out."""

    def clear(self) -> None:
        """Forget requests and violations; capabilities stay known."""
        self.exchanges.clear()
        self.violations.clear()

    def of(self, **wanted: Any) -> list[Exchange]:
        """The requests whose attributes have these values."""
        return [one for one in self.exchanges if all(getattr(one, name) == value for name, value in wanted.items())]

    def calls(self) -> list[str]:
        """All requests in short: "mgm PUT", "mgm fileinfo", "fst GET"."""
        return [f"{one.server} {one.command or one.method}" for one in self.exchanges]

    def leaked(self, text: str) -> list[str]:
        """Capabilities that occur in a text."""
        return sorted(secret for secret in self.secrets if secret in text or secret in unquote(text))

    def check(self, headers: Collection[str] | None = None, query: Collection[str] | None = None) -> None:
        """Raise AssertionError when something was violated, or the MGM got a header or a key of a query that is not named."""
        assert not self.violations, "\n".join(self.violations)
        for one in self.exchanges:
            if headers is not None:
                unnamed = {name for name, _ in one.headers} - {name.lower() for name in headers}
                assert not unnamed, f"{one.server} {one.method} {one.path}: headers {sorted(unnamed)}"
            if query is not None and one.server in ("mgm", "mhd"):
                unknown = set(one.query_keys) - set(query)
                assert not unknown, f"{one.server} {one.method} {one.path}: query {sorted(unknown)}"

    def violated(self, what: str, one: Exchange | None = None) -> None:
        """Note what must not happen."""
        self.violations.append(f"{one.server} {one.method} {one.path}: {what}" if one is not None else what)

    def plain(self) -> list[dict[str, Any]]:
        """For JSON."""
        return [{**attrs.asdict(one), "body": one.body.decode("utf-8", "replace")} for one in self.exchanges]


def identity_headers(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Those of `headers` that say who somebody is."""
    return sorted({name for name, _ in headers} & IDENTITY)

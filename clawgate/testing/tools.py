"""What the conformance suites have in common: contents, bodies that behave in certain ways, and looking at a storage."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import inspect
import unicodedata
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Any, ClassVar, TypeVar

import attrs
from twisted.internet.defer import Deferred, gatherResults

from ..interfaces import Abilities, Storage
from ..model.content import Intent, Written
from ..model.node import Node
from ..model.path import ROOT, Path, join

T = TypeVar("T")
Marked = TypeVar("Marked", bound=Callable[..., Any])

SMALL = b"hello, world\n"
LARGE = bytes(range(256)) * 2048 + b"the end"
"""More than any driver keeps in memory as a whole."""
MTIME = 1_600_000_000_123_456_789
NAMES = (
    "plain.txt",
    "with space & 100%.txt",
    "#hash?query;semi",
    "back\\slash 'quotes\" <xml>",
    unicodedata.normalize("NFC", "Ünï.txt"),
    unicodedata.normalize("NFD", "Ünï.txt"),
    "日本語.txt",
    "😀.txt",
    ".hidden",
    "-dash",
    "new\nline",
    "trailing. ",
    "\u201b",
    "a" * 255,
    "é" * 127,
)


ABILITIES = frozenset(field.name for field in attrs.fields(Abilities))


class Broken(Exception):
    """What a body raises that breaks in the middle."""


async def body_of(content: bytes, chunk: int = 65536) -> AsyncIterator[bytes]:
    """`content` in chunks."""
    for start in range(0, len(content), chunk):
        yield content[start : start + chunk]


async def breaking(content: bytes) -> AsyncIterator[bytes]:
    """`content`, and then `Broken`."""
    async for chunk in body_of(content):
        yield chunk
    raise Broken


async def forbidden() -> AsyncIterator[bytes]:
    """A body that must not be read."""
    raise AssertionError("the body was read")
    yield b""


async def put(storage: Storage, path: str, content: bytes, **intent: Any) -> Written:
    """Write `content` with its length announced; `intent` as for `Intent`."""
    return await storage.write(Path(path), body_of(content), Intent(**{"size": len(content), **intent}))


async def get(storage: Storage, path: str, start: int = 0, stop: int | None = None) -> bytes:
    """The content of a file."""
    reader = await storage.read(Path(path))
    try:
        return b"".join([chunk async for chunk in reader.stream(start, stop)])
    finally:
        await reader.close()


async def children(storage: Storage, path: str = "") -> dict[str, Node]:
    """The children of a folder by name."""
    listing = await storage.list(Path(path))
    nodes = [node async for page in listing.pages for node in page]
    found = {node.name: node for node in nodes}
    assert len(found) == len(nodes), "a name was listed twice"
    return found


async def tree(storage: Storage, path: Path = ROOT) -> dict[str, bytes | None]:
    """All paths below `path` with their content, None for folders."""
    found: dict[str, bytes | None] = {}
    for name, node in (await children(storage, path)).items():
        below = join(path, name)
        found[below] = None if node.is_folder else await get(storage, below)
        if node.is_folder:
            found.update(await tree(storage, below))
    return found


def start(coroutine: Coroutine[Deferred[Any], Any, T]) -> Deferred[T]:
    """Run something beside the test."""
    return Deferred.fromCoroutine(coroutine)


async def outcomes(coroutines: Iterable[Coroutine[Deferred[Any], Any, T]]) -> list[T | Exception]:
    """Run all at the same time; results or the errors raised."""

    async def safely(coroutine: Coroutine[Deferred[Any], Any, T]) -> T | Exception:
        try:
            return await coroutine
        except Exception as error:
            return error

    found: list[T | Exception] = await gatherResults([start(safely(coroutine)) for coroutine in coroutines])
    return found


class Held:
    """A body that gives its content and then waits, so that a test can act in the middle of a write; it ends with `rest`."""

    def __init__(self, content: bytes, rest: bytes = b"") -> None:
        self._content = content
        self._rest = rest
        self.reached: Deferred[None] = Deferred()
        """Fires when all of the content was taken."""
        self.go_on: Deferred[None] = Deferred()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The chunks."""
        async for chunk in body_of(self._content):
            yield chunk
        self.reached.callback(None)
        await self.go_on
        async for chunk in body_of(self._rest):
            yield chunk


def needs(*abilities: str) -> Callable[[Marked], Marked]:
    """Mark a test, or all tests of a class, with fields of `Abilities`: suites with one of them in `lacks` have no such test."""

    def mark(marked: Marked) -> Marked:
        tests = [each for name, each in vars(marked).items() if _is_test(name)] if isinstance(marked, type) else [marked]
        for test in tests:
            vars(test)["needs"] = needed(test) | set(abilities)
        return marked

    return mark


def needed(test: Any) -> frozenset[str]:
    """The abilities that a test is marked with, and those among them that it asks for as fixtures."""
    marked: frozenset[str] = getattr(test, "needs", frozenset())
    return marked | (ABILITIES & inspect.signature(test).parameters.keys()) if callable(test) else marked


def _is_test(name: str) -> bool:
    return name.startswith("test_")


class Suite:
    """Derive, give a fixture ``storage`` (an empty one), and override what is said to be overridable."""

    lacks: ClassVar[frozenset[str]] = frozenset()
    """Override: the fields of `Abilities` that the storage does not have. What tests them is not collected then; if they are not
    named, it is skipped. Whoever derives from a class that lacks something lacks it too."""
    mtime = MTIME
    """Override: the time that the tests give to files, in nanoseconds since 1970, where the storage does not keep all of it."""

    def __init_subclass__(cls) -> None:
        for base in cls.__mro__[1:]:
            # These tests are gone for good, and nobody would miss them.
            had: frozenset[str] = getattr(base, "lacks", frozenset()) - cls.lacks
            assert not had, f"{cls.__name__}.lacks must name what {base.__name__} lacks: {', '.join(sorted(had))}"
        unknown = cls.lacks - ABILITIES
        assert not unknown, f"{cls.__name__}.lacks: there is no such ability: {', '.join(sorted(unknown))}"
        for name in dir(cls):
            if _is_test(name) and cls.lacks & needed(getattr(cls, name)):
                setattr(cls, name, None)

    async def test_it_does_not_have_what_it_is_said_to_lack(self, storage: Storage) -> None:
        had = [name for name in sorted(self.lacks) if getattr(storage.abilities, name)]
        assert not had, f"nothing tests what it has after all: {had}"

    async def leftovers(self, storage: Storage) -> list[str]:
        """What interrupted work left behind, physically; override where that can be seen."""
        return []

    async def see_unchanged(self, storage: Storage, before: dict[str, bytes | None]) -> None:
        """Fail if anything is not as `tree` said `before`, or anything was left behind."""
        assert await tree(storage) == before
        assert await self.leftovers(storage) == []

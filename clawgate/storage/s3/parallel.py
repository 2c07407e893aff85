"""Several things at the same time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import TypeVar

from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults

T = TypeVar("T")
U = TypeVar("U")


async def each(items: Sequence[T], act: Callable[[T], Awaitable[U]], most: int) -> list[U]:
    """Do something with all, `most` at the same time; returns the results in their order, raises the first error, but only
    when nothing goes on any more."""
    turn = DeferredSemaphore(most)
    failed: list[Exception] = []
    results: dict[int, U] = {}

    async def one(index: int) -> None:
        async with turn:
            if failed:
                return
            try:
                results[index] = await act(items[index])
            except Exception as error:
                failed.append(error)

    await gatherResults([Deferred.fromCoroutine(one(index)) for index in range(len(items))])
    if failed:
        raise failed[0]
    return [results[index] for index in range(len(items))]


async def outside_in(items: Sequence[T], act: Callable[[T], Awaitable[U]], most: int, key: Callable[[T], str]) -> list[U]:
    """As `each`, for objects that are made: `key` tells their keys, and markers of folders come before what is in these.

    SeaweedFS makes folders by itself for what is put there, and such a one can replace a marker that is written at the same time.
    """
    results: dict[int, U] = {}

    def depth(index: int) -> int:
        return key(items[index]).count("/")

    async def one(index: int) -> None:
        results[index] = await act(items[index])

    folders = [index for index in range(len(items)) if key(items[index]).endswith("/")]
    for _, level in groupby(sorted(folders, key=depth), depth):
        await each(list(level), one, most)
    await each(sorted({*range(len(items))} - {*folders}), one, most)
    return [results[index] for index in range(len(items))]

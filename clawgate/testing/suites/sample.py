"""A few files and folders for suites that need some, and what is asked of them more than once."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ...errors import AlreadyExists
from ...interfaces import Ids, Storage
from ...model.node import Node
from ...model.path import Path, split
from ..tools import Suite, put, tree

Act = Callable[..., Coroutine[Any, Any, Node]]
REPLACED = [("file", "other"), ("file", "a"), ("b", "file"), ("b", "a")]
"""What takes the place of what, in a sample."""


class Sample(Suite):
    """The base of suites that begin with a few files and folders."""

    async def some(self, storage: Storage) -> None:
        """A few files and folders."""
        for path in ("a", "a/deep", "b"):
            await storage.make_folder(Path(path))
        for path in ("a/one", "a/deep/two", "b/three", "file", "other"):
            await put(storage, path, path.encode(), mtime_ns=self.mtime)

    async def replace(self, storage: Storage, act: Act, source: str, target: str, *, stays: bool) -> None:
        """Put something in the place of something else; `stays`: it stays where it was as well."""
        await self.some(storage)
        before = await tree(storage)
        with pytest.raises(AlreadyExists):
            await act(Path(source), Path(target), replace=False)
        await self.see_unchanged(storage, before)
        await act(Path(source), Path(target), replace=True)
        expected = {path: content for path, content in before.items() if path != target and not path.startswith(target + "/")}
        for path, content in before.items():
            if path == source or path.startswith(source + "/"):
                expected[target + path[len(source) :]] = content
                if not stays:
                    del expected[path]
        await self.see_unchanged(storage, expected)

    def ids(self, storage: Storage) -> Ids:
        """The ability, or the test is skipped."""
        if storage.abilities.ids is None:
            pytest.skip("no ids")
        return storage.abilities.ids

    async def id_of(self, storage: Storage, path: str) -> str:
        """The id of one node."""
        folder, name = split(Path(path))
        return (await self.ids(storage).identify(folder, [name]))[name].id

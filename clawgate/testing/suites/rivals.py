"""What a storage has to do for writers who meet: conditions on what stands there, and several at the same time."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import pytest

from ...errors import AlreadyExists, PreconditionFailed
from ...interfaces import Storage
from ...model.content import Intent, Target, Written
from ...model.node import Node
from ...model.path import Path
from ..tools import LARGE, SMALL, Held, Suite, children, get, outcomes, put, start


class RivalsConformance(Suite):
    """See `conformance.StorageConformance`."""

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    async def test_what_must_still_stand_there(self, storage: Storage, content: bytes) -> None:
        first = await put(storage, "file", b"1", expected=Target.NOTHING)
        with pytest.raises(PreconditionFailed):
            await put(storage, "file", content, expected=Target.NOTHING)
        with pytest.raises(PreconditionFailed):
            await put(storage, "gone", content, expected=first.node.seen)
        second = await put(storage, "file", b"2", expected=first.node.seen)
        with pytest.raises(PreconditionFailed):
            await put(storage, "file", content, expected=first.node.seen)
        await self.see_unchanged(storage, {"file": b"2"})
        listed = (await children(storage))["file"].seen
        assert listed == second.node.seen
        await put(storage, "file", content, expected=listed)
        await self.see_unchanged(storage, {"file": content})

    async def test_a_condition_is_checked_at_the_end(self, storage: Storage) -> None:
        first = await put(storage, "file", b"1")
        for path, expected in (("file", first.node.seen), ("new", Target.NOTHING)):
            held = Held(LARGE)
            writing = start(storage.write(Path(path), held.__aiter__(), Intent(size=len(LARGE), expected=expected)))
            await held.reached
            await put(storage, path, b"2")
            held.go_on.callback(None)
            with pytest.raises(PreconditionFailed):
                await writing
        await self.see_unchanged(storage, {"file": b"2", "new": b"2"})

    async def test_of_many_new_files_one_wins(self, storage: Storage) -> None:
        contents = [bytes([65 + n]) * (1 if n % 2 else 100_000) for n in range(8)]
        results = await outcomes(put(storage, "file", content, expected=Target.NOTHING) for content in contents)
        assert sum(isinstance(result, Written) for result in results) == 1
        assert all(isinstance(result, (Written, PreconditionFailed)) for result in results)
        winner = next(n for n, result in enumerate(results) if isinstance(result, Written))
        await self.see_unchanged(storage, {"file": contents[winner]})

    async def test_of_many_replacements_one_wins(self, storage: Storage) -> None:
        first = await put(storage, "file", b"old")
        contents = [bytes([65 + n]) * (1 if n % 2 else 100_000) for n in range(8)]
        results = await outcomes(put(storage, "file", content, expected=first.node.seen) for content in contents)
        assert sum(isinstance(result, Written) for result in results) == 1
        winner = next(n for n, result in enumerate(results) if isinstance(result, Written))
        await self.see_unchanged(storage, {"file": contents[winner]})

    async def test_unconditional_writers_never_mix(self, storage: Storage) -> None:
        contents = [bytes([65 + n]) * 200_000 for n in range(8)]
        results = await outcomes(put(storage, "file", content) for content in contents)
        assert all(isinstance(result, Written) for result in results)
        assert await get(storage, "file") in contents
        assert await self.leftovers(storage) == []

    async def test_of_many_new_folders_one_wins(self, storage: Storage) -> None:
        results = await outcomes(storage.make_folder(Path("folder")) for _ in range(8))
        assert sum(isinstance(result, Node) for result in results) == 1
        assert sum(isinstance(result, AlreadyExists) for result in results) == 7

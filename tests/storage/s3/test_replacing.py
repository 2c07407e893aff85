"""Moves onto what is there, of every kind: where keys are paths of a tree, a file and a folder cannot have one name."""

from __future__ import annotations

import pytest

from clawgate.model.path import Path
from clawgate.testing.tools import put, tree


@pytest.mark.parametrize("target", ["file 2", "folder 2", "empty 2"])
@pytest.mark.parametrize("source", ["file", "folder", "empty"])
async def test_anything_may_take_the_place_of_anything(mounted, source, target):
    storage = mounted.storage
    for path in ("folder", "empty", "folder 2", "empty 2"):
        await storage.make_folder(Path(path))
    for path in ("file", "file 2", "folder/x", "folder 2/y"):
        await put(storage, path, path.encode())
    wanted = {path: content for path, content in (await tree(storage)).items() if path.partition("/")[0] not in (source, target)}
    wanted |= {"file": {target: b"file"}, "folder": {target: None, f"{target}/x": b"folder/x"}, "empty": {target: None}}[source]
    await storage.move(Path(source), Path(target), replace=True)
    assert await tree(storage) == wanted
    assert mounted.leftovers() == []

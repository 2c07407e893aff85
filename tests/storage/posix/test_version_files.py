from __future__ import annotations

import pytest_twisted

from clawgate.model.path import Path
from clawgate.storage.posix import version_files
from clawgate.testing.tools import put


@pytest_twisted.ensureDeferred
async def test_an_upload_while_somebody_clears_up(root, make, monkeypatch):
    """The folder of the versions is empty at that moment, and goes."""
    storage = make(versions=True)
    await put(storage, "file", b"old")
    open_folder, times = version_files.open_folder, []

    def opened(top, id, *, create):
        folder = open_folder(top, id, create=create)
        times.append(id)
        if len(times) == 1:
            (root / ".clawgate" / "versions" / version_files.folder_of(id).decode()).rmdir()
        return folder

    monkeypatch.setattr(version_files, "open_folder", opened)
    await put(storage, "file", b"new")
    assert len(times) == 2
    assert [one.size for one in await storage.abilities.versions.list(Path("file"))] == [3]

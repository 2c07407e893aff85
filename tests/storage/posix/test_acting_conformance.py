"""Whoever works as a person has the same storage as everybody."""

from __future__ import annotations

import os

import pytest

from clawgate.testing.conformance import StorageConformance

from .people import ANN, storage_for


class TestSharedTree(StorageConformance):
    lacks = frozenset({"trash", "versions"})

    @pytest.fixture
    def storage(self, root, people, door, staged):
        os.chown(root, ANN.uid, ANN.gid)
        # The way to it is shut to the person.
        root.parent.chmod(0o700)
        (root / ".clawgate").mkdir()
        (root / ".clawgate").chmod(0o1733)
        self.staged = staged
        return storage_for(root, ANN, people, door, shared=True, durability="none", small_bytes=100, block_bytes=5000)

    async def leftovers(self, storage):
        return await self.staged(below=str(ANN.uid))

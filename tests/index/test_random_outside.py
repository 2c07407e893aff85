"""Random changes by others: passes find them all, and move exactly the etags of what changed."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path as File
from typing import NamedTuple

import pytest
import pytest_twisted

from clawgate.storage.posix import kernel

from .outside import AT_ONCE, agrees, known, learn, scanner


class Seen(NamedTuple):
    path: str
    folder: bool
    content: object
    """Equal if nothing in it changed that clients can see."""


def look(root: File) -> dict[bytes, Seen]:
    """What is there, by file handle; of several names of a file the first."""
    found: dict[bytes, Seen] = {}
    top = os.open(root, os.O_RDONLY)

    def add(path: str) -> object:
        state = os.lstat(root / path)
        handle = kernel.handle(top, os.fsencode(path) or b".")
        assert handle is not None
        if (root / path).is_dir():
            names = sorted(name for name in os.listdir(root / path) if not name.startswith(".clawgate"))
            content: object = tuple((name, add(f"{path}/{name}" if path else name)) for name in names)
            found[handle.data] = Seen(path, True, content)
            return handle.data, content
        content = (state.st_size, state.st_mtime_ns)
        found.setdefault(handle.data, Seen(path, False, content))
        return handle.data, content

    add("")
    os.close(top)
    return found


class Writer:
    """Somebody else."""

    def __init__(self, root: File, seed: int) -> None:
        self.root = root
        self.rng = random.Random(seed)
        self.number = 0

    def paths(self, *, folders: bool) -> list[File]:
        found = [File(at) / name for at, below, files in os.walk(self.root) for name in (below if folders else files)]
        return sorted(path for path in found if ".clawgate" not in str(path))

    def any(self, *, folders: bool) -> File:
        found = self.paths(folders=folders)
        return self.rng.choice(found) if found else self.root

    def place(self) -> File:
        """A name that is free, in an old folder or a new one."""
        self.number += 1
        folder = self.rng.choice([self.root, *self.paths(folders=True)])
        if self.rng.random() < 0.2:
            folder = folder / f"new{self.number}"
            folder.mkdir()
        return folder / f"n{self.number}"

    def create(self) -> None:
        self.place().write_bytes(b"x" * self.rng.randrange(9))

    def write(self) -> None:
        file = self.any(folders=False)
        if file != self.root:
            with file.open(self.rng.choice(["ab", "wb"])) as out:
                out.write(b"written")

    def touch(self) -> None:
        os.utime(self.any(folders=False), ns=(1, self.rng.randrange(10**18)))

    def chmod(self) -> None:
        self.any(folders=self.rng.random() < 0.5).chmod(self.rng.choice([0o700, 0o755]))

    def rename(self) -> None:
        path = self.any(folders=self.rng.random() < 0.6)
        target = self.place()
        if path != self.root and not target.is_relative_to(path):
            path.rename(target)

    def replace(self) -> None:
        one, other = self.any(folders=False), self.any(folders=False)
        if self.root not in (one, other):
            one.rename(other)

    def save(self) -> None:
        file = self.any(folders=False)
        if file != self.root:
            beside = file.with_name("saving")
            beside.write_bytes(b"saved")
            beside.rename(file)

    def swap(self) -> None:
        one, other = (self.any(folders=True) for _ in range(2))
        if self.root not in (one, other) and not one.is_relative_to(other) and not other.is_relative_to(one):
            aside = self.root / "aside"
            one.rename(aside)
            other.rename(one)
            aside.rename(other)

    def turn_over(self) -> None:
        inner = self.any(folders=True)
        outer = inner.parent
        if self.root not in (inner, outer):
            self.number += 1
            top = outer.parent / f"t{self.number}"
            inner.rename(top)
            outer.rename(top / outer.name)
            if self.rng.random() < 0.5:
                top.rename(outer)

    def remove(self) -> None:
        path = self.any(folders=self.rng.random() < 0.3)
        if path != self.root:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def link(self) -> None:
        file = self.any(folders=False)
        if file != self.root:
            os.link(file, self.place())

    def copy(self) -> None:
        path, target = self.any(folders=self.rng.random() < 0.5), self.place()
        if path != self.root and not target.is_relative_to(path):
            subprocess.run(["cp", "-a", path, target], check=True)

    def work(self, steps: int) -> list[str]:
        acts = [
            "create",
            "write",
            "touch",
            "chmod",
            "rename",
            "rename",
            "replace",
            "save",
            "swap",
            "turn_over",
            "remove",
            "link",
            "copy",
        ]
        done = self.rng.choices(acts, k=steps)
        for act in done:
            getattr(self, act)()
        return done


@pytest.mark.parametrize("seed", range(40))
@pytest_twisted.ensureDeferred
async def test_passes_agree_with_the_disk(house, seed):
    storage = house.storage
    writer = Writer(house.root, seed)
    for path in ("a/b/c", "d/e", "f"):
        (house.root / path).mkdir(parents=True)
    for _ in range(20):
        writer.create()
    await learn(storage)
    for _ in range(4):
        before, rows = look(house.root), await known(storage)
        done = writer.work(writer.rng.randrange(1, 9))
        after = look(house.root)
        walk = scanner(storage, folders=writer.rng.randrange(1, 5), calls=writer.rng.randrange(1, 3))
        await walk.run(AT_ONCE)
        await learn(storage)
        # What was moved into a new folder is walked from now on.
        await walk.run(AT_ONCE)
        await learn(storage)
        assert await agrees(storage), done
        now = await known(storage)
        assert set(now) == {
            "",
            *(str(path.relative_to(house.root)) for path in (*writer.paths(folders=True), *writer.paths(folders=False))),
        }
        assert len({row.id for row in now.values()}) == len(now)
        for handle, seen in after.items():
            if handle not in before or seen.folder != before[handle].folder:
                continue
            old, new = rows[before[handle].path], now[seen.path]
            if before[handle].content != seen.content:
                assert old.etag != new.etag, (done, before[handle].path, seen.path)
            elif "link" not in done:
                # Which name of a file was moved and which is new cannot be told if the folders around them were moved, too.
                assert old.etag == new.etag, (done, before[handle].path, seen.path)
            if seen.folder:
                assert old.id == new.id, (done, before[handle].path, seen.path)

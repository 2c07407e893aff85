# ruff: noqa: ASYNC220, ASYNC221
"""Whoever does what `Changes` says knows what is in the tree, whatever others do in it meanwhile."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path as File

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from clawgate.model.path import ROOT, Path, join, parent, split

from .conftest import until

WRITER = str(File(__file__).with_name("writer.py"))
COUNT = 200


class Mirror:
    """A picture of a tree: inode, size and time of everything. It looks where it is told to, and at what cannot be told of."""

    def __init__(self, listener):
        self.listener = listener
        self.picture = {}
        self.uncovered = {ROOT}

    async def catch_up(self):
        """Look until there is nothing to be looked at."""
        listener = self.listener
        while listener.lost or listener.heard or listener.uncovered:
            hints, listener.heard[:] = list(dict.fromkeys(listener.heard)), []
            if listener.lost:
                listener.lost = 0
                listener.uncovered.clear()
                self.picture.clear()
                await self.learn(ROOT)
                continue
            self.uncovered.update(listener.uncovered)
            listener.uncovered.clear()
            for hint in hints:
                path = join(hint.folder, hint.name) if hint.name else hint.folder
                if hint.deep:
                    self.forget(path)
                    await self.learn(path)
                elif hint.name:
                    self.look(path)
                else:
                    self.look_into(path)

    async def learn(self, path):
        """Have all below `path` covered, then look at it."""
        todo = [path]
        while todo:
            rest = await self.listener.cover(todo)
            self.uncovered = (self.uncovered - set(todo)) | set(rest)
            for folder in todo:
                self.look(folder)
            todo = [below for folder in todo for below in self.look_into(folder)]

    def forget(self, path):
        inside = {one for one in self.picture if one == path or one.startswith(f"{path}/")}
        for one in inside:
            del self.picture[one]
        self.uncovered = {one for one in self.uncovered if one != path and not one.startswith(f"{path}/")}

    def look(self, path):
        try:
            state = os.lstat(os.path.join(self.listener.root, path))
        except OSError:
            self.picture.pop(path, None)
        else:
            self.picture[path] = facts(state)

    def look_into(self, path):
        """The sub-folders."""
        try:
            names = os.listdir(os.path.join(self.listener.root, path))
        except OSError:
            return []
        self.look(path)
        for name in names:
            self.look(join(path, name))
        for one in [one for one in self.picture if one and parent(one) == path and split(one)[1] not in names]:
            self.forget(one)
        return [join(path, name) for name in names if self.picture.get(join(path, name), (False,))[0]]

    async def look_at_the_rest(self):
        """What a scanner does with folders that nobody tells of."""
        for path in sorted(self.uncovered):
            if path in self.uncovered:
                self.forget(path)
                await self.learn(path)


def facts(state):
    is_folder = (state.st_mode & 0o170000) == 0o040000
    return (is_folder, state.st_ino, 0 if is_folder else state.st_size, 0 if is_folder else state.st_mtime_ns)


def truth(root):
    found = {ROOT: facts(os.lstat(root))}
    for path, folders, files in os.walk(root):
        for name in folders + files:
            inside = os.path.join(path, name)
            found[Path(os.path.relpath(inside, root))] = facts(os.lstat(inside))
    return found


async def follow(mirror, seed):
    """Catch up with somebody who changes things all the time, until he stops."""
    await mirror.learn(ROOT)
    root = mirror.listener.root
    with subprocess.Popen([sys.executable, WRITER, root, str(seed), str(COUNT)]) as writer:
        while writer.poll() is None:
            await mirror.catch_up()
            await deferLater(reactor, 0.001, lambda: None)
    assert writer.returncode == 0
    mark = Path(f"fence{id(mirror)}")
    subprocess.run(["mkdir", mark], cwd=root, check=True)
    await until(lambda: mirror.listener.lost or any(hint.name == mark for hint in mirror.listener.heard))
    await mirror.catch_up()


@pytest.mark.parametrize("seed", range(3))
@pytest_twisted.ensureDeferred
async def test_the_picture_is_right_in_the_end(root, kind, notifiers, listen, seed):
    notifier = notifiers(kind, limit=100_000)
    mirror = Mirror(listen(notifier, root))
    await follow(mirror, seed)
    assert mirror.picture == truth(root)
    assert mirror.uncovered.isdisjoint(mirror.picture)
    assert notifier.overflows == 0


@pytest.mark.parametrize("seed", range(3, 6))
@pytest_twisted.ensureDeferred
async def test_what_there_is_no_room_for_is_known(root, notifiers, listen, seed):
    """Only what `cover` returned, or somebody was told of, has to be looked at, though two trees take folders from each other."""
    ticks = itertools.count(step=20)
    notifier = notifiers("inotify", limit=12, clock=lambda: next(ticks))
    mirrors = [Mirror(listen(notifier, root)), Mirror(listen(notifier, root))]
    await mirrors[1].learn(ROOT)
    await follow(mirrors[0], seed)
    await mirrors[1].catch_up()
    assert notifier.describe().startswith("inotify")
    for mirror in mirrors:
        assert mirror.uncovered & mirror.picture.keys()
        await mirror.look_at_the_rest()
        assert mirror.picture == truth(root)

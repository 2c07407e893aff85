"""Whatever is done to the double, its books agree: entries, sizes, quota, bytes on the disk."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import given, settings
from twisted.internet.task import Clock

from clawgate.testing.eos import EosError, profile_of, versioning
from clawgate.testing.eos.checksum import checksum_of
from clawgate.testing.eos.identity import ROOT
from clawgate.testing.eos.nodes import Container, File
from clawgate.testing.eos.propagation import Propagation
from clawgate.testing.eos.world import World

PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
STEPS = st.one_of(
    st.tuples(st.just("mkdir"), PATHS),
    st.tuples(st.just("put"), PATHS, st.booleans(), st.integers(0, 9), st.sampled_from(["commit", "drop", "abandon"])),
    st.tuples(st.just("rename"), PATHS, PATHS, st.booleans()),
    st.tuples(st.just("remove"), PATHS, st.booleans()),
    st.tuples(st.just("restore"), st.integers(0, 5)),
    st.tuples(st.just("version"), PATHS, st.integers(0, 5)),
    st.tuples(st.just("settle")),
)


def do(world: World, home: str, step: tuple) -> None:
    match step:
        case "mkdir", path:
            world.namespace.mkdir(ROOT, f"{home}/{path}")
        case "put", path, atomic, size, end:
            opened = world.openings.write(world.who("alice"), f"{home}/{path}", booking=size, atomic=atomic)
            opened.uses = 1
            world.store.write(opened.file.id, b"x" * size)
            if end == "commit":
                world.openings.commit(opened, size, checksum_of("adler", b"x" * size), None)
            elif end == "drop":
                world.openings.drop(opened)
        case "rename", old, new, replace:
            world.namespace.rename(ROOT, f"{home}/{old}", f"{home}/{new}", replace=replace)
        case "remove", path, recursive:
            world.namespace.remove(world.who("alice"), f"{home}/{path}", recursive=recursive)
        case "restore", which:
            entries = world.recycled("alice")
            if entries:
                world.restore(entries[which % len(entries)].key, "alice")
        case "version", path, which:
            folder = world.namespace.version_folder(world.tree.file(f"{home}/{path}"))
            names = sorted(folder.files) if folder is not None else []
            if names:
                versioning.restore(world.namespace, ROOT, f"{home}/{path}", names[which % len(names)])
        case ("settle",):
            world.settle()


def check(world: World) -> None:
    everything = list(world.tree.root.walk())
    files = [one for one in everything if isinstance(one, File)]
    containers = [one for one in everything if isinstance(one, Container)]
    assert {one.id: one for one in files} == world.tree.files and len({one.id for one in files}) == len(files)
    assert {1: world.tree.root} | {one.id: one for one in containers} == world.tree.containers
    for one in everything:
        assert one.parent is not None and one.parent.child(one.name) is one
        assert world.tree.find(one.path) is one
    for one in [world.tree.root, *containers]:
        assert one.tree_size == sum(below.size for below in one.walk() if isinstance(below, File))
    node = world.tree.directory("/eos/user")
    counted: Counter[int] = Counter()
    for one in node.walk():
        if isinstance(one, File):
            counted[one.uid] += one.size
    for uid in (0, 1001):
        assert world.namespace.quota.used[node.id, "u", uid].bytes == counted[uid]
    assert {int(path.name, 16) for path in world.store.folder.iterdir()} <= set(world.tree.files)
    for entry in world.namespace.recycle.entries.values():
        assert world.tree.find(entry.node.path) is entry.node


@settings(max_examples=400)
@given(st.booleans(), st.booleans(), st.integers(0, 2), st.lists(STEPS, max_size=25))
def test_the_books_agree(recycle: bool, atomic: bool, versions: int, steps: list[tuple]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        clock.advance(1_700_000_000)
        world = World(Path(folder), profile_of("5.3.21"), "key", Propagation(clock, 5, 0.5), clock)
        home = world.make_home("alice", recycle=recycle, atomic=atomic, versioning=versions)
        for step in steps:
            clock.advance(0.1)
            with suppress(EosError):
                do(world, home, step)
        world.settle()
        check(world)

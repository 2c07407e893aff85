# ruff: noqa: ASYNC220
from __future__ import annotations

import os
import subprocess
import sys

import pytest
import pytest_twisted

from .conftest import hint, run, until

CHANGES = {
    "create": ("touch a/new", {hint("a", "new")}),
    "append": ("echo x >> a/f", {hint("a", "f")}),
    "truncate": ("truncate -s 0 a/b/g", {hint("a/b", "g")}),
    "rename": ("mv a/f a/h", {hint("a", "f"), hint("a", "h")}),
    "rename to another folder": ("mv a/f c/h", {hint("a", "f"), hint("c", "h")}),
    "rename out": ("mv a/f ../out/", {hint("a", "f")}),
    "rename in": ("mv ../out/x c/", {hint("c", "x")}),
    "rename a folder": ("mv a/b a/z", {hint("a", "b", True), hint("a", "z", True)}),
    "rename a folder to another": ("mv a/b c", {hint("a", "b", True), hint("c", "b", True)}),
    "rename a folder out": ("mv a ../out/", {hint("", "a", True)}),
    "rename a folder in": ("mv ../out/d c/", {hint("c", "d", True)}),
    "rename a folder over another": ("mkdir a/e; mv -T c a/e", {hint("", "c", True), hint("a", "e", True)}),
    "rename and back": ("mv a z; mv z a", {hint("", "a", True), hint("", "z", True)}),
    "replace by rename": ("echo y > a/.t; mv a/.t a/f", {hint("a", ".t"), hint("a", "f")}),
    "from another file system": ("mv ../elsewhere/d c/", {hint("c", "d", True)}),
    "to another file system": ("mv a ../elsewhere/", {hint("", "a", True)}),
    "delete": ("rm a/b/g", {hint("a/b", "g")}),
    "delete a folder": ("rm -r a/b", {hint("a", "b", True)}),
    "hard link": ("ln a/f c/l", {hint("c", "l")}),
    "write through a hard link": ("ln a/f c/l; echo x >> c/l", {hint("c", "l")}),
    "symbolic link": ("ln -s f a/l", {hint("a", "l")}),
    "time": ("touch -d 2001-02-03 a/f", {hint("a", "f")}),
    "mode": ("chmod 600 a/f", {hint("a", "f")}),
    "owner": ("chown 1:1 a/f", {hint("a", "f")}),
    "attribute": ("setfattr -n user.x -v 1 a/f", {hint("a", "f")}),
    "mode of a folder": ("chmod 700 a/b", {hint("a/b")}),
    "time of a folder": ("touch a", {hint("a")}),
    "attribute of a folder": ("setfattr -n user.x -v 1 a/b", {hint("a/b")}),
    "mode of the root": ("chmod 711 .", {hint("")}),
    "cp -a": ("cp -a a c/", {hint("c", "a", True)}),
    "tar": ("tar -cf ../elsewhere/t a f; rm -r a f; tar -xf ../elsewhere/t", {hint("", "a", True), hint("", "f")}),
    "name that is not UTF-8": (r"touch $(printf 'a/caf\351')", {hint("a", "caf\u201bE9")}),
    "name with a line break": ("touch 'a/x\ny'", {hint("a", "x\ny")}),
    "folder with a misleading name": ("mkdir 'c/x (deleted)'; touch 'c/x (deleted)/y'", {hint("c", "x (deleted)", True)}),
    "many in one folder": ("cd c; for n in $(seq 200); do :> $n; done; mkdir sub", {hint("c"), hint("c", "sub", True)}),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest_twisted.ensureDeferred
async def test_every_change_is_told(roots, notifiers, listen, change):
    command, expected = CHANGES[change]
    watching = [notifiers(kind, gather=0.2 if "many" in change else 0.002) for kind in ("fanotify", "inotify")]
    for root in roots:
        listeners = [listen(notifier, root) for notifier in watching]
        for listener in listeners:
            assert await listener.cover() == []
        run(command, root)
        for kind, listener in zip(("fanotify", "inotify"), listeners, strict=True):
            heard = await listener.all()
            assert expected <= heard, (root, kind)
            assert not listener.lost
            deep = tuple(f"{one.folder}/{one.name}".lstrip("/") for one in heard if one.deep)
            # Besides, what is in a folder that came or went.
            assert [one for one in heard - expected if not one.folder.startswith(deep)] == [], (root, kind)


@pytest_twisted.ensureDeferred
async def test_git_checkout(root, kind, notifiers, listen):
    listener = listen(notifiers(kind), root)
    git = "git -c user.name=x -c user.email=x@x -c init.defaultBranch=main"
    await listener.cover()
    await listener.told(f"{git} init -q; {git} add a f; {git} commit -qm 1; mkdir n; echo y > a/f; echo y > n/m; rm f")
    await listener.told(f"{git} checkout -qb other; {git} add -A; {git} commit -qm 2")
    assert await listener.cover() == []
    heard = await listener.told(f"{git} checkout -q main")
    assert {hint("", "f"), hint("a", "f"), hint("", "n", True)} <= heard
    assert await listener.cover() == []
    heard = await listener.told(f"{git} checkout -q other")
    assert {hint("", "f"), hint("a", "f"), hint("", "n", True)} <= heard


@pytest_twisted.ensureDeferred
async def test_what_is_still_being_written_is_told(root, kind, notifiers, listen):
    listener = listen(notifiers(kind), root)
    await listener.cover()
    script = "import sys; file = open('a/f', 'a'); file.write('x'); file.flush(); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()
        assert await listener.all() == {hint("a", "f")}


@pytest_twisted.ensureDeferred
async def test_reading_is_no_change(root, kind, notifiers, listen):
    listener = listen(notifiers(kind), root)
    await listener.cover()
    assert await listener.told("cat f a/f; ls -lR; find . -newer f; tar -c . > /dev/null; getfattr -d f a") == set()


@pytest_twisted.ensureDeferred
async def test_what_the_gateway_hides_is_not_told(root, kind, notifiers, listen):
    listener = listen(notifiers(kind), root)
    await listener.cover()
    assert await listener.told("touch a/.clawgate-tmp-1; mv a/.clawgate-tmp-1 a/.clawgate-tmp-2") == set()
    await listener.told("mkdir .clawgate a/.clawgate")
    await listener.cover(["a/.clawgate"])
    assert await listener.told("mkdir .clawgate/x; touch .clawgate/x/y") == set()
    assert await listener.told("touch a/.clawgate/x") == {hint("a/.clawgate", "x")}


@pytest_twisted.ensureDeferred
async def test_new_folders_are_told_of_once_they_are_covered(root, kind, notifiers, listen):
    listener = listen(notifiers(kind), root)
    assert await listener.cover() == []
    assert hint("c", "new", True) in await listener.told("mkdir -p c/new/deep")
    assert await listener.cover(["c/new", "c/new/deep", "c/gone"]) == ["c/gone"]
    assert await listener.told("touch c/new/deep/file") == {hint("c/new/deep", "file")}
    await listener.told("mv c n; mkdir -p c/new/deep")
    assert await listener.cover() == []
    assert await listener.told("touch n/new/deep/old") == {hint("n/new/deep", "old")}
    assert await listener.told("touch c/new/deep/new") == {hint("c/new/deep", "new")}


@pytest_twisted.ensureDeferred
async def test_many_trees_on_one_mount(root, kind, notifiers, listen):
    notifier = notifiers(kind)
    listeners = []
    for number in range(100):
        (root.parent / f"users/u{number}/docs").mkdir(parents=True)
        listeners.append(listen(notifier, root.parent / f"users/u{number}"))
        assert await listeners[-1].cover() == []
    for listener in listeners[::7]:
        assert await listener.told("touch docs/file") == {hint("docs", "file")}
    assert [one for listener in listeners for one in listener.heard] == []
    listeners[0].end()
    listeners[7].end()
    assert await listeners[14].told("touch ../u0/file ../u7/docs/file docs/more") == {hint("docs", "more")}
    assert listeners[0].heard == listeners[7].heard == []


@pytest_twisted.ensureDeferred
async def test_trees_within_each_other(root, kind, notifiers, listen):
    notifier = notifiers(kind)
    root = root.rename(root.parent / "outer")
    outer, inner, twin = listen(notifier, root), listen(notifier, root / "a"), listen(notifier, root / "a")
    for listener in (outer, inner, twin):
        assert await listener.cover() == []
    heard = await outer.told("touch a/b/new")
    assert heard == {hint("a/b", "new")}
    assert inner.heard == twin.heard == [hint("b", "new")]
    # What this process does in one of them the others would not know otherwise.
    (root / "a/b/own").touch()
    assert hint("a/b", "own") in await outer.all()
    assert inner.heard == twin.heard == [hint("b", "new"), hint("b", "own")]


@pytest_twisted.ensureDeferred
async def test_a_root_that_is_replaced(root, kind, notifiers, listen):
    listener = listen(notifiers(kind), root)
    await listener.cover()
    (root.parent / "second/a").mkdir(parents=True)
    root.rename(root.parent / "first")
    assert await listener.cover(["", "a"]) == ["", "a"]
    (root.parent / "second").rename(root)
    assert await listener.cover() == []
    await until(lambda: listener.lost)
    listener.lost = 0
    assert await listener.told("touch ../first/a/old a/new") == {hint("a", "new")}
    # And noticed by the first thing that happens in it.
    root.rename(root.parent / "second")
    (root.parent / "first").rename(root)
    (root.parent / "second/a/late").touch()
    await until(lambda: listener.lost)


@pytest_twisted.ensureDeferred
async def test_a_root_that_is_not_there(root, kind, notifiers, listen):
    listener = listen(notifiers(kind), root.parent / "none")
    assert await listener.cover(["", "a"]) == ["", "a"]
    (root.parent / "none/a").mkdir(parents=True)
    assert await listener.cover(["", "a"]) == []
    assert await listener.told("touch a/b") == {hint("a", "b")}


@pytest_twisted.ensureDeferred
async def test_links_that_are_followed(root, kind, notifiers, listen):
    (root / "link").symlink_to("a")
    (root.parent / "way").symlink_to(root)
    listener = listen(notifiers(kind), root.parent / "way", symlinks="follow")
    assert await listener.cover(["", "a", "link", "link/b", "a/b"]) == ["link", "link/b"]
    assert await listener.told("touch link/b/file") == {hint("a/b", "file")}
    refusing = listen(notifiers(kind), root)
    assert await refusing.cover(["link", "a"]) == ["link"]


@pytest_twisted.ensureDeferred
async def test_nothing_stays_behind(root, kind, notifiers, listen, workers):
    notifier = notifiers(kind)
    listener = listen(notifier, root)
    before = queues()
    await listener.cover()
    assert notifier.describe() == {"fanotify": "fanotify", "inotify": "inotify, 4 of 1000 folders"}[kind]
    await listener.told("touch a/x")
    assert notifier.events >= 2
    assert notifier.hints >= 2
    assert notifier.overflows == 0
    listener.end()
    assert notifier.describe() == "nothing"
    notifier.close()
    notifier.close()
    assert notifier.describe() == "nothing"
    assert await listener.cover([""]) == [""]
    assert queues() == before - (kind == "fanotify")


def queues():
    """How many descriptors of fanotify and inotify there are, but that of other tests' reactors."""
    links = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")]
    return sum("notify" in link for link in links)

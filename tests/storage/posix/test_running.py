from __future__ import annotations

import os
from contextlib import closing

import pytest

from clawgate.storage.checksums import Digests
from clawgate.storage.posix.running import Running, Runnings
from clawgate.testing.parts import sha1

HOW = ("SHA1",)


@pytest.fixture
def file(root):
    fd = os.open(root / "file", os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


def write(runnings, fd, offset, *chunks):
    """Returns how far the digest reaches afterwards; None: there is none."""
    following = runnings.follow("h", offset, HOW)
    if following:
        following.before(fd, chunks, offset)
    os.pwrite(fd, b"".join(chunks), offset)
    if following:
        following.after(chunks, offset)
        following.adopt()
    running = runnings.get("h")
    if running is None:
        return None
    content = os.pread(fd, running.position, 0)
    assert running.digests.text() == str(sha1(content)), "it is true"
    return running.position


@pytest.mark.parametrize(
    ("writes", "positions"),
    [
        ([(0, b"abc"), (3, b"def")], [3, 6]),
        ([(3, b"def"), (0, b"abc"), (3, b"def")], [None, 3, 6]),
        ([(0, b"abc"), (6, b"ghi"), (3, b"def")], [3, 3, 6]),
        ([(0, b"abc"), (0, b"abc")], [3, 3]),
        ([(0, b"abc"), (2, b"c")], [3, 3]),
        ([(0, b"abc"), (1, b"bcde")], [3, 5]),
        ([(0, b"abc"), (1, b"b", b"", b"cd", b"e")], [3, 5]),
        ([(0, b"abc"), (1, b"xcde"), (0, b"a"), (1, b"x")], [3, None, 1, 2]),
        ([(0, b"abc"), (2, b"xyz"), (5, b"!")], [3, None, None]),
        ([(0, b"abc"), (1, b"b", b"x", b"y")], [3, None]),
        ([(0, b""), (0, b"a")], [None, 1]),
    ],
)
def test_how_far_it_reaches(file, writes, positions):
    runnings = Runnings()
    assert [write(runnings, file, offset, *chunks) for offset, *chunks in writes] == positions


def test_nothing_foreseen_is_nothing_kept(file):
    runnings = Runnings()
    assert runnings.follow("h", 0, ()) is None
    write(runnings, file, 0, b"abc")
    assert runnings.follow("h", 3, ()) is not None


def test_a_write_does_not_outlive_what_it_went_on_from(file):
    runnings = Runnings()
    write(runnings, file, 0, b"abc")
    following = runnings.follow("h", 3, HOW)
    following.after([b"def"], 3)
    assert write(runnings, file, 1, b"x") is None
    following.adopt()
    assert runnings.get("h") is None


def test_the_number_is_bounded():
    runnings = Runnings(2)
    for handle in ("a", "b"):
        runnings.put(handle, Running(1, Digests(HOW)))
    assert runnings.get("a") is not None
    runnings.put("c", Running(1, Digests(HOW)))
    assert [runnings.get(handle) is not None for handle in ("a", "b", "c")] == [True, False, True]
    runnings.drop("a")
    assert runnings.get("a") is None


def test_whose_hands_it_went_through(root, file):
    one, two = Runnings(), Runnings()
    with closing(os.fdopen(os.open(root / "file", os.O_RDWR))) as other:
        assert not one.trusts("h", file, alone=False), "nobody has marked it"
        before = os.fstat(file).st_mtime_ns
        one.mark(file)
        assert one.trusts("h", file, alone=False)
        assert os.fstat(file).st_mtime_ns == before
        write(one, file, 0, b"abc")
        assert not two.trusts("h", other.fileno(), alone=False)
        for runnings in (one, two):
            assert not runnings.trusts("h", file, alone=False), "both may be writing now"
        assert one.get("h") is None
        assert two.trusts("h", file, alone=True)
        assert two.trusts("h", file, alone=False)
        assert not one.trusts("h", file, alone=False)
        assert not two.trusts("h", file, alone=False)

from __future__ import annotations

import pytest

from clawgate.model.path import Path
from clawgate.storage.posix.trash_info import TrashInfo, read, write

OTHERWISE = TrashInfo(Path("otherwise"), 7.0)
HEAD = b"[Trash Info]\n"


@pytest.mark.parametrize(
    "info",
    [
        TrashInfo(Path("a"), 1600000000.25),
        TrashInfo(Path("dir/ä & b%20 #\n\u201bE9"), 1600000000.0, "1.abc", 17, "1.def"),
    ],
)
@pytest.mark.parametrize("base", ["", "/srv/home of/alice"])
def test_there_and_back(info, base):
    text = write(info, base)
    assert text.startswith(HEAD) and text.count(b"\nPath=") == 1
    assert read(text, OTHERWISE, base) == info


def test_as_the_specification_writes_it():
    text = write(TrashInfo(Path("foo/bar/meow.bow wow"), 1600000000.0)).decode().splitlines()
    assert text[:2] == ["[Trash Info]", "Path=foo/bar/meow.bow%20wow"]
    assert text[2].startswith("DeletionDate=2020-09-1") and len(text[2]) == len("DeletionDate=2004-08-31T22:32:08")


@pytest.mark.parametrize(
    ("text", "base", "origin"),
    [
        (b"Path=x/y\nPath=z", "", "x/y"),
        (b"Path=/home/alice/x", "/home/alice", "x"),
        (b"Path=/home/alice/x", "", "otherwise"),
        (b"Path=/etc/passwd", "/home/alice", "otherwise"),
        (b"Path=/home/alice", "/home/alice", "otherwise"),
        (b"Path=../x", "", "otherwise"),
        (b"Path=a/../x", "", "otherwise"),
        (b"Path=a%2F..%2Fx", "", "otherwise"),
        (b"Path=a%00b", "", "otherwise"),
        (b"Path=", "", "otherwise"),
        (b"", "", "otherwise"),
        (b"\xff\xfe", "", "otherwise"),
        (b"Path=caf%E9", "", "caf\u201bE9"),
    ],
)
def test_what_others_write(text, base, origin):
    found = read(HEAD + text, OTHERWISE, base)
    assert found.origin == origin and found.removed == 7.0


def test_times_and_sizes_of_others():
    assert read(HEAD + b"DeletionDate=2020-05-06T07:08:09", OTHERWISE).removed != 7.0
    for wrong in (b"DeletionDate=", b"DeletionDate=soon", b"DeletionDate=9999-99-99T00:00:00", b"X-Clawgate-Removed=x"):
        assert read(HEAD + wrong, OTHERWISE).removed == 7.0
    for wrong in (b"-1", b"1e9", b"\xd9\xa3", b"9" * 30):
        assert read(HEAD + b"X-Clawgate-Size=" + wrong, OTHERWISE).size is None

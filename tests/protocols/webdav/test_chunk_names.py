from __future__ import annotations

import pytest

from clawgate.errors import InvalidRequest, LengthMismatch
from clawgate.gateway.uploads.layout import Chunk
from clawgate.protocols.webdav.chunk_names import V1Name, ng_chunk, v1_name


@pytest.mark.parametrize(
    ("name", "offset", "length", "expected"),
    [
        # ownCloud desktop
        ("0000000010000000", "10000000", 5, Chunk("0000000010000000", 5, 10000000)),
        ("0000000010000000", None, 5, Chunk("0000000010000000", 5, 10000000)),
        ("0000000010000000", " 10000000 ", None, Chunk("0000000010000000", None, 10000000)),
        # Nextcloud desktop 3.7
        ("0000000000000001", "10000000", 5, Chunk("0000000000000001", 5, 10000000)),
        # rclone
        ("000000010485760-000000020971519", None, 10485760, Chunk("000000010485760-000000020971519", 10485760, 10485760)),
        ("000000000000005-000000000000009", None, None, Chunk("000000000000005-000000000000009", 5, 5)),
        ("000000000000005-000000000000009", "5", 5, Chunk("000000000000005-000000000000009", 5, 5)),
        # Nextcloud's Android app of 2019: the last chunk ends one byte behind the file
        ("0000000000000005-0000000000000009", None, 4, Chunk("0000000000000005-0000000000000009", 4, 5)),
        ("0000000000000005-0000000000000005", None, 0, Chunk("0000000000000005-0000000000000005", 0, 5)),
        # Android, Nextcloud's Android app, its web client and its newer desktop
        ("0", None, 5, Chunk("0", 5, index=0)),
        ("000001", None, 5, Chunk("000001", 5, index=1)),
        ("3", None, None, Chunk("3", None, index=3)),
        ("10000", None, 5, Chunk("10000", 5, index=10000)),
        ("00003", "7", 5, Chunk("00003", 5, 7)),
        # The engine says what is too far away.
        ("0", "9" * 19, 5, Chunk("0", 5, int("9" * 19))),
    ],
)
def test_ng(name, offset, length, expected):
    assert ng_chunk(name, offset, length, 10000) == expected


@pytest.mark.parametrize(
    ("name", "offset", "length"),
    [
        (".zsync", None, 5),
        ("x", None, 5),
        ("x", "0", 5),
        ("1.part", None, 5),
        ("-1", None, 5),
        ("\u0661", None, 5),
        ("10001", None, 5),
        ("1" * 17, None, 5),
        ("1", "-1", 5),
        ("1", "nan", 5),
        ("1", "1" + "0" * 30, 5),
        ("1", "\u0661", 5),
        ("1", "", 5),
        ("000000000000005-000000000000009", "6", 5),
        ("00005-00009", None, 5),
    ],
)
def test_refused(name, offset, length):
    with pytest.raises(InvalidRequest):
        ng_chunk(name, offset, length, 10000)


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("000000000000005-000000000000009", 4),
        ("000000000000005-000000000000009", 6),
        ("000000000000005-000000000000004", 0),
        ("000000000000005-000000000000003", None),
        ("0000000000000005-0000000000000009", 6),
    ],
)
def test_the_body_has_the_length_that_the_name_says(name, length):
    with pytest.raises(LengthMismatch):
        ng_chunk(name, None, length, 10000)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("big.bin-chunking-37066537-3-0", V1Name("big.bin", "37066537", 3, 0)),
        ("big.bin-chunking-1-3-2", V1Name("big.bin", "1", 3, 2)),
        ("a-chunking-1-2-1-chunking-4-5-3", V1Name("a-chunking-1-2-1", "4", 5, 3)),
        ("a\nb-chunking-1-1-0", V1Name("a\nb", "1", 1, 0)),
        ("a-chunking-0001-0002-01", V1Name("a", "0001", 2, 1)),
        ("a-chunking-" + "9" * 200 + "-100-99", V1Name("a", "9" * 200, 100, 99)),
    ],
)
def test_v1(name, expected):
    assert v1_name(name, 100) == expected


@pytest.mark.parametrize(
    "name",
    [
        "big.bin",
        "-chunking-1-2-1",
        ".-chunking-1-2-1",
        "..-chunking-1-2-1",
        "a-chunking-1-2",
        "a-chunking-1-2-1 ",
        "a-chunking-1-2-1\n",
        "a-chunking-x-2-1",
        "a-chunking-1-2--1",
        "a-chunking-1-0-0",
        "a-chunking-1-2-2",
        "a-chunking-1-101-0",
        "a-chunking-1-1000000000-5",
        "a-chunking-1-100-1000000000",
        "a-chunking-1-" + "9" * 100 + "-0",
        "a-chunking-1-\u0662-\u0661",
    ],
)
def test_v1_refused(name):
    with pytest.raises(InvalidRequest):
        v1_name(name, 100)

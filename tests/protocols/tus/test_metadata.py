from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.errors import InvalidRequest
from clawgate.model.content import Checksum
from clawgate.protocols.tus.metadata import LONGEST, MOST, metadata, pairs


def encoded(value: str | bytes) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def field(**values: str | bytes) -> str:
    return ",".join(f"{key} {encoded(value)}" for key, value in values.items())


keys = st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters=","), min_size=1, max_size=20)


@given(st.dictionaries(keys, st.binary(max_size=40), max_size=MOST), st.sampled_from([",", ", ", " ,", "\t,  "]))
def test_what_is_written_is_read(values: dict[str, bytes], comma: str) -> None:
    assert pairs(comma.join(f"{key} {encoded(value)}" for key, value in values.items())) == values


@given(st.lists(st.tuples(keys, st.booleans()), max_size=MOST, unique_by=lambda pair: pair[0]))
def test_an_empty_value_needs_no_blank(names: list[tuple[str, bool]]) -> None:
    text = ",".join(key + " " * blank for key, blank in names)
    assert pairs(text) == {key: b"" for key, _ in names}


@given(st.text(max_size=300))
def test_anything_else_is_refused_and_nothing_worse(text: str) -> None:
    with suppress(InvalidRequest):
        assert all(key and " " not in key and "," not in key for key in pairs(text))
    with suppress(InvalidRequest):
        metadata(text)


@pytest.mark.parametrize(
    "text",
    [
        "filename eA==,filename eQ==",
        "filename eA==,,mtime MQ==",
        "filename eA==,",
        ",",
        "filename !!!!",
        "filename eA=",
        "filename eA",
        "filename eA==x",
        "filename eA== eA==",
        "filename  eA==",
        "filename e-_=",
        "filename ü",
        f"filename {'A' * LONGEST}",
        ",".join(f"k{number} eA==" for number in range(MOST + 1)),
    ],
)
def test_not_metadata(text: str) -> None:
    with pytest.raises(InvalidRequest):
        pairs(text)


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ("a.txt", "a.txt"),
        ("/a.txt", "a.txt"),
        ("/sub/deep/ü b.txt", "sub/deep/ü b.txt"),
        ("sub/x", "sub/x"),
        ("", ""),
        ("..a", "..a"),
    ],
)
def test_paths(sent: str, path: str) -> None:
    assert metadata(field(filename=sent)).path == path
    assert metadata(field(name=sent)).path == path
    assert metadata(field(name="other", filename=sent)).path == (path or "other")


@pytest.mark.parametrize(
    "sent",
    ["..", "/..", "a/../b", ".", "a/./b", "//a", "a//b", "a/", "/", "a\0b", b"\xff", "n" * 256, "ü" * 128],
)
def test_paths_that_are_none(sent: str | bytes) -> None:
    with pytest.raises(InvalidRequest):
        metadata(field(filename=sent))


@pytest.mark.parametrize(
    ("sent", "mtime"),
    [("1795233265", 1795233265 * 10**9), ("1795233265.25", 1795233265_250_000_000), ("x", None), ("-1", None), ("", None)],
)
def test_times(sent: str, mtime: int | None) -> None:
    assert metadata(field(mtime=sent)).mtime_ns == mtime


SHA1 = "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"


@pytest.mark.parametrize(
    ("text", "checksums"),
    [
        (field(checksum=f"SHA1 {SHA1}"), (Checksum("SHA1", SHA1),)),
        (field(checksum=f"sha1 {SHA1.upper()}"), (Checksum("SHA1", SHA1),)),
        (field(checksum=f"SHA1:{SHA1}"), (Checksum("SHA1", SHA1),)),
        ("checksum ", ()),
        ("checksum", ()),
        (field(checksum="WHIRLPOOL abc"), ()),
        (field(checksum="SHA1"), ()),
        ("", ()),
    ],
)
def test_checksums(text: str, checksums: tuple[Checksum, ...]) -> None:
    assert metadata(text).checksums == checksums


def test_broken_checksums() -> None:
    for value in ("SHA1 abc", f"MD5 {SHA1}", f"SHA1 {SHA1[:-1]}g", b"\xff"):
        with pytest.raises(InvalidRequest):
            metadata(field(checksum=value))

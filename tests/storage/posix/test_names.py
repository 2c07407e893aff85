from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.errors import InvalidRequest
from clawgate.storage.posix.names import path_to_bytes, to_bytes, to_text

TRICKY = st.lists(
    st.sampled_from(["\u201b".encode(), b"\xe2", b"\x80", b"\x9b", b"C", b"3", b"A4", b"E9", b"7F", b"\xc3", b"\xa4", b"x"]),
    min_size=1,
    max_size=12,
).map(b"".join)
ON_DISK = (st.binary(min_size=1, max_size=40) | TRICKY).filter(lambda raw: not set(raw) & {0, 47})


@given(ON_DISK)
def test_every_name_on_disk_comes_back(raw):
    text = to_text(raw)
    text.encode()
    assert "\0" not in text
    assert "/" not in text
    assert to_bytes(text) == raw


@given(st.text(min_size=1, max_size=60) | TRICKY.map(lambda raw: raw.decode("utf-8", "ignore")))
def test_every_text_is_either_refused_or_comes_back(text):
    try:
        raw = to_bytes(text)
    except InvalidRequest:
        assert "\u201b" in text
    else:
        assert to_text(raw) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        ("ä".encode(), "ä"),
        (b"caf\xe9", "caf\u201bE9"),
        (b"\xff\xfe", "\u201bFF\u201bFE"),
        ("\u201b".encode(), "\u201b"),
        ("\u201bx".encode(), "\u201bx"),
        ("\u201b41".encode(), "\u201b41"),
        ("\u201bE9".encode(), "\u201b\u201bE9"),
        ("\u201b\u201b".encode(), "\u201b\u201b\u201b"),
        ("\u201b".encode() + b"\xe9", "\u201b\u201b\u201bE9"),
    ],
)
def test_spellings(raw, text):
    assert to_text(raw) == text
    assert to_bytes(text) == raw


@pytest.mark.parametrize("text", ["\u201bC3\u201bA4", "\u201b\u201b", "\u201b\u201bx"])
def test_a_second_spelling_is_refused(text):
    with pytest.raises(InvalidRequest):
        to_bytes(text)


def test_what_hides_a_slash_or_nul_stays_text():
    assert to_bytes("\u201b2F\u201b00") == "\u201b2F\u201b00".encode()
    with pytest.raises(InvalidRequest):
        path_to_bytes("a\0b")


def test_the_bytes_on_disk_count():
    assert len(to_bytes("\u201bFF" * 255)) == 255
    for text in ("é" * 128, "\u201bFF" * 256):
        with pytest.raises(InvalidRequest):
            to_bytes(text)

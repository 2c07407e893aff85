from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from clawgate.storage.posix.notify import fanotify_events, inotify_events

FSID = b"12345678"
CREATE, DELETE, MODIFY, ATTRIB, MOVED_TO, ONDIR, OVERFLOW = 0x100, 0x200, 0x02, 0x04, 0x80, 0x40000000, 0x4000


def handle(data):
    return struct.pack("=Ii", len(data), 1) + data


def info(data, name=None, kind=2, padding=b"\0\0\0"):
    body = FSID + handle(data) + (b"" if name is None else name + b"\0" + padding)
    return struct.pack("=BBH", kind, 0, 4 + len(body)) + body


def fanotify(mask, *infos, pid=1, version=3):
    body = b"".join(infos)
    return struct.pack("=IBBHQii", 24 + len(body), version, 0, 24, mask, -1, pid) + body


def inotify(watch, mask, name=b"", padding=b"\0" * 4):
    name = name + padding if name else b""
    return struct.pack("=iIII", watch, mask, 0, len(name)) + name


def test_names_are_gathered_by_folder():
    one, two = FSID + handle(b"one"), FSID + handle(b"two-two")
    blocks = [
        fanotify(CREATE, info(b"one", b"a")) + fanotify(MODIFY, info(b"two-two", b"a")),
        fanotify(CREATE | ONDIR, info(b"one", b"b")) + fanotify(ATTRIB | ONDIR, info(b"one", b"b")),
        fanotify(ATTRIB | ONDIR, info(b"two-two", b".")) + fanotify(ATTRIB | ONDIR, info(b"one", kind=3)),
        fanotify(DELETE, info(b"one", b"own"), pid=7),
    ]
    batch = fanotify_events.parse(blocks, own=7)
    assert batch == ({one: {b"a": False, b"b": True, b".": False}, two: {b"a": False, b".": False}}, 7, False, False)
    assert b"own" in fanotify_events.parse(blocks).touched[one]


def test_moves_of_folders_are_noticed_by_whomever():
    assert not fanotify_events.parse([fanotify(MOVED_TO, info(b"one", b"a"))]).moved
    batch = fanotify_events.parse([fanotify(MOVED_TO | ONDIR, info(b"one", b"a"), pid=7)], own=7)
    assert batch == ({}, 1, False, True)


def test_overflows_are_losses():
    assert fanotify_events.parse([fanotify(OVERFLOW)]) == ({}, 1, True, False)
    assert inotify_events.parse([inotify(-1, OVERFLOW)]) == ([(-1, OVERFLOW, b"")], 1, True)


def test_unknown_information_is_passed_over():
    unknown = struct.pack("=BBH", 99, 0, 12) + b"whatever"
    whole = info(b"one", b"a")
    batch = fanotify_events.parse([fanotify(CREATE, unknown, whole, unknown)])
    assert batch == ({FSID + handle(b"one"): {b"a": False}}, 1, False, False)


WHOLE = fanotify(CREATE, info(b"one", b"name")) + fanotify(CREATE | ONDIR, info(b"two-two", b"other"))


@given(st.integers(1, len(WHOLE) - 1))
def test_what_is_cut_off_counts_as_lost(length):
    cut = fanotify_events.parse([WHOLE[:length]])
    first = len(fanotify(CREATE, info(b"one", b"name")))
    assert cut.lost == (length != first)
    assert cut.events == (length >= first)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_any_byte_may_be_wrong(at, value):
    batch = fanotify_events.parse([WHOLE[:at] + bytes([value]) + WHOLE[at + 1 :]])
    assert batch.events <= 2
    assert all(len(key) >= 16 and names and all(names) for key, names in batch.touched.items())


@given(st.binary(max_size=300))
def test_noise_is_understood_as_loss(data):
    batch = fanotify_events.parse([data])
    assert batch.lost or len(data) in (0, sum(struct.unpack_from("=I", data, at)[0] for at in starts(data)))
    events, count, lost = inotify_events.parse([data])
    assert lost or count == 0 or len(events) <= count <= len(data) // 16


def starts(data):
    at = 0
    while at + 24 <= len(data):
        yield at
        at += max(struct.unpack_from("=I", data, at)[0], 24)


EVENTS = st.tuples(
    st.integers(1, 5),
    st.sampled_from([CREATE, DELETE, MODIFY | ONDIR]),
    st.binary(max_size=9).map(lambda b: b.replace(b"\0", b"x")),
)


@given(st.lists(st.lists(EVENTS, max_size=5), max_size=5))
def test_inotify_events_keep_their_order(blocks):
    events, count, lost = inotify_events.parse([b"".join(inotify(*event) for event in block) for block in blocks])
    whole = [event for block in blocks for event in block]
    assert (count, lost) == (len(whole), False)
    assert events == [event for last, event in zip([None, *whole], whole, strict=False) if event != last]


@given(st.integers(1, 43))
def test_inotify_events_that_are_cut_off_count_as_lost(length):
    whole = inotify(1, CREATE, b"name", b"\0" * 4) + inotify(2, DELETE, b"x", b"\0" * 3)
    _, count, lost = inotify_events.parse([whole[:length]])
    assert lost == (length not in (24, 44))
    assert count == (length >= 24)

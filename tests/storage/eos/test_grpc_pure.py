"""What of gRPC is pure: messages, what failures mean, what is said of files and folders."""

from __future__ import annotations

import errno
import os

import pytest

from clawgate.errors import ClawgateError, Forbidden, NotFound, StorageBroken, StorageTimeout, StorageUnavailable
from clawgate.model.space import Persona
from clawgate.storage.eos.facts import Entry
from clawgate.storage.eos.failures import ERRNO
from clawgate.storage.eos.grpc.failures import Lost, of_command, of_status
from clawgate.storage.eos.grpc.options import GrpcOptions
from clawgate.storage.eos.grpc.proto import MESSAGES, RECYCLE_PURGE, TABLE
from clawgate.storage.eos.grpc.translation import entry, letters
from clawgate.testing.eos import grpc_messages

ALICE = Persona(1001, 1000, (), "alice")
NO_SUDO = "Ask an admin to map your auth key to a sudo'er account - permission denied"


def test_both_tables_of_messages_say_the_same():
    """They were written down one after the other from EOS's own ``Rpc.proto``."""
    twice = {"RestoreRequest", "PurgeRequest", "NSRestoreRequest", "NSPurgeRequest"}
    for name, fields in TABLE.items():
        if name not in twice:
            theirs = grpc_messages.TABLE[name]
            assert {label: theirs[label] for label in fields} == fields, name


@pytest.mark.parametrize("kind", ["OldNSRequest", "NSRequest"])
def test_commands_for_the_bin_say_the_same_in_both_numberings(kind):
    flags = MESSAGES["RestoreFlags"](versions=True)
    restore = MESSAGES["NSRestoreRequest"](recycle={"key": "fxid:1", "flags_before": flags, "flags": flags})
    read = grpc_messages.MESSAGES[kind].FromString(restore.SerializeToString()).recycle
    assert (read.key, read.cmd, read.restoreflag.versions, read.restoreflag.force) == ("fxid:1", 0, True, False)
    purge = MESSAGES["NSPurgeRequest"](recycle={"key": "fxid:1", "cmd_before": RECYCLE_PURGE, "cmd": RECYCLE_PURGE})
    read = grpc_messages.MESSAGES[kind].FromString(purge.SerializeToString()).recycle
    assert (read.key, read.cmd, read.HasField("restoreflag"), read.HasField("purgedate")) == ("fxid:1", 1, False, False)


def test_bytes_on_the_wire():
    """As the compiler of Protocol Buffers would have them, worked out by hand."""
    role = MESSAGES["RoleId"](uid=1001, gid=1000)
    request = MESSAGES["MDRequest"](type=3, id={"path": b"/e"}, authkey="k", role=role)
    assert request.SerializeToString() == b"\x08\x03\x12\x04\x0a\x02/e\x1a\x01k\x22\x06\x08\xe9\x07\x10\xe8\x07"
    found = MESSAGES["FindRequest"](type=2, authkey="k", maxdepth=1, id={"ino": 1 << 63})
    assert found.SerializeToString() == b"\x08\x02\x12\x09\x19" + b"\x00" * 7 + b"\x80\x22\x01k\x28\x01"
    xattr = MESSAGES["NSRequest"](xattr={"id": {"path": b"/e"}, "xattrs": {"a": b"\xff"}})
    assert xattr.SerializeToString() == b"\xf2\x01\x0e\x0a\x04\x0a\x02/e\x12\x06\x0a\x01a\x12\x01\xff"
    version = MESSAGES["NSRequest"](version={"cmd": 0, "maxversion": -1})
    assert version.SerializeToString() == b"\xe2\x01\x0b\x18" + b"\xff" * 9 + b"\x01"


@pytest.mark.parametrize("number", ERRNO, ids=lambda number: errno.errorcode[number])
def test_every_errno(number):
    kind, _ = ERRNO[number]
    words = os.strerror(number)
    assert type(of_command(number, words)) is kind
    assert type(of_command(-number, "")) is kind
    if number == errno.ENODATA:
        # That an attribute is missing must not look as if the file were.
        kind = StorageBroken
    code = number if number <= 16 else 2
    for details in (words, f"error: cannot do it with /eos/No such file or directory; {words}\n"):
        assert type(of_status(code, details)) is kind
    assert type(of_status(2, f'Server sent unknown code {number} and details "{words}"')) is kind


STATUSES = [
    (2, "Unexpected error in RPC handling", StorageBroken),
    (2, "Container #17 not found", NotFound),
    (2, "File does not exist", NotFound),
    (5, "what is this", StorageBroken),
    (5, "No such file or directory", NotFound),
    (7, "access to parent container denied", Forbidden),
    (7, NO_SUDO, StorageUnavailable),
    (8, "CLIENT: Received message larger than max (5 vs. 4)", StorageUnavailable),
    (12, "Method not found!", StorageUnavailable),
    (12, "Received http2 header with status: 404", StorageUnavailable),
    (13, "Received RST_STREAM with error code 2", Lost),
    (13, "Exception deserializing response!", StorageBroken),
    (16, "who are you", StorageUnavailable),
]


@pytest.mark.parametrize(("code", "details", "kind"), STATUSES)
def test_what_a_status_means(code, details, kind):
    assert type(of_status(code, details)) is kind


@pytest.mark.parametrize("code", range(1, 17))
def test_a_number_alone_never_says_that_nothing_is_there(code):
    for details in ("", "oops", "/eos/a: No such file or directory (not so)"):
        assert not isinstance(of_status(code, details), NotFound)


def test_what_is_lost():
    for details, unsent in (("failed to connect to all addresses; last error: UNKNOWN", True), ("Socket closed", False)):
        lost = of_status(14, details)
        assert isinstance(lost, Lost)
        assert lost.unsent is unsent
        assert isinstance(lost.error, StorageUnavailable)
        # Words of EOS are none of its connection.
        assert isinstance(of_status(14, f"{details}: No such file or directory"), Lost)
    late = of_status(4, "Deadline Exceeded")
    assert isinstance(late, Lost)
    assert isinstance(late.error, StorageTimeout)
    assert not late.unsent


def test_commands():
    assert of_command(0, "error: it says so, and was done") is None
    assert isinstance(of_command(errno.EPERM, NO_SUDO), StorageUnavailable)
    assert isinstance(of_command(errno.EPERM, "operation not permitted"), Forbidden)
    assert isinstance(of_command(12345, ""), StorageBroken)
    assert isinstance(of_command(-1, "not a quota administrator"), ClawgateError)


def file(**more):
    common = {"id": 30, "inode": 30 << 28, "name": b"a.txt", "path": b"/eos/a.txt", "uid": 1001, "gid": 1000, "size": 11}
    times = {"mtime": {"sec": 5, "n_sec": 9}, "ctime": {"sec": 6}}
    return MESSAGES["MDResponse"](type=0, fmd={**common, **times, "etag": '"8053063680:1a0b045d"', **more})


def folder(**more):
    common = {"id": 31, "name": b"d", "path": b"/eos/d/", "uid": 1001, "gid": 1000, "mode": 0o42770, "tree_size": 11}
    told = {**common, "mtime": {"sec": 5}, "etag": "1f:5.123", **more}
    return MESSAGES["MDResponse"](type=1, cmd=told, fmd={"inode": 31})


def test_a_file():
    padded = bytes.fromhex("1a0b045d").ljust(32, b"\0")
    for checksum in ({"checksum": {"value": padded, "type": "adler32"}}, {"checksums": [{"value": padded[:4], "type": "adler"}]}):
        found = entry(file(**checksum))
        assert found == Entry(
            "a.txt", False, 11, 5, "8053063680:1a0b045d", 30 << 28, "/eos/a.txt", 1001, 1000, 0, "", "ADLER32:1a0b045d", ctime=6
        )
    assert entry(file(checksum={"value": b"\x01", "type": "adler32"})).checksums == ""
    assert entry(file(checksum={"value": padded, "type": "blake3"})).checksums == ""
    assert entry(file(link_name=b"/etc")).is_link
    assert entry(file(xattrs={"sys.app.lock": b"expires:1", "sys.acl": b"u:1:r"})).lock == "expires:1"
    assert entry(file(name=b"na\xffme")).name == "na\ufffdme"
    assert entry(file(inode=30 | 1 << 63)).inode == 30 | 1 << 63


def test_a_folder():
    found = entry(folder(xattrs={"sys.acl": b"u:1002:rx"}))
    assert found == Entry("d", True, 11, 5, "1f:5.123", 31, "/eos/d", 1001, 1000, 0o42770, "u:1002:rx")
    bob = Persona(1002, 1000, (), "bob")
    for who in (ALICE, bob):
        assert set(letters(found, None, who)) == set("RWCKNVD")
        assert set(letters(found, entry(file()), who)) == set("RWNVD")
    others = found._replace(gid=7)
    assert letters(others, None, bob) == letters(others, entry(file()), bob) == "R"
    assert letters(others._replace(acl=""), None, bob) == ""
    assert "W" in letters(others, entry(file(xattrs={"sys.acl": b"u:1002:rwx"})), bob)


def test_what_is_neither():
    for told in (MESSAGES["MDResponse"](), MESSAGES["MDResponse"](type=1), MESSAGES["MDResponse"](type=2), file(inode=0)):
        with pytest.raises(StorageBroken):
            entry(told)


def test_the_key_is_not_shown():
    assert "secret" not in repr(GrpcOptions(("grpc://a:1",), key="secret"))

"""What is decided without asking anybody: names, redirects, releases, facts, rights, errors."""

from __future__ import annotations

import errno

import pytest

from clawgate.errors import (
    AlreadyExists,
    ChecksumMismatch,
    Forbidden,
    InvalidRequest,
    IsAFolder,
    Locked,
    NotAFolder,
    NotFound,
    NotSupported,
    Overloaded,
    ParentMissing,
    PreconditionFailed,
    QuotaExceeded,
    StorageBroken,
    StorageUnavailable,
)
from clawgate.model.path import Path
from clawgate.model.permissions import Permissions
from clawgate.model.space import Persona
from clawgate.storage.eos import facts, failures, names, rights
from clawgate.storage.eos.accounts import check_name
from clawgate.storage.eos.http_metadata import HttpMetadata
from clawgate.storage.eos.instance import Managers
from clawgate.storage.eos.redirects import NotThisManager, target
from clawgate.storage.eos.releases import release

# Names

HARMFUL = [
    "a&mgm.path=b",
    "x&eos.ruid=0",
    "&callback",
    "a&authzb",
    "&xrd.x",
    "#AND#",
    "a -> b",
    "a ->",
    ".sys.v#.a",
    ".sys.reva#.x",
    "a\nb",
    "a\rb",
]
HARMLESS = ["a&b", "a&mgm", "#", "%26mgm.", "a->b", ".sys", ".sys.v", "sys.v#.a", "a*b", "?", "-"]


@pytest.mark.parametrize("name", HARMFUL)
def test_names_that_are_not_made(name):
    with pytest.raises(InvalidRequest):
        names.check_new(Path(f"folder/{name}"))
    with pytest.raises(InvalidRequest):
        names.check_new(Path(f"{name}/file"))


@pytest.mark.parametrize("name", HARMLESS)
def test_names_that_are(name):
    names.check_new(Path(name))
    assert names.shown(name)


@pytest.mark.parametrize(
    "name", ["a&mgm.path=b", "#AND#", ".sys.v#.a", ".sys.a#.f.uuid", "a\nb", "\ufffd", "\udcff", "n" * 256, ""]
)
def test_names_that_are_not_shown(name):
    assert not names.shown(name)


def test_paths_in_queries():
    text = names.query({"mgm.cmd": "fileinfo"}, {"mgm.path": '/eos/a b%&+#";?é'}, encodepath=True)
    assert text == b"mgm.cmd=fileinfo&mgm.path=/eos/a%20b%25%26%2B%23%22%3B%3F%C3%A9&eos.encodepath=1"
    assert names.query({"mgm.cmd": "x"}, {"mgm.path": "/a b"}, encodepath=False) == b"mgm.cmd=x&mgm.path=/a%20b"


def test_version_folders():
    assert names.versions_of("/eos/a/b") == "/eos/a/.sys.v#.b"
    assert names.file_of("/eos/a/.sys.v#.b/") == "/eos/a/b"
    assert names.file_of("/eos/a/b") == "/eos/a/b"


# Redirects

HOSTS = ("fst*.example.org", "other.example.org:8443")
GOOD = "https://fst1.example.org:8443/eos/a?encURI=%26cap.sym%3DS%26cap.msg%3DM%26mgm.id%3D1e"


def test_a_redirect_to_a_disk_server_is_taken_as_it_is():
    assert target(GOOD, b"/eos/a", HOSTS, secure=True) == GOOD.encode()


@pytest.mark.parametrize("path", ["a b.txt", "a#b", "50% é", "a?b", '"[]', "a?encURI=x", "a%20b"])
def test_what_older_releases_leave_unencoded(path):
    found = target(GOOD.replace("/eos/a?", f"/eos/{path}?"), b"/eos/ours", HOSTS, secure=True)
    assert found == GOOD.encode().replace(b"/eos/a?", b"/eos/ours?")


def test_bytes_that_no_request_line_may_have():
    found = target(f'{GOOD}+/ "é', b"/eos/a", HOSTS, secure=True)
    assert found == GOOD.encode() + b"+/%20%22%C3%A9"


@pytest.mark.parametrize(
    "location",
    [
        *("", "http://root://mgm:1094//eos/a", "https://root://mgm:1094//eos/a?encURI=cap.msg", "/eos/a?encURI=%26cap.msg%3D"),
        *("https://mgm2.example.org/eos/a", "root://fst1.example.org//a?cap.msg=1", "https://fst1.example.org/eos/a?x=y"),
        *(
            "https:///a?encURI=cap.msg",
            "https://user@fst1.example.org/a?encURI=cap.msg",
            "https://fst1.example.org:x/a?encURI=cap.msg",
            "https://fst1.example.org\u00e9:1/a?encURI=cap.msg",
        ),
    ],
)
def test_redirects_that_are_none(location):
    with pytest.raises(NotThisManager):
        target(location, b"/a", HOSTS, secure=False)


@pytest.mark.parametrize(
    "host",
    ["evil.org", "fst1.example.org.evil.org", "xfst.example.org", "other.example.org", "other.example.org:8444", "127.0.0.1"],
)
def test_hosts_that_are_not_allowed(host):
    with pytest.raises(StorageBroken, match="redirect_hosts") as caught:
        target(f"https://{host}/a?encURI=%26cap.msg%3DSECRET", b"/a", HOSTS, secure=False)
    assert "SECRET" not in str(caught.value)


def test_content_in_the_clear():
    assert target("http://other.example.org:8443/a?encURI=cap.msg", b"/a", HOSTS, secure=False)
    with pytest.raises(StorageBroken, match="clear_redirects"):
        target("http://other.example.org:8443/a?encURI=cap.msg", b"/a", HOSTS, secure=True)


# Releases, managers


@pytest.mark.parametrize(
    ("text", "keeps", "ranges"),
    [("5.1.30", False, True), ("5.3.20", False, True), ("5.3.21", True, True), ("5.4.11", True, True), ("5.5.0", True, False)],
)
def test_releases(text, keeps, ranges):
    found = release(text)
    assert (found.keeps_query, found.ranges) == (keeps, ranges)


def test_no_release():
    assert release("") is None
    assert release("5.1").number == (5, 1, 30)


def test_a_manager_that_failed_is_asked_last():
    managers = Managers(["a", "b/", "c"], 10)
    assert managers.order(0) == ["a", "b", "c"]
    managers.failed("a", 0)
    managers.failed("b", 5)
    assert managers.order(6) == ["c", "a", "b"]
    assert managers.order(11) == ["a", "c", "b"]
    managers.works("b")
    assert managers.order(6) == ["b", "c", "a"]


# Facts

FILE = {
    **{
        "id": 30,
        "inode": 30 << 28,
        "ctime": 5,
        "mtime": 1700000000,
        "mtime_ns": 5,
        "size": 11,
        "uid": 1000,
        "gid": 1000,
        "mode": 420,
    },
    **{
        "name": "a.txt",
        "path": "/eos/x/a.txt",
        "checksumtype": "adler",
        "checksumvalue": "0a0b045d",
        "etag": '"8053063680:0a0b045d"',
    },
}
FOLDER = {
    **{"id": 31, "inode": 31, "mtime": 1700000000, "treesize": 11, "uid": 1000, "gid": 1000, "mode": 17901, "name": "x"},
    **{"path": "/eos/x/", "children": [FILE], "etag": "1f:1700000000.123", "xattr": {"sys.acl": "u:1:rx", "sys.versioning": "3"}},
}


def test_a_file():
    found = facts.entry(FILE)
    assert (found.name, found.is_folder, found.size, found.mtime, found.inode) == ("a.txt", False, 11, 1700000000, 30 << 28)
    assert (found.etag, found.checksums) == ("8053063680:0a0b045d", "ADLER32:0a0b045d")
    node = found.node("id")
    assert (node.etag, node.seen, node.id, node.mtime_ns) == (found.etag, found.etag, "id", 1700000000 * 10**9)


def test_checksums_of_ours_belong_to_one_inode():
    ours = {"user.clawgate.checksums": f"{30 << 28} 1 SHA1:abc MD5:def "}
    found = facts.entry({**FILE, "xattr": ours})
    assert (found.checksums, found.replaced) == ("SHA1:abc MD5:def", True)
    assert facts.entry({**FILE, "inode": 7, "xattr": ours}).checksums == "ADLER32:0a0b045d"


def test_a_folder_and_its_children():
    found = facts.container(FOLDER)
    assert (found.folder.name, found.folder.size, found.folder.acl) == ("x", 11, "u:1:rx")
    assert [one.name for one in found.children] == ["a.txt"]
    assert facts.container({**FOLDER, "children": None}).children == []


@pytest.mark.parametrize("missing", ["name", "mtime", "etag", "inode", "size"])
def test_facts_that_lack_something(missing):
    with pytest.raises(StorageBroken):
        facts.entry({key: value for key, value in FILE.items() if key != missing})


def test_etags():
    assert facts.bare('"a:b"') == facts.bare("a:b") == facts.bare('W/"a:b"') == "a:b"
    assert facts.folder_inode("1f:1700000000.123") == 31
    assert facts.folder_inode("set by hand") == 0
    assert facts.etag_checksum("8053063680:0a0b045d") == "0a0b045d"
    assert facts.etag_checksum("d" * 32) == "d" * 32
    assert facts.etag_checksum("hardlink") == facts.etag_checksum("1:17") == ""
    assert all(map(facts.is_new, ["undef", "", '"8053063680:00000001"']))
    assert not facts.is_new('"8053063680:0a0b045d"')


@pytest.mark.parametrize(
    "body",
    [b"", b"<x/>", b"not xml", b'<d:multistatus xmlns:d="DAV:"><d:response><d:href>/a</d:href></d:response></d:multistatus>'],
)
def test_a_multistatus_that_is_none(body):
    with pytest.raises(StorageBroken):
        facts.propfind(body)


# Rights

WHO = Persona(1000, 1000, (2000,), "einstein")
OWN = facts.entry({**FOLDER, "mode": 0o2770, "xattr": {}})
P = Permissions
EVERYTHING = P.READ | P.WRITE | P.CREATE | P.DELETE | P.MOVE


def folder(uid=7, gid=7, mode=0o2700, acl=""):
    return OWN._replace(uid=uid, gid=gid, mode=mode, acl=acl)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (folder(uid=1000), EVERYTHING),
        (folder(uid=1000, mode=0o2500), P.READ),
        (folder(), P.NONE),
        (folder(gid=2000, mode=0o2770), EVERYTHING),
        (folder(mode=0o2775), P.READ),
        (folder(acl="u:1000:rx"), P.READ),
        (folder(acl="u:einstein:rwx"), EVERYTHING),
        (folder(acl="g:2000:rwx,u:5:rwx"), EVERYTHING),
        (folder(acl="g:5:rwx,egroup:physics:rwx"), P.NONE),
        (folder(acl="z:rx"), P.READ),
        (folder(acl="u:1000:rwx!d"), EVERYTHING & ~P.DELETE & ~P.MOVE),
        (folder(acl="u:1000:rwx!d+d"), EVERYTHING),
        (folder(acl="u:1000:rwx!u"), EVERYTHING & ~P.WRITE),
        (folder(acl="u:1000:rwox"), P.READ | P.CREATE),
        (folder(uid=1000, acl="u:1000:!w"), P.READ),
        (folder(uid=1000, acl="z:i"), P.READ),
        (folder(uid=1000, acl="u:1000:!r"), EVERYTHING & ~P.READ),
    ],
)
def test_rights_by_mode_and_acl(place, expected):
    # In a folder of the same kind a child folder shows all of them together.
    assert rights.within(place, place, WHO) == expected


def test_a_files_rights_are_those_of_its_folder():
    file = facts.entry(FILE)._replace(mode=0)
    assert rights.within(folder(uid=1000), file, WHO) == EVERYTHING & ~P.CREATE
    assert rights.within(folder(uid=1000), file._replace(acl="u:1000:!w"), WHO) == P.READ | P.DELETE | P.MOVE
    assert rights.within(folder(), file, WHO) == P.NONE


def test_letters_of_eos():
    assert rights.told("RWCKNVD") == EVERYTHING
    assert rights.told("R") == P.READ
    assert rights.told("") == P.NONE


# Errors

NUMBERS = {
    errno.EPERM: Forbidden,
    errno.ENOENT: NotFound,
    errno.EIO: StorageBroken,
    errno.EAGAIN: Overloaded,
    errno.EACCES: Forbidden,
    errno.EBUSY: Locked,
    errno.EEXIST: AlreadyExists,
    errno.ENODEV: StorageUnavailable,
    errno.ENOTDIR: NotAFolder,
    errno.EISDIR: IsAFolder,
    errno.EINVAL: StorageBroken,
    errno.ETXTBSY: StorageUnavailable,
    errno.ENOSPC: QuotaExceeded,
    errno.ENAMETOOLONG: InvalidRequest,
    errno.ENOTEMPTY: AlreadyExists,
    errno.ENODATA: NotFound,
    errno.ENONET: StorageUnavailable,
    errno.EREMCHG: PreconditionFailed,
    errno.EILSEQ: InvalidRequest,
    errno.EOPNOTSUPP: NotSupported,
    errno.ENETUNREACH: StorageUnavailable,
    errno.EDQUOT: QuotaExceeded,
}


@pytest.mark.parametrize("number", [*NUMBERS, 9999])
def test_numbers(number):
    assert type(failures.by_number(number)) is NUMBERS.get(number, StorageBroken)
    assert NUMBERS.keys() == failures.ERRNO.keys()


STATUSES = [
    ("PUT", 400, StorageBroken),
    ("GET", 401, Forbidden),
    ("GET", 403, Forbidden),
    ("GET", 404, NotFound),
    ("GET", 405, NotSupported),
    ("PUT", 409, ParentMissing),
    ("MKCOL", 409, ParentMissing),
    ("DELETE", 409, Overloaded),
    ("FST", 411, StorageBroken),
    ("PUT", 412, PreconditionFailed),
    ("MOVE", 412, AlreadyExists),
    ("FST", 412, ChecksumMismatch),
    ("MKCOL", 415, StorageBroken),
    ("GET", 416, StorageBroken),
    ("PUT", 422, InvalidRequest),
    ("GET", 424, StorageUnavailable),
    ("GET", 429, Overloaded),
    ("GET", 500, StorageBroken),
    ("MKCOL", 500, AlreadyExists),
    ("GET", 501, Overloaded),
    ("GET", 502, StorageUnavailable),
    ("GET", 503, Overloaded),
    ("GET", 504, StorageUnavailable),
    ("PUT", 507, QuotaExceeded),
    ("GET", 599, StorageBroken),
]


@pytest.mark.parametrize(("method", "status", "expected"), STATUSES)
def test_statuses(method, status, expected):
    assert type(failures.by_status(method, status)) is expected
    assert {status for _, status, _ in STATUSES} >= failures.STATUS.keys()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Unable to open file /eos/x; Machine is not on the network", StorageUnavailable),
        ("Unable to open file /eos/x; Network is unreachable", StorageUnavailable),
        ("Unable to open file /eos/a; b; File name too long", InvalidRequest),
        ("Unable to open file /eos/x; Device or resource busy\n", Locked),
        ("<html><body>Unable to move /eos/x; File exists</body></html>", AlreadyExists),
        ("Unable to open file /eos/secret; Something new", StorageBroken),
    ],
)
def test_reasons_of_a_500(text, expected):
    error = failures.by_status("GET", 500, text.encode(), "shown")
    assert type(error) is expected
    assert "/eos" not in str(error)
    assert str(error).startswith("shown")


# People


@pytest.mark.parametrize("name", ["", "root", "daemon", "nobody", "1000", "a@b", "a b", "a\r\nx: y", "é", ".x", "a" * 65])
def test_names_as_which_nobody_works(name):
    with pytest.raises(Forbidden):
        check_name(name)


def test_metadata_has_one_encoding_a_door():
    assert HttpMetadata.__abstractmethods__ == frozenset()

"""The double's namespace over WebDAV and `/proc`: sections 4 and 7 of the reference."""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import quote

import pytest
from twisted.internet.task import Clock

from .conftest import Eos
from .plain import Answer, ask, follow, threaded

ASKED = (
    '<?xml version="1.0"?><d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop>{}</d:prop></d:propfind>'.format
)


def propfind(eos: Eos, path: str, depth: str, *names: str, who: str = "alice") -> Answer:
    body = ASKED("".join(f"<{name}/>" for name in names)).encode() if names else b""
    return eos.mgm("PROPFIND", path, {"Depth": depth, "Content-Length": str(len(body))}, who=who, body=body)


def put(eos: Eos, path: str, content: bytes = b"content", **how: Any) -> None:
    eos.run(eos.double.put, f"{eos.home}/{path}", content, **how)


def move(eos: Eos, source: str, target: str, overwrite: str = "F") -> Answer:
    return eos.mgm("MOVE", source, {"Destination": quote(f"{eos.home}/{target}"), "Overwrite": overwrite})


# HEAD.


@threaded
def test_9_2_head(eos: Eos) -> None:
    put(eos, "a.txt", b"hello world", mtime=1_700_000_000)

    file, folder = eos.mgm("HEAD", "a.txt", {"Want-Digest": "adler32"}), eos.mgm("HEAD", "")

    assert (file.status, file.header("Content-Length"), file.header("Accept-Ranges")) == (200, "11", "bytes")
    assert re.fullmatch(r'"\d+:1a0b045d"', file.header("ETag") or "")
    assert file.header("Content-Disposition") == 'filename="a.txt"'
    assert file.header("Digest") == "adler32=1a0b045d"
    assert (folder.status, folder.header("Content-Length")) == (200, "0")
    # 7.2: directories have no quotes.
    assert re.fullmatch(r"[0-9a-f]+:\d+\.\d{3}", folder.header("ETag") or "")
    # 4.1: on libmicrohttpd's port files are of no size.
    assert eos.mgm("HEAD", "a.txt", mhd=True).header("Content-Length") == "0"


@pytest.mark.parametrize(
    "version, body",
    [
        ("5.1.30", b""),
        ("5.3.21", b"Unable to open file /eos/user/a/alice/a&amp;b; No such file or directory"),
        ("5.3.10", b"<!DOCTYPE html>"),
    ],
)
@threaded
def test_8_bodies_of_errors(makes: Any, version: str, body: bytes) -> None:
    eos = makes[version]

    answer = eos.mgm("GET", "a&b")

    assert (answer.status, answer.header("Content-Type")) == (404, "text/html")
    assert answer.body.startswith(body) and bool(answer.body) is bool(body)


# PROPFIND.

FINDS: dict[str, tuple[str, str, tuple[str, ...], int]] = {
    "4.2-infinity": ("", "infinity", (), 501),
    "4.2-missing": ("missing", "0", (), 404),
    "4.2-id-of-a-file": ("file", "0", ("oc:id",), 403),
    "4.2-id-of-a-missing-one": ("missing", "0", ("oc:id",), 403),
    "4.2-id-of-a-folder": ("", "0", ("oc:id",), 207),
    "4.2-garbage": ("", "0", ("<",), 500),
}


@pytest.mark.parametrize("path, depth, names, status", FINDS.values(), ids=FINDS)
@threaded
def test_propfind(eos: Eos, path: str, depth: str, names: tuple[str, ...], status: int) -> None:
    put(eos, "file")

    assert propfind(eos, path, depth, *names).status == status


@threaded
def test_4_2_ids_are_refused_where_the_attribute_is_missing(eos: Eos) -> None:
    eos.double.make_home("alice", oc_sync=False)

    assert (propfind(eos, "", "1", "oc:id").status, propfind(eos, "", "1", "d:getetag").status) == (403, 207)


@threaded
def test_9_3_a_listing(eos: Eos) -> None:
    put(eos, "b.txt", b"hello world")
    put(eos, ".sys.reva#.x")
    eos.mgm("MKCOL", "folder")
    eos.mgm("PUT", "folder/hidden", {"OC-Total-Length": "1"})

    text = propfind(
        eos, "", "1", "d:getcontentlength", "d:getetag", "oc:id", "oc:permissions", "oc:size", "oc:unknown"
    ).body.decode()

    parts = re.findall(r"<d:response><d:href>([^<]*)</d:href>(.*?)</d:response>", text)
    assert [href for href, _ in parts] == [
        f"{eos.home}/",
        f"{eos.home}/b.txt",
        f"{eos.home}/.sys.reva%23.x",
        f"{eos.home}/folder/",
    ]
    file, info = parts[1][1], eos.info("b.txt")
    assert "<d:getcontentlength>11</d:getcontentlength>" in file
    assert f"<d:getetag>&quot;{info['id'] << 28}:1a0b045d&quot;</d:getetag>" in file
    assert f"<oc:id>{info['inode']}</oc:id>" in file
    assert "<oc:permissions>RWCKNVD</oc:permissions>" in file
    assert (
        file.endswith("<d:propstat><d:status>HTTP/1.1 404 Not Found</d:status><d:prop/></d:propstat>") and "unknown" not in file
    )
    assert "<d:getetag>" + eos.info("")["etag"] + "</d:getetag>" in parts[0][1]
    assert "<oc:size>18</oc:size>" in parts[0][1]
    assert ".sys.a" not in propfind(eos, "folder", "1").body.decode()


@threaded
def test_4_2_no_body_has_neither_id_nor_quota(eos: Eos) -> None:
    text = propfind(eos, "", "0").body.decode()

    assert "getetag" in text and "permissions" in text
    assert "oc:id" not in text and "quota" not in text


@threaded
def test_4_2_quota(eos: Eos) -> None:
    put(eos, "file", b"x" * 100, owner="alice")
    eos.double.set_quota("/eos/user", "alice", bytes=1000)

    text = propfind(eos, "", "0", "d:quota-available-bytes", "d:quota-used-bytes").body.decode()

    assert "<d:quota-available-bytes>900<" in text and "<d:quota-used-bytes>100<" in text


# Directories and removal.


@threaded
def test_4_1_mkcol(eos: Eos) -> None:
    put(eos, "file")

    made, again = eos.mgm("MKCOL", "new"), eos.mgm("MKCOL", "new")

    assert (made.status, made.header("OC-FileId")) == (201, str(eos.info("new")["id"]))
    assert (again.status, again.header("OC-FileId")) == (201, made.header("OC-FileId"))
    assert eos.mgm("MKCOL", "file").status == 500
    assert eos.mgm("MKCOL", "no/parent").status == 409
    assert eos.mgm("MKCOL", "other", who="bob").status == 403


@threaded
def test_7_3_a_new_directory_inherits(eos: Eos) -> None:
    eos.mgm("MKCOL", "new")

    parent, child = eos.info(""), eos.info("new")
    assert child["xattr"] == parent["xattr"] and child["mode"] == parent["mode"]


@threaded
def test_4_1_delete(eos: Eos) -> None:
    eos.mgm("MKCOL", "folder")
    put(eos, "folder/file")

    assert eos.mgm("DELETE", "missing").status == 404
    assert eos.mgm("DELETE", "folder", who="bob").status == 403
    assert eos.mgm("DELETE", "folder").status == 204
    assert eos.mgm("DELETE", "/eos/user/a").status == 403
    assert eos.names() == []


@threaded
def test_4_1_1_a_star_deletes_what_matches(eos: Eos) -> None:
    for name in ("a*", "a1", "a-b", "b", "x.txt", "x-txt"):
        put(eos, name)
    eos.mgm("MKCOL", "d*r")
    put(eos, "d*r/x.txt")
    put(eos, "d*r/x-txt")

    assert eos.mgm("DELETE", "a*").status == 204
    assert eos.names() == ["b", "d*r", "x-txt", "x.txt"]
    assert eos.mgm("DELETE", "d*r/x.txt").status == 204
    assert eos.names("d*r") == []
    assert eos.mgm("DELETE", "c*").status == 404
    eos.accept(*["wildcard"] * 3)


@threaded
def test_4_1_1_a_name_starts_a_new_key(eos: Eos) -> None:
    put(eos, "real")
    eos.run(eos.double.mkdir, f"{eos.home}/x&mgm.path=")
    decoy = f"x&mgm.path={eos.home}/real"
    for part in decoy.split("/")[1:-1]:
        assert part
    assert eos.mgm("DELETE", decoy).status == 204

    assert "real" not in eos.names()
    eos.accept("DELETE acts on")


@threaded
def test_2_2_a_name_with_and_cannot_be_deleted(eos: Eos) -> None:
    put(eos, "a#AND#b")

    assert eos.mgm("DELETE", "a#AND#b").status == 404
    eos.accept("DELETE acts on")


# MOVE.


@threaded
def test_4_1_move(eos: Eos) -> None:
    put(eos, "file", b"content")
    put(eos, "other", b"other")
    eos.mgm("MKCOL", ".sys.v#.file")
    fid, folder, etag = eos.info("file")["id"], eos.info(".sys.v#.file")["id"], eos.info("file")["etag"]

    assert move(eos, "missing", "x").status == 409
    assert move(eos, "file", "no/parent").status == 409
    assert move(eos, "file", "file").status == 403
    assert move(eos, "file", "other").status == 412
    assert move(eos, "file", "new").status == 201
    # 7.1, 7.2, 7.5: id, etag and the folder of versions go along.
    assert (eos.info("new")["id"], eos.info("new")["etag"]) == (fid, etag)
    assert eos.info(".sys.v#.new")["id"] == folder
    assert move(eos, "new", "other", "T").status == 204
    assert eos.double.content(f"{eos.home}/other") == b"content"


@pytest.mark.parametrize("overwrite", ["T", "F"])
@threaded
def test_4_1_onto_a_directory_means_into_it(eos: Eos, overwrite: str) -> None:
    for name in ("a", "b"):
        eos.mgm("MKCOL", name)

    assert move(eos, "a", "b", overwrite).status == 201
    assert (eos.names(), eos.names("b")) == (["b"], ["a"])


@threaded
def test_4_1_overwriting_can_delete_the_whole_target(eos: Eos) -> None:
    for name in ("a", "b"):
        eos.mgm("MKCOL", name)
    put(eos, "b/a")
    put(eos, "b/precious")

    assert move(eos, "a", "b", "T").status == 204
    assert (eos.names(), eos.names("b")) == (["b"], [])


@threaded
def test_4_1_where_nothing_can_be_moved(eos: Eos) -> None:
    eos.mgm("MKCOL", "a")
    eos.mgm("MKCOL", "a/b")
    eos.double.set_quota(f"{eos.home}/a/b", "alice", bytes=1000)

    assert move(eos, "a", "a/b/c").status == 500
    assert move(eos, "a/b", "c").status == 403


FAKES: dict[str, tuple[str, int]] = {
    "4.1-proppatch-claims-success": ("PROPPATCH", 207),
    "4.1-lock-is-fake": ("LOCK", 200),
    "4.1-unlock-is-fake": ("UNLOCK", 204),
    "4.1-post": ("POST", 501),
    "4.1-patch": ("PATCH", 501),
    "4.1-copy-on-xrdhttp": ("COPY", 400),
}


@pytest.mark.parametrize("method, status", FAKES.values(), ids=FAKES)
@threaded
def test_other_verbs(eos: Eos, method: str, status: int) -> None:
    put(eos, "file")

    assert eos.mgm(method, "file").status == status


# /proc.


@threaded
def test_9_4_version(eos: Eos) -> None:
    said = eos.proc("mgm.cmd=version&mgm.option=m")

    assert said["version"] == [
        {
            "eos": {
                "instance": {"name": "eosdev", "version": "5.3.21", "release": 1.0},
                "encodepath": "curl",
                "inodeencodingscheme": 0.0,
                "lazyopen": "true",
            },
            "xrootd": {"version": "v5.8.4"},
        }
    ]


@threaded
def test_9_4_whoami(eos: Eos) -> None:
    assert eos.proc("mgm.cmd=whoami&mgm.option=m", who="bob") == {
        "errormsg": "",
        "retc": "0",
        "whoami": [{"uid": 1002.0, "uids": "99,1002", "gid": 1000.0, "gids": "99,1000", "authz": "https", "sudo": "false"}],
    }
    assert eos.proc("mgm.cmd=whoami")["whoami"] == [None]


@pytest.mark.parametrize("command", ["recycle", "acl", "token", "share", "nonsense"])
@threaded
def test_4_3_what_there_is_not(eos: Eos, command: str) -> None:
    said = eos.proc(f"mgm.cmd={command}&mgm.subcmd=ls")

    assert (said["retc"], said["errormsg"]) == ("95", f"error: no such user command '{command}'")


PROC: dict[str, tuple[str, str]] = {
    "4.3-mkdir-existing": ("mgm.cmd=mkdir&mgm.path={home}/folder", "0"),
    "4.3-mkdir-no-parent": ("mgm.cmd=mkdir&mgm.path={home}/no/parent", "2"),
    "4.3-mkdir-p": ("mgm.cmd=mkdir&mgm.option=p&mgm.path={home}/no/parent", "0"),
    "4.3-mkdir-not-allowed": ("mgm.cmd=mkdir&mgm.path=/eos/user/b/x", "1"),
    "4.3-rmdir-full": ("mgm.cmd=rmdir&mgm.path={home}/folder", "39"),
    "4.3-rmdir": ("mgm.cmd=rmdir&mgm.path={home}/folder/empty", "0"),
    "8-rm-of-a-directory": ("mgm.cmd=rm&mgm.path={home}/folder", "21"),
    "4.3-rm-r": ("mgm.cmd=rm&mgm.option=r&mgm.path={home}/folder", "0"),
    "4.3-rm-shallow": ("mgm.cmd=rm&mgm.option=r&mgm.path=/eos/user/a", "1"),
    "4.3-rm-missing": ("mgm.cmd=rm&mgm.path={home}/missing", "2"),
    "4.3-chmod": ("mgm.cmd=chmod&mgm.chmod.mode=2770&mgm.path={home}/folder", "0"),
    "4.3-chown": ("mgm.cmd=chown&mgm.chown.owner=1002:1000&mgm.path={home}/folder", "1"),
    "4.3-touch": ("mgm.cmd=file&mgm.subcmd=touch&mgm.path={home}/touched", "0"),
    "4.3-restore-missing": ("mgm.cmd=file&mgm.subcmd=versions&mgm.grab.version=1.2&mgm.path={home}/file", "2"),
    "8-attribute-missing": ("mgm.cmd=attr&mgm.subcmd=get&mgm.attr.key=user.x&mgm.path={home}/file", "61"),
    "7.8-sys-attributes": ("mgm.cmd=attr&mgm.subcmd=set&mgm.attr.key=sys.x&mgm.attr.value=1&mgm.path={home}/file", "1"),
    "4.3-file-nonsense": ("mgm.cmd=file&mgm.subcmd=nonsense&mgm.path={home}/file", "22"),
}


@pytest.mark.parametrize("query, retc", PROC.values(), ids=PROC)
@threaded
def test_commands(eos: Eos, query: str, retc: str) -> None:
    eos.run(eos.double.mkdir, "/eos/user/b")
    eos.run(eos.double.mkdir, f"{eos.home}/folder/empty")
    put(eos, "file")

    said = eos.proc(query.format(home=eos.home))

    assert (said["retc"], bool(said["errormsg"])) == (retc, retc != "0")


@threaded
def test_4_3_retc_makes_failures_http_errors(eos: Eos) -> None:
    target = f"/proc/user/?mgm.cmd=rm&mgm.path={eos.home}/missing&mgm.retc=1"

    assert ask(eos.double.mgm_url, "GET", target, eos.identity()).status == 404


@threaded
def test_4_3_a_door_that_is_shut(makes: Any) -> None:
    eos = makes["5.3.21", (("open_proc", False),)]

    assert eos.mgm("GET", "/proc/user/").status == 403


@threaded
def test_4_3_rename_replaces_and_nests(eos: Eos) -> None:
    put(eos, "a", b"a")
    put(eos, "b", b"b")
    eos.mgm("MKCOL", "folder")

    def rename(old: str, new: str) -> Any:
        paths = f"mgm.path={eos.home}/{old}&mgm.file.source={eos.home}/{old}&mgm.file.target={eos.home}/{new}"
        return eos.proc("mgm.cmd=file&mgm.subcmd=rename&" + paths)

    assert rename("a", "b") == {"errormsg": "", "file": {"rename": [None]}, "retc": "0"}
    assert eos.double.content(f"{eos.home}/b") == b"a"
    assert rename("b", "folder")["retc"] == "0"
    assert (eos.names(), eos.names("folder")) == (["folder"], ["b"])


@threaded
def test_4_4_attributes_are_exact_in_fileinfo_only(eos: Eos) -> None:
    put(eos, "file")
    value = base64.b64encode(b'hello "w"').decode()
    path = f"mgm.path={eos.home}/file"

    assert eos.proc(f"mgm.cmd=attr&mgm.subcmd=set&mgm.attr.key=user.k&mgm.attr.value=base64:{value}&{path}")["attr"] == {
        "set": None
    }
    assert eos.info("file")["xattr"]["user.k"] == 'hello "w"'
    assert eos.proc(f"mgm.cmd=attr&mgm.subcmd=get&mgm.attr.key=user.k&{path}")["attr"]["get"] == [{"user": {"k": "hello"}}]
    assert eos.proc(f"mgm.cmd=attr&mgm.subcmd=ls&mgm.path={eos.home}")["attr"]["ls"][0] == {"sys": {"mask": 700.0}}
    assert eos.proc(f"mgm.cmd=attr&mgm.subcmd=rm&mgm.attr.key=user.k&{path}")["retc"] == "0"
    assert "user.k" not in eos.info("file")["xattr"]


@threaded
def test_4_5_fileinfo_of_a_directory_has_its_children(eos: Eos) -> None:
    put(eos, "file", b"hello world", owner="alice")
    eos.mgm("MKCOL", "folder")
    eos.located("upload", 1)

    info = eos.info("")

    assert (info["nfiles"], info["nndirectories"], info["treesize"], info["path"]) == (2, 1, 11, f"{eos.home}/")
    assert (info["treefiles"], info["treecontainers"]) == (2, 1)
    assert info["mode"] == 0o42700 and info["inode"] == info["id"]
    file, hidden, folder = info["children"]
    assert hidden["name"].startswith(".sys.a#.v#upload.") and folder["children"] is None
    assert (file["size"], file["uid"], file["mode"], file["pid"]) == (11, 1001, 0o644, info["id"])
    assert file["fxid"] == f"{file['id']:08x}" and file["etag"].startswith('"')


@pytest.mark.parametrize("form", ["fid:{fid}", "fxid:{fid:x}", "inode:{inode}"])
@threaded
def test_4_5_ids_of_files(eos: Eos, form: str) -> None:
    put(eos, "file")
    info = eos.info("file")

    assert eos.info(form.format(fid=info["id"], inode=info["inode"]))["path"] == f"{eos.home}/file"


@pytest.mark.parametrize("form", ["pid:{}", "pxid:{:x}", "inode:{}"])
@threaded
def test_4_5_ids_of_directories(eos: Eos, form: str) -> None:
    assert eos.info(form.format(eos.info("")["id"]))["path"] == f"{eos.home}/"


@threaded
def test_4_5_what_is_missing(eos: Eos) -> None:
    path = f"{eos.home}/missing"

    assert eos.info("missing") == {"errormsg": f"error: cannot stat '{path}'\n", "fileinfo": None, "retc": "2"}
    assert eos.info("fid:99999") == {"id": 99999, "errc": 2, "errmsg": "No such file or directory"}


@threaded
def test_4_6_ls_and_find(eos: Eos) -> None:
    put(eos, "a&b c", b"content")
    eos.mgm("MKCOL", "folder")

    def text(query: str) -> str:
        return ask(eos.double.mgm_url, "GET", f"/proc/user/?{query}&mgm.path={eos.home}", eos.identity()).body.decode()

    assert eos.proc(f"mgm.cmd=ls&mgm.path={eos.home}")["ls"] == [None, None]
    assert "mgm.proc.stdout=a#and#b c\nfolder&" in text("mgm.cmd=ls")
    found = text("mgm.cmd=find&mgm.format=json&mgm.option=fI")
    length = len(f"{eos.home}/a&b c")
    assert f"keylength.file={length} file={eos.home}/a#and#b c size=7 mtime=" in found and found.endswith("&mgm.proc.retc=0")


@threaded
def test_4_7_quota(eos: Eos) -> None:
    put(eos, "file", b"x" * 11, owner="alice")
    eos.double.set_quota("/eos/user", "alice", bytes=1000, files=10)

    said = eos.proc(f"mgm.cmd=quota&mgm.subcmd=lsuser&mgm.quota.space={eos.home}/&mgm.quota.format=m")["quota"]["lsuser"]

    assert [(one.get("uid"), one.get("gid")) for one in said] == [("alice", None), (None, "users")]
    assert said[0] == {
        **{"quota": "node", "uid": "alice", "space": "/eos/user/", "usedbytes": 22.0, "usedlogicalbytes": 11.0, "usedfiles": 1.0},
        **{"maxbytes": 2000.0, "maxlogicalbytes": 1000.0, "maxfiles": 10.0, "percentageusedbytes": 1.1},
        **{"statusbytes": "ok", "statusfiles": "ok"},
    }
    assert said[1]["statusbytes"] == "ignored"
    assert eos.proc("mgm.cmd=quota&mgm.subcmd=lsuser&mgm.quota.space=/eos/user/", who="bob")["quota"]["lsuser"] is None


@pytest.mark.parametrize("who, most, retc", [("daemon", 20 << 30, "0"), ("daemon", 1 << 20, "22"), ("alice", 20 << 30, "1")])
@threaded
def test_7_9_quota_is_set_by_administrators_and_not_small(eos: Eos, who: str, most: int, retc: str) -> None:
    keys = f"mgm.quota.space=/eos/user/&mgm.quota.uid=1002&mgm.quota.maxbytes={most}"

    assert eos.proc(f"mgm.cmd=quota&mgm.subcmd=set&{keys}", who=who, door="admin")["retc"] == retc


# Etags, ids, times.


@threaded
def test_7_1_inodes(makes: Any) -> None:
    old, new = makes["5.3.21"], makes["5.3.21", (("new_inodes", True),)]
    for eos in (old, new):
        put(eos, "file")
    legacy, modern = old.info("file"), new.info("file")

    assert (legacy["inode"], modern["inode"]) == (legacy["id"] << 28, modern["id"] | 1 << 63)
    # The etag has the legacy one.
    assert modern["etag"].startswith(f'"{modern["id"] << 28}:')
    assert new.info(f"inode:{modern['inode']}")["name"] == "file"
    assert new.proc("mgm.cmd=version&mgm.option=m")["version"][0]["eos"]["inodeencodingscheme"] == 1.0


@threaded
def test_7_2_what_moves_no_etag(eos: Eos) -> None:
    put(eos, "file", owner="alice")
    before = (eos.info("")["etag"], eos.info("file")["etag"])
    path = f"mgm.path={eos.home}/file"

    assert eos.proc(f"mgm.cmd=chmod&mgm.chmod.mode=600&{path}")["retc"] == "0"
    assert eos.proc(f"mgm.cmd=attr&mgm.subcmd=set&mgm.attr.key=user.k&mgm.attr.value=v&{path}")["retc"] == "0"

    assert (eos.info("")["etag"], eos.info("file")["etag"]) == before


@threaded
def test_7_2_the_same_bytes_again(eos: Eos) -> None:
    first, second = eos.upload("file", b"abc"), eos.upload("file", b"abc")

    assert first.header("ETag") != second.header("ETag")


@threaded
def test_7_2_etags_of_other_kinds(eos: Eos) -> None:
    eos.double.set_attribute(eos.home, "sys.forced.checksum", "md5")
    eos.upload("file", b"abc")
    assert eos.info("file")["etag"] == '"900150983cd24fb0d6963f7d28e17f72"'

    eos.double.set_attribute(eos.home, "sys.tmp.etag", "special")
    assert eos.info("")["etag"] == "special"
    eos.upload("other", b"abc")
    assert eos.info("")["etag"] != "special"


@threaded
def test_7_3_ancestors_follow_later_and_up_to_the_attribute(makes: Any) -> None:
    clock = Clock()
    clock.advance(1_700_000_000)
    eos = makes["5.3.21", (("clock", clock), ("propagation", 5.0), ("accounting", 0.5))]
    eos.run(eos.double.mkdir, f"{eos.home}/a/b")
    eos.run(eos.double.settle)
    paths = [f"{eos.home}/a/b", f"{eos.home}/a", eos.home, "/eos/user/a", "/eos/user", "/eos"]
    eos.double.set_attribute("/eos/user", "sys.mtime.propagation", None)

    def etags() -> list[str]:
        return [eos.info(path)["etag"] for path in paths]

    def moved(before: list[str]) -> list[bool]:
        return [old != new for old, new in zip(before, etags(), strict=True)]

    before = etags()
    eos.run(clock.advance, 1)
    eos.upload("a/b/file", b"abc")
    assert moved(before) == [True, False, False, False, False, False]
    assert [eos.info(path)["treesize"] for path in paths[:2]] == [0, 0]
    eos.run(clock.advance, 0.5)
    assert [eos.info(path)["treesize"] for path in paths[:2]] == [3, 3]
    assert moved(before)[1] is False
    eos.run(clock.advance, 4.5)
    assert moved(before) == [True, True, True, True, False, False]


@threaded
def test_7_3_the_parent_is_of_now_whatever_the_file_says(eos: Eos) -> None:
    eos.upload("file", b"abc", {"X-OC-Mtime": "1000000000"})

    assert eos.info("file")["mtime"] == 1_000_000_000 < eos.info("")["tmtime"]


# Versions, trash.


@threaded
def test_7_5_versions_and_back(eos: Eos) -> None:
    for content in (b"one", b"two", b"three"):
        eos.upload("file", content)
    current = eos.info("file")
    versions = {one["size"]: one for one in eos.info(".sys.v#.file")["children"]}
    oldest = min(eos.info(".sys.v#.file")["children"], key=lambda one: one["id"])
    assert len(versions) == 1 and len(eos.info(".sys.v#.file")["children"]) == 2
    assert eos.download(f".sys.v#.file/{oldest['name']}").body == b"one"

    said = eos.proc(f"mgm.cmd=file&mgm.subcmd=versions&mgm.path={eos.home}/file&mgm.grab.version={oldest['name']}")

    assert said == {"errormsg": "", "file": {"versions": [None]}, "retc": "0"}
    # 7.2: the old id and its etag are back.
    after = eos.info("file")
    assert (after["id"], after["etag"], after["mtime"]) == (oldest["id"], oldest["etag"], oldest["mtime"])
    assert current["id"] in {one["id"] for one in eos.info(".sys.v#.file")["children"]}


@threaded
def test_7_5_the_first_version_stays(eos: Eos) -> None:
    eos.double.make_home("alice", versioning=3)
    ids = []
    for number in range(6):
        eos.upload("file", b"%d" % number)
        ids.append(eos.info("file")["id"])

    assert [one["id"] for one in eos.info(".sys.v#.file")["children"]] == [ids[0], *ids[2:5]]
    assert eos.proc(f"mgm.cmd=file&mgm.subcmd=purge&mgm.purge.version=1&mgm.path={eos.home}/file")["retc"] == "0"
    assert [one["id"] for one in eos.info(".sys.v#.file")["children"]] == [ids[4]]


@threaded
def test_4_3_a_new_version_of_what_is_there(eos: Eos) -> None:
    eos.upload("file", b"one")
    before = eos.info("file")

    assert eos.proc(f"mgm.cmd=file&mgm.subcmd=version&mgm.path={eos.home}/file")["retc"] == "0"

    assert eos.double.content(f"{eos.home}/file") == b"one"
    assert [one["id"] for one in eos.info(".sys.v#.file")["children"]] == [before["id"]]


@threaded
def test_7_7_trash(eos: Eos) -> None:
    eos.upload("file", b"content")
    before = eos.info("file")
    eos.mgm("DELETE", "file")
    (entry,) = eos.double.recycled("alice")

    assert entry.key == f"fxid:{before['id']:016x}" and eos.double.recycled("bob") == []
    inside = eos.info(f"fxid:{before['id']:x}")["path"]
    assert re.fullmatch(
        rf"/eos/dev/proc/recycle/uid:1001/\d+/\d\d/\d\d/0/#:#eos#:#user#:#a#:#alice#:#file\.{before['id']:016x}", inside
    )
    eos.run(eos.double.restore, entry.key, "alice")
    assert (eos.info("file")["id"], eos.info("file")["etag"]) == (before["id"], before["etag"])


# Rights and locks.

ACLS: dict[str, tuple[str, str, str, int]] = {
    "7.8-nothing": ("", "bob", "MKCOL", 403),
    "7.8-by-number": ("u:1002:rwx", "bob", "MKCOL", 201),
    "7.8-by-name": ("u:bob:rwx", "bob", "MKCOL", 201),
    "7.8-by-group": ("g:2000:rwx", "einstein", "MKCOL", 201),
    "7.8-egroup": ("egroup:physics:rwx", "einstein", "MKCOL", 201),
    "7.8-everyone": ("z:rwx", "bob", "MKCOL", 201),
    "7.8-read-only": ("u:1002:rx", "bob", "MKCOL", 403),
    "7.8-denied-is-denied": ("u:1002:rwx,z:!w", "bob", "MKCOL", 403),
    "7.8-no-deletion": ("u:1002:rwx!d", "bob", "DELETE", 403),
    "7.8-deletion": ("u:1002:rwx", "bob", "DELETE", 204),
    "7.8-deletion-given-back": ("u:1002:rwx+d,z:!d", "bob", "DELETE", 204),
    "7.8-no-update": ("u:1002:rwx!u", "bob", "PUT", 403),
    "7.8-update": ("u:1002:rwx", "bob", "PUT", 307),
    "7.8-immutable": ("z:i", "alice", "PUT", 403),
}


@pytest.mark.parametrize("acl, who, method, status", ACLS.values(), ids=ACLS)
@threaded
def test_acls(eos: Eos, acl: str, who: str, method: str, status: int) -> None:
    eos.double.make_home("alice", versioning=0)
    put(eos, "file")
    eos.double.set_attribute(eos.home, "sys.acl", acl)
    eos.double.set_quota("/eos/user", "bob", bytes=1000)

    assert eos.mgm(method, "new" if method == "MKCOL" else "file", {"OC-Total-Length": "1"}, who=who).status == status


@threaded
def test_7_8_the_owner_of_the_directory_owns(eos: Eos) -> None:
    eos.double.set_attribute(eos.home, "sys.acl", "u:1002:rwx")
    eos.double.set_attribute(eos.home, "sys.owner.auth", "https:bob")

    eos.upload("file", b"abc", who="bob")

    assert eos.info("file")["uid"] == 1001


LOCKS: dict[str, tuple[str, str, str, int]] = {
    "7.8-other-app": ("5.3.21", "exclusive,owner:alice:word", "PUT", 500),
    "7.8-other-app-on-5.1": ("5.1.30", "exclusive,owner:alice:word", "PUT", 403),
    "7.8-other-app-on-5.3.10": ("5.3.10", "exclusive,owner:alice:word", "PUT", 409),
    "7.8-exclusive-reading": ("5.1.30", "exclusive,owner:alice:word", "GET", 403),
    "7.8-shared-reading": ("5.1.30", "shared,owner:alice:word", "GET", 307),
    "7.8-deleting": ("5.1.30", "exclusive,owner:alice:word", "DELETE", 204),
    "7.8-own-app": ("5.1.30", "exclusive,owner:alice:http", "PUT", 307),
    "7.8-wildcard": ("5.1.30", "exclusive,owner:*:http", "PUT", 307),
}


@pytest.mark.parametrize("version, lock, method, status", LOCKS.values(), ids=LOCKS)
@threaded
def test_locks(makes: Any, version: str, lock: str, method: str, status: int) -> None:
    eos = makes[version]
    put(eos, "file")
    eos.double.set_attribute(f"{eos.home}/file", "sys.app.lock", f"expires:99999999999,type:{lock}")

    assert eos.mgm(method, "file", {"OC-Total-Length": "1"} if method == "PUT" else {}).status == status


@threaded
def test_4_3_locks_are_taken_by_touch(eos: Eos) -> None:
    put(eos, "file")
    touch = f"mgm.cmd=file&mgm.subcmd=touch&mgm.path={eos.home}/file&mgm.file.touch.lockop="

    assert eos.proc(touch + "lock&mgm.file.touch.lockop.lifetime=60")["retc"] == "0"
    assert re.fullmatch(r"expires:\d+,type:exclusive,owner:alice:http", eos.info("file")["xattr"]["sys.app.lock"])
    eos.double.set_attribute(eos.home, "sys.acl", "u:1002:rwx")
    assert eos.proc(touch + "lock", who="bob")["retc"] == "16"
    assert eos.proc(touch + "unlock")["retc"] == "0"


@threaded
def test_4_3_copy(eos: Eos) -> None:
    put(eos, "file", b"content")
    copy = f"mgm.cmd=file&mgm.subcmd=copy&mgm.path={eos.home}/file&mgm.file.target={eos.home}/copy"

    assert [eos.proc(copy)["retc"], eos.proc(copy)["retc"], eos.proc(copy + "&mgm.file.option=f")["retc"]] == ["0", "17", "0"]
    assert eos.double.content(f"{eos.home}/copy") == b"content"


@threaded
def test_7_7_a_bin_that_is_full_stops_deletion(eos: Eos) -> None:
    put(eos, "file")
    eos.double.namespace.recycle.full = True

    assert (eos.mgm("DELETE", "file").status, eos.names()) == (507, ["file"])


@threaded
def test_7_7_nobody_cannot_recycle(eos: Eos) -> None:
    put(eos, "file")
    eos.double.set_attribute(eos.home, "sys.acl", "z:rwx")

    assert eos.mgm("DELETE", "file", who="mallory").status == 403


@pytest.mark.parametrize("method, text", [("GET", b"Browsing is disabled and no index attribute is defined!"), ("HEAD", b"")])
@threaded
def test_9_2_directories_are_not_read(eos: Eos, method: str, text: bytes) -> None:
    answer = eos.mgm(method, "")

    assert (answer.status, answer.body) == (403 if method == "GET" else 200, text)


@threaded
def test_4_1_a_destination_has_an_end(eos: Eos) -> None:
    put(eos, "file")
    longest = 1023 - len(f"{eos.home}/")

    assert (move(eos, "file", "x" * (longest + 1)).status, move(eos, "file", "x" * longest).status) == (500, 201)


@threaded
def test_7_5_what_is_forced_does_not_count_in_a_folder_of_versions(eos: Eos) -> None:
    eos.mgm("MKCOL", ".sys.v#.file")
    location = eos.mgm("PUT", ".sys.v#.file/x", {"Content-Length": "0"}).header("Location") or ""

    assert eos.names(".sys.v#.file") == ["x"]
    assert follow(location, "PUT", {"Content-Length": "1"}, b"x").status == 201

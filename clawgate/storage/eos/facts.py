"""What EOS says of files and folders: ``fileinfo``'s JSON and the answers of PROPFIND, read leniently. Pure.

Sources: eos.md sections 4.2 (PROPFIND), 4.5 (fileinfo), 7.1 (ids), 7.2 (etags).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree

from ...errors import StorageBroken
from ...model.node import Kind, Node
from .names import CHECKSUMS, EMPTY, TARGET, VERSIONS, shown

_FOLDER_ETAG = re.compile(r"([0-9a-f]{1,16}):\d+\.\d{3}")
_FILE_ETAG = re.compile(r"\d+:([0-9a-f]{6,128})")
TYPES = {
    **{"adler": "ADLER32", "adler32": "ADLER32", "crc32c": "CRC32C"},
    **{"md5": "MD5", "sha": "SHA1", "sha1": "SHA1", "sha256": "SHA256"},
}
"""What EOS calls algorithms, in lower case."""
_SECOND = 10**9
_DAV = "{DAV:}"
_OC = "{http://owncloud.org/ns}"
_UNFINISHED = re.compile(r"\d+:0{0,7}1")


class Entry(NamedTuple):
    """One file or folder. Times are whole seconds: that is all that some of the sources tell."""

    name: str
    is_folder: bool
    size: int
    mtime: int
    etag: str
    """Without quotes."""
    inode: int = 0
    """0: not told."""
    path: str = ""
    """As EOS has it, without a slash at the end; empty: not told."""
    uid: int = -1
    gid: int = -1
    mode: int = 0
    acl: str = ""
    """``sys.acl`` and, where it counts, ``user.acl``."""
    checksums: str = ""
    is_link: bool = False
    lock: str = ""
    """``sys.app.lock``."""
    ctime: int = 0
    replaced: bool = False
    """Whether something else stood there when it was published; only of uploads in pieces."""
    kept: str = ""
    """``sys.recycle.version.key``: of what lies in the recycle bin."""
    target: str = ""
    """What `names.TARGET` says."""
    empty: str = ""
    """What `names.EMPTY` says."""
    letters: str = ""
    """``oc:permissions`` as EOS means them: R readable, WCKNV writable, D deletable."""

    def node(self, id: str) -> Node:
        """As the gateway sees it; the etag is also the mark of the version."""
        kind = Kind.FOLDER if self.is_folder else Kind.FILE
        return Node(self.name, kind, self.size, self.mtime * _SECOND, self.etag, id, self.etag, self.checksums)


class Container(NamedTuple):
    """A folder with all that is in it, also what is not shown."""

    folder: Entry
    children: Sequence[Entry]


def entry(found: Mapping[str, Any]) -> Entry:
    """What one object of ``fileinfo`` says. Raises `StorageBroken` if it lacks what is needed."""
    try:
        name, path = str(found["name"]), str(found.get("path", ""))
        is_folder = "treesize" in found or "nndirectories" in found or "children" in found
        attributes = found.get("xattr") or {}
        noted = str(attributes.get(CHECKSUMS, "")).split()
        # It is copied with the attributes of a file that is overwritten, and then belongs to another one.
        ours = noted if len(noted) > 1 and noted[0] == str(found["inode"]) else ["", "", ""]
        # Tree times of folders say when something below changed, which is in their etags already.
        return Entry(
            name if path.strip("/") else "",
            is_folder,
            int(found["treesize"] if is_folder else found["size"]),
            int(found["mtime"]),
            bare(str(found["etag"])),
            int(found["inode"]),
            path.rstrip("/"),
            int(found.get("uid", -1)),
            int(found.get("gid", -1)),
            int(found.get("mode", 0)),
            _acl(attributes),
            "" if is_folder else " ".join(ours[2:]) or _checksums(found),
            bool(found.get("target")),
            str(attributes.get("sys.app.lock", "")),
            int(found.get("ctime", 0)),
            ours[1] == "1",
            str(attributes.get("sys.recycle.version.key", "")),
            str(attributes.get(TARGET, "")),
            str(attributes.get(EMPTY, "")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StorageBroken("the storage answers with something that is no file and no folder") from error


def container(found: Mapping[str, Any]) -> Container:
    """What ``fileinfo`` says of a folder and its children. Raises `StorageBroken`."""
    children = found.get("children")
    if children is not None and not isinstance(children, list):
        raise StorageBroken("the storage answers with a listing that is none")
    # Asked for by its path a folder may come without its own name.
    folder = entry({"name": str(found.get("path", "")).rstrip("/").rpartition("/")[2], **found})
    return Container(folder, [entry(child) for child in children or ()])


def nodes_of(found: Container, stable_ids: bool) -> list[Node]:
    """What is shown of a folder's children."""
    ids = {}
    if stable_ids:
        ids = {one.name[len(VERSIONS) :]: str(one.inode) for one in found.children if one.name.startswith(VERSIONS)}
    return [
        one.node(ids.get(one.name, "") if ids and not one.is_folder and one.name in ids else str(one.inode))
        for one in found.children
        if shown(one.name) and not one.is_link
    ]


def propfind(body: bytes) -> Entry:
    """What a PROPFIND of depth 0 says. Raises `StorageBroken`, also for what has no etag: EOS answers so for names it refuses."""
    try:
        response = next(iter(ElementTree.fromstring(body).iter(f"{_DAV}response")))
    except (ElementTree.ParseError, StopIteration) as error:
        raise StorageBroken("the storage answers with something that is no multistatus") from error
    href = unquote(response.findtext(f"{_DAV}href") or "").rstrip("/")
    properties: dict[str, Any] = {}
    for propstat in response.iter(f"{_DAV}propstat"):
        if " 200" in (propstat.findtext(f"{_DAV}status") or ""):
            properties.update({one.tag: one for one in propstat.find(f"{_DAV}prop") or ()})

    def text(tag: str) -> str:
        found = properties.get(tag)
        return (found.text or "").strip() if found is not None else ""

    kind = properties.get(f"{_DAV}resourcetype")
    is_folder = kind is not None and kind.find(f"{_DAV}collection") is not None
    etag = bare(text(f"{_DAV}getetag"))
    size = text(f"{_OC}size") if is_folder else text(f"{_DAV}getcontentlength")
    try:
        mtime = int(parsedate_to_datetime(text(f"{_DAV}getlastmodified")).timestamp())
        if not etag:
            raise ValueError("no etag")
        inode = folder_inode(etag) if is_folder else 0
        found = Entry(href.rpartition("/")[2], is_folder, int(size or 0), mtime, etag, inode)
        return found._replace(letters=text(f"{_OC}permissions"))
    except (TypeError, ValueError) as error:
        raise StorageBroken("the storage answers without size, time or etag") from error


def bare(etag: str) -> str:
    """An etag without its quotes; those of folders come without."""
    return etag.strip().removeprefix("W/").strip('"')


def folder_inode(etag: str) -> int:
    """The inode that a folder's etag begins with; 0 if it is one that somebody set."""
    found = _FOLDER_ETAG.fullmatch(etag)
    return int(found[1], 16) if found else 0


def etag_checksum(etag: str) -> str:
    """The checksum in a file's etag, as it is there; empty: none. Where it is an MD5 it may be all of the etag."""
    found = _FILE_ETAG.fullmatch(etag)
    if found:
        return found[1]
    return etag if re.fullmatch("[0-9a-f]{32}", etag) else ""


def is_new(etag: str) -> bool:
    """Whether the etag that a manager gives with its redirect is that of an entry that was made just for this upload."""
    return etag in ("", "undef") or _UNFINISHED.fullmatch(bare(etag)) is not None


def _checksums(found: Mapping[str, Any]) -> str:
    value = str(found.get("checksumvalue", ""))
    algorithm = TYPES.get(str(found.get("checksumtype", "")).lower())
    return f"{algorithm}:{value.lower()}" if algorithm and value else ""


def _acl(attributes: Mapping[str, Any]) -> str:
    acl = str(attributes.get("sys.acl", ""))
    if attributes.get("sys.eval.useracl") and attributes.get("user.acl"):
        acl = f"{acl},{attributes['user.acl']}" if acl else str(attributes["user.acl"])
    return acl

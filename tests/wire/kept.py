"""What a client does with trash and versions, over one connection, and what lies on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from lxml import etree

from . import dav

OC, DAV, NC = dav.OC, dav.DAV, "{http://nextcloud.org/ns}"
BIN = "/remote.php/dav/trash-bin/alice"
ASK = b"""<?xml version="1.0"?><d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop>
<oc:trashbin-original-filename/><oc:trashbin-original-location/><oc:trashbin-delete-timestamp/><oc:trashbin-delete-datetime/>
<d:getcontentlength/><d:resourcetype/><d:getetag/><oc:fileid/><oc:permissions/></d:prop></d:propfind>"""


class Entry(NamedTuple):
    """Something in the trash."""

    href: str
    name: str
    origin: str
    removed: int
    size: int | None
    folder: bool
    id: str


class Former(NamedTuple):
    """A version."""

    href: str
    size: int
    etag: str


def entries(xml: bytes) -> list[dict[str, str]]:
    """The properties that were found, and the href, of each response."""
    found = []
    for response in etree.fromstring(xml).iterfind(f"{DAV}response"):
        facts = {"href": response.findtext(f"{DAV}href") or ""}
        for prop in response.iterfind(f"{DAV}propstat"):
            if "200" in (prop.findtext(f"{DAV}status") or ""):
                for one in prop.iterfind(f"{DAV}prop/*"):
                    facts[etree.QName(one).localname] = "collection" if len(one) else one.text or ""
        found.append(facts)
    return found


def trash(client: dav.Client, bin: str = BIN) -> dict[str, Entry]:
    """All of it, by the place where it was; of two at one place the younger."""
    answer = client.raw("PROPFIND", f"{bin}/", ASK, {"Depth": "1"})
    assert answer.status == 207, answer
    whole, *rest = entries(answer.body)
    assert whole["href"] == f"{bin}/" and whole["resourcetype"] == "collection"
    found = [
        Entry(
            one["href"],
            one["trashbin-original-filename"],
            one["trashbin-original-location"],
            int(one["trashbin-delete-timestamp"]),
            int(one["getcontentlength"]) if "getcontentlength" in one else None,
            one["resourcetype"] == "collection",
            one["fileid"],
        )
        for one in rest
    ]
    return {one.origin: one for one in sorted(found, key=lambda one: one.removed)}


def restore(client: dav.Client, entry: Entry, target: str, overwrite: str = "F") -> dav.Answer:
    return client.raw("MOVE", entry.href.rstrip("/"), None, {"Destination": client.href(target), "Overwrite": overwrite})


def versions(client: dav.Client, id: str, base: str = "/remote.php/dav/meta") -> list[Former]:
    """The versions of a file, the newest first."""
    answer = client.raw("PROPFIND", f"{base}/{quote(id)}/v", b"", {"Depth": "1"})
    assert answer.status == 207, answer
    whole, *rest = entries(answer.body)
    assert whole["resourcetype"] == "collection"
    return [Former(one["href"], int(one["getcontentlength"]), one["getetag"]) for one in rest]


def id_of(client: dav.Client, path: str) -> str:
    return client.list(path, "0")[path].id


def content(client: dav.Client, href: str) -> bytes:
    answer = client.raw("GET", href)
    assert answer.status == 200, (unquote(href), answer)
    return answer.body


def on_disk(root: Path) -> dict[str, bytes]:
    """What lies in the trash of a space, by name there."""
    files = root / ".clawgate" / "trash" / "files"
    return {path.name: path.read_bytes() for path in files.iterdir() if path.is_file()} if files.exists() else {}

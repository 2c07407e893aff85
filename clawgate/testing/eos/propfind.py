"""PROPFIND as EOS answers it (section 4.2)."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from urllib.parse import quote
from wsgiref.handlers import format_date_time
from xml.sax.saxutils import escape

import attrs
from lxml import etree

from . import names
from .acl import may
from .failures import EosError
from .identity import Identity
from .namespace import Namespace
from .nodes import SECOND, Container, File, etag_of, inode_of

DAV, OWNCLOUD = "DAV:", "http://owncloud.org/ns"
HIDDEN = (".sys.v#.", ".sys.a#.", ".sys.dav.hide#.")
ALLPROP = (
    "getcontentlength", "getcontenttype", "getlastmodified", "getetag", "displayname", "creationdate", "resourcetype",
    "size", "permissions",
)  # fmt: skip


@attrs.frozen
class PropertyRequest:
    """The properties that are asked for."""

    names: tuple[str, ...]

    @classmethod
    def parse(cls, body: bytes) -> PropertyRequest:
        """No body is allprop, which has neither id nor quota; unknown properties are left out silently."""
        if not body.strip():
            return cls(ALLPROP)
        try:
            root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
        except etree.XMLSyntaxError as error:
            raise EosError(errno.EINVAL, "propfind", str(error)) from error
        prop = root.find(f"{{{DAV}}}prop")
        if prop is None:
            return cls(ALLPROP)
        return cls(tuple(etree.QName(one).localname for one in prop if isinstance(one.tag, str)))


def multistatus(here: Namespace, who: Identity, path: str, deep: bool, wanted: PropertyRequest) -> bytes:
    """The answer. Depth 0 checks no rights; Depth 1 does. `oc:id` is refused where `sys.allow.oc.sync` is not set."""
    path = path.rstrip("/") or "/"
    try:
        names.check(here.profile, path, "propfind")
    except EosError as error:
        if deep or error.errno != errno.EILSEQ:
            raise
        # Seen: a path refused for its letters looks like a directory without an etag.
        return _document([_response(path + "/", "<d:resourcetype><d:collection/></d:resourcetype>")])
    node = here.tree.look(path)
    allowed = isinstance(node, Container) and "sys.allow.oc.sync" in node.xattr
    if "id" in wanted.names and not allowed:
        raise EosError(errno.EPERM, "propfind", path)
    if node is None:
        raise EosError(errno.ENOENT, "propfind", path)
    found: list[Container | File] = [node]
    if deep and isinstance(node, Container):
        here.need(who, "r", node, "propfind", path)
        found += [one for one in node.children() if not one.name.startswith(HIDDEN)]
    elif deep:
        here.checked(who, path, "propfind")
    return _document([_response(_href(one), _properties(here, who, one, wanted)) for one in found])


def _document(responses: list[str]) -> bytes:
    head = f'<?xml version="1.0" encoding="utf-8"?>\n<d:multistatus xmlns:d="{DAV}" xmlns:oc="{OWNCLOUD}">'
    return (head + "".join(responses) + "</d:multistatus>").encode()


def _response(href: str, properties: str) -> str:
    return (
        f"<d:response><d:href>{escape(quote(href, safe='/', errors='surrogateescape'))}</d:href>"
        f"<d:propstat><d:status>HTTP/1.1 200 OK</d:status><d:prop>{properties}</d:prop></d:propstat>"
        "<d:propstat><d:status>HTTP/1.1 404 Not Found</d:status><d:prop/></d:propstat></d:response>"
    )


def _href(node: Container | File) -> str:
    return node.path.rstrip("/") + "/" if isinstance(node, Container) else node.path


def _properties(here: Namespace, who: Identity, node: Container | File, wanted: PropertyRequest) -> str:
    found = []
    for name in wanted.names:
        make = _KNOWN.get(name)
        value = make(here, who, node) if make is not None else None
        if value is not None:
            prefix = "oc" if name in ("id", "size", "permissions") else "d"
            found.append(f"<{prefix}:{name}>{value}</{prefix}:{name}>")
    return "".join(found)


def _size(node: Container | File) -> int:
    return node.tree_size if isinstance(node, Container) else node.size


def _permissions(here: Namespace, who: Identity, node: Container | File) -> str:
    container = node if isinstance(node, Container) else node.parent
    file = node if isinstance(node, File) else None
    if container is None:
        return ""
    readable = may(who, "r", container, here.identities, file)
    writable = may(who, "w", container, here.identities, file)
    removable = may(who, "d", container, here.identities)
    return ("R" if readable else "") + ("WCKNV" if writable else "") + ("D" if removable else "")


def _quota(which: str) -> Callable[[Namespace, Identity, Container | File], str | None]:
    def make(here: Namespace, who: Identity, node: Container | File) -> str | None:
        place = here.quota.node_of(node if isinstance(node, Container) else node.parent)
        if place is None:
            return str(1 << 40) if which == "available" else "0"
        used = here.quota.used[place.id, "u", who.uid].bytes
        limit = here.quota.users[place.id].get(who.uid)
        if which == "used":
            return str(used)
        if limit is None:
            return "0"
        return str(max(0, (limit.bytes if limit.bytes is not None else 1 << 60) - used))

    return make


_KNOWN: dict[str, Callable[[Namespace, Identity, Container | File], str | None]] = {
    "getcontentlength": lambda here, who, node: str(_size(node)) if isinstance(node, File) else "0",
    "getcontenttype": lambda here, who, node: "httpd/unix-directory" if isinstance(node, Container) else "text/plain",
    "getlastmodified": lambda here, who, node: format_date_time(
        (node.tmtime if isinstance(node, Container) else node.mtime) // SECOND
    ),
    "getetag": lambda here, who, node: escape(etag_of(node), {'"': "&quot;"}),
    "displayname": lambda here, who, node: escape(quote(node.name, safe="", errors="surrogateescape")),
    "creationdate": lambda here, who, node: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(node.ctime // SECOND)),
    "resourcetype": lambda here, who, node: "<d:collection/>" if isinstance(node, Container) else "",
    "quota-available-bytes": _quota("available"),
    "quota-used-bytes": _quota("used"),
    "id": lambda here, who, node: str(inode_of(here.profile, node)),
    "size": lambda here, who, node: str(_size(node)),
    "permissions": _permissions,
}

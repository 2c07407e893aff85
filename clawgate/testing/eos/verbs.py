"""The verbs of WebDAV as the MGM takes them (sections 3.1, 3.3, 4.1)."""

from __future__ import annotations

import errno
from collections.abc import Callable
from urllib.parse import quote
from wsgiref.handlers import format_date_time

from . import names
from .failures import EosError
from .faults import Fault, Faults
from .identity import Identity
from .namespace import Namespace
from .nodes import SECOND, Container, File, etag_of, inode_of
from .opening import Opened, Openings
from .propfind import PropertyRequest, multistatus
from .record import Exchange, Record
from .request import Request
from .server import Port

LONGEST_DESTINATION = 1023
"""Bytes of a decoded `Destination` (section 4.1)."""
VERBS = frozenset({"GET", "HEAD", "PUT", "PROPFIND", "MKCOL", "DELETE", "MOVE", "COPY", "OPTIONS", "PROPPATCH", "LOCK", "UNLOCK"})
WRITES = frozenset({"PUT", "MKCOL", "DELETE", "MOVE", "PROPPATCH", "LOCK"})
_UNSAFE = {ord(letter): f"%{ord(letter):02X}" for letter in '+/=&#"'}


class Verbs(Port):
    """A port that knows the verbs; each raises EosError for what becomes an error."""

    def __init__(
        self, name: str, namespace: Namespace, openings: Openings, record: Record, faults: Faults, *,
        mhd: bool, data_host: Callable[[], str],
    ) -> None:  # fmt: skip
        super().__init__(name, namespace.profile, record, faults, namespace.clock, mhd=mhd)
        self.namespace = namespace
        self.openings = openings
        self._data_host = data_host

    async def plain(self, request: Request, status: int, body: bytes = b"") -> None:
        """An answer without much; errors are HTML."""
        await request.answer(status, [("Content-Type", "text/html")] if status >= 400 else (), body)

    # Data.

    async def redirect(self, request: Request, location: str, etag: str) -> None:
        """Section 3.1 item 6."""
        headers = [("Location", location), ("X-Accel-Redirect", location), ("X-Sendfile", location)]
        if etag:
            headers.append(("ETag", etag))
        await request.answer(307, headers)

    def _location(self, opened: Opened, fault: Fault) -> str:
        """Section 3.1 item 7; versions before 5.4.0 leave the path as it is."""
        self.record.secrets.add(opened.secret)
        path = quote(opened.path, safe="/", errors="surrogateescape") if self.profile.encoded_location else opened.path
        opaque = (
            f"&cap.sym={opened.secret[:12]}&cap.msg={opened.secret}&mgm.logid={opened.order:08x}-0000"
            f"&mgm.replicaindex=0&mgm.replicahead=0&mgm.id={opened.file.id:08x}"
        )
        scheme = "https" if self.tls is not None and self.profile.redirect_to_https else "http"
        return fault.redirect(f"{scheme}://{self._data_host()}{path}?encURI={opaque.translate(_UNSAFE)}", opened.path)

    async def _put(self, request: Request, one: Exchange, who: Identity, fault: Fault) -> None:
        total = request.header("oc-total-length")
        length = request.length or 0
        partial = request.header("x-upload-range") is not None
        opened = self.openings.write(
            who,
            one.path,
            booking=int(total) if total is not None else length,
            target_size=0 if partial or request.header("oc-chunked") else length,
            atomic=total is not None and not partial,
            partial=partial,
            mtime=nanoseconds(request.header("x-oc-mtime")),
            if_match=request.header("if-match"),
        )
        await self.redirect(request, self._location(opened, fault), opened.etag)

    async def _get(self, request: Request, one: Exchange, who: Identity, fault: Fault) -> None:
        node = self.namespace.checked(who, one.path, "open file")
        if isinstance(node, Container):
            text = b"" if self.profile.errors == "none" else b"Browsing is disabled and no index attribute is defined!"
            await self.plain(request, 403, text)
            return
        if node.target:
            if node.target.startswith(("http://", "https://")):
                await self.redirect(request, node.target, "")
                return
            node = self.namespace.checked(who, node.target, "open file")
        opened = self.openings.read(who, node.path)
        if opened.file.size == 0:
            await request.answer(200, [("ETag", opened.etag), ("Last-Modified", http_date(opened.file.mtime))])
            return
        await self.redirect(request, self._location(opened, fault), opened.etag)

    async def _head(self, request: Request, one: Exchange, who: Identity, fault: Fault) -> None:
        node = self.namespace.checked(who, one.path, "stat")
        time = node.mtime if isinstance(node, File) else node.tmtime
        headers = [("ETag", etag_of(node)), ("Last-Modified", http_date(time))]
        if isinstance(node, File):
            headers += [
                ("Content-Length", "0" if self.mhd else str(node.size)),
                ("Content-Type", "application/octet-stream"),
                ("Accept-Ranges", "bytes"),
                ("Content-Disposition", f'filename="{node.name}"'),
            ]
            if (request.header("want-digest") or "").lower() == "adler32" and node.checksum_type == "adler":
                headers.append(("Digest", f"adler32={node.checksum}"))
        await request.answer(200, headers)

    # The namespace.

    async def _propfind(self, request: Request, one: Exchange, who: Identity, fault: Fault) -> None:
        depth = request.header("depth")
        if depth not in ("0", "1"):
            raise EosError(errno.EOPNOTSUPP, "propfind", one.path)
        wanted = PropertyRequest.parse(one.body)
        answer = multistatus(self.namespace, who, one.path, depth == "1", wanted)
        await request.answer(207, [("Content-Type", "application/xml; charset=utf-8")], answer)

    async def _mkcol(self, request: Request, one: Exchange, who: Identity, fault: Fault) -> None:
        made = self.namespace.mkdir(who, one.path.rstrip("/"))
        await request.answer(201, [("OC-FileId", str(inode_of(self.profile, made)))])

    async def _delete(self, request: Request, one: Exchange, who: Identity, fault: Fault) -> None:
        # The path is pasted into a text command, whose parser has its own idea of it (section 4.1.1).
        keys = names.keys_of("mgm.cmd=rm&mgm.option=r&mgm.path=" + one.path.replace("#AND#", "&"))
        path = keys["mgm.path"].replace("#AND#", "&").rstrip("/") or "/"
        if path != (one.path.rstrip("/") or "/"):
            self.record.violated(f"DELETE acts on {path}", one)
        elif "*" in path:
            self.record.violated("DELETE with a wildcard in its path", one)
        self.namespace.remove(who, path, recursive=True)
        await request.answer(204)

    async def _move(self, request: Request, one: Exchange, who: Identity, fault: Fault) -> None:
        source, target = one.path.rstrip("/"), names.path_of(request.header("destination") or "").rstrip("/")
        here = self.namespace
        if len(target.encode("utf-8", "surrogateescape")) > LONGEST_DESTINATION:
            raise EosError(errno.ENAMETOOLONG, "rename", target)
        if source == target:
            raise EosError(errno.EPERM, "rename", source)
        node = here.tree.look(source)
        status = 201
        try:
            here.rename(who, source, target, replace=False)
        except EosError as error:
            if error.errno != errno.EEXIST or (request.header("overwrite") or "T").upper() == "F":
                raise
            here.remove(who, target, recursive=isinstance(node, Container))
            here.rename(who, source, target, replace=False)
            status = 204
        await request.answer(status, [("Location", quote(target, errors="surrogateescape"))])

    async def _copy(self, request: Request, one: Exchange, who: Identity, fault: Fault) -> None:
        await self.plain(request, 404 if self.mhd else 400)

    async def _options(self, request: Request, one: Exchange, who: Identity, fault: Fault) -> None:
        await request.answer(200, [("DAV", "1,2"), ("Allow", ", ".join(sorted(VERBS)))])

    async def _proppatch(self, request: Request, one: Exchange, who: Identity, fault: Fault) -> None:
        href = quote(one.path, errors="surrogateescape")
        answer = (
            '<?xml version="1.0" encoding="utf-8"?><d:multistatus xmlns:d="DAV:"><d:response>'
            f"<d:href>{href}</d:href><d:propstat><d:prop/><d:status>HTTP/1.1 200 OK</d:status></d:propstat>"
            "</d:response></d:multistatus>"
        )
        await request.answer(207, [("Content-Type", "application/xml; charset=utf-8")], answer.encode())

    async def _lock(self, request: Request, one: Exchange, who: Identity, fault: Fault) -> None:
        await request.answer(200, [("Lock-Token", "<opaquelocktoken:00000000-0000-0000-0000-000000000000>")])

    async def _unlock(self, request: Request, one: Exchange, who: Identity, fault: Fault) -> None:
        await request.answer(204)


def nanoseconds(value: str | None) -> int | None:
    """`X-OC-Mtime`: whole seconds; what is behind the point counts as nanoseconds (section 7.4)."""
    if value is None:
        return None
    seconds, _, rest = value.partition(".")
    return int(seconds) * SECOND + int(rest or 0)


def http_date(time: int) -> str:
    """For `Last-Modified`."""
    return format_date_time(time // SECOND)

"""The FST's ports: bytes in and out, for whoever has a capability (sections 3.1 items 9 to 15, 3.3, 3.4)."""

from __future__ import annotations

import re
from typing import BinaryIO
from urllib.parse import unquote

from .checksum import HEADER, hasher
from .failures import EosError
from .faults import Fault, Faults
from .namespace import Namespace
from .nodes import File, etag_of, inode_of
from .opening import Opened, Openings
from .record import Exchange, Record, identity_headers
from .request import CHUNK, Lost, Request
from .server import Port
from .verbs import http_date, nanoseconds

_CAPABILITY = re.compile(r"(?:^|&)cap\.msg=([^&]*)")
BOUNDARY = "EOSMULTIPARTBOUNDARY"


class Refused(Exception):
    """The request gets a status, and no reason."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Fst(Port):
    """One port of the FST."""

    def __init__(self, name: str, namespace: Namespace, openings: Openings, record: Record, faults: Faults, *, mhd: bool) -> None:
        super().__init__(name, namespace.profile, record, faults, namespace.clock, mhd=mhd)
        self._namespace = namespace
        self._openings = openings
        self.drains = False
        self.closes = True

    def note(self, request: Request, one: Exchange) -> None:
        """An FST must not see who somebody is (section 3.1 item 9)."""
        found = identity_headers(request.headers)
        if found:
            self.record.violated(f"sent to an FST: {', '.join(found)}", one)

    async def handle(self, request: Request, one: Exchange, fault: Fault) -> None:
        """Answer one request."""
        try:
            if request.method == "PUT":
                await self._put(request, self._opened(one, write=True))
            elif request.method == "GET":
                await self._get(request, self._opened(one, write=False))
            else:
                raise Refused(500 if request.method == "HEAD" else 501)
        except Refused as refused:
            await request.answer(refused.status, [("Content-Type", "text/html")])

    def _opened(self, one: Exchange, *, write: bool) -> Opened:
        """Whatever path the URL has, the capability says which file: 500 if it does not say."""
        key, _, opaque = one.query.partition("=")
        found = _CAPABILITY.search(unquote(opaque)) if key == "encURI" else None
        opened = self._openings.opened.get(found[1]) if found is not None else None
        if opened is None or opened.write is not write:
            self.record.violated("a missing, damaged or foreign capability", one)
            raise Refused(500)
        if self.clock.seconds() > opened.expires:
            raise Refused(500)
        if opened.uses and not (opened.partial or not write):
            self.record.violated("a capability used twice", one)
            if not self.profile.reusable_capabilities:
                raise Refused(500)
        opened.uses += 1
        return opened

    # Writing.

    async def _put(self, request: Request, opened: Opened) -> None:
        if request.length is None and not request.chunked:
            if self.mhd:
                # Seen: 201, and no file but the hidden one.
                await request.answer(201)
                return
            raise Refused(411)
        if opened.partial:
            await self._part(request, opened)
            return
        digest = hasher(opened.file.checksum_type)
        try:
            with self._namespace.store.create(opened.file.id) as file:
                size = 0
                async for some in request.body():
                    file.write(some)
                    digest.update(some)
                    size += len(some)
            if self._wrong(request, opened.file, digest.hexdigest()):
                raise Refused(412)
        except (Lost, Refused, OSError) as failure:
            self._openings.drop(opened)
            if isinstance(failure, OSError):
                raise Refused(500) from failure
            raise
        try:
            stamp = nanoseconds(request.header("x-oc-mtime"))
            done = self._openings.commit(opened, size, digest.hexdigest(), stamp)
        except EosError as error:
            raise Refused(500) from error
        await self._created(request, done)

    def _wrong(self, request: Request, file: File, found: str) -> bool:
        """Section 3.1 item 12: only the layout's type counts, and its zeros are gone."""
        kind, _, wanted = (request.header("oc-checksum") or "").partition(":")
        return kind.lower() == HEADER[file.checksum_type].lower() and wanted != (found.lstrip("0") or "0")

    async def _created(self, request: Request, file: File) -> None:
        headers = [("ETag", etag_of(file) if file.committed else f'"{file.id << 28}:{file.ctime // 10**9}"')]
        if request.header("x-oc-mtime") is not None:
            headers += [("X-OC-Mtime", "accepted"), ("OC-FileId", str(inode_of(self.profile, file)))]
        if request.header("x-upload-range") is not None:
            headers.append(("x-eos-inode", str(inode_of(self.profile, file))))
        await request.answer(201, headers)

    async def _part(self, request: Request, opened: Opened) -> None:
        file, total = opened.file, request.header("x-upload-totalsize")
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", request.header("x-upload-range") or "")
        if found is None:
            raise Refused(500)
        # Without the whole size the part is taken for all there is (section 3.4).
        first, last = (int(found[1]), int(found[2])) if total is not None else (0, int(found[2]))
        with self._namespace.store.update(file.id) as out:
            size = await self._write_part(request, out, first, truncate=total is None)
        said = request.header("x-upload-done")
        whole = said == "true" if said is not None else total is not None and last == int(total) - 1
        digest = self._namespace.store.checksum(file.id, file.checksum_type) if whole else None
        stamp = nanoseconds(request.header("x-upload-mtime"))
        try:
            done = self._openings.part_done(opened, size, digest, stamp)
        except EosError as error:
            raise Refused(500) from error
        await self._created(request, done)

    async def _write_part(self, request: Request, out: BinaryIO, first: int, *, truncate: bool) -> int:
        if truncate:
            out.truncate(0)
        out.seek(first)
        async for some in request.body():
            out.write(some)
        return out.seek(0, 2)

    # Reading.

    async def _get(self, request: Request, opened: Opened) -> None:
        file = opened.file
        try:
            source = self._namespace.store.read(file.id)
        except FileNotFoundError as error:
            raise Refused(500) from error
        with source:
            headers = [("ETag", etag_of(file)), ("Last-Modified", http_date(file.mtime))]
            headers.append(("Content-Type", "application/octet-stream"))
            if file.checksum is not None:
                headers.append(("OC-Checksum", f"{HEADER[file.checksum_type]}:{file.checksum.lstrip('0') or '0'}"))
                if (request.header("want-digest") or "").lower() == "adler32" and file.checksum_type == "adler":
                    headers.append(("Digest", f"adler32={file.checksum}"))
            ranges = self._ranges(request, file.size)
            if ranges is None:
                await self._whole(request, source, file.size, headers)
            elif len(ranges) == 1:
                first, last = ranges[0]
                headers.append(("Content-Range", f"bytes {first}-{last}/{file.size}"))
                await self._one_range(request, source, first, last, headers)
            else:
                await self._ranges_of(request, source, ranges, file.size, headers)

    def _ranges(self, request: Request, size: int) -> list[tuple[int, int]] | None:
        """Section 3.3: what ends beyond the file is 416, and not cut short."""
        text = request.header("range")
        if text is None or not text.startswith("bytes="):
            return None
        found = []
        for part in text.removeprefix("bytes=").split(","):
            first, _, last = part.strip().partition("-")
            start, end = (int(first), int(last) if last else size - 1) if first else (size - int(last), size - 1)
            if start < 0 or start > end or end >= size:
                raise Refused(416)
            found.append((start, end))
        return found

    async def _whole(self, request: Request, source: BinaryIO, size: int, headers: list[tuple[str, str]]) -> None:
        if not self.profile.chunked_reads:
            request.begin(200, headers, size)
            await self._send(request, source, size)
            return
        request.begin(200, headers, None)
        cut, request.cut_sent = request.cut_sent, None
        left = size if cut is None else min(size, cut)
        while left and (some := source.read(min(left, CHUNK))):
            left -= len(some)
            await request.send(b"%x\r\n%s\r\n" % (len(some), some))
        # The end is sent also after a read error.
        await request.send(b"0\r\n\r\n")

    async def _one_range(self, request: Request, source: BinaryIO, first: int, last: int, headers: list[tuple[str, str]]) -> None:
        source.seek(first)
        request.begin(206, headers, last - first + 1)
        if not self.profile.framed_ranges:
            await self._send(request, source, last - first + 1)
            return
        framed = b"%x\r\n%s\r\n0\r\n\r\n" % (last - first + 1, source.read(last - first + 1))
        await request.send(framed[: last - first + 1])

    async def _ranges_of(
        self, request: Request, source: BinaryIO, ranges: list[tuple[int, int]], size: int, headers: list[tuple[str, str]]
    ) -> None:
        heads = [
            f"\n--{BOUNDARY}\nContent-Type: application/octet-stream\nContent-Range: bytes {first}-{last}/{size}\n\n".encode()
            for first, last in ranges
        ]
        end = f"\n--{BOUNDARY}--\n".encode()
        headers = [one for one in headers if one[0] != "Content-Type"]
        headers.append(("Content-Type", f"multipart/byteranges; boundary={BOUNDARY}"))
        length = sum(map(len, heads)) + sum(last - first + 1 for first, last in ranges) + len(end)
        request.begin(206, headers, length)
        for head, (first, last) in zip(heads, ranges, strict=True):
            await request.send(head)
            source.seek(first)
            await self._send(request, source, last - first + 1)
        await request.send(end)

    async def _send(self, request: Request, source: BinaryIO, left: int) -> None:
        step = CHUNK if not request.rate else max(1, int(request.rate / 20))
        while left:
            some = source.read(min(left, step))
            if not some:
                # Somebody wrote the file anew meanwhile.
                raise Lost("the file became shorter")
            left -= len(some)
            await request.send(some)

"""A small WebDAV client: one keep-alive connection, nothing hidden."""

from __future__ import annotations

import base64
import http.client
import select
import socket
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote

from lxml import etree

DAV, OC = "{DAV:}", "{http://owncloud.org/ns}"
OWNCLOUD = b"""<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><d:resourcetype/><d:getlastmodified/><d:getcontentlength/>\
<d:getetag/><oc:id/><oc:downloadURL/><oc:dDC/><oc:permissions/><oc:checksums/></d:prop></d:propfind>"""


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Item(NamedTuple):
    """What one entry of a multistatus says."""

    folder: bool
    etag: str
    id: str
    size: int | None
    permissions: str


class Client:
    """Speaks to one gateway as one user; paths are relative to `root`, and escaped here."""

    def __init__(self, port: int, user: str, password: str, root: str) -> None:
        self.port = port
        self.root = root
        self.login = {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
        self.connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def href(self, path: str) -> str:
        return f"{self.root}/{quote(path)}"

    def ask(
        self, verb: str, path: str = "", body: bytes | Iterable[bytes] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return self.raw(verb, self.href(path), body, headers)

    def raw(
        self, verb: str, target: str, body: bytes | Iterable[bytes] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The same with the request target as it goes on the wire."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            self.connection.request(verb, target, body, {**self.login, **(headers or {})})
            response = self.connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except BaseException:
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    def put(self, path: str, body: bytes, **headers: str) -> Answer:
        return self.ask("PUT", path, body, {name.replace("_", "-"): value for name, value in headers.items()})

    def get(self, path: str) -> bytes:
        answer = self.ask("GET", path)
        assert answer.status == 200, (path, answer)
        return answer.body

    def move(self, source: str, target: str, verb: str = "MOVE", **headers: str) -> Answer:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask(verb, source, None, {"Destination": self.href(target), **more})

    def list(self, path: str = "", depth: str = "1") -> dict[str, Item]:
        """A PROPFIND as ownCloud's client sends it, by path relative to `root`, folders without trailing slash."""
        answer = self.ask("PROPFIND", path, OWNCLOUD, {"Depth": depth, "Content-Type": "application/xml; charset=utf-8"})
        assert answer.status == 207, (path, answer)
        assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
        return dict(self.items(answer.body))

    def walk(self, path: str = "") -> dict[str, Item]:
        """The tree at and below `path`, by one listing a folder."""
        found: dict[str, Item] = {}
        waiting = [path]
        while waiting:
            here = waiting.pop()
            for name, item in self.list(here).items():
                found.setdefault(name, item)
                if item.folder and name != here:
                    waiting.append(name)
        return found

    def items(self, xml: bytes) -> Iterable[tuple[str, Item]]:
        for response in etree.fromstring(xml).iterfind(f"{DAV}response"):
            href = unquote(response.findtext(f"{DAV}href") or "")
            assert href.startswith(self.root), href
            path = href.removeprefix(self.root).strip("/")
            good = next(one for one in response.iterfind(f"{DAV}propstat") if "200" in (one.findtext(f"{DAV}status") or ""))
            prop = good.find(f"{DAV}prop")
            assert prop is not None
            length = prop.findtext(f"{DAV}getcontentlength")
            yield (
                path,
                Item(
                    folder=prop.find(f"{DAV}resourcetype/{DAV}collection") is not None,
                    etag=prop.findtext(f"{DAV}getetag") or "",
                    id=prop.findtext(f"{OC}id") or "",
                    size=int(length) if length else None,
                    permissions=prop.findtext(f"{OC}permissions") or "",
                ),
            )


def talk(port: int, data: bytes, timeout: float = 120) -> bytes:
    """Send `data` as it is, but no more once an answer begins; return all that comes until the other side closes or is silent
    after a whole answer.

    Sensible clients do that: who goes on sending to a server that has refused may lose the answer.
    """
    got, rest = b"", memoryview(data)
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        while True:
            more = bool(rest) and not got
            readable, writable, _ = select.select([connection], [connection] if more else [], [], 1 if _whole(got) else timeout)
            if not readable and not writable:
                assert got, "no answer"
                return got
            try:
                if readable:
                    some = connection.recv(65536)
                    if not some:
                        return got
                    got += some
                elif writable:
                    rest = rest[connection.send(rest[:65536]) :]
            except ConnectionError:
                return got


def _whole(answer: bytes) -> bool:
    """Whether nothing is missing of the first answer."""
    head, end, body = answer.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:]) if end else {}
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        return body.endswith(b"0\r\n\r\n")
    return bool(end) and len(body) >= int(fields.get(b"content-length", 0))

"""TUS as a table: what is sent, and what must come back."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from . import dav
from .gateway import Gateway

FILES = "/remote.php/dav/files/alice/"
CONTENT_TYPE = "application/offset+octet-stream"
ANY = re.compile(".+")
DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
LOCATION = re.compile(r"http://127\.0\.0\.1:\d+/tus/[A-Za-z0-9_-]{20,}")

Expected = Mapping[str, Any]
"""Header values: text, a pattern for all of it, or None where the header must not be."""


@attrs.frozen
class Ask:
    """One request, and what its answer must be."""

    verb: str
    target: str
    """``{a}`` is the upload that was created as ``a``; also in header values."""
    status: int
    headers: Mapping[str, str]
    body: bytes | list[bytes]
    has: Expected
    keep: str = ""
    """What the upload that this creates is called from now on."""
    user: str = "alice"
    """Empty: has not logged in."""
    says: str = ""
    """A pattern for the error's message."""


def ask(
    verb: str,
    target: str,
    status: int,
    /,
    *,
    tus: str | None = "1.0.0",
    body: bytes | list[bytes] = b"",
    has: Expected | None = None,
    keep: str = "",
    user: str = "alice",
    says: str = "",
    **headers: str,
) -> Ask:
    """`headers` with ``_`` for ``-``; `tus` is the version that the client says it speaks. A list as `body` is sent in chunks."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if tus is not None:
        sent["Tus-Resumable"] = tus
    return Ask(verb, target, status, sent, body, has or {}, keep, user, says)


def create(
    name: str, status: int = 201, /, *, target: str = FILES, keep: str = "a", has: Expected | None = None, **more: Any
) -> Ask:
    """POST, with the file's name in the metadata (empty: none); with a body, the media type is said."""
    if name and "Upload_Metadata" not in more:
        more["Upload_Metadata"] = metadata(filename=name)
    if more.get("body"):
        more.setdefault("Content_Type", CONTENT_TYPE)
    if status == 201:
        has = {"Location": LOCATION, **(has or {})}
    return ask("POST", target, status, has=has, keep=keep if status == 201 else "", **more)


def patch(offset: int | str, body: bytes | list[bytes], status: int = 204, /, *, target: str = "{a}", **more: Any) -> Ask:
    """PATCH with the right media type."""
    return ask("PATCH", target, status, body=body, **{"Content_Type": CONTENT_TYPE, "Upload_Offset": str(offset), **more})


def head(status: int = 200, /, *, target: str = "{a}", **has: Any) -> Ask:
    """HEAD; `has` with ``_`` for ``-``."""
    return ask("HEAD", target, status, has={name.replace("_", "-"): value for name, value in has.items()})


def metadata(**values: str | bytes) -> str:
    return ",".join(f"{key} {base64.b64encode(_bytes(value)).decode()}" for key, value in values.items())


def checksum(
    content: bytes, name: str = "sha1", digest: Callable[[bytes], bytes] = lambda data: hashlib.sha1(data).digest()
) -> str:
    """An Upload-Checksum."""
    return f"{name} {base64.b64encode(digest(content)).decode()}"


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


@attrs.define
class Talk:
    """Asks one gateway, and knows what was created."""

    gateway: Gateway
    uploads: dict[str, str] = attrs.field(factory=dict)
    """URLs by the names they were given."""
    clients: dict[str, dav.Client] = attrs.field(factory=dict)

    def __call__(self, one: Ask) -> dav.Answer:
        """The answer to `one`, which is as it must be."""
        headers = {name: value.format(**self.uploads) for name, value in one.headers.items()}
        target = urlsplit(one.target.format(**self.uploads)).path
        body = iter(one.body) if isinstance(one.body, list) else one.body
        answer = self.client(one.user).raw(one.verb, target, body or None, headers)
        if "Location" in answer.headers:
            self.uploads[one.keep or f"unnamed {len(self.uploads)}"] = answer.headers["Location"]
        assert answer.status == one.status, (one, answer)
        if one.verb != "OPTIONS" and (one.verb == "POST" or target.startswith("/tus")):
            assert answer.headers.get_all("Tus-Resumable") == ["1.0.0"], (one, answer)
        for name, expected in one.has.items():
            values = answer.headers.get_all(name, [])
            if expected is None:
                assert not values, (one, name, values)
            else:
                wanted = expected if isinstance(expected, re.Pattern) else re.compile(re.escape(expected.format(**self.uploads)))
                assert len(values) == 1 and wanted.fullmatch(values[0]), (one, name, values)
        if answer.status >= 400 and one.verb != "HEAD":
            found = re.search(rb"<s:message>(.+)</s:message>", answer.body)
            assert found, (one, answer)
            assert re.search(one.says, found[1].decode()), (one, found[1])
        return answer

    def client(self, user: str) -> dav.Client:
        """Somebody's connection; without a name: of one who has not logged in."""
        if user not in self.clients:
            self.clients[user] = self.gateway.client(user or "alice")
            if not user:
                self.clients[user].login = {}
        return self.clients[user]

    def finish(self) -> None:
        """Delete what was created, wherever that is possible."""
        for url in self.uploads.values():
            answer = self.client("alice").raw("DELETE", urlsplit(url).path, None, {"Tus-Resumable": "1.0.0"})
            assert answer.status in (204, 404), answer
        self.finish_talking()

    def finish_talking(self) -> None:
        """Close all connections; they are opened again when needed."""
        for client in self.clients.values():
            client.close()

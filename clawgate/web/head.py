"""The head of an HTTP/1 request (RFC 9112): request line and header lines, from one block of bytes."""

from __future__ import annotations

import re
from typing import NamedTuple

Fields = dict[str, list[str]]
"""Header values by lower-case name, in the order of their lines."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TARGET = re.compile(r"[!-~\x80-\xff]+")
_ABSOLUTE = re.compile(r"https?://([^/?#@]+)(/?.*)", re.IGNORECASE | re.DOTALL)
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)

_LISTS = frozenset(
    ("accept", "connection", "expect", "forwarded", "if-match", "if-none-match", "transfer-encoding", "x-forwarded-for")
)
"""Fields that are lists (RFC 9110 section 5.3) and matter here: several lines mean the same as one with commas."""

_known: dict[str, str] = {}
_KNOWN_MAX = 1000
_KNOWN_LENGTH = 64


class BadHead(Exception):
    """The head cannot be used; `status` says why and the text explains it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Head(NamedTuple):
    """A parsed head."""

    verb: str
    target: bytes
    """Path and query as on the wire, or ``*``; of an absolute URI only path and query."""
    minor: int
    """The version: HTTP/1.`minor`, 0 or 1 (greater ones count as 1)."""
    fields: Fields
    length: int | None
    """Bytes of the body; None: chunked."""

    @property
    def persistent(self) -> bool:
        """Whether the client would send another request on the connection (RFC 9112 section 9.3)."""
        connection = self.fields.get("connection")
        if connection is None:
            return self.minor == 1
        tokens = connection[0].lower()
        return "close" not in tokens if self.minor else "keep-alive" in tokens


def lower_name(name: str) -> str:
    """The field name in lower case; raises `BadHead` if it is no token. Remembers the usual ones."""
    known = _known.get(name)
    if known is None:
        if not _NAME.fullmatch(name):
            raise BadHead(400, "a header line has no valid name")
        known = name.lower()
        if len(_known) < _KNOWN_MAX and len(name) <= _KNOWN_LENGTH:
            _known[name] = known
    return known


def is_target(target: bytes) -> bool:
    """Whether these can be path and query of a request: no blanks, no control characters, not empty."""
    return _TARGET.fullmatch(target.decode("latin-1")) is not None


def add_field(fields: Fields, name: str, value: str) -> None:
    """Add one header line; `name` is in lower case."""
    values = fields.get(name)
    if values is None:
        fields[name] = [value]
    elif name in _LISTS:
        values[0] += ", " + value
    else:
        values.append(value)


def end_of(data: bytes, limit: int) -> int:
    """Where the head ends with which `data` begins, before the empty line; -1: more of it is to come. Raises `BadHead` if it has
    more than `limit` bytes."""
    end = data.find(b"\r\n\r\n")
    if 0 <= end <= limit or max(end, len(data)) <= limit:
        return end
    if data.find(b"\r\n", 0, limit) < 0:
        raise BadHead(414, "the request line is too long")
    raise BadHead(431, f"more than {limit} bytes of headers")


def parse(block: bytes, count: int) -> Head:
    """Parse everything before the empty line; `count` is the greatest number of header lines. Raises `BadHead`.

    Strict where leniency would let two parties see different requests: no folded lines, no bare CR or LF, no NUL, no blank
    before the colon, one Content-Length or ``Transfer-Encoding: chunked`` but never both, exactly one Host in HTTP/1.1.
    """
    text = block.decode("latin-1")
    lines = text.split("\r\n")
    ends = len(lines) - 1
    if text.count("\n") != ends or text.count("\r") != ends or "\0" in text:
        raise BadHead(400, "the head contains a stray CR, LF or NUL")
    if ends > count:
        raise BadHead(431, f"more than {count} header lines")
    verb, target, minor = _request_line(lines[0])
    fields: Fields = {}
    known = _known
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        lower = known.get(name) or lower_name(name)
        if not colon:
            raise BadHead(400, "a header line has no colon")
        if lower in fields:
            add_field(fields, lower, value.strip(" \t"))
        else:
            fields[lower] = [value.strip(" \t")]
    if target[0] != "/":
        target = _origin_form(verb, target, fields)
    hosts = fields.get("host")
    if hosts is None:
        if minor:
            raise BadHead(400, "HTTP/1.1 needs a Host header")
    elif len(hosts) > 1:
        raise BadHead(400, "more than one Host header")
    return Head(verb, target.encode("latin-1"), minor, fields, _body_length(fields, minor))


def _request_line(line: str) -> tuple[str, str, int]:
    parts = line.split(" ")
    if len(parts) != 3:
        raise BadHead(400, "the request line must be: method, target, version")
    verb, target, version = parts
    if _NAME.fullmatch(verb) is None:
        raise BadHead(400, "the method is no token")
    if _TARGET.fullmatch(target) is None:
        raise BadHead(400, "the request target is malformed")
    if version == "HTTP/1.1":
        return verb, target, 1
    if version == "HTTP/1.0":
        return verb, target, 0
    if len(version) != 8 or not version.startswith("HTTP/") or version[6] != "." or not (version[5] + version[7]).isdigit():
        raise BadHead(400, "the request line must be: method, target, version")
    if version[5] == "1":
        return verb, target, 1
    raise BadHead(505, "only HTTP/1.x is spoken here")


def _origin_form(verb: str, target: str, fields: Fields) -> str:
    if target == "*" and verb == "OPTIONS":
        return target
    found = _ABSOLUTE.fullmatch(target)
    if found is None:
        raise BadHead(400, "the request target must be a path")
    # RFC 9112 section 3.2.2: the host of an absolute target replaces the Host header.
    fields["host"] = [found[1]]
    return found[2] if found[2].startswith("/") else "/" + found[2]


def _body_length(fields: Fields, minor: int) -> int | None:
    lengths = fields.get("content-length")
    encodings = fields.get("transfer-encoding")
    if encodings is None:
        if lengths is None:
            return 0
        if len(lengths) != 1 or not _LENGTH.fullmatch(lengths[0]):
            raise BadHead(400, "Content-Length must be one number")
        return int(lengths[0])
    if lengths is not None or not minor:
        raise BadHead(400, "Transfer-Encoding together with Content-Length or in HTTP/1.0")
    if encodings[0].lower() != "chunked":
        raise BadHead(501, "the only transfer encoding known is chunked")
    return None

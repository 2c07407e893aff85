"""The messages in a connection that speaks HTTP/1.1, as a proxy reads them that changes nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping


class Exchange:
    """A request, and the answer to it once there is one. Names of headers are in small letters."""

    def __init__(self, method: str, path: str, headers: Mapping[str, str], began: int) -> None:
        self.method = headers.get("x-http-method-override", method)
        self.path = path
        self.headers = headers
        self.began = began
        """When its header was complete, in the order of all requests and answers."""
        self.body = 0
        """Bytes of the body that were forwarded, with the framing of chunked bodies taken off."""
        self.status = 0
        """0: not answered."""
        self.answers: Mapping[str, str] = {}
        """The headers of the answer."""
        self.answered: float = math.inf
        """When the header of the answer was complete, in the same order as `began`."""

    def answer(self, status: int, headers: Mapping[str, str], now: int) -> None:
        self.status, self.answers, self.answered = status, headers, now

    def __repr__(self) -> str:
        offsets = f"{self.headers.get('upload-offset', '')}->{self.answers.get('upload-offset', '')}"
        return f"{self.method} {self.path} [{self.body}] {offsets} {self.status}"


class Messages:
    """Splits one direction of a connection. `begin` is given each header and returns how many bytes follow: None for chunked."""

    def __init__(self, begin: Callable[[bytes], float | None]) -> None:
        self._begin = begin
        self._data = b""
        self._head: list[bytes] = []
        self._left: float = 0
        """Bytes of the body, or of its chunk, that are still to come."""
        self._chunked = False
        self._trailer = False

    def split(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """The bytes as they came, in pieces, and for each whether it is content. Lines are held back until they are whole."""
        self._data += data
        while self._data:
            if self._left:
                piece = self._data if self._left >= len(self._data) else self._data[: int(self._left)]
                self._data = self._data[len(piece) :]
                self._left -= len(piece)
                yield piece, True
                continue
            line, newline, rest = self._data.partition(b"\n")
            if not newline:
                return
            self._data = rest
            yield from self._line(line + newline)

    def _line(self, line: bytes) -> Iterator[tuple[bytes, bool]]:
        text = line.strip()
        if self._trailer:
            self._trailer = self._chunked = bool(text)
            yield line, False
        elif self._chunked:
            if text:  # else it is the end of the chunk before
                self._left = int(text.partition(b";")[0], 16)
                self._trailer = not self._left
            yield line, False
        else:
            self._head.append(line)
            if not text and len(self._head) > 1:
                head = b"".join(self._head)
                self._head = []
                length = self._begin(head)
                self._chunked, self._left = length is None, length or 0
                yield head, False


def start_line(head: bytes) -> tuple[list[str], dict[str, str]]:
    """The words of the first line, and the headers."""
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return first.split(" ", 2), {name.strip().lower(): value.strip() for name, _, value in pairs}


def is_handshake(headers: Mapping[str, str]) -> bool:
    """Whether a request asks for a WebSocket (RFC 6455 section 4.1)."""
    return headers.get("upgrade", "").lower() == "websocket"


def request_length(headers: Mapping[str, str]) -> float | None:
    """How long the body of a request is (RFC 9112 section 6.3).

    Behind one for a WebSocket there are only its frames: clients close the connection if they are refused (RFC 6455 section 4.1).
    """
    if is_handshake(headers):
        return math.inf
    if "transfer-encoding" in headers:
        return None
    return int(headers.get("content-length", 0))


def answer_length(method: str, status: int, headers: Mapping[str, str]) -> float | None:
    """The same for an answer; without any length it goes on until the connection ends."""
    if status == 101:
        return math.inf
    if method == "HEAD" or status in (204, 304):
        return 0
    if "transfer-encoding" in headers:
        return None
    return int(headers["content-length"]) if "content-length" in headers else math.inf

"""Answers that a connection gives in place of the handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Disconnected
from .response import Response, status_line

if TYPE_CHECKING:
    from .request import Request


def refusal(status: int, text: str) -> Response:
    """An answer that says why in one line of plain text."""
    return Response(status, [(b"Content-Type", b"text/plain")], text.encode() + b"\n")


def bare(status: int, text: str, date_line: bytes) -> bytes:
    """All of an HTTP/1 answer to what never became a request; the connection has to be closed after it."""
    body = text.encode() + b"\n"
    head = b"Content-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    return status_line(status, 1) + date_line + head + body


def unknown_expectation() -> Response:
    """The client expects (RFC 9110 section 10.1.1) something else than to be told to go on."""
    return refusal(417, "the only expectation known is 100-continue")


def too_slow(request: Request) -> None:
    """Give the body up that keeps the handler waiting; whatever the handler makes of it, the client is told why."""
    request.verdict = refusal(408, "the body comes too slowly")
    request.body.fail(Disconnected("the client was too slow"))

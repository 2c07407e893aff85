"""Forms that browsers and programs send."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from ...errors import InvalidRequest
from ...web.request import Request

FIELDS = 20
"""More are in no form of ours."""


async def read(request: Request, limit: int) -> Mapping[str, str]:
    """The fields of a form of at most `limit` bytes. Raises `InvalidRequest`, `TooLarge`, `Disconnected`."""
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise InvalidRequest("the form must be application/x-www-form-urlencoded")
    return _fields(await request.body.read_all(limit))


def query(request: Request) -> Mapping[str, str]:
    """The parameters of the address. Raises `InvalidRequest`."""
    return _fields(request.query)


def _fields(raw: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS)
    except ValueError as error:
        raise InvalidRequest("the form cannot be read") from error
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidRequest("the form has a field twice")
    return found

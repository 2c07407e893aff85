"""The envelope of Open Collaboration Services, as XML and JSON, versions 1 and 2."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any
from xml.sax.saxutils import escape

import attrs

from .. import errors

_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Code(Enum):
    """What OCS calls outcomes: ``(code in v1, code in v2, HTTP status in v2)``."""

    OK = (100, 200, 200)
    FAILED = (996, 996, 500)
    BUSY = (996, 996, 503)
    UNAUTHENTICATED = (997, 997, 401)
    UNKNOWN = (998, 998, 404)
    THROTTLED = (996, 429, 429)
    FORBIDDEN = (403, 403, 403)
    WRONG = (400, 400, 400)
    UNMET = (412, 412, 412)


_CODES: tuple[tuple[type[errors.ClawgateError], Code], ...] = (
    (errors.Unauthenticated, Code.UNAUTHENTICATED),
    (errors.NotFound, Code.UNKNOWN),
    (errors.Forbidden, Code.FORBIDDEN),
    (errors.InvalidRequest, Code.WRONG),
    (errors.PreconditionFailed, Code.UNMET),
    (errors.TooManyAttempts, Code.THROTTLED),
    (errors.Overloaded, Code.BUSY),
    (errors.StorageUnavailable, Code.BUSY),
)


def code_of(error: errors.ClawgateError) -> Code:
    """What a failure is called."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Code.FAILED)


@attrs.frozen
class Rendered:
    """A finished answer."""

    status: int
    content_type: bytes
    body: bytes


def render(code: Code, data: Any, *, version: int, as_json: bool, message: str = "") -> Rendered:
    """The answer to a request of OCS `version` 1 or 2; `data` is made of dicts, lists, texts, numbers, booleans and None.

    In version 1 the HTTP status is 200 whatever happened, except for 401, 429 and 503, which clients act upon.
    """
    v1, v2, http = code.value
    status = http if version == 2 or http in (401, 429, 503) else 200
    ok = code is Code.OK
    meta = {
        "status": "ok" if ok else "failure",
        "statuscode": v2 if version == 2 else v1,
        "message": message or ("OK" if ok else ""),
    }
    if as_json:
        body = json.dumps({"ocs": {"meta": meta, "data": data}}, ensure_ascii=False).encode("utf-8", "replace")
        return Rendered(status, b"application/json; charset=utf-8", body)
    text = f'<?xml version="1.0"?>\n<ocs>\n{_element("meta", meta, " ")}{_element("data", data, " ")}</ocs>\n'
    return Rendered(status, b"text/xml; charset=utf-8", text.encode())


def _element(name: str, value: Any, indent: str) -> str:
    """One element; list items are called ``element``, false and None are empty, true is 1, as ownCloud 10 has it."""
    if isinstance(value, Mapping):
        inner = "".join(_element(key, below, indent + " ") for key, below in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        inner = "".join(_element("element", below, indent + " ") for below in value)
    else:
        text = "" if value is None or value is False else "1" if value is True else _NO_XML.sub("\ufffd", str(value))
        return f"{indent}<{name}>{escape(text)}</{name}>\n" if text else f"{indent}<{name}/>\n"
    return f"{indent}<{name}>\n{inner}{indent}</{name}>\n" if inner else f"{indent}<{name}/>\n"

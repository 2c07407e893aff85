"""What is done with the HTML of a build before it is sent. Pure."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from typing import NamedTuple

LARGEST = 1048576
"""Bytes of a page."""
_BASE = b'<base href="/">'
_HEAD = re.compile(rb"<head(?:\s[^>]*)?>", re.IGNORECASE)
_HAS_BASE = re.compile(rb"<base[\s/>]", re.IGNORECASE)
_SCRIPT = re.compile(rb"<script((?:\s[^>]*)?)>(.*?)</script", re.IGNORECASE | re.DOTALL)
_SOURCE = re.compile(rb"\ssrc\s*=", re.IGNORECASE)


class Page(NamedTuple):
    """HTML that can be sent."""

    body: bytes
    hashes: tuple[str, ...]
    """Of the scripts that are written in it, as sources of a Content-Security-Policy (CSP 3, 2.3.1)."""


def page(html: bytes) -> Page:
    """`html` with its addresses relative to the root: builds say ``./js/...`` on a page that is shown under any address (oCIS
    adds the same element)."""
    if not _HAS_BASE.search(html):
        html = _HEAD.sub(lambda found: found[0] + _BASE, html, count=1)
    hashes = tuple(_hash(found[2]) for found in _SCRIPT.finditer(html) if not _SOURCE.search(found[1]))
    return Page(html, tuple(dict.fromkeys(hashes)))


def _hash(script: bytes) -> str:
    # Browsers normalise the ends of lines before they hash (HTML 13.2.3.5).
    plain = script.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return f"'sha256-{b64encode(hashlib.sha256(plain).digest()).decode()}'"

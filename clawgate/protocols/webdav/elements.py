"""The vocabulary: namespaces, their prefixes on the wire, and how names and text become XML.

The prefixes are fixed because some clients match ``d:error`` and ``s:message`` literally (ownCloud Web, scripts).
"""

from __future__ import annotations

import re
from functools import lru_cache

DAV = "DAV:"
OC = "http://owncloud.org/ns"
NC = "http://nextcloud.org/ns"
OCS = "http://open-collaboration-services.org/ns"
SABRE = "http://sabredav.org/ns"

Name = tuple[str, str]
"""Namespace (empty: none) and local name of an element."""

PREFIXES = {DAV: "d", OC: "oc", NC: "nc", OCS: "ocs", SABRE: "s"}

DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
NAMESPACES = " ".join(f'xmlns:{prefix}="{namespace}"' for namespace, prefix in PREFIXES.items())
CONTENT_TYPE = (b"Content-Type", b"application/xml; charset=utf-8")
"""Exactly so, blank and case: the desktop clients compare the substring (clients.md 0.1)."""

_SPECIAL = re.compile('[&<>"\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff\r]')
_REPLACED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}
_ORDINARY = bytes(byte for byte in range(128) if not _SPECIAL.match(chr(byte)))


def escape(text: str) -> str:
    """`text` for an element or a quoted attribute; characters that XML 1.0 cannot hold become U+FFFD."""
    return _SPECIAL.sub(lambda found: _REPLACED.get(found[0], "\ufffd"), text)


def escape_all(texts: list[str]) -> list[str]:
    """`escape` for many texts, with one search over all of them when none needs it."""
    together = "\n".join(texts)
    if together.isascii():
        if not together.encode().translate(None, _ORDINARY):
            return texts
    elif _SPECIAL.search(together) is None:
        return texts
    return [escape(text) for text in texts]


@lru_cache(maxsize=1024)
def _spelling(name: Name) -> tuple[str, str]:
    namespace, local = name
    if not namespace:
        return local, ' xmlns=""'
    prefix = PREFIXES.get(namespace)
    if prefix is not None:
        return f"{prefix}:{local}", ""
    return f"x:{local}", f' xmlns:x="{escape(namespace)}"'


def element(name: Name, inner: str = "") -> str:
    """The element `name` around `inner`, which is XML already."""
    tag, declaration = _spelling(name)
    return f"<{tag}{declaration}>{inner}</{tag}>" if inner else f"<{tag}{declaration}/>"


def empty(name: Name) -> str:
    """The element `name` without content."""
    return element(name)

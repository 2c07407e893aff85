"""From addresses to names of files within a build, and what is said of a file by its name. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

INDEX = "index.html"
RESERVED = frozenset(
    ("api", "app", "branding", "core", "data", "index.php", "konnect", "ocm", "public.php", "sciencemesh", "signin", "themes")
)
"""First segments of addresses of services that clients know of, and that are not here: 404, and no page that looks like a yes."""
ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""Content codings (RFC 9110 8.4.1), the smallest first, with what compressed copies are called."""

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}
# As bundlers write them: name-HASH.mjs, name.HASH.css.
_HASHED = re.compile(r".[.-]([A-Za-z0-9_-]{8,40})\.[a-z0-9]{1,11}(?:\.map)?")
_QUALITY = re.compile(r"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:;[ \t]*q=([01](?:\.[0-9]{0,3})?)[ \t]*)?")


def segments(raw_path: bytes) -> list[str]:
    """The decoded segments of a path; empty if it cannot be one of names."""
    try:
        text = unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        return []
    return text.removeprefix("/").split("/")


def is_name(parts: Sequence[str]) -> bool:
    """Whether a file of a build may have this name: none with a dot before it, and nothing that leads elsewhere."""
    return bool(parts) and all(part and part[0] != "." and "\0" not in part and "\\" not in part for part in parts)


def is_route(parts: Sequence[str]) -> bool:
    """Whether an address may be one that only the client within the browser knows."""
    return bool(parts) and not parts[0].startswith(".") and parts[0] not in RESERVED


def media_type(name: str) -> str:
    """The Content-Type of a file."""
    dot = name.rfind(".")
    return _TYPES.get(name[dot:].lower(), "application/octet-stream") if dot >= 0 else "application/octet-stream"


def caching(name: str) -> str:
    """The Cache-Control of a file: one that has a hash in its name never changes, others are asked for each time."""
    match = _HASHED.search(name)
    hashed = match is not None and match.end() == len(name) and _is_hash(match[1])
    return "public, max-age=31536000, immutable" if hashed else "no-cache"


def encodings(accepted: str | None) -> list[str]:
    """Those of `ENCODINGS` that an Accept-Encoding takes (RFC 9110 12.5.3), best first."""
    quality: dict[str, float] = {}
    for part in (accepted or "")[:1000].split(","):
        if match := _QUALITY.fullmatch(part):
            quality[match[1].lower()] = float(match[2]) if match[2] is not None else 1.0
    return [name for name in ENCODINGS if quality.get(name, quality.get("*", 0.0)) > 0]


def _is_hash(text: str) -> bool:
    """No word: letters with digits or capitals among them."""
    return any(letter.isdigit() or letter.isupper() for letter in text) and any(letter.isalpha() for letter in text)

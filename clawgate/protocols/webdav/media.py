"""Content types by file name."""

from __future__ import annotations

import mimetypes
from functools import lru_cache

FOLDER = "httpd/unix-directory"
"""What ownCloud 10 says of folders; some clients look for it."""
UNKNOWN = "application/octet-stream"

# Without the host's files: the answer must not depend on where clawgate runs.
_known = mimetypes.MimeTypes(filenames=())
for _type, _suffixes in {
    "text/markdown": (".md",),
    "application/vnd.oasis.opendocument.text": (".odt",),
    "application/vnd.oasis.opendocument.spreadsheet": (".ods",),
    "application/vnd.oasis.opendocument.presentation": (".odp",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (".docx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": (".xlsx",),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": (".pptx",),
    "image/webp": (".webp",),
    "image/heic": (".heic",),
}.items():
    for _suffix in _suffixes:
        _known.add_type(_type, _suffix)


def content_type(name: str) -> str:
    """The media type of a file called `name`; encodings (``.gz``) count as types of their own."""
    dot = name.rfind(".")
    suffix = name[dot:] if dot >= 0 else ""
    if not suffix or len(suffix) > 16:
        return UNKNOWN
    return _of_suffix(suffix)


@lru_cache(maxsize=1024)
def _of_suffix(suffix: str) -> str:
    kind, encoding = _known.guess_type("x" + suffix)
    if encoding is not None:
        return {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}.get(encoding, UNKNOWN)
    return kind or UNKNOWN

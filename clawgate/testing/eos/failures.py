"""Failures of EOS: an errno, and what becomes of it over HTTP (section 8 of the reference)."""

from __future__ import annotations

import errno
import html
import os

from .profile import Profile


class EosError(Exception):
    """An operation failed with `errno`; `operation` and `path` are for the text that EOS makes of it."""

    def __init__(self, number: int, operation: str = "", path: str = "") -> None:
        super().__init__(f"{errno.errorcode.get(number, number)}: {operation} {path}")
        self.errno = number
        self.operation = operation
        self.path = path

    def line(self) -> str:
        """`Unable to <operation> <path>; <strerror>`."""
        return f"Unable to {self.operation or 'open'} {self.path}; {os.strerror(self.errno)}"


class Unmatched(EosError):
    """`If-Match` does not fit: 412, which has no errno."""


_STATUS = {
    errno.ENOENT: 404,
    errno.EPERM: 403,
    errno.EACCES: 403,
    errno.EDQUOT: 507,
    errno.ENOSPC: 507,
    errno.EOPNOTSUPP: 501,
    errno.EILSEQ: 422,
    errno.ETXTBSY: 503,
}


def status_of(profile: Profile, number: int, method: str = "") -> int:
    """The HTTP status of an errno; what it is missing of PUT, MKCOL and MOVE is a conflict."""
    if number == errno.EBUSY:
        return profile.busy
    if number == errno.EAGAIN:
        return profile.again
    if number in (errno.ENOENT, errno.ENOTDIR) and method in ("PUT", "MKCOL", "MOVE", "COPY"):
        return 409
    if number == errno.EEXIST and method == "MOVE":
        return 412
    return _STATUS.get(number, 500)


def body_of(profile: Profile, error: EosError) -> bytes:
    """The body of an error as this version writes it."""
    if profile.errors == "none":
        return b""
    line = html.escape(error.line())
    if profile.errors == "html":
        line = f"<!DOCTYPE html>\n<html><head><title>Error</title></head><body><h1>{line}</h1></body></html>\n"
    return line.encode("utf-8", "surrogateescape")

"""What failures mean that come by gRPC. Pure.

EOS answers questions (MD, Find) with a status whose number is an errno, whatever gRPC calls that number: 2, which gRPC names
UNKNOWN, is that nothing is there, and 5, NOT_FOUND, an error of input and output. Of numbers from 17 on, for which gRPC has no
names, its library makes UNKNOWN, too (measured with grpcio 1.85). Clients delete what they are told is not there, so a number is
never believed to say that: the words beside it do, which are those of the C library. Commands (Exec) succeed as far as gRPC can
tell, with the errno in the answer, sometimes negative (eos.md, section 5.2). And then there is what gRPC says by itself.
"""

from __future__ import annotations

import errno
import os
import re

from ....errors import ClawgateError, Forbidden, NotFound, StorageBroken, StorageTimeout, StorageUnavailable
from ..failures import ERRNO, by_number

CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, PERMISSION_DENIED = 1, 2, 4, 7
RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, UNAUTHENTICATED = 8, 12, 13, 14, 16
"""What gRPC itself means by them; the errno that has the same number comes with its own words."""

_BEYOND = re.compile(r'Server sent unknown code (\d+) and details "(.*)"', re.DOTALL)
"""How the library means to tell of a number that gRPC has no name for; where it does, the number is right."""
_NOTHING = re.compile(r"\b(file|container|directory)\b.{0,300}\b(does not exist|not found)", re.IGNORECASE | re.DOTALL)
_KEY = re.compile(r"auth key|sudo'?er", re.IGNORECASE)
_UNSENT = re.compile(r"failed to connect|connection refused|name resolution|dns resolution", re.IGNORECASE)
_WORDS = {os.strerror(number).lower(): number for number in ERRNO if number != errno.ENODATA}
"""Whose lack of data means an attribute; a question is about none, and would take it for a missing file."""


class Lost(Exception):
    """No answer came, or none of EOS."""

    def __init__(self, error: ClawgateError, *, unsent: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.unsent = unsent
        """Whether nothing can have been done."""


def of_status(code: int, details: str) -> ClawgateError | Lost:
    """The failure that a status says; `code` is what gRPC calls it."""
    beyond = _BEYOND.search(details) if code == UNKNOWN else None
    if beyond is not None and int(beyond[1]) != errno.ENODATA:
        return by_number(int(beyond[1]))
    if code == PERMISSION_DENIED:
        return _no_key() if _KEY.search(details) else Forbidden("the storage does not permit this")
    if code != UNAVAILABLE:
        said = details.lower()
        # They stand at the end, behind paths, which may hold anything.
        number = next((_WORDS[words] for words in _WORDS if said.rstrip(" .\n").endswith(words)), 0)
        if number:
            return by_number(number)
        if code == UNKNOWN and _NOTHING.search(details):
            return NotFound("there is no such file or folder")
    if code == UNAVAILABLE:
        unsent = _UNSENT.search(details) is not None
        text = "the storage cannot be reached" if unsent else "the connection to the storage broke"
        return Lost(StorageUnavailable(text), unsent=unsent)
    if code == DEADLINE_EXCEEDED:
        return Lost(StorageTimeout("the storage did not answer in time"), unsent=False)
    if code == CANCELLED or (code == INTERNAL and "RST_STREAM" in details):
        return Lost(StorageUnavailable("the connection to the storage broke"), unsent=False)
    if code == UNAUTHENTICATED:
        return _no_key()
    if code == RESOURCE_EXHAUSTED:
        return StorageUnavailable("the storage's answer is longer than what is taken of one entry")
    if code == UNIMPLEMENTED:
        return StorageUnavailable("what listens for gRPC is not the manager of an EOS")
    return StorageBroken(f"the storage failed (gRPC status {code})")


def of_command(code: int, text: str) -> ClawgateError | None:
    """The failure that the answer to a command says; None: it was done, whatever `text` says."""
    if not code:
        return None
    if abs(code) in (errno.EPERM, errno.EACCES) and _KEY.search(text):
        return _no_key()
    if abs(code) not in ERRNO:
        return StorageBroken(f"the storage failed (error {abs(code)})")
    return by_number(code)


def _no_key() -> ClawgateError:
    return StorageUnavailable("the storage does not take the gateway's key for gRPC (grpc_key), or lets it become nobody else")

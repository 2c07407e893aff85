"""The recycle bin as EOS has it: where things lie in it, and the commands for it. Pure.

Sources: eos.md sections 4.8 (commands in protobuf) and 7.7 (trash). EOS has had two numberings of the fields of these commands
(its grpc-proto, `Recycle.proto`, before and after 5.3). Where they differ the types differ as well, and a field of another type
than expected counts as unknown: so both are sent, and each server reads its own.
"""

from __future__ import annotations

import base64
import re
from typing import NamedTuple

from ...errors import StorageBroken
from .marks import MARK
from .names import ASIDE, GOING

_MANGLED = re.compile(r"(#:#.+)\.([0-9a-f]{16})(\.d)?", re.DOTALL)
_DAY = re.compile(r"/\d{4}/\d\d/\d\d/\d+")
_GOING = re.compile(rf"{re.escape(GOING)}(?:{MARK})\.(.+)", re.DOTALL)
_ASIDE = re.compile(rf"{re.escape(ASIDE)}(?:{MARK})\.(.+)", re.DOTALL)
KEY = re.compile(r"(fxid|pxid):[0-9a-f]{16}")
"""How something in the bin is called: a file or a tree, by its number."""
_VERSIONS_KEY = re.compile(r"(?:pxid:)?([0-9a-f]{1,16})")
_REPLY = re.compile(rb"mgm\.proc\.stdout=(.*)&mgm\.proc\.stderr=(.*)&mgm\.proc\.retc=(-?\d+)\s*", re.DOTALL)
_RECYCLE = 10
_LS, _RESTORE = 1, 3
_SHARED = "rid:"


class Reply(NamedTuple):
    """What a command in protobuf answers."""

    number: int
    """An errno; 0: done."""
    text: bytes


def shared_bin(bin: str, id: str) -> str:
    """That of a project within the recycle bin of an instance; `id` is what ``sys.forced.recycleid`` says."""
    return f"{bin.rstrip('/')}/{_SHARED}{id}" if id.isascii() and id.isdigit() else bin


def is_shared(bin: str) -> bool:
    """Whether it is that of a project."""
    return bin.rstrip("/").rpartition("/")[2].startswith(_SHARED)


def bin_of(bin: str, uid: int) -> str:
    """Where what belonged to somebody lies, or all that was removed from a project; no slash at the end."""
    return bin.rstrip("/") if is_shared(bin) else f"{bin.rstrip('/')}/uid:{uid}"


def lies_in(mine: str, path: str) -> bool:
    """Whether the full `path` is that of something in the bin `mine`, and not of something within that."""
    above, _, name = path.rpartition("/")
    return above.startswith(f"{mine}/") and bool(_DAY.fullmatch(above[len(mine) :])) and bool(_MANGLED.fullmatch(name))


def place_of(name: str) -> str:
    """The full path to which EOS brings back what has this name in the bin; empty: it is none of EOS's names."""
    found = _MANGLED.fullmatch(name)
    return found[1].replace("#:#", "/") if found else ""


def origin_of(place: str) -> str:
    """The full path that people knew it by: what we had to rename before it was removed has its old name in the new one."""
    folder, _, name = place.rpartition("/")
    if found := _GOING.fullmatch(name):
        name = _unstarred(found[1])
    if found := _ASIDE.fullmatch(name):
        name = found[1]
    return f"{folder}/{name}"


def starless(name: str) -> str:
    """A name without asterisks, from which `origin_of` makes it again."""
    return name.replace("%", "%25").replace("*", "%2A")


def _unstarred(name: str) -> str:
    return name.replace("%2A", "*").replace("%25", "%")


def key_of(name: str) -> str:
    """The key of what has this name in the bin."""
    found = _MANGLED.fullmatch(name)
    return f"{'pxid' if found[3] else 'fxid'}:{found[2]}" if found else ""


def versions_inode(attribute: str) -> int:
    """The inode of the version folder that a file's ``sys.recycle.version.key`` names; 0: none."""
    found = _VERSIONS_KEY.fullmatch(attribute)
    return int(found[1], 16) if found else 0


def versions_key(inode: int) -> str:
    """The key of a version folder in the bin."""
    return f"pxid:{inode:016x}"


def restore_command(key: str) -> str:
    """Bring back something with its versions, to where it was. Nothing is overwritten, no folder is made."""
    versions = _number(2, 1)
    return _command(_RESTORE, versions + _text(3, key) + _text(4, key))


def probe_command() -> str:
    """List a day on which nothing was removed: to see whether such commands are answered at all."""
    day = "1970/01/01"
    return _command(_LS, _number(1, 1) + _number(2, 1) + _number(3, 1) + _text(4, day) + _text(5, day))


def reply(body: bytes) -> Reply:
    """Raises `StorageBroken` for what is no answer to such a command."""
    found = _REPLY.fullmatch(body)
    if found is None:
        raise StorageBroken("the storage does not answer to commands for its recycle bin")
    return Reply(abs(int(found[3])), found[1])


def _command(kind: int, inner: bytes) -> str:
    """As the value of ``mgm.cmd.proto``. One port decodes the query and the other does not, so there must be nothing in it that
    has to be encoded: base64 of ASCII without ``>``, ``?``, ``~`` has no ``+`` and no ``/``, and the format, said more than once,
    fills it up to where it needs no ``=``."""
    whole = _bytes(_RECYCLE, _bytes(kind, inner))
    filling = _number(1, 0)
    while len(whole) % 3:
        whole = filling + whole
    return base64.b64encode(whole).decode()


def _number(field: int, value: int) -> bytes:
    return bytes((field << 3, value))


def _bytes(field: int, value: bytes) -> bytes:
    # Of less than 128 bytes; so is all that is said here.
    return bytes((field << 3 | 2, len(value))) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode("ascii"))

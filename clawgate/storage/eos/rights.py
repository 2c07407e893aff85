"""Mode and ACL of a folder as what somebody may do. Pure, and only for showing: whether something is done EOS decides.

Source: eos.md section 7.8. Groups that only EOS can resolve (``egroup:``) give nothing here, so rather too little is shown.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...model.permissions import Permissions
from ...model.space import Persona
from .facts import Entry

_READ, _WRITE, _BROWSE = 4, 2, 1
_LETTERS = {
    "R": Permissions.READ,
    "W": Permissions.WRITE,
    "C": Permissions.CREATE,
    "K": Permissions.CREATE,
    "D": Permissions.DELETE,
    "N": Permissions.MOVE,
    "V": Permissions.MOVE,
}


class _Flags:
    def __init__(self, entry: Entry, who: Persona) -> None:
        granted, denied = set[str](), set[str]()
        for flag in _flags(entry.acl, who):
            (denied if flag.startswith("!") else granted).add(flag.lstrip("!"))
        shift = 6 if entry.uid == who.uid else 3 if entry.gid in (who.gid, *who.groups) else 0
        bits = entry.mode >> shift
        once = "wo" in granted and "w" not in granted and not bits & _WRITE
        self.reads = (bool(bits & _READ) or "r" in granted) and "r" not in denied
        self.browses = (bool(bits & _BROWSE) or "x" in granted) and "x" not in denied
        writes = (bool(bits & _WRITE) or bool({"w", "wo"} & granted)) and "w" not in denied and "i" not in granted
        self.creates = writes
        self.updates = writes and not once and ("u" not in denied or "+u" in granted)
        self.deletes = writes and not once and ("d" not in denied or "+d" in granted)


def told(letters: str) -> Permissions:
    """What EOS itself says in ``oc:permissions``. Its letters are not those of ownCloud, where R means that one may share."""
    found = Permissions.NONE
    for letter, permission in _LETTERS.items():
        if letter in letters:
            found |= permission
    return found


def within(folder: Entry, child: Entry, who: Persona) -> Permissions:
    """What `who` may do with a child of `folder`."""
    above = _Flags(folder, who)
    found = Permissions.NONE
    if above.deletes:
        found |= Permissions.DELETE | Permissions.MOVE
    if child.is_folder:
        return found | of_folder(child, who)
    # A file's own ACL is added to that of its folder; the modes of files do not count.
    own = _Flags(folder._replace(acl=f"{folder.acl},{child.acl}"), who) if child.acl else above
    if own.reads:
        found |= Permissions.READ
    if own.updates:
        found |= Permissions.WRITE
    return found


def of_folder(folder: Entry, who: Persona) -> Permissions:
    """What `who` may do in `folder`, not with it."""
    flags = _Flags(folder, who)
    found = Permissions.NONE
    if flags.reads and flags.browses:
        found |= Permissions.READ
    if flags.creates and flags.browses:
        found |= Permissions.CREATE
    if flags.updates:
        found |= Permissions.WRITE
    return found


def _flags(acl: str, who: Persona) -> Iterator[str]:
    gids = {str(gid) for gid in (who.gid, *who.groups)}
    for rule in acl.split(","):
        kind, _, rest = rule.strip().partition(":")
        name, _, flags = rest.partition(":")
        if kind == "z":
            yield from _split(rest)
        elif (kind == "u" and name in (str(who.uid), who.name)) or (kind == "g" and name in gids):
            yield from _split(flags)


def _split(flags: str) -> Iterator[str]:
    position = 0
    while position < len(flags):
        sign = flags[position] if flags[position] in "!+" else ""
        position += len(sign)
        letters = "wo" if flags.startswith("wo", position) else flags[position : position + 1]
        position += len(letters) or 1
        # "+d" and "+u" undo a denial; for the others the sign says nothing new.
        yield f"+{letters}" if sign == "+" and letters in ("d", "u") else f"{'!' if sign == '!' else ''}{letters}"

"""Addresses in the trash: ownCloud 10's, those of spaces (oCIS, OpenCloud), and Nextcloud's (clients.md 7.2, 7.3)."""

from __future__ import annotations

import attrs

from ...errors import NotFound
from ...model.path import ROOT, Path
from ...web.request import Request
from .address import quote, quote_raw
from .beside import segments

USER = ("/remote.php/dav/trash-bin", "/dav/trash-bin")
"""``USER/KEY``."""
SPACE = ("/remote.php/dav/spaces/trash-bin", "/dav/spaces/trash-bin")
"""``SPACE/KEY``."""
NEXTCLOUD = ("/remote.php/dav/trashbin", "/dav/trashbin")
"""``USER/trash/KEY``."""
PREFIXES = (*USER, *SPACE, *NEXTCLOUD)


@attrs.frozen
class TrashTarget:
    """What a request is about."""

    href: str
    """The bin as the client wrote it, without trailing slash."""
    owner: str
    """Id of a user, or of a space."""
    is_space: bool
    key: str
    """Empty: the whole bin."""
    path: Path
    """Within what has this key."""

    def href_of(self, key: str, path: str, *, folder: bool) -> str:
        """The href of something in this bin."""
        text = f"{self.href}/{quote(key)}" if key else self.href
        text += f"/{quote(path)}" if path else ""
        return text + "/" if folder else text


def target_of(request: Request) -> TrashTarget:
    """The target of a request below `PREFIXES`. Raises `NotFound`, `InvalidRequest`."""
    front, written, names = segments(request.raw_path, PREFIXES)
    above = 1
    if front in NEXTCLOUD:
        above = 2
        if names[1:2] != ["trash"]:
            raise NotFound("there is nothing at this address")
    if len(names) < above:
        raise NotFound("there is nothing at this address")
    href = "/".join([front, *map(quote_raw, written[:above])])
    below = names[above + 1 :]
    key = names[above] if len(names) > above else ""
    return TrashTarget(href, names[0], front in SPACE, key, Path("/".join(below)) if below else ROOT)


def restores(path: str, owner: str) -> bool:
    """Whether a Destination means, as Nextcloud has it, that something shall go back to where it was."""
    return any(path.startswith(f"{front}/{quote(owner)}/restore/") for front in NEXTCLOUD)

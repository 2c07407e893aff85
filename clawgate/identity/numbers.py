"""Which numbers the operating system has for people."""

from __future__ import annotations

import pwd

from ..errors import Forbidden
from ..model.people import User

_LARGEST = 2**32 - 2


def numbers(user: User) -> tuple[int, int]:
    """The user and group id of a person: as the login service or directory says, else as the system's account of that name has
    them. Blocks. Raises `Forbidden` if nobody tells, or it is root."""
    uid, gid = user.uid, user.gid
    if uid is None or gid is None:
        try:
            account = pwd.getpwnam(user.id) if uid is None else pwd.getpwuid(uid)
            if uid is None and account.pw_name != user.id:
                # Some services find accounts whatever the case of their letters. Here those would be two people.
                raise KeyError(user.id)
        except (KeyError, ValueError) as error:
            missing = "uid" if uid is None else "gid"
            raise Forbidden(f"nobody tells the {missing} of {user.id}: no directory, and no account of the system") from error
        uid = account.pw_uid if uid is None else uid
        gid = account.pw_gid if gid is None else gid
    if not 0 < uid <= _LARGEST or not 0 <= gid <= _LARGEST:
        raise Forbidden(f"{user.id} has the user id {uid} and the group id {gid}, which are not taken")
    return uid, gid

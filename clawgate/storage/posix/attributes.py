"""Mode, owner, ACL and extended attributes of files that are made in one place and shown in another."""

from __future__ import annotations

import contextlib
import os
import struct
from stat import S_IMODE, S_IRWXG, S_IRWXO, S_ISDIR, S_ISGID, S_ISUID

from . import kernel
from .persona import give_to_group

RECORD = b"user.clawgate"
"""The attribute in which clawgate keeps what it knows of a file (`identity`)."""

_RECORD = RECORD.decode()
_ACCESS = "system.posix_acl_access"
_DEFAULT = b"system.posix_acl_default"
_ACL_HEADER = 4
_ACL_ENTRY = struct.Struct("<HHI")
_USER_OBJ, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x04, 0x10, 0x20


def settle(fd: int, folder: int, *, acting: bool = False) -> None:
    """Give the new file `fd`, which was made elsewhere, what it would have had if it had been made in `folder`.

    Its mode has the umask applied already; a setgid folder hands down its group, a default ACL replaces the umask (acl(5)).
    What is not permitted is left. `acting`: the thread has a person's rights, who needs not be in that group.
    """
    state = os.fstat(folder)
    if state.st_mode & S_ISGID:
        with contextlib.suppress(OSError):
            if not acting:
                os.fchown(fd, -1, state.st_gid)
            elif kernel.allowed(folder, b"", os.W_OK | os.X_OK):
                give_to_group(fd, state.st_gid)
    default = kernel.get_xattr(b"/proc/self/fd/%d" % folder, _DEFAULT, follow=True)
    if default:
        with contextlib.suppress(OSError):
            os.setxattr(fd, _ACCESS, _for_files(default))


def _for_files(default: bytes) -> bytes:
    """The access ACL of a file created with mode 0666 under the default ACL `default`."""
    entries = list(_ACL_ENTRY.iter_unpack(default[_ACL_HEADER:]))
    group = _MASK if any(tag == _MASK for tag, _, _ in entries) else _GROUP_OBJ
    limited = [
        _ACL_ENTRY.pack(tag, permissions & 6 if tag in (_USER_OBJ, group, _OTHER) else permissions, id)
        for tag, permissions, id in entries
    ]
    return default[:_ACL_HEADER] + b"".join(limited)


def carry(
    source: bytes | int,
    state: os.stat_result,
    fd: int,
    mine: os.stat_result,
    *,
    acting: bool = False,
    group: bool = True,
) -> bool:
    """Give the file `fd`, whose state is `mine`, owner, mode, ACL and ``user.*`` attributes of `source` (a path or a descriptor),
    whose `state` this is.

    Only `RECORD` is left out, and what is not permitted or not supported. Returns False if `source` surely has no `RECORD`.

    `acting`: the thread has a person's rights, and the file stays the person's. It gets the group if the person is in it; else
    its new group may do no more than everybody may. Not so without `group`: then it has the right one already.
    """
    mode = S_IMODE(state.st_mode)
    if acting and not S_ISDIR(state.st_mode):
        # As writing to it would have done.
        mode &= ~(S_ISUID | S_ISGID)
    foreign = False
    if (mine.st_uid, mine.st_gid) != (state.st_uid, state.st_gid):
        if group:
            with contextlib.suppress(OSError):
                os.fchown(fd, -1 if acting else state.st_uid, state.st_gid)
        if acting:
            mode &= ~(S_ISUID | S_ISGID)
            foreign = group and os.fstat(fd).st_gid != state.st_gid
            if foreign:
                mode = _like_others(mode)
    if S_IMODE(mine.st_mode) != mode:
        os.fchmod(fd, mode)
    follow = isinstance(source, int)
    try:
        names = os.listxattr(source, follow_symlinks=follow)
    except OSError:
        return True
    recorded = False
    for name in names:
        if name == _RECORD:
            recorded = True
        elif name == _ACCESS or name.startswith("user."):
            with contextlib.suppress(OSError):
                value = os.getxattr(source, name, follow_symlinks=follow)
                os.setxattr(fd, name, _for_strangers(value) if foreign and name == _ACCESS else value)
    return recorded


def _like_others(mode: int) -> int:
    return mode & ~S_IRWXG | mode & (mode & S_IRWXO) << 3 & S_IRWXG


def _for_strangers(access: bytes) -> bytes:
    """The ACL `access` for a file with another group: that may do no more than everybody may."""
    entries = list(_ACL_ENTRY.iter_unpack(access[_ACL_HEADER:]))
    everybody = next((permissions for tag, permissions, _ in entries if tag == _OTHER), 0)
    limited = [
        _ACL_ENTRY.pack(tag, permissions & everybody if tag == _GROUP_OBJ else permissions, id)
        for tag, permissions, id in entries
    ]
    return access[:_ACL_HEADER] + b"".join(limited)


def take_back(fd: int, state: os.stat_result) -> None:
    """Undo what `settle` or `carry` did to the file `fd`, whose state was `state` before: it may be shown elsewhere now.

    What is not permitted is left.
    """
    with contextlib.suppress(OSError):
        for name in os.listxattr(fd):
            if name == _ACCESS or name.startswith("user."):
                os.removexattr(fd, name)
    with contextlib.suppress(OSError):
        os.fchown(fd, state.st_uid, state.st_gid)
    with contextlib.suppress(OSError):
        os.fchmod(fd, S_IMODE(state.st_mode))


def proc_path(folder: int, name: bytes) -> bytes:
    """A path of `name` in the open `folder` for calls that take no descriptor of a folder."""
    return b"/proc/self/fd/%d/%s" % (folder, name)

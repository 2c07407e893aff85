"""`Metadata` by gRPC.

Over HTTP stays: who somebody is (gRPC has no such question), whether somebody may read something (HTTP asks all groups of a
person, a role of gRPC has one), making folders (gRPC's command changes the mode of what is there already, and of what is new to
one that we would have to make up), replacing a file by a rename (gRPC's refuses), and the quota (gRPC's is for administrators).
"""

from __future__ import annotations

import re
from typing import Any

from ....errors import InvalidRequest, NotFound, ParentMissing, StorageBroken
from ..instance import Who
from .asking import Asking
from .failures import of_command
from .proto import FILE, MESSAGES, RECYCLE_PURGE, VERSION_CREATE, VERSION_GRAB
from .roles import Role
from .translation import fileinfo

_GLOBS = re.compile(r"[*?\[]")
"""What makes a path a pattern for the command that removes folders."""


class GrpcMetadata(Asking):
    """See the module."""

    async def create(self, who: Who, path: str) -> int:
        """See `Metadata.create`. Two calls."""
        plain = super().create

        async def ask(role: Role) -> int:
            await self._exec(role, touch=MESSAGES["TouchRequest"](id=_id(path)))
            found = await self._stat(role, path)
            if found is None or found.is_folder:
                raise StorageBroken("the storage made a file, and does not have it")
            return found.inode

        return await self._first(who, ask, lambda: plain(who, path))

    async def set_attribute(self, who: Who, path: str, key: str, value: str) -> None:
        """See `Metadata.set_attribute`. One call; any value."""
        plain = super().set_attribute
        request = MESSAGES["SetXAttrRequest"](id=_id(path), xattrs={key: value.encode()})
        await self._first(who, lambda role: self._exec(role, xattr=request), lambda: plain(who, path, key, value))

    async def keep_version(self, who: Who, path: str) -> None:
        """See `Metadata.keep_version`. Two calls: by its path EOS would not find a file with ``&`` in its name."""
        plain = super().keep_version

        async def ask(role: Role) -> None:
            found = await self._md(role, FILE, fileinfo, path=path.encode())
            if found is None:
                raise NotFound("there is no such file")
            id = MESSAGES["MDId"](id=found["id"])
            # -1: as many are kept as the folder says.
            request = MESSAGES["VersionRequest"](id=id, cmd=VERSION_CREATE, maxversion=-1)
            await self._exec(role, again=False, version=request)

        await self._first(who, ask, lambda: plain(who, path))

    async def restore_version(self, who: Who, path: str, key: str) -> None:
        """See `Metadata.restore_version`. One call."""
        plain = super().restore_version
        request = MESSAGES["VersionRequest"](id=_id(path), cmd=VERSION_GRAB, grabversion=key)
        await self._first(who, lambda role: self._exec(role, again=False, version=request), lambda: plain(who, path, key))

    async def remove(self, who: Who, path: str) -> None:
        """See `Metadata.remove`. Two calls. Files go by a command to which nothing is a pattern, folders by one to which more
        things are than over HTTP: those with such names go that way."""
        plain = super().remove

        async def ask(role: Role) -> None:
            found = await self._stat(role, path)
            if found is None:
                raise NotFound("there is no such file or folder")
            if not found.is_folder:
                await self._exec(role, again=False, unlink=MESSAGES["UnlinkRequest"](id=_id(path)))
            elif _GLOBS.search(path):
                await plain(who, path)
            else:
                await self._exec(role, again=False, rm=MESSAGES["RmRequest"](id=_id(path), recursive=True))

        await self._first(who, ask, lambda: plain(who, path))

    async def remove_empty(self, who: Who, path: str) -> None:
        """See `Metadata.remove_empty`. One call."""
        plain = super().remove_empty
        request = MESSAGES["RmdirRequest"](id=_id(path))
        await self._first(who, lambda role: self._exec(role, again=False, rmdir=request), lambda: plain(who, path))

    async def bring_back(self, who: Who, key: str) -> None:
        """See `Metadata.bring_back`. One call. What EOS takes long for goes on after nobody waits for it any more."""
        plain = super().bring_back
        flags = MESSAGES["RestoreFlags"](versions=True)
        request = MESSAGES["RestoreRequest"](key=key, flags_before=flags, flags=flags)

        async def ask(role: Role) -> None:
            try:
                await self._exec(role, again=False, kind="NSRestoreRequest", recycle=request)
            except NotFound:
                raise ParentMissing("the folder that it was in does not exist any more") from None

        await self._first(who, ask, lambda: plain(who, key))

    async def purge(self, who: Who, key: str) -> None:
        """See `Metadata.purge`. One call, and one now and then for the release. Releases before 5.4 remove by gRPC, as root, all
        in whose path there are the same digits, by a command to which an asterisk is a pattern (`Recycle::Purge`): that is never
        asked for. Later ones remove what has this key, whosever it is: whoever calls has seen that."""
        plain = super().purge
        request = MESSAGES["PurgeRequest"](key=key, cmd_before=RECYCLE_PURGE, cmd=RECYCLE_PURGE)

        async def ask(role: Role) -> None:
            if not (await self.release(who)).purges:
                await plain(who, key)
                return
            await self._exec(role, again=False, kind="NSPurgeRequest", recycle=request)

        await self._first(who, ask, lambda: plain(who, key))

    async def rename(self, who: Who, source: str, target: str, *, replace: bool) -> None:
        """See `Metadata.rename`. One call; over HTTP with `replace`."""
        plain = super().rename

        async def ask(role: Role) -> None:
            request = MESSAGES["RenameRequest"](id=_id(source), target=target.encode())
            try:
                await self._exec(role, again=False, rename=request)
            except NotFound:
                if await self._stat(role, source) is None:
                    raise
                raise ParentMissing("the folder of the destination does not exist") from None

        if replace:
            if not self.can_replace(source, target):
                raise InvalidRequest("this name would remove others as well")
            await plain(who, source, target, replace=True)
            return
        await self._first(who, ask, lambda: plain(who, source, target, replace=False))

    def _told_as_they_are(self, *paths: str) -> bool:
        # Without /proc nothing comes through; a rename that replaces is MOVE then.
        return self._proc and super()._told_as_they_are(*paths)

    async def _exec(self, role: Role, *, again: bool = True, kind: str = "NSRequest", **command: Any) -> None:
        request = MESSAGES[kind](authkey=self._key, role=role.message, **command)
        told = await self._channels.ask("Exec", request, "NSResponse", again=again)
        for one in (told.error, told.version, told.recycle):
            if (error := of_command(one.code, one.msg)) is not None:
                raise error


def _id(path: str) -> Any:
    return MESSAGES["MDId"](path=path.encode())

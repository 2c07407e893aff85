"""Metadata by gRPC, as far as nothing is changed. `grpc_metadata` says what is asked over HTTP, and why."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ....errors import Forbidden, NotAFolder, NotFound, StorageBroken, StorageUnavailable
from ....interfaces import Room
from ....model.space import Persona
from ..facts import Container, Entry
from ..http_metadata import HttpMetadata
from ..instance import Instance, Who
from ..metadata import Account
from ..recycled import shared_bin
from ..releases import SHORT, Release, release
from .channels import Channels
from .detection import Detection
from .proto import CONTAINER, FILE, LISTING, MESSAGES, STAT
from .roles import Role, Roles
from .translation import entry, fileinfo, letters

T = TypeVar("T")

_FILE_BIT = 1 << 63
_OLD_FILES = 1 << 28
"""Inodes of folders are below on instances with the old kind of inodes; on others they may be above, too."""

Numbers = Callable[[str], tuple[int, int] | None]
"""Uid and gid of a name, as the directory of users has them."""


class Asking(HttpMetadata):
    """See the module."""

    def __init__(self, instance: Instance, channels: Channels, *, detect: bool, numbers: Numbers | None = None) -> None:
        """`detect`: HTTP is used for all while nobody answers by gRPC. `numbers` is believed where EOS cannot be asked who
        somebody is; without, nobody works there."""
        super().__init__(instance)
        self._channels = channels
        self._numbers = numbers
        self._roles = Roles(self._whoami, instance.options.account_seconds, instance.reactor.seconds)
        self._detection = Detection(channels, instance.reactor.seconds, detect=detect)
        self._proc = True
        """Whether ``/proc`` answers, as far as it is known."""

    @property
    def calls(self) -> int:
        """Calls by gRPC so far."""
        return self._channels.calls

    def close(self) -> None:
        """Close all connections of gRPC."""
        self._channels.close()

    # Who, and which way.

    async def whoami(self, who: Who) -> Account:
        """See `Metadata.whoami`. One call, over HTTP."""
        account = await self._whoami(who)
        self._roles.note(who, account)
        return account

    async def _whoami(self, who: Who) -> Account:
        if self._numbers is None:
            return await super().whoami(who)
        try:
            found = await super().whoami(who)
            self._proc = True
            return found
        except StorageBroken:
            # No answer of /proc: a release before 5.3.21 at its XrdHttp port.
            self._proc = False
        numbers = self._numbers(who)
        if numbers is None:
            raise Forbidden(f"EOS cannot be asked who {who} is, and the directory knows no uid and gid of {who}")
        return Account(*numbers, (numbers[1],), sudoer=False)

    async def _first(self, who: Who, asked: Callable[[Role], Awaitable[T]], otherwise: Callable[[], Awaitable[T]]) -> T:
        """By gRPC; over HTTP if gRPC is not used now, or says no to somebody with groups that it does not ask."""
        if not await self._detection.speaks():
            return await otherwise()
        role = await self._roles.of(who)
        try:
            return await asked(role)
        except Forbidden:
            if not role.in_more_groups:
                raise
        except StorageUnavailable:
            self._detection.doubt()
            raise
        return await otherwise()

    @property
    def _key(self) -> str:
        return self._channels.options.key

    async def release(self, who: Who) -> Release:
        """See `Metadata.release`. Where ``/proc`` is out of reach it is one of those before 5.3.21."""
        known = release(SHORT["5.1"]) if not self._proc and self._instance.options.version == "auto" else None
        return known if known is not None else await super().release(who)

    # Looking.

    async def look(self, who: Who, path: str) -> Entry | None:
        """See `Metadata.look`. One call, which EOS checks."""
        plain = super().look
        return await self._first(who, lambda role: self._stat(role, path), lambda: plain(who, path))

    async def permitted(self, who: Who, path: str) -> Entry | None:
        """See `Metadata.permitted`. One call; two for a file, where its folder decides."""
        plain = super().permitted

        async def ask(role: Role) -> Entry | None:
            account = role.account
            persona = Persona(account.uid, account.gid, account.gids, who)
            found = await self._stat(role, path)
            if found is None:
                return None
            if found.is_folder:
                return found._replace(letters=letters(found, None, persona))
            above = await self._stat(role, path.rpartition("/")[0] or "/")
            return found._replace(letters="" if above is None else letters(above, found, persona))

        return await self._first(who, ask, lambda: plain(who, path))

    async def describe(self, who: Who, path: str) -> Entry | None:
        """See `Metadata.describe`. One call, which EOS checks; a folder is not listed for it."""
        plain = super().describe
        if not path.startswith("/"):
            # An id in one of the forms that only /proc knows.
            return await plain(who, path)
        return await self._first(who, lambda role: self._stat(role, path), lambda: plain(who, path))

    async def container(self, who: Who, path: str) -> Container:
        """See `Metadata.container`. One call, which EOS checks."""
        plain = super().container
        return await self._first(who, lambda role: self._listing(role, path), lambda: plain(who, path))

    async def locate(self, who: Who, inode: int) -> str:
        """See `Metadata.locate`. One call, two for some."""
        plain = super().locate
        return await self._first(who, lambda role: self._locate(role, inode), lambda: plain(who, inode))

    async def keeps_versions(self, who: Who, path: str) -> bool:
        """See `Metadata.keeps_versions`. One call."""
        plain = super().keeps_versions

        async def ask(role: Role) -> bool:
            found = await self._md(role, STAT, fileinfo, path=path.encode())
            if found is None:
                raise NotFound("there is no such folder")
            wanted = found["xattr"].get("sys.versioning", found["xattr"].get("user.versioning", ""))
            return wanted.strip() not in ("", "0")

        return await self._first(who, ask, lambda: plain(who, path))

    async def recycle_bin(self, who: Who, path: str) -> str:
        """See `Metadata.recycle_bin`. One call. Whether commands for the bin are answered need not be seen: they always were."""
        plain = super().recycle_bin

        async def ask(role: Role) -> str:
            try:
                found = await self._md(role, STAT, fileinfo, path=path.encode())
            except Forbidden:
                if role.in_more_groups:
                    raise
                return ""
            known = {} if found is None else found["xattr"]
            wanted = self._instance.options.recycle_bin or str(known.get("sys.recycle", ""))
            return shared_bin(wanted, str(known.get("sys.forced.recycleid", ""))) if wanted.startswith("/") else ""

        return await self._first(who, ask, lambda: plain(who, path))

    async def recycled(self, who: Who, key: str) -> Entry | None:
        """See `Metadata.recycled`. One call, which EOS checks: of what is another's it says nothing, but to somebody with more
        groups, for whom it is asked over HTTP."""
        plain = super().recycled
        kind, _, number = key.partition(":")

        async def ask(role: Role) -> Entry | None:
            try:
                return await self._md(role, FILE if kind == "fxid" else CONTAINER, entry, id=int(number, 16))
            except Forbidden:
                if role.in_more_groups:
                    raise
                return None

        return await self._first(who, ask, lambda: plain(who, key))

    async def room(self, who: Who, path: str) -> Room:
        """See `Metadata.room`. One call, over HTTP; nothing is known where ``/proc`` is out of reach."""
        return await super().room(who, path) if self._proc else Room(None, None)

    async def _md(self, role: Role, type: int, convert: Callable[[Any], T], **id: Any) -> T | None:
        request = MESSAGES["MDRequest"](type=type, id=MESSAGES["MDId"](**id), authkey=self._key, role=role.message)
        try:
            found = await self._channels.stream("MD", request, convert)
        except NotFound:
            return None
        # Of what is not there some releases say nothing at all.
        return found[0] if found else None

    async def _stat(self, role: Role, path: str) -> Entry | None:
        return await self._md(role, STAT, entry, path=path.encode())

    async def _listing(self, role: Role, path: str) -> Container:
        id = MESSAGES["MDId"](path=path.encode())
        request = MESSAGES["FindRequest"](type=LISTING, id=id, role=role.message, authkey=self._key, maxdepth=1)
        try:
            found = await self._channels.stream("Find", request, entry, long=True)
        except (NotFound, NotAFolder):
            # It says the same of a file.
            there = await self._stat(role, path)
            if there is None or there.is_folder:
                raise
            raise NotAFolder("this is not a folder") from None
        if not found or not found[0].is_folder:
            raise StorageBroken("the storage answers with a listing that is none")
        return Container(found[0], found[1:])

    async def _locate(self, role: Role, inode: int) -> str:
        found: Entry | None = None
        if inode >= _OLD_FILES:
            found = await self._md(role, FILE, entry, ino=inode)
        if (found is None or found.inode != inode) and not inode & _FILE_BIT:
            found = await self._md(role, CONTAINER, entry, ino=inode)
        if found is None or found.inode != inode or not found.path:
            raise NotFound("there is nothing with this id")
        return found.path

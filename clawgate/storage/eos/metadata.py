"""What is asked of an instance of EOS besides content. One implementation speaks HTTP
(`http_metadata`), another gRPC, as far as that goes (`grpc.grpc_metadata`)."""

from __future__ import annotations

from abc import ABC, abstractmethod

import attrs

from ...errors import Forbidden, NotSupported
from ...interfaces import Room
from .facts import Container, Entry
from .instance import Who
from .releases import Release


@attrs.frozen
class Account:
    """Who somebody is on EOS."""

    uid: int
    gid: int
    gids: tuple[int, ...]
    sudoer: bool


class Metadata(ABC):
    """Paths are full ones on EOS and do not end with a slash. Every call works as `who`. Errors as `interfaces.Storage`.

    `look`, `describe`, `container` and `locate` check nothing: what they say must not be shown before `see_readable` has.
    """

    @abstractmethod
    async def whoami(self, who: Who) -> Account:
        """As whom the instance works when it is told to work as `who`."""

    @abstractmethod
    async def release(self, who: Who) -> Release:
        """The instance's release, remembered for a while."""

    @abstractmethod
    async def look(self, who: Who, path: str) -> Entry | None:
        """One file or folder, without what only `describe` tells; None: nothing is there."""

    async def permitted(self, who: Who, path: str) -> Entry | None:
        """The same with `Entry.letters`: what `who` may do there."""
        return await self.look(who, path)

    @abstractmethod
    async def describe(self, who: Who, path: str) -> Entry | None:
        """All of one file; of a folder too, but then it costs as much as its listing."""

    @abstractmethod
    async def container(self, who: Who, path: str) -> Container:
        """A folder with all children. Raises `NotFound`, `NotAFolder`."""

    @abstractmethod
    async def locate(self, who: Who, inode: int) -> str:
        """The path of an inode. Raises `NotFound`."""

    @abstractmethod
    async def see_readable(self, who: Who, path: str) -> None:
        """Raise `NotFound` or `Forbidden` unless `who` may read this file or folder."""

    @abstractmethod
    async def make_folder(self, who: Who, path: str) -> int:
        """Make a folder, or find that it is there. Returns its inode, 0 if that is not told. Raises `ParentMissing`,
        `AlreadyExists`."""

    @abstractmethod
    async def create(self, who: Who, path: str) -> int:
        """Make an empty file; its inode."""

    @abstractmethod
    async def set_attribute(self, who: Who, path: str, key: str, value: str) -> None:
        """Set an extended attribute of a file."""

    @abstractmethod
    async def keeps_versions(self, who: Who, path: str) -> bool:
        """Whether files in this folder become versions when they are overwritten."""

    @abstractmethod
    async def keep_version(self, who: Who, path: str) -> None:
        """Copy the present content of a file to its versions, within EOS."""

    async def thin_out(self, who: Who, path: str) -> None:
        """Leave a file as many versions as its folder says; EOS does so by itself only after uploads as a whole."""
        raise NotSupported("versions cannot be thinned out this way")

    @abstractmethod
    async def remove(self, who: Who, path: str) -> None:
        """Remove a file or a whole folder. Raises `NotFound`. The path must not be one that `names.globs`."""

    @abstractmethod
    async def rename(self, who: Who, source: str, target: str, *, replace: bool) -> None:
        """Rename; `replace`: a file at `target` goes in the same step. What stands there must not be a folder: EOS would move
        into it. Raises `NotFound`, `ParentMissing`, `AlreadyExists`."""

    @abstractmethod
    def can_replace(self, source: str, target: str) -> bool:
        """Whether `rename` can do so with a file at `target`."""

    @abstractmethod
    async def room(self, who: Who, path: str) -> Room:
        """What the quota says of `who` at `path`."""

    async def recycle_bin(self, who: Who, path: str) -> str:
        """Full path of the recycle bin into which goes what is removed from the folder at `path`, which may be that of a project
        (`recycled.is_shared`); empty: there is none, or nothing can be brought back from it this way."""
        return ""

    async def recycled(self, who: Who, key: str) -> Entry | None:
        """What a key of the recycle bin (`recycled.KEY`) names, wherever it is and whosever it is; None: nothing."""
        raise NotSupported("the recycle bin cannot be asked for this way")

    async def bring_back(self, who: Who, key: str) -> None:
        """Put something from the recycle bin to where it was, with its versions. Raises `AlreadyExists`, `ParentMissing`,
        `NotFound`, `Forbidden`."""
        raise NotSupported("the recycle bin cannot be asked for this way")

    async def purge(self, who: Who, key: str) -> None:
        """Remove something in the recycle bin for good; whether it is in that of `who` was seen before. Over HTTP EOS lets nobody
        do that, by gRPC from 5.4 on. Raises `NotFound`, `Forbidden`."""
        raise Forbidden("the storage empties its recycle bin by itself, and lets nobody else do it")

    async def remove_empty(self, who: Who, path: str) -> None:
        """Remove an empty folder, for good. Raises `NotFound`, `AlreadyExists` if something is in it."""
        raise NotSupported("empty folders cannot be removed this way")

    @abstractmethod
    async def restore_version(self, who: Who, path: str, key: str) -> None:
        """Make a version the present content. Raises `NotFound`."""

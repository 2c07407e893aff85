"""Whether a person has a home, and what one that is made must be like. Nothing here touches a disk."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping

from ..errors import Forbidden, QuotaExceeded, StorageUnavailable
from ..log import make_logger
from ..model.home import NewHome
from ..model.people import User
from ..model.space import Space, SpaceKind
from ..mutex import Mutex
from ..settings import Mount
from ..workers import Workers
from .template import fixed

log = make_logger()

PARENTS = 0o711
"""The mode of folders above homes: who owns a home below can get there, nobody can list the others."""

Numbers = tuple[int, int]
"""A user and a group id."""


class Homes:
    """Makes sure that the directory of a space is there before somebody works in it."""

    def __init__(
        self,
        mounts: Mapping[str, Mount],
        data: str,
        files: Workers,
        look: Callable[[str], bool],
        make: Callable[[NewHome], bool],
        numbers: Callable[[User], Numbers],
        knows: Callable[[str], Awaitable[bool]],
    ) -> None:
        """`look`, `make` and `numbers` block and are called in `files`: is a directory there, make a home, who is a person for
        the operating system (raises `Forbidden`). `knows` tells whether a space of this id was ever used."""
        self._mounts = mounts
        self._data = os.path.abspath(data)
        self._files = files
        self._look = look
        self._make = make
        self._numbers = numbers
        self._knows = knows
        self._making = {name: Mutex() for name in mounts}

    async def prepare(self, space: Space, user: User) -> None:
        """Make the home of `user` if `space` is one, is missing, and was never there.

        Raises `Forbidden` if there is none and none is to be made, `QuotaExceeded`, and `StorageUnavailable`, also if what was
        there is gone: clients then keep what they have.
        """
        mount = self._mounts[space.mount]
        if mount.driver != "posix" or await self._there(space):
            return
        if space.kind is not SpaceKind.PERSONAL or await self._knows(space.id):
            log.error("{space}: {root} is missing; is its file system mounted?", space=space.id, root=space.root)
            raise StorageUnavailable("the directory of this space does not exist; is its file system mounted?")
        if not mount.create:
            log.warn(
                "{user} has no home: {root} is missing, and mounts.{mount}.create is false",
                user=user.id,
                root=space.root,
                mount=space.mount,
            )
            raise Forbidden(f"there is no home for {user.id} here; it is made by those who run this service")
        # One after the other: a slow storage keeps one worker busy, and who asks twice does not make it twice.
        async with self._making[space.mount]:
            if not await self._there(space):
                await self._new(space, user, mount)

    async def make(self, space: Space) -> None:
        """Make the directory of a space that somebody makes; one that is there is no error. Errors as `prepare`."""
        async with self._making[space.mount]:
            if not await self._there(space):
                await self._new(space, User(""), self._mounts[space.mount])

    async def _new(self, space: Space, user: User, mount: Mount) -> None:
        key = f"mounts.{space.mount}"
        what = "your home" if space.kind is SpaceKind.PERSONAL else "the folder of this space"
        try:
            home = await self._files.run(self._order, space, user, mount)
            made = await self._files.run(self._make, home)
        except QuotaExceeded as error:
            log.error("{key}: {error}", key=key, error=str(error))
            raise QuotaExceeded(f"the storage is full, so that {what} cannot be made") from error
        except (StorageUnavailable, Forbidden) as error:
            log.error("{key}: {error}", key=key, error=str(error))
            raise StorageUnavailable(f"{what} cannot be made now; those who run this service can see why") from error
        if made:
            log.info("{key}: {root} was made for {user}", key=key, root=space.root, user=user.id or space.id)
        elif not await self._there(space):
            log.error("{key}: {root} is a link that leads nowhere", key=key, root=space.root)
            raise StorageUnavailable("the directory of this space does not exist; is its file system mounted?")

    async def _there(self, space: Space) -> bool:
        try:
            return await self._files.run(self._look, space.root)
        except StorageUnavailable as error:
            log.error("{space}: {error}", space=space.id, error=str(error))
            raise StorageUnavailable("the directory of this space cannot be reached; try again later") from error

    def _order(self, space: Space, user: User, mount: Mount) -> NewHome:
        """Blocks. Raises `Forbidden` if nobody can tell whose it would be."""
        common, below = divided(mount.root, self._data, space.root)
        # The embedded default has nothing but the data directory at first.
        ours = is_within(common, self._data)
        uid, gid = self._numbers(user) if gives_away(mount) else (-1, -1)
        return NewHome(
            common,
            below,
            base=self._data if ours else "",
            mode=int(mount.create_mode, 8),
            uid=uid,
            gid=gid,
            parents=0o700 if ours else PARENTS if mount.create_parents else None,
            skeleton=mount.skeleton,
            skeleton_bytes=mount.skeleton_bytes,
            skeleton_entries=mount.skeleton_entries,
            durability=mount.durability,
        )


def gives_away(mount: Mount) -> bool:
    """Whether homes are made that belong to somebody else than the gateway's user."""
    made = mount.driver == "posix" and mount.kind == "personal" and mount.create
    return made and "user" in (mount.create_owner, mount.act_as)


def above(template: str, data: str) -> str:
    """The directory that all homes of `template` have in common; it counts from `data` if it is relative."""
    return os.path.normpath(os.path.join(data, fixed(template)))


def divided(template: str, data: str, root: str) -> tuple[str, tuple[str, ...]]:
    """The part of `root` that is the same for everybody, and the names from there on; `root` comes from `template`."""
    common = above(template, data)
    return common, tuple(os.path.relpath(root, common).split(os.sep))


def is_within(path: str, folder: str) -> bool:
    """Whether the absolute `path` is `folder` or lies below it."""
    return os.path.commonpath((path, folder)) == folder

"""Upload sessions and their parts: any process can continue them, also after a restart."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

from ..errors import AlreadyExists, InvalidRequest, LengthMismatch, Overloaded, QuotaExceeded, UploadGone
from ..model.content import Checksum
from ..model.path import Path
from ..model.upload import Part, Upload
from . import upload_rows as rows
from .engine import Connection, Database

_GONE = "this upload is unknown, finished or expired"


class Uploads:
    """The sessions in the state."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, session: Upload, *, now: float, budget: int | None = None, most: int | None = None) -> None:
        """Remember a new session; one under the same name that is finished or expired makes room.

        Raises `AlreadyExists` if its owner has one with the same dialect and key, `QuotaExceeded` if all unfinished sessions of
        the space then need more than `budget` bytes, `Overloaded` if the owner then had more than `most` unfinished ones.
        """
        row = rows.row_of(session)

        def work(connection: Connection) -> None:
            taken = rows.FIND.one(connection, session.owner, session.dialect, session.key)
            if taken is not None:
                there = rows.upload_of(taken)
                if not there.finished and there.expires > now:
                    raise AlreadyExists(f"there is already an upload called {session.key!r}")
                _drop(connection, there.id)
            if most is not None and _counted(connection, session.owner) >= most:
                raise Overloaded(f"{session.owner} has {most} unfinished uploads; finish or delete some", 60)
            try:
                rows.INSERT.run(connection, *row)
            except cast(Any, connection.engine.dialect.loaded_dbapi).IntegrityError as error:
                # Where several write at once: another one was quicker.
                raise AlreadyExists(f"there is already an upload called {session.key!r}") from error
            if (session.size or 0) > session.frees:
                _within(connection, session.space, budget, now)

        await self._database.write(work)

    async def get(self, id: str) -> Upload:
        """The session with this id. Raises `UploadGone`."""
        row = await self._database.read(lambda connection: rows.GET.one(connection, id))
        if row is None:
            raise UploadGone(_GONE)
        return rows.upload_of(row)

    async def find(self, owner: str, dialect: str, key: str) -> Upload | None:
        """The session that this user calls `key`."""
        row = await self._database.read(lambda connection: rows.FIND.one(connection, owner, dialect, key))
        return None if row is None else rows.upload_of(row)

    async def advance(self, id: str, old: int, new: int, expires: float) -> None:
        """Move the offset from `old` to `new`. Raises `UploadGone` unless it stands at `old`, and if that is beyond the end."""
        if not await self._database.write(lambda connection: rows.ADVANCE.run(connection, id, old, new, expires)):
            raise UploadGone(_GONE)

    async def resize(self, session: Upload, size: int, *, now: float, budget: int | None = None) -> None:
        """Note the length, which was not known before. Raises `UploadGone`, `QuotaExceeded` as `create`, `LengthMismatch` if
        another one is known by now, or if other bytes than those of `session` are not below it."""
        statement = rows.CLOSE if session.offset == size else rows.RESIZE

        def work(connection: Connection) -> None:
            if not statement.run(connection, session.id, size):
                there = _still(connection, session.id)
                if there.size != size:
                    known = f"{there.offset} bytes have arrived" if there.size is None else f"{there.size} bytes were announced"
                    raise LengthMismatch(f"{known} already, {size} are announced")
            if size > session.frees:
                _within(connection, session.space, budget, now)

        await self._database.write(work)

    async def note(self, id: str, checksums: Collection[Checksum], mtime_ns: int | None) -> None:
        """Note what is promised of the whole content. Raises `UploadGone`."""
        text = " ".join(map(str, checksums))
        if not await self._database.write(lambda connection: rows.NOTE.run(connection, id, text, mtime_ns)):
            raise UploadGone(_GONE)

    async def finish(self, session: Upload, path: Path, size: int, result: str, expires: float) -> None:
        """Note that it was published at `path` and became the file with the etag `result`; its parts are forgotten."""

        def work(connection: Connection) -> None:
            if rows.FINISH.run(connection, session.id, path, size, result, expires):
                rows.DROP_PARTS.run(connection, session.id)

        await self._database.write(work)

    async def delete(self, id: str) -> None:
        """Forget a session; an unknown id is no error."""
        await self._database.write(lambda connection: _drop(connection, id))

    async def parts(self, id: str) -> list[Part]:
        """The parts of a session, in the order of their start."""
        return [Part(*row) for row in await self._database.read(lambda connection: rows.PARTS.all(connection, id))]

    async def near(self, id: str, name: str, start: int, stop: int) -> list[Part]:
        """The part called `name`, and those that overlap a range."""
        found = await self._database.read(lambda connection: rows.NEAR.all(connection, id, name, start, stop))
        return [Part(*row) for row in found]

    async def add_part(self, id: str, part: Part, most: int, expires: float) -> None:
        """Note a part in place of one with the same name. Raises `UploadGone`, `InvalidRequest` if there are `most` already."""

        def work(connection: Connection) -> None:
            if not rows.TOUCH.run(connection, id, expires):
                raise UploadGone(_GONE)
            rows.DROP_PART.run(connection, id, part.name)
            (count,) = rows.PART_COUNT.one(connection, id) or (0,)
            if count >= most:
                raise InvalidRequest(f"an upload may have at most {most} chunks")
            rows.ADD_PART.run(connection, id, *part)

        await self._database.write(work)

    async def drop_part(self, id: str, name: str) -> bool:
        """Forget a part; returns whether there was one."""
        return bool(await self._database.write(lambda connection: rows.DROP_PART.run(connection, id, name)))

    async def rearrange(self, id: str, handle: str, parts: Collection[Part]) -> None:
        """Note that the content is behind another handle now, and where its parts are there. Raises `UploadGone`."""

        def work(connection: Connection) -> None:
            if not rows.MOVE.run(connection, id, handle):
                raise UploadGone(_GONE)
            rows.DROP_PARTS.run(connection, id)
            for part in parts:
                rows.ADD_PART.run(connection, id, *part)

        await self._database.write(work)

    async def reserved(self, space: str, now: float, apart: Collection[str] = ()) -> int:
        """Bytes that the unfinished sessions of a space need, without those `apart`: announced or arrived, whichever is more,
        less what they free."""
        needs = await self._database.read(lambda connection: rows.RESERVED.all(connection, space, now))
        return sum(max(0, int(need)) for id, need in needs if id not in apart)

    async def expire(self, ids: Collection[str]) -> int:
        """Let unfinished sessions be expired for good, whoever writes to them; returns how many there were."""
        return await self._database.write(lambda connection: sum(rows.EXPIRE.run(connection, id, 0.0) for id in ids))

    async def expire_space(self, space: str) -> int:
        """The same for all sessions of a space."""
        return await self._database.write(lambda connection: rows.EXPIRE_SPACE.run(connection, space, 0.0))

    async def forget_finished(self, now: float) -> int:
        """Forget the outcomes whose time was up at `now`; returns how many there were."""
        return await self._database.write(lambda connection: rows.FORGET.run(connection, now))

    async def expired(self, now: float) -> list[Upload]:
        """The unfinished sessions whose time was up at `now`, oldest first."""
        return [rows.upload_of(row) for row in await self._database.read(lambda connection: rows.EXPIRED.all(connection, now))]

    async def handles(self, space: str) -> frozenset[str]:
        """The handles of the unfinished sessions of a space."""
        return frozenset(
            handle for (handle,) in await self._database.read(lambda connection: rows.HANDLES.all(connection, space))
        )

    async def all(self) -> list[Upload]:
        """All sessions, oldest first."""
        return [rows.upload_of(row) for row in await self._database.read(rows.ALL.all)]

    async def arrived(self) -> dict[str, int]:
        """How many bytes of each session have arrived, by its id."""
        return {id: int(bytes) for id, bytes in await self._database.read(rows.PROGRESS.all)}


def _still(connection: Connection, id: str) -> Upload:
    """The session, if it can be continued. Raises `UploadGone`."""
    row = rows.GET.one(connection, id)
    session = None if row is None else rows.upload_of(row)
    if session is None or session.finished or session.expires <= 0:
        raise UploadGone(_GONE)
    return session


def _drop(connection: Connection, id: str) -> None:
    rows.DROP_PARTS.run(connection, id)
    rows.DELETE.run(connection, id)


def _counted(connection: Connection, owner: str) -> int:
    (count,) = rows.COUNT.one(connection, owner) or (0,)
    return int(count)


def _within(connection: Connection, space: str, budget: int | None, now: float) -> None:
    if budget is None:
        return
    need = sum(max(0, int(bytes)) for _, bytes in rows.RESERVED.all(connection, space, now))
    if need > budget:
        raise QuotaExceeded(f"unfinished uploads need {need} bytes, {max(0, budget)} bytes are left of the quota")

"""Upload sessions: any process can continue them, also after a restart."""

from __future__ import annotations

import json

from sqlalchemy import bindparam, delete, insert, select, update

from ..errors import AlreadyExists, UploadGone
from ..model.content import Checksum
from ..model.path import Path
from ..model.upload import Part, Upload
from .engine import Connection, Database
from .prepared import Prepared, Row
from .schema import upload

_FIELDS = tuple(column.name for column in upload.columns)
_insert = Prepared(insert(upload), *_FIELDS)
_update = Prepared(
    update(upload).where(upload.c.id == bindparam("row")).values({name: bindparam(name) for name in _FIELDS}),
    *_FIELDS,
    "row",
)
_get = Prepared(select(upload).where(upload.c.id == bindparam("row")), "row")
_find = Prepared(
    select(upload).where(
        upload.c.owner == bindparam("by"), upload.c.dialect == bindparam("spoken"), upload.c.key == bindparam("called")
    ),
    "by",
    "spoken",
    "called",
)
_delete = Prepared(delete(upload).where(upload.c.id == bindparam("row")), "row")
_expired = Prepared(select(upload).where(upload.c.expires <= bindparam("now")).order_by(upload.c.expires), "now")
_all = Prepared(select(upload).order_by(upload.c.created, upload.c.id))


class Uploads:
    """The sessions in the state."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, session: Upload) -> None:
        """Remember a new session. Raises `AlreadyExists` if its owner has one with the same dialect and key."""
        row = _row(session)

        def work(connection: Connection) -> bool:
            taken = _find.one(connection, session.owner, session.dialect, session.key)
            if taken is None:
                _insert.run(connection, *row)
            return taken is None

        if not await self._database.write(work):
            raise AlreadyExists(f"there is already an upload called {session.key!r}")

    async def get(self, id: str) -> Upload:
        """The session with this id. Raises `UploadGone`."""
        row = await self._database.read(lambda connection: _get.one(connection, id))
        if row is None:
            raise UploadGone("this upload is unknown, finished or expired")
        return _upload(row)

    async def find(self, owner: str, dialect: str, key: str) -> Upload | None:
        """The session that this user calls `key`."""
        row = await self._database.read(lambda connection: _find.one(connection, owner, dialect, key))
        return None if row is None else _upload(row)

    async def update(self, session: Upload) -> None:
        """Remember `session` in place of what was known under its id. Raises `UploadGone`."""
        row = _row(session)
        if not await self._database.write(lambda connection: _update.run(connection, *row, session.id)):
            raise UploadGone("this upload is unknown, finished or expired")

    async def delete(self, id: str) -> None:
        """Forget a session; an unknown id is no error."""
        await self._database.write(lambda connection: _delete.run(connection, id))

    async def expired(self, now: float) -> list[Upload]:
        """The sessions whose time was up at `now`, oldest first."""
        return [_upload(row) for row in await self._database.read(lambda connection: _expired.all(connection, now))]

    async def all(self) -> list[Upload]:
        """All sessions, oldest first."""
        return [_upload(row) for row in await self._database.read(_all.all)]


def _row(session: Upload) -> Row:
    return (
        session.id,
        session.owner,
        session.space,
        session.handle,
        session.dialect,
        session.key,
        session.path,
        session.size,
        session.offset,
        json.dumps(session.parts, separators=(",", ":")),
        " ".join(map(str, session.checksums)),
        session.mtime_ns,
        session.created,
        session.expires,
        json.dumps(dict(session.extra), separators=(",", ":")),
    )


def _upload(row: Row) -> Upload:
    values = dict(zip(_FIELDS, row, strict=True))
    values["path"] = Path(values["path"])
    values["parts"] = tuple(Part(*part) for part in json.loads(values["parts"]))
    values["checksums"] = tuple(Checksum(*text.split(":", 1)) for text in values["checksums"].split())
    values["extra"] = json.loads(values["extra"])
    return Upload(**values)

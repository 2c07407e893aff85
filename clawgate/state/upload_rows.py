"""The statements on the tables of uploads, and their rows."""

from __future__ import annotations

import json

from sqlalchemy import and_, bindparam, case, delete, func, insert, or_, select, update

from ..model.content import Checksum
from ..model.path import Path
from ..model.upload import Upload
from .prepared import Prepared, Row
from .schema import upload, upload_part

_FIELDS = tuple(column.name for column in upload.columns)

_mine = upload.c.id == bindparam("row")
# 0 is what `expire` sets: a request that is under way must not bring such a session back to life.
_open = and_(_mine, upload.c.finished == 0, upload.c.expires > 0)
INSERT = Prepared(insert(upload), *_FIELDS)
GET = Prepared(select(upload).where(_mine), "row")
FIND = Prepared(
    select(upload).where(
        upload.c.owner == bindparam("by"), upload.c.dialect == bindparam("spoken"), upload.c.key == bindparam("called")
    ),
    "by",
    "spoken",
    "called",
)
COUNT = Prepared(select(func.count()).select_from(upload).where(upload.c.owner == bindparam("by"), upload.c.finished == 0), "by")
DELETE = Prepared(delete(upload).where(_mine), "row")
_due = upload.c.expires <= bindparam("now")
EXPIRED = Prepared(select(upload).where(upload.c.finished == 0, _due).order_by(upload.c.expires), "now")
FORGET = Prepared(delete(upload).where(upload.c.finished == 1, _due), "now")
EXPIRE = Prepared(update(upload).where(_mine, upload.c.finished == 0).values(expires=bindparam("now")), "row", "now")
EXPIRE_SPACE = Prepared(
    update(upload).where(upload.c.space == bindparam("where"), upload.c.finished == 0).values(expires=bindparam("now")),
    "where",
    "now",
)
HANDLES = Prepared(select(upload.c.handle).where(upload.c.space == bindparam("where"), upload.c.finished == 0), "where")
ALL = Prepared(select(upload).order_by(upload.c.created, upload.c.id))
ADVANCE = Prepared(
    update(upload)
    .where(_open, upload.c.offset == bindparam("old"), or_(upload.c.size.is_(None), upload.c.size >= bindparam("new")))
    .values(offset=bindparam("new"), expires=bindparam("until")),
    "row",
    "old",
    "new",
    "until",
)
_unmeasured = update(upload).where(_open, upload.c.size.is_(None)).values(size=bindparam("total"))
RESIZE = Prepared(_unmeasured.where(upload.c.offset < bindparam("total")), "row", "total")
CLOSE = Prepared(_unmeasured.where(upload.c.offset == bindparam("total")), "row", "total")
NOTE = Prepared(
    update(upload).where(_open).values(checksums=bindparam("sums"), mtime_ns=bindparam("time")),
    "row",
    "sums",
    "time",
)
MOVE = Prepared(update(upload).where(_open).values(handle=bindparam("new")), "row", "new")
TOUCH = Prepared(update(upload).where(_open).values(expires=bindparam("until")), "row", "until")
FINISH = Prepared(
    update(upload)
    .where(_open)
    .values(
        finished=1,
        handle="",
        path=bindparam("place"),
        size=bindparam("total"),
        offset=bindparam("total"),
        result=bindparam("etag"),
        expires=bindparam("until"),
    ),
    "row",
    "place",
    "total",
    "etag",
    "until",
)

_its = upload_part.c.upload == bindparam("row")
PARTS = Prepared(
    select(upload_part.c.name, upload_part.c.start, upload_part.c.stop)
    .where(_its)
    .order_by(upload_part.c.start, upload_part.c.stop),
    "row",
)
NEAR = Prepared(
    select(upload_part.c.name, upload_part.c.start, upload_part.c.stop).where(
        _its,
        or_(
            upload_part.c.name == bindparam("called"),
            and_(upload_part.c.start < bindparam("end"), upload_part.c.stop > bindparam("begin")),
        ),
    ),
    "row",
    "called",
    "begin",
    "end",
)
PART_COUNT = Prepared(select(func.count()).select_from(upload_part).where(_its), "row")
ADD_PART = Prepared(insert(upload_part), "upload", "name", "start", "stop")
DROP_PART = Prepared(delete(upload_part).where(_its, upload_part.c.name == bindparam("called")), "row", "called")
DROP_PARTS = Prepared(delete(upload_part).where(_its), "row")

_arrived = upload.c.offset + func.coalesce(
    select(func.sum(upload_part.c.stop - upload_part.c.start)).where(upload_part.c.upload == upload.c.id).scalar_subquery(),
    0,
)
_announced = func.coalesce(upload.c.size, 0)
RESERVED = Prepared(
    select(upload.c.id, case((_announced > _arrived, _announced), else_=_arrived) - upload.c.frees).where(
        upload.c.space == bindparam("where"), upload.c.finished == 0, upload.c.expires > bindparam("now")
    ),
    "where",
    "now",
)
PROGRESS = Prepared(select(upload.c.id, _arrived))


def row_of(session: Upload) -> Row:
    """The row for a session, see `INSERT`."""
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
        " ".join(map(str, session.checksums)),
        session.mtime_ns,
        session.created,
        session.expires,
        int(session.finished),
        session.result,
        json.dumps(dict(session.extra), separators=(",", ":")),
        session.frees,
    )


def upload_of(row: Row) -> Upload:
    """The session that a row tells."""
    values = dict(zip(_FIELDS, row, strict=True))
    values["path"] = Path(values["path"])
    values["checksums"] = tuple(Checksum(*text.split(":", 1)) for text in values["checksums"].split())
    values["finished"] = bool(values["finished"])
    values["extra"] = json.loads(values["extra"])
    return Upload(**values)

"""Where spaces were when somebody opened them last: for those of which their ids do not tell."""

from __future__ import annotations

import json

import attrs
from sqlalchemy import bindparam, select

from ..state.engine import Connection
from ..state.prepared import Prepared, upsert
from . import rows
from .schema import meta

_get = Prepared(select(meta.c.value).where(meta.c.key == bindparam("which")), "which")
_put = Prepared(upsert(meta), "key", "value")


@attrs.frozen
class Location:
    """Of one space; see `model.space.Space`."""

    owner: str
    root: str


def load(connection: Connection, id: str) -> Location | None:
    """What is known of the space with this id; None: nothing."""
    no = rows.space_no_of(connection, id)
    row = _get.one(connection, _key(no)) if no is not None else None
    found = {} if row is None else json.loads(row[0])
    # Numbers of spaces that were forgotten may be given to others.
    return Location(found["owner"], found["root"]) if found.get("id") == id else None


def root_of(connection: Connection, id: str) -> str:
    """The own name (`model.node.Identity`) of the folder that the space with this id is, as it was when somebody used it last;
    empty: nobody knows."""
    no = rows.space_no_of(connection, id)
    row = rows.root(connection, no) if no is not None else None
    return "" if row is None else row.own


def keep(connection: Connection, id: str, location: Location) -> None:
    """From now on the space is there."""
    _put.run(connection, _key(rows.space_no(connection, id)), json.dumps({"id": id, **attrs.asdict(location)}))


def _key(no: int) -> str:
    return f"location {no}"

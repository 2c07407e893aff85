"""What time it was when trash was cleared up last (`model.reckoned`)."""

from __future__ import annotations

import json

import attrs
from sqlalchemy import bindparam, select

from ..model.reckoned import Reckoned
from ..state.engine import Connection
from ..state.prepared import Prepared, upsert
from .schema import meta

KEY = "reckoned"
_get = Prepared(select(meta.c.value).where(meta.c.key == bindparam("which")), "which")
_put = Prepared(upsert(meta), "key", "value")


def load(connection: Connection) -> Reckoned | None:
    """What is known; None: nothing."""
    row = _get.one(connection, KEY)
    return None if row is None else Reckoned(**json.loads(row[0]))


def keep(connection: Connection, known: Reckoned) -> None:
    """From now on this is known."""
    _put.run(connection, KEY, json.dumps(attrs.asdict(known)))

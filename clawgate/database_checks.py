"""What ``clawgate check`` says of the databases of state and index."""

from __future__ import annotations

import os
from collections.abc import Iterator

import sqlalchemy

from .index import schema as index_schema
from .log import redact
from .model.finding import Finding, Level
from .settings import Settings
from .state import schema as state_schema
from .state.engine import Schema, address_of


def inspect(settings: Settings, key: str, url: str) -> Iterator[Finding]:
    """Look at the database `key`, ``state`` or ``index``, at `url`; empty: the file in the data directory. Blocking."""
    ours = ""
    if not url:
        file = os.path.join(settings.data, f"{key}.db")
        if not os.path.exists(file):
            yield Finding(Level.OK, f"{key}: {file} will be made")
            return
        url, ours = f"sqlite:///{file}", file
    try:
        engine = sqlalchemy.create_engine(address_of(url))
        try:
            with engine.connect() as connection:
                connection.execute(sqlalchemy.text("SELECT 1"))
                if engine.dialect.name == "sqlite":
                    connection.execute(sqlalchemy.text("SELECT count(*) FROM sqlite_master"))
                newer = _newer(connection, index_schema.SCHEMA if key == "index" else state_schema.SCHEMA)
        finally:
            engine.dispose()
    except Exception as error:
        text = redact(str(error).splitlines()[0])
        mend = "check the URL, the server, and who may write to the file"
        if key == "index" and ours:
            mend = f"see who may write to {ours}; if it is damaged delete it, it is made anew"
        yield Finding(Level.FAILURE, f"{key}: the database does not answer: {text}", mend)
        return
    shown = engine.url.render_as_string(hide_password=True)
    if newer:
        mend = "install that version again, or restore the database from before"
        yield Finding(Level.FAILURE, f"{key}: {shown} was written by a newer version of clawgate ({newer})", mend)
    else:
        yield Finding(Level.OK, f"{key}: {shown} answers")


def _newer(connection: sqlalchemy.Connection, schema: Schema) -> str:
    """The revision of the tables if this version does not know it."""
    if not sqlalchemy.inspect(connection).has_table(schema.version_table):
        return ""
    revision = connection.execute(sqlalchemy.text(f"SELECT version_num FROM {schema.version_table}")).scalar() or ""
    return revision if revision > schema.head else ""

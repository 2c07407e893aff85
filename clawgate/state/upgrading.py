"""Bringing the tables of an older version up to date. Alembic is imported here and only when that is needed."""

from __future__ import annotations

from typing import Any

import sqlalchemy
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from ..errors import SettingsError
from .engine import Schema


def upgrade(connection: sqlalchemy.Connection, schema: Schema, revision: str, name: str) -> None:
    """Run all revisions after `revision` (empty: all there are) within the transaction that `connection` is in.

    `name` is what people call the database. Raises `SettingsError` if its revision is unknown: a newer version has written it.
    """
    script = ScriptDirectory(schema.migrations)
    try:
        script.get_revisions(revision or "base")
    except CommandError as error:
        raise SettingsError(
            f"{name} was written by a newer version (its revision is {revision!r}, this version knows up to {schema.head!r}): "
            "install that version again, or restore the database from before"
        ) from error

    def steps(current: Any, context: Any) -> Any:
        return script._upgrade_revs(schema.head, current)

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection, version_table=schema.version_table, transactional_ddl=True)
        environment.run_migrations()

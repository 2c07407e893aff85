from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from clawgate.index.schema import SCHEMA as INDEX
from clawgate.state.engine import Schema
from clawgate.state.schema import SCHEMA as STATE
from clawgate.state.upgrading import upgrade

both = pytest.mark.parametrize("schema", [STATE, INDEX], ids=["state", "index"])


def shape(connection: sa.Connection, schema: Schema) -> dict[str, Any]:
    inspector = sa.inspect(connection)
    shape = {}
    for table in sorted(set(inspector.get_table_names()) - {schema.version_table}):
        columns = [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(table)]
        indexes = sorted(
            (i["name"], tuple(i["column_names"]), i["unique"], str(i["dialect_options"].get("sqlite_where")))
            for i in inspector.get_indexes(table)
        )
        unique = sorted((u["name"], tuple(u["column_names"])) for u in inspector.get_unique_constraints(table))
        key = inspector.get_pk_constraint(table)["constrained_columns"]
        foreign = inspector.get_foreign_keys(table)
        checks = inspector.get_check_constraints(table)
        written = connection.execute(sa.text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": table}).scalar_one()
        counting = "AUTOINCREMENT" in written
        shape[table] = (columns, indexes, unique, key, foreign, checks, counting)
    return shape


@both
def test_all_revisions_lead_to_the_tables_that_a_new_database_gets(schema: Schema, tmp_path: Path) -> None:
    shapes = []
    for name in ("created", "migrated"):
        engine = sa.create_engine(f"sqlite:///{tmp_path}/{name}.db")
        with engine.begin() as connection:
            if name == "created":
                schema.metadata.create_all(connection)
            else:
                upgrade(connection, schema, "", name)
                assert connection.execute(sa.text(f"SELECT version_num FROM {schema.version_table}")).scalar() == schema.head
            shapes.append(shape(connection, schema))
        engine.dispose()
    assert shapes[0] == shapes[1]
    assert set(shapes[0]) == set(schema.metadata.tables)


def test_partial_indexes_are_compared(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/index.db")
    with engine.begin() as connection:
        INDEX.metadata.create_all(connection)
        found = shape(connection, INDEX)["index_node"]
    engine.dispose()
    assert {(index[0], index[3]) for index in found[1]} >= {
        ("index_node_folders", "kind = 2"),
        ("index_node_unlearned", "kind = 2 AND learned = 0"),
    }
    assert found[-1] is True


@both
def test_the_head_is_the_last_revision(schema: Schema) -> None:
    assert ScriptDirectory(schema.migrations).get_heads() == [schema.head]

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from clawgate.index.schema import SCHEMA as INDEX
from clawgate.state.engine import Schema, address_of
from clawgate.state.schema import SCHEMA as STATE
from clawgate.state.upgrading import upgrade

both = pytest.mark.parametrize("schema", [STATE, INDEX], ids=["state", "index"])


def shape(connection: sa.Connection, schema: Schema) -> dict[str, Any]:
    inspector = sa.inspect(connection)
    shape = {}
    for table in sorted(set(inspector.get_table_names()) - {schema.version_table}):
        columns = [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(table)]
        indexes = sorted(
            (i["name"], tuple(i["column_names"]), i["unique"], str(i["dialect_options"].get(f"{connection.dialect.name}_where")))
            for i in inspector.get_indexes(table)
        )
        unique = sorted((u["name"], tuple(u["column_names"])) for u in inspector.get_unique_constraints(table))
        key = inspector.get_pk_constraint(table)["constrained_columns"]
        foreign = inspector.get_foreign_keys(table)
        checks = inspector.get_check_constraints(table)
        shape[table] = (columns, indexes, unique, key, foreign, checks, counting(connection, table))
    return shape


def counting(connection: sa.Connection, table: str) -> bool:
    """Whether the database gives out the numbers of the rows, and none twice."""
    if connection.dialect.name == "postgresql":
        question = "SELECT count(*) FROM information_schema.columns WHERE table_name = :name AND column_default LIKE 'nextval%'"
        question += " AND table_schema = current_schema()"
        return bool(connection.execute(sa.text(question), {"name": table}).scalar_one())
    written = connection.execute(sa.text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": table}).scalar_one()
    return "AUTOINCREMENT" in written


@both
def test_all_revisions_lead_to_the_tables_that_a_new_database_gets(schema: Schema, new_database: Callable[[], str]) -> None:
    shapes = []
    for name in ("created", "migrated"):
        engine = sa.create_engine(address_of(new_database()))
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


def test_partial_indexes_are_compared(database_url: str) -> None:
    engine = sa.create_engine(address_of(database_url))
    with engine.begin() as connection:
        INDEX.metadata.create_all(connection)
        found = shape(connection, INDEX)["index_node"]
    engine.dispose()
    partial = {index[0]: index[3].replace("(", "").replace(")", "") for index in found[1]}
    assert partial["index_node_folders"] == "kind = 2"
    assert partial["index_node_unlearned"] == "kind = 2 AND learned = 0"
    assert found[-1] is True


@both
def test_the_head_is_the_last_revision(schema: Schema) -> None:
    assert ScriptDirectory(schema.migrations).get_heads() == [schema.head]

"""Statements written with SQLAlchemy, compiled once, and run on the driver's own connection.

SQLAlchemy's ``execute`` costs 40 µs and more a call; this costs less than 1 µs over what the driver itself needs. In return
nothing is converted: values go to the driver and come back as it knows them, so tables used here have plain types only (text,
integers, floats, bytes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Insert, Table
from sqlalchemy.sql.base import Executable

if TYPE_CHECKING:
    from .engine import Connection

Row = tuple[Any, ...]
Statement = Executable | Callable[[str], Executable]
"""A statement, or what makes one for a dialect's name (``sqlite``, ``postgresql``) where they differ."""


class Prepared:
    """One statement with positional values.

    `names` are the names of its bind parameters (of a plain insert: of the columns) in the order in which the caller gives the
    values. A name may occur several times in the statement, its value is given once. Values that are part of the statement stay.
    """

    __slots__ = ("_compiled", "_names", "_statement")

    def __init__(self, statement: Statement, *names: str) -> None:
        self._statement = statement
        self._names = names
        self._compiled: dict[str, tuple[str, tuple[int, ...] | None, Row]] = {}

    def all(self, connection: Connection, *values: Any) -> list[Row]:
        """All rows of the answer."""
        sql, order, constants = self._compiled.get(connection.dialect) or self._compile(connection)
        if order is not None:
            values += constants
            values = tuple([values[i] for i in order])
        rows: list[Row] = connection.raw.execute(sql, values).fetchall()
        return rows

    def one(self, connection: Connection, *values: Any) -> Row | None:
        """The first row of the answer; None if it is empty."""
        sql, order, constants = self._compiled.get(connection.dialect) or self._compile(connection)
        if order is not None:
            values += constants
            values = tuple([values[i] for i in order])
        row: Row | None = connection.raw.execute(sql, values).fetchone()
        return row

    def run(self, connection: Connection, *values: Any) -> int:
        """Change something; returns the number of rows that it touched."""
        sql, order, constants = self._compiled.get(connection.dialect) or self._compile(connection)
        if order is not None:
            values += constants
            values = tuple([values[i] for i in order])
        touched: int = connection.raw.execute(sql, values).rowcount
        return touched

    def many(self, connection: Connection, rows: Iterable[Sequence[Any]]) -> int:
        """Change something once for each of `rows`, the values of one call each; returns the number of rows that it touched."""
        sql, order, constants = self._compiled.get(connection.dialect) or self._compile(connection)
        if order is not None:
            rows = [[row[i] for i in order] for row in ((*values, *constants) for values in rows)]
        cursor = connection.raw.cursor()
        cursor.executemany(sql, rows)
        # Nobody need have counted where there were no rows.
        return max(0, int(cursor.rowcount))

    def _compile(self, connection: Connection) -> tuple[str, tuple[int, ...] | None, Row]:
        statement = self._statement if isinstance(self._statement, Executable) else self._statement(connection.dialect)
        keys = list(self._names) if isinstance(statement, Insert) else None
        compiled: Any = statement.compile(dialect=connection.engine.dialect, column_keys=keys)  # type: ignore[attr-defined]
        positions: list[str] = compiled.positiontup or []
        places = {name: i for i, name in enumerate(self._names)}
        unknown = set(self._names).difference(positions)
        if unknown:
            raise TypeError(f"the statement has no parameters {sorted(unknown)}: {compiled}")
        constants: list[Any] = []
        for name in positions:
            if name not in places:
                if compiled.binds[name].required or compiled.binds[name].value is None:
                    raise TypeError(f"no value for the parameter {name!r} of the statement: {compiled}")
                places[name] = len(self._names) + len(constants)
                constants.append(compiled.binds[name].value)
        order = None if tuple(positions) == self._names else tuple(places[name] for name in positions)
        self._compiled[connection.dialect] = found = (str(compiled), order, tuple(constants))
        return found


def upsert(table: Table, *keep: str) -> Callable[[str], Executable]:
    """An insert of all columns of `table` that replaces the row with the same primary key, except its columns `keep`."""

    def build(dialect: str) -> Executable:
        insert: Any
        if dialect == "postgresql":
            from sqlalchemy.dialects.postgresql import insert
        else:
            from sqlalchemy.dialects.sqlite import insert
        statement: Any = insert(table)
        key = [column.name for column in table.primary_key.columns]
        changed = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in key and c.name not in keep}
        found: Executable = (
            statement.on_conflict_do_update(index_elements=key, set_=changed)
            if changed
            else statement.on_conflict_do_nothing(index_elements=key)
        )
        return found

    return build

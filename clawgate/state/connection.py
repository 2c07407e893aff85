"""One connection to a database, and what the kinds of databases do differently."""

from __future__ import annotations

from typing import Any, Protocol

import sqlalchemy

from ..errors import ClawgateError


class Kind(Protocol):
    """A kind of database, as one `Database` uses it."""

    address: sqlalchemy.URL
    options: dict[str, Any]
    """For SQLAlchemy's ``create_engine``."""
    file: str
    """The path, where the database is a file; else empty."""

    def attach(self, engine: sqlalchemy.Engine) -> None:
        """Tune all connections that `engine` makes from now on."""

    def prepare(self) -> None:
        """Before the first connection. Raises `SettingsError`."""

    def inspect(self, raw: Any) -> None:
        """Look at the first connection. Raises `SettingsError` if the database is of no use."""

    def claim(self, raw: Any) -> None:
        """Keep others from claiming the same tables, for as long as the connection lasts."""

    def begin(self, raw: Any, *, write: bool) -> None:
        """Start a transaction; one that writes does when no other one writes any more."""

    def healthy(self, raw: Any) -> bool:
        """Whether the connection can be used."""

    def under_way(self, raw: Any) -> bool:
        """Whether a transaction is, be it one that can only be undone."""

    def failed(self, raw: Any) -> bool:
        """Whether the transaction can only be undone, although nobody was told."""

    def meaning(self, error: BaseException) -> ClawgateError | None:
        """What an error of the driver means; None: a statement was wrong. The text is shown to clients."""


class Connection:
    """One connection, used by one thread at a time; what the functions given to `Database` work with."""

    __slots__ = ("dialect", "engine", "kind", "raw", "sql")

    def __init__(self, engine: sqlalchemy.Engine, kind: Kind) -> None:
        self.engine = engine
        self.kind = kind
        self.dialect = engine.dialect.name
        self.sql = engine.connect()
        """For statements of SQLAlchemy; takes part in the same transaction."""
        self.raw: Any = self.sql.connection.dbapi_connection
        """The driver's connection, for `Prepared`."""

    def begin(self, *, write: bool) -> None:
        """Start a transaction. Reads see one state of the database throughout; of all processes one writes at a time."""
        self.kind.begin(self.raw, write=write)

    @property
    def healthy(self) -> bool:
        """Whether it can be used."""
        return self.kind.healthy(self.raw)

    def end(self, *, commit: bool) -> None:
        """End the transaction; its changes are on disk, or gone."""
        if commit and self.kind.failed(self.raw):
            raise RuntimeError("a statement failed, and nobody said so")
        # SQLAlchemy counts a transaction of its own as soon as it has executed something.
        target: Any = self.sql if self.sql.in_transaction() else self.raw
        if commit:
            target.commit()
        else:
            target.rollback()

    def close(self) -> None:
        """Let go of the connection, whatever state it is in."""
        self.sql.invalidate()
        self.sql.close()

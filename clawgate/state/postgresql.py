"""PostgreSQL: a server, for processes of several machines.

What SQLite gives by itself is made here: of all transactions that write to the tables of one schema a single one is under way.
So limits are counted, numbers are given out and rows are compared and set as on SQLite, and what a row's number says of the order
of changes is also the order in which others see them. Writes that wait in one process share a commit (`Database.write`).
"""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy

from ..errors import ClawgateError, InvalidRequest, SettingsError, StorageUnavailable

DRIVER = "postgresql+psycopg"
WAITS = {
    # What the address may say otherwise, see libpq's documentation: seconds, and milliseconds.
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "application_name": "clawgate",
}
SILENCE_SECONDS = 60
"""So long may a transaction wait for its process; then the server undoes it, so that others can write."""
_TOO_LONG = "54000"
"""SQLSTATE: a value does not fit into an index."""


class Postgresql:
    """A `Kind`."""

    file = ""

    def __init__(self, address: sqlalchemy.URL, schema: str, busy_timeout: float) -> None:
        """Those that write to the tables of the same `schema` wait for each other, for `busy_timeout` seconds."""
        if address.get_driver_name() != "psycopg":
            raise SettingsError(f"of the drivers for PostgreSQL only psycopg is used: write {DRIVER}://")
        waits = {key: value for key, value in WAITS.items() if key not in address.query}
        limits = f"-c lock_timeout={int(busy_timeout * 1000)} -c idle_in_transaction_session_timeout={SILENCE_SECONDS}s"
        limits += " -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
        given = address.query.get("options", "")
        own = given if isinstance(given, str) else " ".join(given)
        self.address = address.difference_update_query(["options"])
        self.options: dict[str, Any] = {
            "paramstyle": "format",
            # Transactions are begun and ended here.
            "isolation_level": "AUTOCOMMIT",
            "connect_args": {**waits, "options": f"{limits} {own}".strip(), "client_encoding": "utf8"},
        }
        digest = hashlib.sha256(f"clawgate {schema}".encode()).digest()
        # Numbers of locks count in the whole database: what is locked are tables in one of its schemas.
        self._lock, self._claim = (
            f"hashtextextended(current_schema(), {int.from_bytes(digest[at : at + 8], 'big', signed=True)})" for at in (0, 8)
        )
        # The statements behind the lock see what was committed before it was had: a snapshot for all would be older.
        self._write = f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock({self._lock})"

    def attach(self, engine: sqlalchemy.Engine) -> None:
        """Everything is said when a connection is made."""

    def prepare(self) -> None:
        """The database was made by its owner."""

    def inspect(self, raw: Any) -> None:
        """Names must come back as they were, whatever language they are in."""
        encoding = (raw.pgconn.parameter_status(b"server_encoding") or b"").decode()
        if encoding != "UTF8":
            raise SettingsError(f"the encoding of {self.address.database} is {encoding}: create it with ENCODING 'UTF8'")

    def claim(self, raw: Any) -> None:
        """A process that was killed is missed at once; one whose machine went down, when the connection counts as dead."""
        raw.execute(f"SELECT pg_advisory_lock({self._claim})", prepare=False)

    def begin(self, raw: Any, *, write: bool) -> None:
        """A transaction that writes waits for those of others; the lock goes with its end."""
        # Two statements cannot be prepared, and a single one need not be.
        raw.execute(self._write if write else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", prepare=False)

    def healthy(self, raw: Any) -> bool:
        """The server, or somebody there, may have ended it."""
        return not raw.closed

    def under_way(self, raw: Any) -> bool:
        """After a failed statement a transaction still is, until it is undone."""
        return not raw.closed and raw.info.transaction_status.name in ("INTRANS", "INERROR")

    def failed(self, raw: Any) -> bool:
        """A commit would undo everything without a word then."""
        return bool(raw.info.transaction_status.name == "INERROR")

    def meaning(self, error: BaseException) -> ClawgateError | None:
        """`InvalidRequest` for values that cannot be kept; `StorageUnavailable`, unless a statement or a row was wrong."""
        import psycopg

        if not isinstance(error, psycopg.Error) or isinstance(error, (psycopg.IntegrityError, psycopg.ProgrammingError)):
            return None
        if isinstance(error, psycopg.DataError) or error.sqlstate == _TOO_LONG:
            return InvalidRequest("a name or value cannot be kept: it has characters that are not allowed, or is too long")
        # Where no server answers, the driver tells where it looked: that is no client's business.
        said = error.diag.message_primary
        return StorageUnavailable(f"the database does not work at the moment{f': {said}' if said else ''}")

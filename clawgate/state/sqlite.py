"""SQLite: a file on a local disk, for all processes of one machine."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import Any

import sqlalchemy

from ..errors import ClawgateError, SettingsError, StorageUnavailable

CACHE_KIB = 8192
"""Pages that one connection keeps: a listing of ten thousand rows reads some 3 MiB of them, in no order."""
WAL_PAGES = 4000
"""In the log before they are brought to their places, 16 MiB: four times what is usual, because the same ones change again and
again while a tree is learned."""
WAL_TRIES = 100
WAL_PAUSE = 0.05
"""Seconds between them."""


class Sqlite:
    """A `Kind`."""

    def __init__(self, address: sqlalchemy.URL, synchronous: str, busy_timeout: float) -> None:
        """`synchronous` and `busy_timeout` are those of `Database`. Raises `SettingsError` if there is no file."""
        self.address = address
        self.file = address.database or ""
        if not self.file or self.file == ":memory:":
            raise SettingsError(f"{address.render_as_string(hide_password=True)}: a database in a file is needed")
        self.options: dict[str, Any] = {
            "connect_args": {
                "timeout": busy_timeout,
                "isolation_level": None,
                "check_same_thread": False,
                "cached_statements": 256,
            }
        }
        self._synchronous = synchronous

    def attach(self, engine: sqlalchemy.Engine) -> None:
        """Tune all connections that `engine` makes from now on."""
        sqlalchemy.event.listen(engine, "connect", self._tune)

    def prepare(self) -> None:
        """Make the file, readable by its owner only."""
        try:
            os.close(os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise SettingsError(f"the database {self.file} cannot be opened: {error.strerror}") from error

    def inspect(self, raw: Any) -> None:
        """Nothing to be seen."""

    def claim(self, raw: Any) -> None:
        """Whoever has the data directory to themselves has the file."""

    def begin(self, raw: Any, *, write: bool) -> None:
        """Writers wait for each other in SQLite."""
        raw.execute("BEGIN IMMEDIATE" if write else "BEGIN")

    def healthy(self, raw: Any) -> bool:
        """A file does not go away."""
        return True

    def under_way(self, raw: Any) -> bool:
        """Some failures (a full disk) end the whole transaction."""
        return bool(raw.in_transaction)

    def failed(self, raw: Any) -> bool:
        """A statement that fails undoes itself alone."""
        return False

    def meaning(self, error: BaseException) -> ClawgateError | None:
        """`StorageUnavailable`, unless a statement or a row was wrong."""
        if not isinstance(error, sqlite3.Error) or isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError)):
            return None
        # Clients are shown this text: the last part of the name must do.
        return StorageUnavailable(f"{os.path.basename(self.file)} does not work at the moment: {error}")

    def _tune(self, raw: sqlite3.Connection, record: object) -> None:
        self._use_wal(raw)
        raw.execute(f"PRAGMA synchronous = {self._synchronous}").close()
        raw.execute("PRAGMA foreign_keys = ON").close()
        raw.execute("PRAGMA temp_store = MEMORY").close()
        raw.execute(f"PRAGMA cache_size = -{CACHE_KIB}").close()
        raw.execute("PRAGMA journal_size_limit = 67108864").close()
        raw.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}").close()

    def _use_wal(self, raw: sqlite3.Connection) -> None:
        # Unlike everything else this does not wait for others that are at it, with a fresh file.
        for left in range(WAL_TRIES, -1, -1):
            try:
                raw.execute("PRAGMA journal_mode = WAL").close()
                return
            except sqlite3.OperationalError as error:
                if not left or "locked" not in str(error):
                    raise
                time.sleep(WAL_PAUSE)

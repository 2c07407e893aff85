"""A database: connections, transactions off the reactor's thread, and a schema that is brought up to date at the start."""

from __future__ import annotations

import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import attrs
import sqlalchemy
from sqlalchemy.pool import NullPool
from twisted.internet.defer import Deferred

from ..errors import Overloaded, SettingsError, StorageUnavailable
from ..workers import Workers

T = TypeVar("T")

CACHE_KIB = 8192
"""Pages that one SQLite connection keeps: a listing of ten thousand rows reads some 3 MiB of them, in no order."""
WAL_TRIES = 100
WAL_PAUSE = 0.05
"""Seconds between them."""
TOGETHER = 64
"""Most waiting writes that are committed together."""


class Damaged(SettingsError):
    """The file is there and is not a usable database."""


@attrs.frozen
class Schema:
    """What a database must look like."""

    metadata: sqlalchemy.MetaData
    """The tables as this version of the code wants them."""
    migrations: str
    """Directory of Alembic revisions that lead there."""
    head: str
    """The last of these revisions; known without reading them because Alembic costs 11 MiB of memory."""
    version_table: str
    """Where the database notes its revision; one of its own for every schema, so that several can share a PostgreSQL database."""


class Connection:
    """One connection, used by one thread at a time; what the functions given to `Database` work with."""

    __slots__ = ("dialect", "engine", "raw", "sql")

    def __init__(self, engine: sqlalchemy.Engine) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name
        self.sql = engine.connect()
        """For statements of SQLAlchemy; takes part in the same transaction."""
        self.raw: Any = self.sql.connection.dbapi_connection
        """The driver's connection, for `Prepared`."""

    def begin(self, *, write: bool) -> None:
        """Start a transaction. Reads see one state of the database throughout."""
        if self.dialect == "sqlite":
            self.raw.execute("BEGIN IMMEDIATE" if write else "BEGIN")

    def end(self, *, commit: bool) -> None:
        """End the transaction; its changes are on disk, or gone."""
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


class Database:
    """One database with its schema.

    Functions given to `read` and `write` run in a thread, once, with a `Connection` inside a transaction. Their result or
    exception is handed back when the transaction has ended; a write that was cancelled while it waited is done all the same.
    """

    def __init__(
        self, url: str, workers: Workers, schema: Schema, *, synchronous: str = "FULL", busy_timeout: float = 10.0
    ) -> None:
        """`url` is SQLAlchemy's. SQLite only: `synchronous` is ``FULL`` (a commit survives a power failure) or ``NORMAL`` (it
        may be lost then, without damage); `busy_timeout` is how long to wait for another process, in seconds.
        """
        self._workers = workers
        self._schema = schema
        self._synchronous = synchronous
        self._idle: deque[Connection] = deque()
        self._waiting: deque[tuple[Callable[[Connection], Any], Deferred[Any]]] = deque()
        self._writing = False
        try:
            address = sqlalchemy.make_url(url)
            options: dict[str, Any] = {"paramstyle": "format"}
            self.file = ""
            """SQLite: the path; else empty."""
            self._lone = address.get_backend_name() == "sqlite"
            """SQLite: only one transaction can write at a time."""
            if self._lone:
                self.file = address.database or ""
                if not self.file or self.file == ":memory:":
                    raise SettingsError(f"{url}: a database in a file is needed")
                options = {
                    "connect_args": {
                        "timeout": busy_timeout,
                        "isolation_level": None,
                        "check_same_thread": False,
                        "cached_statements": 256,
                    }
                }
            self._engine = sqlalchemy.create_engine(address, poolclass=NullPool, **options)
        except (sqlalchemy.exc.ArgumentError, sqlalchemy.exc.NoSuchModuleError, ImportError) as error:
            raise SettingsError(f"the database URL {_shown(url)} cannot be used: {error}") from error
        self.name = self.file or address.render_as_string(hide_password=True)
        """For people: the file or the address."""
        if self._lone:
            sqlalchemy.event.listen(self._engine, "connect", self._tune)

    async def start(self) -> None:
        """Create the file (readable by its owner only) and the tables, or bring them up to date.

        Raises `SettingsError` if the database cannot be opened or belongs to a newer version, `Damaged` if it is none.
        """
        await self._workers.run(self._prepare)

    async def stop(self) -> None:
        """Close all connections; nothing may be running any more."""
        await self._workers.run(self._close)

    async def ping(self) -> None:
        """Raises `StorageUnavailable` if the database does not answer."""
        await self.read(lambda connection: connection.raw.execute("SELECT 1").fetchall())

    async def read(self, function: Callable[[Connection], T]) -> T:
        """Call `function` in a transaction that sees one state of the database.

        Raises what it raises, `Overloaded`, and `StorageUnavailable` for failures of the database.
        """
        return await self._workers.run(self._read, function)

    async def write(self, function: Callable[[Connection], T]) -> T:
        """Call `function` in a transaction that is committed when it returns and rolled back when it raises.

        On SQLite writes that wait for each other share one commit, each with a savepoint of its own. Errors are those of `read`.
        """
        if not self._lone:
            return await self._workers.run(self._write, function)
        if len(self._waiting) >= self._workers.limit:
            raise Overloaded(f"too many changes are waiting for {self._workers.name}")
        result: Deferred[T] = Deferred()
        self._waiting.append((function, result))
        if not self._writing:
            self._writing = True
            Deferred.fromCoroutine(self._drain())
        return await result

    async def _drain(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]
            try:
                outcomes = await self._workers.run(self._write_together, [function for function, _ in batch])
            except Exception as error:
                outcomes = [(False, error)] * len(batch)
            for (_, result), (success, outcome) in zip(batch, outcomes, strict=True):
                if success:
                    result.callback(outcome)
                else:
                    result.errback(outcome)
        self._writing = False

    # The rest runs in threads.

    def _read(self, function: Callable[[Connection], T]) -> T:
        return self._transaction(function, write=False)

    def _write(self, function: Callable[[Connection], T]) -> T:
        return self._transaction(function, write=True)

    def _transaction(self, function: Callable[[Connection], T], *, write: bool) -> T:
        connection = self._take()
        try:
            connection.begin(write=write)
            result = function(connection)
            connection.end(commit=True)
        except BaseException as error:
            self._undo(connection)
            meaning = self._meaning(error)
            if meaning is error:
                raise
            raise meaning from error
        self._idle.append(connection)
        return result

    def _write_together(self, functions: list[Callable[[Connection], Any]]) -> list[tuple[bool, Any]]:
        if len(functions) == 1:
            return [(True, self._write(functions[0]))]

        def all_of_them(connection: Connection) -> list[tuple[bool, Any]]:
            return [self._one_of_many(connection, function) for function in functions]

        return self._write(all_of_them)

    def _one_of_many(self, connection: Connection, function: Callable[[Connection], Any]) -> tuple[bool, Any]:
        outcome: tuple[bool, Any]
        connection.raw.execute("SAVEPOINT one")
        try:
            outcome = (True, function(connection))
        except Exception as error:
            # Some failures (a full disk) end the whole transaction: then nothing of the others is left either.
            if not connection.raw.in_transaction:
                raise
            connection.raw.execute("ROLLBACK TO one")
            outcome = (False, self._meaning(error))
        connection.raw.execute("RELEASE one")
        return outcome

    def _take(self) -> Connection:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        try:
            return Connection(self._engine)
        except sqlalchemy.exc.DBAPIError as error:
            raise self._meaning(error) from error

    def _undo(self, connection: Connection) -> None:
        try:
            connection.end(commit=False)
        except Exception:
            connection.close()
        else:
            self._idle.append(connection)

    def _meaning(self, error: BaseException) -> BaseException:
        """`StorageUnavailable` if `error` says that the database does not work; `error` itself if the statement was wrong."""
        cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) and error.orig is not None else error
        driver: Any = self._engine.dialect.loaded_dbapi
        if not isinstance(cause, driver.Error) or isinstance(cause, (driver.IntegrityError, driver.ProgrammingError)):
            return error
        # Clients are shown this text: the last part of the name must do.
        name = os.path.basename(self.file) or "the database"
        return StorageUnavailable(f"{name} does not work at the moment: {cause}")

    def _tune(self, raw: sqlite3.Connection, record: object) -> None:
        self._use_wal(raw)
        raw.execute(f"PRAGMA synchronous = {self._synchronous}").close()
        raw.execute("PRAGMA foreign_keys = ON").close()
        raw.execute("PRAGMA temp_store = MEMORY").close()
        raw.execute(f"PRAGMA cache_size = -{CACHE_KIB}").close()
        raw.execute("PRAGMA journal_size_limit = 67108864").close()

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

    def _prepare(self) -> None:
        if self.file:
            try:
                os.close(os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            except OSError as error:
                raise SettingsError(f"the database {self.file} cannot be opened: {error.strerror}") from error
        try:
            connection = Connection(self._engine)
            try:
                connection.begin(write=True)
                self._bring_up(connection)
                connection.end(commit=True)
            finally:
                connection.close()
        except (sqlalchemy.exc.DBAPIError, sqlite3.Error) as error:
            cause = getattr(error, "orig", None) or error
            if self._lone and type(cause) is sqlite3.DatabaseError:
                raise Damaged(f"{self.file} is damaged or not a database ({cause}): restore it or move it away") from error
            raise SettingsError(f"the database {self.name} cannot be used: {cause}") from error

    def _bring_up(self, connection: Connection) -> None:
        schema = self._schema
        version = sqlalchemy.Table(
            schema.version_table, sqlalchemy.MetaData(), sqlalchemy.Column("version_num", sqlalchemy.String(32), primary_key=True)
        )
        present = set(sqlalchemy.inspect(connection.sql).get_table_names())
        if schema.version_table not in present:
            strangers = present.intersection(schema.metadata.tables)
            if strangers or (self._lone and present):
                tables = ", ".join(sorted(strangers or present))
                raise SettingsError(f"{self.name} has tables that are not clawgate's: {tables}")
            schema.metadata.create_all(connection.sql)
            version.create(connection.sql)
            connection.sql.execute(version.insert().values(version_num=schema.head))
            return
        revision = connection.sql.execute(sqlalchemy.select(version.c.version_num)).scalar() or ""
        if revision != schema.head:
            from .upgrading import upgrade

            upgrade(connection.sql, schema, revision, self.name)

    def _close(self) -> None:
        while self._idle:
            connection = self._idle.pop()
            connection.sql.close()
        self._engine.dispose()


def _shown(url: str) -> str:
    """`url` without anything that could be a password."""
    head, at, tail = url.rpartition("@")
    return f"{head.partition('://')[0]}://...@{tail}" if at else url

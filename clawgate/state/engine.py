"""A database: connections, transactions off the reactor's thread, and a schema that is brought up to date at the start."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import attrs
import sqlalchemy
from sqlalchemy.pool import NullPool
from twisted.internet.defer import Deferred

from ..errors import Overloaded, SettingsError, StorageUnavailable
from ..log import make_logger
from ..workers import Workers
from .connection import Connection as Connection
from .connection import Kind
from .postgresql import DRIVER, Postgresql
from .sqlite import Sqlite

T = TypeVar("T")

EXTRA = "clawgate[postgresql]"
TOGETHER = 64
"""Most waiting writes that are committed together."""
WHERE = "where"
"""In the ``info`` of an index: which rows it has. Arguments for each dialect would load both, and the other one takes 30 ms."""

log = make_logger()


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


class Database:
    """One database with its schema.

    Functions given to `read` and `write` run in a thread, once, with a `Connection` inside a transaction. Their result or
    exception is handed back when the transaction has ended; a write that was cancelled while it waited is done all the same.
    """

    def __init__(
        self, url: str, workers: Workers, schema: Schema, *, synchronous: str = "FULL", busy_timeout: float = 10.0
    ) -> None:
        """`url` is SQLAlchemy's; `busy_timeout` is how long writes wait for those of other processes, in seconds. SQLite only:
        `synchronous` is ``FULL`` (a commit survives a power failure) or ``NORMAL`` (it may be lost then, without damage).

        Raises `SettingsError` if the address cannot be used.
        """
        self._workers = workers
        self._schema = schema
        self._idle: deque[Connection] = deque()
        self._waiting: deque[tuple[Callable[[Connection], Any], Deferred[Any]]] = deque()
        self._writing = False
        self._works = True
        self._claim: Connection | None = None
        try:
            address = address_of(url)
            self._kind: Kind
            if address.get_backend_name() == "sqlite":
                self._kind = Sqlite(address, synchronous, busy_timeout)
            else:
                self._kind = Postgresql(address, schema.version_table, busy_timeout)
            self._engine = sqlalchemy.create_engine(self._kind.address, poolclass=NullPool, **self._kind.options)
        except ImportError as error:
            mend = f"install the driver, pip install '{EXTRA}'"
            raise SettingsError(f"the database URL {_shown(url)} cannot be used: {error}; {mend}") from error
        except (sqlalchemy.exc.ArgumentError, sqlalchemy.exc.NoSuchModuleError) as error:
            raise SettingsError(f"the database URL {_shown(url)} cannot be used: {error}") from error
        self.file = self._kind.file
        """SQLite: the path; else empty."""
        self.name = self.file or address.render_as_string(hide_password=True)
        """For people: the file or the address."""
        self._kind.attach(self._engine)

    async def start(self) -> None:
        """Create the file (readable by its owner only) and the tables, or bring them up to date.

        Raises `SettingsError` if the database cannot be opened or belongs to a newer version, `Damaged` if it is none.
        """
        await self._workers.run(self._prepare)

    async def claim(self) -> None:
        """Keep other gateways from the tables until `stop`: what one holds in memory another would change. Raises `SettingsError`
        if another one has them. PostgreSQL only, until its server is started again; `start` comes first.
        """
        await self._workers.run(self._take_claim)

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
        try:
            found = await self._workers.run(self._read, function)
        except StorageUnavailable as error:
            self._note(error)
            raise
        self._note(None)
        return found

    async def write(self, function: Callable[[Connection], T]) -> T:
        """Call `function` in a transaction that is committed when it returns and rolled back when it raises.

        Of all processes one writes at a time. Writes that wait for each other here share one commit, each with a savepoint of its
        own. Errors are those of `read`; after a `StorageUnavailable` nobody knows whether the changes were made.
        """
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
                self._note(None)
            except Exception as error:
                if isinstance(error, StorageUnavailable):
                    self._note(error)
                outcomes = [(False, error)] * len(batch)
            for (_, result), (success, outcome) in zip(batch, outcomes, strict=True):
                if success:
                    result.callback(outcome)
                else:
                    result.errback(outcome)
        self._writing = False

    def _note(self, error: StorageUnavailable | None) -> None:
        """Tell operators, who may know more than clients, when the database fails and when it works again."""
        if self._works and error is not None:
            log.warn("{name} does not work: {error}", name=self.name, error=str(error.__cause__ or error))
        elif error is None and not self._works:
            log.info("{name} works again", name=self.name)
        self._works = error is None

    # The rest runs in threads.

    def _read(self, function: Callable[[Connection], T]) -> T:
        return self._transaction(function, write=False)

    def _write(self, function: Callable[[Connection], T]) -> T:
        return self._transaction(function, write=True)

    def _transaction(self, function: Callable[[Connection], T], *, write: bool) -> T:
        connection = self._begin(write=write)
        try:
            result = function(connection)
            connection.end(commit=True)
        except BaseException as error:
            self._undo(connection)
            self._fail(error)
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
            # If the whole transaction has ended, nothing of the others is left either.
            if not connection.kind.under_way(connection.raw):
                raise
            connection.raw.execute("ROLLBACK TO one")
            outcome = (False, self._meaning(error))
        connection.raw.execute("RELEASE one")
        return outcome

    def _begin(self, *, write: bool) -> Connection:
        """A connection in a transaction. Those that ended while nobody used them (the server was started again) do no harm."""
        while True:
            connection, used = self._take()
            try:
                connection.begin(write=write)
                return connection
            except BaseException as error:
                self._undo(connection)
                if not used or connection.healthy:
                    self._fail(error)

    def _take(self) -> tuple[Connection, bool]:
        """A connection, and whether it was used before."""
        try:
            return self._idle.pop(), True
        except IndexError:
            pass
        try:
            return Connection(self._engine, self._kind), False
        except sqlalchemy.exc.DBAPIError as error:
            self._fail(error)

    def _undo(self, connection: Connection) -> None:
        try:
            connection.end(commit=False)
        except Exception:
            connection.close()
        else:
            if connection.healthy:
                self._idle.append(connection)
            else:
                connection.close()

    def _fail(self, error: BaseException) -> NoReturn:
        meaning = self._meaning(error)
        if meaning is error:
            raise error
        raise meaning from error

    def _meaning(self, error: BaseException) -> BaseException:
        """`StorageUnavailable` if `error` says that the database does not work; `error` itself if the statement was wrong."""
        cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) and error.orig is not None else error
        return self._kind.meaning(cause) or error

    def _prepare(self) -> None:
        self._kind.prepare()
        try:
            connection = Connection(self._engine, self._kind)
            try:
                self._kind.inspect(connection.raw)
                connection.begin(write=True)
                self._bring_up(connection)
                connection.end(commit=True)
            finally:
                connection.close()
        except Exception as error:
            cause = getattr(error, "orig", None) or error
            if self._kind.meaning(cause) is None and not isinstance(error, sqlalchemy.exc.DBAPIError):
                raise
            if type(cause) is sqlite3.DatabaseError:
                raise Damaged(f"{self.file} is damaged or not a database ({cause}): restore it or move it away") from error
            raise SettingsError(f"the database {self.name} cannot be used: {cause}") from error

    def _take_claim(self) -> None:
        connection = Connection(self._engine, self._kind)
        try:
            self._kind.claim(connection.raw)
        except Exception as error:
            connection.close()
            raise SettingsError(f"another gateway works with {self.name}, or it does not answer: {error}") from error
        self._claim = connection

    def _bring_up(self, connection: Connection) -> None:
        schema = self._schema
        version = sqlalchemy.Table(
            schema.version_table, sqlalchemy.MetaData(), sqlalchemy.Column("version_num", sqlalchemy.String(32), primary_key=True)
        )
        present = set(sqlalchemy.inspect(connection.sql).get_table_names())
        if schema.version_table not in present:
            strangers = present.intersection(schema.metadata.tables)
            if strangers or (self.file and present):
                tables = ", ".join(sorted(strangers or present))
                raise SettingsError(f"{self.name} has tables that are not clawgate's: {tables}")
            _choose_rows(schema.metadata, connection.dialect)
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
            self._idle.pop().close()
        if self._claim is not None:
            self._claim.close()
            self._claim = None
        self._engine.dispose()


def _choose_rows(metadata: sqlalchemy.MetaData, dialect: str) -> None:
    """Make the indexes that say so (`WHERE`) partial ones."""
    for table in metadata.tables.values():
        for index in table.indexes:
            if WHERE in index.info:
                index.dialect_kwargs[f"{dialect}_where"] = index.info[WHERE]


def address_of(url: str) -> sqlalchemy.URL:
    """`url` with the driver that is used. Raises `SettingsError` for databases other than SQLite and PostgreSQL."""
    address = sqlalchemy.make_url(url)
    if address.drivername == "postgresql":
        return address.set(drivername=DRIVER)
    if address.get_backend_name() not in ("sqlite", "postgresql"):
        known = "only SQLite and PostgreSQL are known, as sqlite:///FILE and postgresql://USER:PASSWORD@HOST/DATABASE"
        raise SettingsError(f"the database URL {_shown(url)} cannot be used: {known}")
    return address


def _shown(url: str) -> str:
    """`url` without anything that could be a password."""
    head, at, tail = url.rpartition("@")
    return f"{head.partition('://')[0]}://...@{tail}" if at else url

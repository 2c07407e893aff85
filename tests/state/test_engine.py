from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from threading import Event
from typing import Any

import attrs
import psycopg
import pytest
import pytest_twisted
import sqlalchemy as sa
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList, gatherResults

from clawgate.errors import Overloaded, SettingsError, StorageUnavailable
from clawgate.state.engine import TOGETHER, Connection, Damaged, Database, Schema
from clawgate.state.prepared import Prepared, upsert
from clawgate.workers import Workers

from ..postgres import Postgres

metadata = sa.MetaData()
thing = sa.Table("thing", metadata, sa.Column("id", sa.Text, primary_key=True), sa.Column("n", sa.Integer, nullable=False))
SCHEMA = Schema(metadata=metadata, migrations="/nowhere", head="one", version_table="test_version")

_put = Prepared(upsert(thing), "id", "n")
_insert = Prepared(sa.insert(thing), "id", "n")
_all = Prepared(sa.select(thing).order_by(thing.c.id))


def put(id: str, n: int) -> object:
    return lambda connection: _put.run(connection, id, n)


def start(coroutine: object) -> Deferred[object]:
    return Deferred.fromCoroutine(coroutine)  # type: ignore[arg-type]


class Opener:
    def __init__(self, url: str, workers: Workers) -> None:
        self.url, self.workers = url, workers
        self.opened: list[Database] = []

    @property
    def file(self) -> Path:
        return Path(self.url.removeprefix("sqlite:///"))

    async def __call__(self, schema: Schema = SCHEMA, **options: object) -> Database:
        database = Database(self.url, self.workers, schema, **options)  # type: ignore[arg-type]
        self.opened.append(database)
        await database.start()
        return database

    def other(self) -> Any:
        """Another process's connection, to be used from any thread; every statement counts at once."""
        if self.url.startswith("sqlite"):
            return sqlite3.connect(self.file, isolation_level=None, check_same_thread=False)
        return psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True)

    async def stop(self) -> None:
        for database in self.opened:
            await database.stop()


@pytest_twisted.async_yield_fixture
async def opener(database_url: str, workers: Workers):  # type: ignore[no-untyped-def]
    """Of a database of either kind."""
    opener = Opener(database_url, workers)
    yield opener
    await opener.stop()


@pytest_twisted.async_yield_fixture
async def local(tmp_path: Path, workers: Workers):  # type: ignore[no-untyped-def]
    """Of a file."""
    opener = Opener(f"sqlite:///{tmp_path}/test.db", workers)
    yield opener
    await opener.stop()


@pytest_twisted.async_yield_fixture
async def served(postgres: Postgres, workers: Workers):  # type: ignore[no-untyped-def]
    """Of PostgreSQL."""
    url = postgres.schema()
    opener = Opener(url, workers)
    yield opener
    await opener.stop()
    postgres.drop(url)


@pytest_twisted.ensureDeferred
async def test_a_new_file_is_private_and_has_the_tables(local: Opener) -> None:
    database = await local()
    await database.write(put("a", 1))
    assert await database.read(_all.all) == [("a", 1)]
    for file in local.file.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert database.name == str(local.file)


@pytest_twisted.ensureDeferred
async def test_what_was_written_is_there_after_a_restart(local: Opener) -> None:
    database = await local()
    await database.write(put("a", 1))
    await database.stop()
    assert [file.name for file in local.file.parent.iterdir()] == ["test.db"]
    assert await (await local()).read(_all.all) == [("a", 1)]


@pytest.mark.parametrize("synchronous, value", [("FULL", 2), ("NORMAL", 1)])
@pytest_twisted.ensureDeferred
async def test_connections_are_tuned(local: Opener, synchronous: str, value: int) -> None:
    database = await local(synchronous=synchronous, busy_timeout=3)

    def ask(connection: Connection) -> list[object]:
        return [
            connection.raw.execute(f"PRAGMA {pragma}").fetchone()[0]
            for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]

    assert await database.read(ask) == ["wal", value, 1, 3000]


@pytest_twisted.ensureDeferred
async def test_a_failing_write_leaves_nothing(opener: Opener) -> None:
    database = await opener()

    def fail(connection: Connection) -> None:
        _put.run(connection, "a", 1)
        connection.sql.execute(sa.insert(thing).values(id="b", n=1))
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await database.write(fail)
    assert await database.read(_all.all) == []
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
        await database.write(lambda c: (_insert.run(c, "a", 1), _insert.run(c, "a", 2)))
    with pytest.raises(sa.exc.IntegrityError):
        await database.write(lambda c: c.sql.execute(sa.insert(thing).values(id="b", n=None)))
    assert await database.read(_all.all) == []


@pytest_twisted.ensureDeferred
async def test_sqlalchemy_and_prepared_statements_share_the_transaction(opener: Opener) -> None:
    database = await opener()

    def work(connection: Connection) -> int:
        connection.sql.execute(sa.insert(thing).values(id="a", n=1))
        assert _all.all(connection) == [("a", 1)]
        _put.run(connection, "b", 2)
        return len(connection.sql.execute(sa.select(thing)).all())

    assert await database.write(work) == 2
    assert await database.read(_all.all) == [("a", 1), ("b", 2)]


@pytest_twisted.ensureDeferred
async def test_writes_that_wait_share_a_commit_and_fail_alone(opener: Opener) -> None:
    database = await opener()
    seen: list[bool] = []

    def good(i: int) -> object:
        def work(connection: Connection) -> int:
            seen.append(connection.kind.under_way(connection.raw))
            _insert.run(connection, f"{i:03}", i)
            return i

        return work

    def bad(connection: Connection) -> None:
        _insert.run(connection, "bad", 0)
        raise ValueError

    def wrong(connection: Connection) -> None:
        _insert.run(connection, "wrong", 0)
        connection.sql.execute(sa.text("INSERT INTO nowhere VALUES (1)"))

    works = [good(0), bad, good(1), wrong, *(good(i) for i in range(2, 30)), bad]
    results = await DeferredList([start(database.write(work)) for work in works], consumeErrors=True)  # type: ignore[arg-type]
    outcomes = [value if success else value.type for success, value in results]
    assert outcomes == [0, ValueError, 1, outcomes[3], *range(2, 30), ValueError]
    assert outcomes[3] in (StorageUnavailable, sa.exc.ProgrammingError)
    assert [n for _, n in await database.read(_all.all)] == list(range(30))
    assert all(seen)


@pytest_twisted.ensureDeferred
async def test_writes_of_one_commit_are_all_lost_when_the_transaction_breaks(opener: Opener) -> None:
    database = await opener()
    await database.write(put("before", 1))

    def breaks(connection: Connection) -> None:
        connection.raw.execute("ROLLBACK")
        raise OSError("as a full disk does")

    works = [put("a", 1), breaks, put("b", 1)]
    results = await DeferredList([start(database.write(work)) for work in works], consumeErrors=True)  # type: ignore[arg-type]
    assert [success for success, _ in results] == [False, False, False]
    assert [id for id, _ in await database.read(_all.all)] == ["before"]
    await database.write(put("again", 1))


@pytest_twisted.ensureDeferred
async def test_a_cancelled_write_is_done_and_disturbs_nobody(opener: Opener) -> None:
    database = await opener()
    waiting = [start(database.write(put(str(i), i))) for i in range(4)]
    waiting[2].addErrback(lambda _: "cancelled")
    waiting[2].cancel()
    assert await gatherResults(waiting) == [1, 1, "cancelled", 1]
    assert len(await database.read(_all.all)) == 4


@pytest_twisted.ensureDeferred
async def test_too_many_waiting_writes_are_refused(opener: Opener, workers: Workers) -> None:
    database = await opener()
    waiting = [start(database.write(put(str(i), i))) for i in range(TOGETHER + workers.limit + 5)]
    results = await DeferredList(waiting, consumeErrors=True)
    refused = [value for success, value in results if not success]
    assert refused and all(failure.check(Overloaded) for failure in refused)
    assert len(await database.read(_all.all)) == len(results) - len(refused)


@pytest_twisted.ensureDeferred
async def test_a_read_sees_one_state(opener: Opener) -> None:
    database = await opener()
    await database.write(put("a", 1))
    other = opener.other()

    def work(connection: Connection) -> tuple[object, object]:
        before = _all.all(connection)
        other.execute("UPDATE thing SET n = 2")
        return before, _all.all(connection)

    try:
        assert await database.read(work) == ([("a", 1)], [("a", 1)])
        assert await database.read(_all.all) == [("a", 2)]
    finally:
        other.close()


@pytest_twisted.ensureDeferred
async def test_another_process_that_holds_the_lock_for_too_long(opener: Opener) -> None:
    database = await opener(busy_timeout=0.05)
    ready, over = Event(), Event()

    def hold(connection: Connection) -> None:
        ready.set()
        assert over.wait(120)

    another = Workers(reactor, "another", 1, 10)  # type: ignore[arg-type]
    another.start()
    busy = Database(opener.url, another, SCHEMA)
    held = start(busy.write(hold))
    await opener.workers.run(ready.wait, 120)
    try:
        with pytest.raises(StorageUnavailable, match=r"does not work at the moment: (database is locked|.*lock timeout)"):
            await database.write(put("a", 1))
        assert await database.read(_all.all) == []
        over.set()
        await held
        await database.write(put("a", 1))
        await busy.stop()
    finally:
        over.set()
        another.stop()


@pytest_twisted.ensureDeferred
async def test_two_that_start_at_once_make_one_database(opener: Opener) -> None:
    first, second = await gatherResults([start(opener()), start(opener())])
    await first.write(put("a", 1))  # type: ignore[attr-defined]
    assert await second.read(_all.all) == [("a", 1)]  # type: ignore[attr-defined]


@pytest_twisted.ensureDeferred
async def test_a_damaged_file_is_named(local: Opener) -> None:
    local.file.write_bytes(b"This is no database. " * 500)
    with pytest.raises(Damaged, match=f"{local.file} is damaged or not a database"):
        await local()


@pytest_twisted.ensureDeferred
async def test_damage_that_shows_later_is_a_failure_of_the_storage(local: Opener) -> None:
    database = await local()
    await database.write(lambda c: _put.many(c, [(f"{i:05}" + "x" * 200, i) for i in range(5000)]))
    await database.stop()
    size = local.file.stat().st_size
    with local.file.open("r+b") as file:
        file.seek(20 * 4096)
        file.write(os.urandom(size - 20 * 4096))
    database = await local()
    with pytest.raises(StorageUnavailable, match=r"^test\.db does not work"):
        await database.read(_all.all)


@pytest_twisted.ensureDeferred
async def test_somebody_elses_database_is_left_alone(local: Opener) -> None:
    with sqlite3.connect(local.file) as other:
        other.execute("CREATE TABLE precious (n)")
    other.close()
    with pytest.raises(SettingsError, match=r"test\.db has tables that are not clawgate's: precious"):
        await local()


@pytest_twisted.ensureDeferred
async def test_tables_of_somebody_else_beside_ours(served: Opener) -> None:
    with served.other() as other:
        other.execute("CREATE TABLE precious (n INTEGER)")
        await (await served()).stop()
        tables = other.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()
        assert {name for (name,) in tables} == {"precious", "thing", "test_version"}
        other.execute("DROP TABLE test_version")
        with pytest.raises(SettingsError, match="has tables that are not clawgate's: thing"):
            await served()


@pytest_twisted.ensureDeferred
async def test_a_directory_that_is_not_there(tmp_path: Path, workers: Workers) -> None:
    with pytest.raises(SettingsError, match=r"gone/test\.db cannot be opened: No such file or directory"):
        await Opener(f"sqlite:///{tmp_path}/gone/test.db", workers)()


@pytest.mark.parametrize(
    "url, text",
    [
        ("nonsense", "nonsense cannot be used"),
        ("nosuch://me:secret@host/db", "nosuch://...@host/db cannot be used"),
        ("mysql://me:secret@host/db", "mysql://...@host/db cannot be used: only SQLite and PostgreSQL are known"),
        ("postgresql+psycopg2://me:secret@host/db", "write postgresql+psycopg://"),
        ("sqlite://", "a database in a file is needed"),
    ],
)
def test_addresses_that_cannot_be_used(url: str, text: str, workers: Workers) -> None:
    with pytest.raises(SettingsError) as caught:
        Database(url, workers, SCHEMA)
    assert text in str(caught.value)
    assert "secret" not in str(caught.value)


FIRST = """
    import sqlalchemy as sa
    from alembic import op
    revision = "one"
    down_revision = None
    def upgrade():
        op.create_table("thing", sa.Column("id", sa.Text, primary_key=True), sa.Column("n", sa.Integer, nullable=False))
"""
SECOND = """
    import sqlalchemy as sa
    from alembic import op
    revision = "two"
    down_revision = "one"
    def upgrade():
        op.add_column("thing", sa.Column("word", sa.Text, nullable=False, server_default="new"))
"""
BROKEN = SECOND + "        raise RuntimeError('half-way')\n"


def revisions(folder: Path, *texts: str) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "versions").mkdir(parents=True)
    for i, text in enumerate(texts):
        (folder / "versions" / f"v{i}.py").write_text(textwrap.dedent(text))
    return str(folder)


@pytest_twisted.ensureDeferred
async def test_an_older_database_is_brought_up_to_date(opener: Opener, tmp_path: Path) -> None:
    database = await opener()
    await database.write(put("a", 1))
    await database.stop()
    newer = attrs.evolve(SCHEMA, head="two", migrations=revisions(tmp_path / "m", FIRST, BROKEN))
    with pytest.raises(RuntimeError, match="half-way"):
        await opener(newer)
    # Nothing of the broken attempt is left.
    assert await (await opener()).read(_all.all) == [("a", 1)]
    revisions(tmp_path / "m", FIRST, SECOND)
    for _ in range(2):
        database = await opener(newer)
        assert await database.read(lambda c: c.raw.execute("SELECT id, n, word FROM thing").fetchall()) == [("a", 1, "new")]
        await database.stop()


@pytest_twisted.ensureDeferred
async def test_a_database_of_a_newer_version_is_refused(opener: Opener, tmp_path: Path) -> None:
    await (await opener(attrs.evolve(SCHEMA, head="two"))).stop()
    older = attrs.evolve(SCHEMA, migrations=revisions(tmp_path / "m", FIRST))
    with pytest.raises(SettingsError, match=r"was written by a newer version \(its revision is 'two'"):
        await opener(older)


def test_alembic_is_not_loaded_without_need(tmp_path: Path) -> None:
    script = f"""
import sys
from twisted.internet import task
from twisted.internet.defer import Deferred
from clawgate.state.engine import Database
from clawgate.state.schema import SCHEMA
from clawgate.workers import Workers

async def main(reactor):
    workers = Workers(reactor, "state", 1, 10)
    workers.start()
    for _ in range(2):
        database = Database("sqlite:///{tmp_path}/state.db", workers, SCHEMA)
        await database.start()
        await database.stop()
    workers.stop()
    assert "alembic" not in sys.modules

task.react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)

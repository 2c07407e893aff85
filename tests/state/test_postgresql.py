"""What a server does that a file does not: it goes away, and others write at the same time."""

from __future__ import annotations

from collections.abc import Awaitable
from threading import Event
from typing import Any
from urllib.parse import quote

import pytest
import pytest_twisted
import sqlalchemy as sa
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList, gatherResults

from clawgate.errors import InvalidRequest, Overloaded, SettingsError, StorageUnavailable, TooManyAttempts
from clawgate.index import rows
from clawgate.index import schema as index
from clawgate.model.login_flow import LoginFlow
from clawgate.model.path import Path
from clawgate.model.upload import Upload
from clawgate.state.engine import Connection, Database, Schema
from clawgate.state.login_flows import StoredLoginFlows
from clawgate.state.prepared import Prepared, upsert
from clawgate.state.schema import SCHEMA as STATE
from clawgate.state.uploads import Uploads
from clawgate.workers import Workers

from ..postgres import Postgres

metadata = sa.MetaData()
thing = sa.Table("thing", metadata, sa.Column("id", sa.Text, primary_key=True), sa.Column("n", sa.Integer, nullable=False))
SCHEMA = Schema(metadata=metadata, migrations="/nowhere", head="one", version_table="test_version")
PROCESSES = 4

_put = Prepared(upsert(thing), "id", "n")
_all = Prepared(sa.select(thing).order_by(thing.c.id))


def put(id: str, n: int) -> Any:
    return lambda connection: _put.run(connection, id, n)


async def together(calls: list[Awaitable[Any]]) -> list[Any]:
    """The results and failures of calls that run at the same time."""
    found = await DeferredList([Deferred.fromCoroutine(call) for call in calls], consumeErrors=True)  # type: ignore[arg-type]
    return [result if success else result.value for success, result in found]


class Nodes:
    """Databases with threads of their own, as processes have them, all with the tables in one place."""

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self.url = server.schema()
        self.pools: list[Workers] = []
        self.databases: list[Database] = []

    async def __call__(self, schema: Schema = SCHEMA, url: str = "", **options: Any) -> Database:
        workers = Workers(reactor, "state", 2, 500)  # type: ignore[arg-type]
        workers.start()
        self.pools.append(workers)
        database = Database(url or self.url, workers, schema, **options)
        self.databases.append(database)
        await database.start()
        return database

    async def close(self) -> None:
        for database in self.databases:
            await database.stop()
        for workers in self.pools:
            workers.stop()
        self.server.drop(self.url)


@pytest_twisted.async_yield_fixture
async def nodes(postgres: Postgres):  # type: ignore[no-untyped-def]
    nodes = Nodes(postgres)
    yield nodes
    await nodes.close()


@pytest_twisted.ensureDeferred
async def test_a_server_that_is_away_for_a_while(nodes: Nodes) -> None:
    database = await nodes()
    await database.write(put("a", 1))
    nodes.server.stop()
    try:
        for _ in range(3):
            for call in (database.write(put("b", 1)), database.read(_all.all), database.ping()):
                with pytest.raises(StorageUnavailable) as caught:
                    await call
                assert str(caught.value) == "the database does not work at the moment", "where it is, is no client's business"
        with pytest.raises(SettingsError, match="cannot be used") as refused:
            await nodes()
        assert "not%20asked%20for" not in str(refused.value)
    finally:
        nodes.server.start()
    await database.write(put("c", 1))
    assert await database.read(_all.all) == [("a", 1), ("c", 1)]


@pytest_twisted.ensureDeferred
async def test_connections_that_ended_unused_are_not_missed(nodes: Nodes) -> None:
    database = await nodes()
    await gatherResults([Deferred.fromCoroutine(database.read(_all.all)) for _ in range(4)])
    assert nodes.server.cut() > 0
    await database.write(put("a", 1))
    assert nodes.server.cut() > 0
    assert await database.read(_all.all) == [("a", 1)]


@pytest.mark.parametrize("company", [0, 3])
@pytest_twisted.ensureDeferred
async def test_a_connection_that_ends_in_a_transaction_takes_it_along(nodes: Nodes, company: int) -> None:
    database = await nodes()

    def cut(connection: Connection) -> None:
        _put.run(connection, "mine", 1)
        assert nodes.server.cut() > 0
        _put.run(connection, "more", 1)

    # The first is under way alone while the others gather.
    works = [put("before", 1), *(put(f"beside {i}", i) for i in range(company)), cut]
    first, *others = await together([database.write(work) for work in works])
    assert first == 1
    assert all(isinstance(error, StorageUnavailable) for error in others), others
    assert await database.read(_all.all) == [("before", 1)]
    await database.write(put("after", 1))


@pytest_twisted.ensureDeferred
async def test_a_failure_that_a_function_hides_is_not_taken_for_a_success(nodes: Nodes) -> None:
    database = await nodes()

    def hide(connection: Connection) -> None:
        _put.run(connection, "a", 1)
        with pytest.raises(sa.exc.ProgrammingError):
            connection.sql.execute(sa.text("SELECT * FROM nowhere"))

    with pytest.raises(RuntimeError, match="a statement failed"):
        await database.write(hide)
    assert await database.read(_all.all) == []


@pytest.mark.parametrize("id", ["a\0b", "".join(chr(0x4E00 + i * 7 % 20000) for i in range(4000))], ids=["nul", "long"])
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_kept_is_refused(nodes: Nodes, id: str) -> None:
    database = await nodes()
    with pytest.raises(InvalidRequest, match="cannot be kept"):
        await database.write(put(id, 1))
    assert await database.read(_all.all) == []


@pytest_twisted.ensureDeferred
async def test_a_process_that_stops_in_a_transaction_holds_up_nobody_for_ever(nodes: Nodes) -> None:
    silent = await nodes(url=nodes.url + quote(" -c idle_in_transaction_session_timeout=1500"))
    other = await nodes()
    ready, over = Event(), Event()

    def stop(connection: Connection) -> None:
        _put.run(connection, "lost", 1)
        ready.set()
        assert over.wait(120)
        _put.run(connection, "lost", 2)

    stopped = Deferred.fromCoroutine(silent.write(stop))
    await nodes.pools[1].run(ready.wait, 120)
    await other.write(put("a", 1))
    over.set()
    with pytest.raises(StorageUnavailable):
        await stopped
    assert await other.read(_all.all) == [("a", 1)]


@pytest_twisted.ensureDeferred
async def test_one_gateway_for_each_schema(nodes: Nodes) -> None:
    first, second = await nodes(), await nodes(busy_timeout=2.0)
    await first.claim()
    with pytest.raises(SettingsError, match="another gateway works with postgresql"):
        await second.claim()
    await second.write(put("a", 1))
    elsewhere = nodes.server.schema()
    try:
        other = await nodes(url=elsewhere)
        await other.claim()
    finally:
        nodes.server.drop(elsewhere)
    await first.stop()
    await second.claim()


@pytest_twisted.ensureDeferred
async def test_an_encoding_that_cannot_hold_every_name(nodes: Nodes) -> None:
    nodes.server.ask("CREATE DATABASE bytes ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER 'libc' TEMPLATE template0")
    try:
        with pytest.raises(SettingsError, match="the encoding of bytes is SQL_ASCII: create it with ENCODING 'UTF8'"):
            await nodes(url=nodes.url.partition("/postgres?")[0] + "/bytes")
    finally:
        nodes.server.ask("DROP DATABASE bytes")


@pytest_twisted.ensureDeferred
async def test_limits_hold_while_many_processes_write(nodes: Nodes) -> None:
    databases = [await nodes(STATE) for _ in range(PROCESSES)]
    uploads = [Uploads(database) for database in databases]
    flows = [StoredLoginFlows(database) for database in databases]
    calls: list[Awaitable[Any]] = []
    for i in range(40):
        one = Upload(f"u{i}", "ada", "home$ada", f"h{i}", "ng", f"k{i}", Path(""), 10, 0, 100.0, 200.0)
        other = Upload(f"v{i}", f"user {i}", "home$bob", f"h{i}", "ng", f"k{i}", Path(""), 10, 0, 100.0, 200.0)
        calls.append(uploads[i % PROCESSES].create(one, now=150.0, most=7))
        calls.append(uploads[i % PROCESSES].create(other, now=150.0, budget=95))
        calls.append(flows[i % PROCESSES].add(LoginFlow(f"i{i}", f"p{i}", "a program", "192.0.2.1/32", 100.0, 200.0), 99, 5))
    results = await together(calls)
    assert [sum(result is None for result in results[kind::3]) for kind in range(3)] == [7, 9, 5]
    refused = {type(result) for result in results[::3] if result is not None}
    assert refused == {Overloaded}
    assert {type(result) for result in results[2::3] if result is not None} == {TooManyAttempts}


@pytest_twisted.ensureDeferred
async def test_the_numbers_of_changes_tell_the_order_in_which_they_are_seen(nodes: Nodes) -> None:
    """Who asks what came after the last number that was seen misses nothing, although some numbers are never used."""
    databases = [await nodes(index.SCHEMA) for _ in range(PROCESSES)]
    after = Prepared(
        sa.select(index.change.c.seq, index.change.c.node).where(index.change.c.seq > sa.bindparam("seen")).order_by("seq"),
        "seen",
    )
    seen: list[tuple[int, int]] = []
    done = False

    def look(connection: Connection) -> list[Any]:
        return after.all(connection, seen[-1][0] if seen else 0)

    async def follow() -> None:
        last = False
        while not last:
            last = done
            seen.extend(await databases[0].read(look))

    def log(no: int) -> Any:
        def work(connection: Connection) -> None:
            rows.log(connection, 1, no, 0, "new", 1000, "")
            if no % 5 == 0:
                raise KeyError(no)

        return work

    following = Deferred.fromCoroutine(follow())
    await together([databases[no % PROCESSES].write(log(no)) for no in range(200)])
    done = True
    await following
    assert sorted(no for _, no in seen) == [no for no in range(200) if no % 5]

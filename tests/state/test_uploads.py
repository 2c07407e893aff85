from __future__ import annotations

from pathlib import Path as File

import attrs
import pytest
import pytest_twisted

from clawgate.errors import AlreadyExists, UploadGone
from clawgate.model.content import Checksum
from clawgate.model.path import Path
from clawgate.model.upload import Part, Upload
from clawgate.state.engine import Database
from clawgate.state.schema import SCHEMA
from clawgate.state.uploads import Uploads
from clawgate.workers import Workers

PLAIN = Upload("1", "ada", "home$ada", "h1", "ng", "transfer", Path(""), None, 0, 100.0, 200.0)
FULL = Upload(
    "2",
    "ada",
    "home$ada",
    "h/2",
    "tus",
    "transfer",
    Path("Fotos/näher.jpg"),
    5 * 2**40,
    2**40,
    150.25,
    190.5,
    (Part("00001", 0, 2**40), Part("", 2**41, 2**42)),
    (Checksum("SHA1", "ab" * 20), Checksum("CRC32C", "0" * 8)),
    1_700_000_000_123_456_789,
    {"if-match": "x", "nested": {"list": [1, None, "ü"]}},
)


@pytest_twisted.async_yield_fixture
async def database(tmp_path: File, workers: Workers):  # type: ignore[no-untyped-def]
    database = Database(f"sqlite:///{tmp_path}/state.db", workers, SCHEMA)
    await database.start()
    yield database
    await database.stop()


@pytest.fixture
def uploads(database: Database) -> Uploads:
    return Uploads(database)


@pytest_twisted.ensureDeferred
async def test_sessions_come_back_as_they_were(uploads: Uploads, database: Database) -> None:
    for session in (FULL, PLAIN):
        await uploads.create(session)
    await database.stop()
    again = Uploads(database)
    assert (await again.get("1"), await again.get("2")) == (PLAIN, FULL)
    assert await again.all() == [PLAIN, FULL]
    assert await again.find("ada", "tus", "transfer") == FULL
    assert await again.find("ada", "tus", "other") is None
    assert await again.find("bob", "tus", "transfer") is None


@pytest_twisted.ensureDeferred
async def test_a_key_is_taken_once_by_owner_and_dialect(uploads: Uploads) -> None:
    await uploads.create(PLAIN)
    with pytest.raises(AlreadyExists, match="transfer"):
        await uploads.create(attrs.evolve(PLAIN, id="3"))
    await uploads.create(attrs.evolve(PLAIN, id="3", owner="bob"))
    assert len(await uploads.all()) == 2


@pytest_twisted.ensureDeferred
async def test_progress_is_kept(uploads: Uploads) -> None:
    await uploads.create(PLAIN)
    further = attrs.evolve(PLAIN, offset=7, parts=(Part("a", 0, 7),), expires=300.0, path=Path("x"))
    await uploads.update(further)
    assert await uploads.get("1") == further
    with pytest.raises(UploadGone):
        await uploads.update(FULL)
    assert await uploads.all() == [further]


@pytest_twisted.ensureDeferred
async def test_the_end_of_sessions(uploads: Uploads) -> None:
    for session in (PLAIN, FULL):
        await uploads.create(session)
    assert await uploads.expired(190.0) == []
    assert await uploads.expired(190.5) == [FULL]
    assert await uploads.expired(1000.0) == [FULL, PLAIN]
    await uploads.delete("2")
    await uploads.delete("2")
    with pytest.raises(UploadGone):
        await uploads.get("2")
    assert await uploads.all() == [PLAIN]

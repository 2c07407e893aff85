"""What all tests share."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from .postgres import Postgres
from .wire import launch

# No deadline: the machine that runs the tests may be busy, and timing is the benchmarks' business.
settings.register_profile("clawgate", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("clawgate")

DATABASES = ["sqlite", "postgresql"]


LONGEST = [
    *("s3/test_suite.py", "test_kill.py", "test_upload_kill.py", "test_upload_memory.py", "test_outside.py", "test_eos.py"),
    *("test_memory.py", "s3/test_uploads.py", "test_upload_resume.py", "test_eos_uploads.py"),
]
"""Of the wire tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole files go to the next process that has nothing to do: the long ones first, so that all end at the same time."""
    wire = Path(__file__).parent / "wire"
    order = {wire / name: number for number, name in enumerate(LONGEST)}
    for item in items:
        if wire in item.path.parents:
            item.add_marker(pytest.mark.wire)
            order.setdefault(item.path, len(LONGEST))
    items.sort(key=lambda item: order.get(item.path, len(LONGEST) + 1))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """What a test leaves open and is forgiven for must not be found in a later one, which is not."""
    yield
    if any("ResourceWarning" in str(mark.args) for mark in item.iter_markers("filterwarnings")):
        gc.collect()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Ten thousand collected tests are looked through by every full collection of garbage, unless they are set apart."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def nursery_ends() -> Iterator[None]:
    """Whoever wants a forked gateway starts the process that forks them."""
    yield
    launch.close_nursery()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server of PostgreSQL, one for each process of tests."""
    server = Postgres()
    server.start()
    yield server
    server.close()


@pytest.fixture(params=DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    """Which database; a test that uses this runs once for each."""
    return str(request.param)


@pytest.fixture
def new_database(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Gives the addresses of new databases of a `database_kind`."""
    made: list[str] = []
    server: Postgres | None = request.getfixturevalue("postgres") if database_kind == "postgresql" else None

    def new() -> str:
        if server is None:
            folder = tmp_path / f"database {len(made)}"
            folder.mkdir()
            made.append(f"sqlite:///{folder}/test.db")
        else:
            made.append(server.schema())
        return made[-1]

    yield new
    if server is not None:
        for url in made:
            server.drop(url)


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    """The address of a new database of a `database_kind`."""
    return new_database()

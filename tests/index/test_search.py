"""Going through the index on each database: names beyond ASCII, large folders, depth."""

from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.errors import NotFound
from clawgate.index import search
from clawgate.interfaces import Names
from clawgate.model.path import ROOT, Path
from clawgate.protocols.webdav.searching import conditions
from clawgate.protocols.webdav.searching.conditions import Name, names

from .outside import learn

FILES = [
    "Report.TXT",
    "report.txt.bak",
    "été.txt",
    "ÉTÉ.TXT",
    "e\u0301te\u0301",
    "100%",
    "100x",
    "a_b",
    "axb",
    "back\\slash",
    "ΟΔΟΣ",
    "plain",
]


async def find(house, path: str = "", matches=lambda found: True, **how):
    pages = house.storage.abilities.search.search(Path(path), matches, **how)
    return [found async for page in pages for found in page]


async def named(house, pattern: str) -> set[str]:
    condition = Name(pattern)
    is_it = conditions.test(condition, ())
    seen = []

    def matches(found):
        seen.append(found)
        return is_it(found)

    found = {one.name for one in await find(house, matches=matches, names=names(condition))}
    # What the database leaves out would not have matched either.
    assert found == {one.name for one in await find(house, matches=is_it)}
    assert len(seen) < len(FILES)
    return found


@pytest_twisted.ensureDeferred
async def test_names(house):
    for name in FILES:
        (house.root / name).write_bytes(b"1")
    await learn(house.storage)
    assert await named(house, "report*") == {"Report.TXT", "report.txt.bak"}
    assert await named(house, "*été*") == {"été.txt", "ÉTÉ.TXT", "e\u0301te\u0301"}
    assert await named(house, "100%") == {"100%"}
    assert await named(house, "a_b") == {"a_b"}
    assert await named(house, "a?b") == {"a_b", "axb"}
    assert await named(house, "*\\*") == {"back\\slash"}
    assert await named(house, "οδος") == {"ΟΔΟΣ"}
    assert await named(house, "*r*e*p*o*r*t*") == {"Report.TXT", "report.txt.bak"}
    assert names(Name("*a*b*c*longest*d*")) == Names("%longest%")


@pytest.mark.parametrize("rows", [1, 3, 1000])
@pytest_twisted.ensureDeferred
async def test_portions_and_depth(house, monkeypatch, rows):
    monkeypatch.setattr(search, "CHUNK", rows)
    monkeypatch.setattr(search, "FOUND_AT_ONCE", 2)
    monkeypatch.setattr(search, "FOLDERS_AT_ONCE", 2)
    for path in ("a/b/c", "a/d", "e"):
        (house.root / path).mkdir(parents=True)
    files = {f"{folder}/f{number}" for folder in ("a", "a/b", "a/b/c", "e") for number in range(4)}
    for path in files:
        (house.root / path).write_bytes(b"12")
    await learn(house.storage)
    search._all._compiled.clear()
    try:
        everything = await find(house)
        assert {one.path for one in everything} == files | {"a", "a/b", "a/b/c", "a/d", "e"}
        assert len(everything) == len(files) + 5
        assert {one.path for one in everything if one.folder} == {"a", "a/b", "a/b/c", "a/d", "e"}
        assert {one.path for one in await find(house, "a/b")} == {path for path in files if path.startswith("a/b/")} | {"a/b/c"}
        assert {one.path for one in await find(house, "a", deep=False)} == {f"a/f{number}" for number in range(4)} | {
            "a/b",
            "a/d",
        }
        (one,) = [one for one in everything if one.path == "a/f1"]
        node = await house.storage.stat(Path("a/f1"))
        assert (one.id, one.size, one.mtime_ns, one.name) == (node.id, node.size, node.mtime_ns, "f1")
    finally:
        search._all._compiled.clear()
    with pytest.raises(NotFound):
        await find(house, "none")
    with pytest.raises(NotFound):
        await find(house, "a/f1")
    assert await find(house, ROOT, lambda found: False) == []

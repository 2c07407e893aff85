"""Looking at many folders at once, on real directories."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import pytest_twisted

from clawgate.errors import StorageUnavailable
from clawgate.model.path import ROOT, Path
from clawgate.storage.posix.ground import Ground
from clawgate.storage.posix.options import PosixOptions
from clawgate.storage.posix.surveying import PosixSurvey

ELSEWHERE = """
import sys
from clawgate.storage.posix.ground import Ground
from clawgate.storage.posix.options import PosixOptions
from clawgate.storage.posix.surveying import PosixSurvey
survey = PosixSurvey(Ground(sys.argv[1], PosixOptions()), None)
print([glance.fingerprint for glance in survey._survey(["", "d"])])
"""


@pytest.fixture
def tree(root):
    (root / "d").mkdir()
    (root / "d/e").mkdir()
    for name in (b"a", b"\xc3\xa4", b"caf\xe9", b".hidden"):
        (root / "d" / os.fsdecode(name)).write_bytes(name)
    os.mkfifo(root / "d/fifo")
    os.symlink("a", root / "d/link")
    os.symlink("e", root / "d/to-folder")
    return root


async def shown(storage, path: Path):
    return [node async for page in (await storage.list(path)).pages for node in page]


@pytest.mark.parametrize("symlinks", ["hide", "follow"])
@pytest_twisted.ensureDeferred
async def test_it_sees_what_a_listing_shows(tree, make, symlinks):
    storage = make(symlinks=symlinks)
    survey = storage.abilities.survey
    (tree / ".clawgate").mkdir(exist_ok=True)
    (tree / "d/.clawgate-tmp-1").write_bytes(b"")
    (tree / "d/.clawgate").mkdir()
    paths = [ROOT, Path("d"), Path("d/e"), Path("d/.clawgate")]
    glances = await survey.survey(paths)
    for path, glance in zip(paths, glances, strict=True):
        nodes = await shown(storage, path)
        assert list(glance.folders) == sorted(node.name for node in nodes if node.is_folder)
        assert glance.entries == len(nodes)
        assert glance.below == ""
    assert [one.glance for one in await survey.explore(paths, 1000)] == glances
    assert glances[1].entries == {"hide": 6, "follow": 8}[symlinks]
    assert len({glance.fingerprint for glance in glances[:2]}) == 2
    assert glances[2] == glances[3]


@pytest_twisted.ensureDeferred
async def test_every_change_is_another_fingerprint_and_ours_in_hiding_is_none(tree, make):
    survey = make().abilities.survey
    file, folder = tree / "d/a", tree / "d"

    async def fingerprint():
        return (await survey.survey([Path("d")]))[0].fingerprint

    changes = [
        lambda: file.write_bytes(b"more"),
        lambda: file.open("ab").close() or os.truncate(file, 1),
        lambda: file.chmod(0o600),
        lambda: os.utime(file, ns=(5, 5)),
        lambda: file.rename(folder / "b"),
        lambda: (folder / "b").rename(file),
        lambda: (folder / "n").touch(),
        lambda: (folder / "n").rename(file),
        lambda: os.link(file, folder / "second"),
        lambda: (folder / "second").unlink(),
        lambda: (folder / "e/below").touch(),
        lambda: (folder / "e").rename(folder / "g"),
        lambda: (folder / "g/below").rename(folder / "below"),
    ]
    seen = {await fingerprint()}
    for number, change in enumerate(changes):
        change()
        seen.add(await fingerprint())
        assert len(seen) == number + 2
    (folder / "fifo").unlink()
    (folder / "link").unlink()
    (folder / ".clawgate-tmp-x").write_bytes(b"1")
    (folder / "g/deeper").mkdir()
    assert await fingerprint() not in seen
    seen.add(before := await fingerprint())
    (folder / "g/deeper/deepest").touch()
    assert await fingerprint() == before


@pytest_twisted.ensureDeferred
async def test_fingerprints_are_the_same_in_every_process(tree, make):
    found = [glance.fingerprint for glance in await make().abilities.survey.survey([ROOT, Path("d")])]
    for seed in ("1", "2"):
        command = [sys.executable, "-c", ELSEWHERE, str(tree)]
        out = subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True)  # noqa: ASYNC221
        assert out.stdout.decode().strip() == str(found)
    assert all(-(2**63) <= fingerprint < 2**63 for fingerprint in found)


@pytest_twisted.ensureDeferred
async def test_what_is_not_there(tree, make):
    survey = make().abilities.survey
    paths = [Path("x"), Path("d/a"), Path("d/to-folder"), Path("d/e/x/y"), Path(".clawgate"), Path("d")]
    glances = await survey.survey(paths)
    assert glances[:5] == [None] * 5
    assert glances[5].entries == 5
    explored = await survey.explore(paths, 1000)
    assert explored[:5] == [None] * 5
    assert explored[5].glance == glances[5]


@pytest_twisted.ensureDeferred
async def test_a_root_that_is_missing_is_no_empty_folder(tree, make):
    survey = make().abilities.survey
    await survey.survey([ROOT])
    tree.rename(tree.with_name("elsewhere"))
    for call in (survey.survey([ROOT, Path("d")]), survey.explore([Path("d")], 10)):
        with pytest.raises(StorageUnavailable):
            await call
    tree.with_name("elsewhere").rename(tree)
    assert (await survey.survey([ROOT]))[0].entries == 1


@pytest_twisted.ensureDeferred
async def test_exploring_ends_when_there_is_enough(root, make):
    storage = make()
    survey = storage.abilities.survey
    for number, size in enumerate((3, 3, 7, 2)):
        (root / f"d{number}").mkdir()
        for name in range(size):
            (root / f"d{number}/{name}").touch()
    paths = [Path(f"d{number}") for number in range(4)]
    first = await survey.explore(paths, 6)
    assert [one.glance.entries for one in first] == [3, 3]
    assert first[1].identities == await storage.abilities.ids.identify(Path("d1"), ["0", "1", "2"])
    assert [node.name for node in sorted(first[1].children)] == ["0", "1", "2"]
    large = await survey.explore(paths[2:], 6)
    assert [one.identities for one in large] == [None]
    assert len(large[0].children) == 7
    assert [one.glance.entries for one in await survey.explore(paths, 7)] == [3, 3]
    assert [one and one.glance.entries for one in await survey.explore([Path("x"), *paths[2:]], 7)] == [None, 7]


@pytest_twisted.ensureDeferred
async def test_the_mark_of_all_below_is_read_before_the_content(tree, workers):
    def below(fd: int) -> str:
        (tree / "d/late").open("a").close()
        return f"{os.fstat(fd).st_ino}"

    survey = PosixSurvey(Ground(str(tree), PosixOptions()), workers, below)
    (glance,) = await survey.survey([Path("d")])
    assert glance.below == str((tree / "d").stat().st_ino)
    assert glance.entries == 6
    (explored,) = await survey.explore([Path("d")], 100)
    assert explored.glance == glance

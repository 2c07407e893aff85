"""Uploads in pieces where those who run EOS have made a folder for them: nobody's etag moves before something can be seen."""

from __future__ import annotations

import pytest

from clawgate.errors import UploadGone
from clawgate.model.content import Intent
from clawgate.model.path import ROOT, Path
from clawgate.storage.eos.names import STAGING
from clawgate.testing.conformance import SMALL, body_of, get, put, tree


@pytest.fixture(params=["5.1", "5.4"])
def version(request):
    return request.param


@pytest.fixture
def staging(mounted):
    folder = f"{mounted.root}/{STAGING}"
    mounted.double.mkdir(folder, owner="alice")
    for key in ("sys.mtime.propagation", "sys.recycle"):
        mounted.double.set_attribute(folder, key, None)
    mounted.double.settle()
    return folder


async def etag(mounted, storage) -> str:
    mounted.double.settle()
    return (await storage.stat(ROOT)).etag


async def test_etags_move_when_something_can_be_seen(mounted, eos, staging):
    before, parts = await etag(mounted, eos), eos.abilities.parts
    handle = await parts.begin(None)
    assert len(mounted.double.names(staging)) == 1
    await parts.write_at(handle, 0, body_of(SMALL))
    await parts.abort(await parts.begin(None))
    assert await etag(mounted, eos) == before
    await parts.finish(handle, Path("file"), Intent())
    assert await etag(mounted, eos) != before
    assert await tree(eos) == {"file": SMALL}
    assert mounted.double.names(staging) == []
    assert mounted.double.recycled("alice") == []


@pytest.mark.parametrize("stable", [True, False], ids=["stable ids", "inodes"])
async def test_what_it_replaces_becomes_a_version(mounting, stable):
    mounted = await mounting({"stable_ids": stable})
    eos = await mounted.open()
    mounted.double.mkdir(f"{mounted.root}/{STAGING}", owner="alice")
    await eos.make_folder(Path("a"))
    first = (await put(eos, "a/file", b"1")).node
    parts = eos.abilities.parts
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(b"22"))
    written = await parts.finish(handle, Path("a/file"), Intent())
    assert written.replaced and (written.node.id == first.id) is stable
    assert [one.size for one in await eos.abilities.versions.list(Path("a/file"))] == [1]
    assert mounted.double.names(f"{mounted.root}/{STAGING}") == []


async def test_a_new_file_has_what_its_folder_has(mounting):
    """Its version folder is made where it will stay, and not where the upload lies."""
    mounted = await mounting({"stable_ids": True})
    eos, folder = await mounted.open(), f"{mounted.root}/{STAGING}"
    mounted.double.mkdir(folder, owner="alice")
    mounted.double.set_attribute(folder, "sys.recycle", None)
    parts = eos.abilities.parts
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(SMALL))
    written = await parts.finish(handle, Path("file"), Intent())
    kept = mounted.double.find(f"{mounted.root}/.sys.v#.file")
    assert kept.xattr["sys.recycle"] and written.node.id == str(kept.id)
    assert (await eos.stat(Path("file"))).id == written.node.id
    assert mounted.double.names(folder) == []


async def test_it_goes_on_after_a_restart(mounted, eos, staging):
    handle = await eos.abilities.parts.begin(None)
    await eos.abilities.parts.write_at(handle, 0, body_of(b"12"))
    again = await mounted.open()
    assert await again.sweep(frozenset({handle}), 0) == 0
    await again.abilities.parts.write_at(handle, 2, body_of(b"3"))
    await again.abilities.parts.finish(handle, Path("file"), Intent())
    assert await get(again, "file") == b"123"


async def test_what_was_given_up_is_swept(mounted, eos, staging):
    handle = await eos.abilities.parts.begin(None)
    again = await mounted.open()
    assert await again.sweep(frozenset(), 0) == 1
    assert mounted.double.names(staging) == []
    with pytest.raises(UploadGone):
        await again.abilities.parts.write_at(handle, 0, body_of(SMALL))


@pytest.mark.parametrize("why", ["it is not theirs", "it is gone"])
async def test_where_it_is_of_no_use(mounted, eos, staging, why):
    """Uploads lie in the root then, as they do without one."""
    assert await eos.abilities.parts.begin(None)
    if why == "it is gone":
        mounted.double.remove(staging)
    else:
        mounted.double.set_attribute(staging, "sys.acl", "u:1001:!w")
    handle = await eos.abilities.parts.begin(None)
    await eos.abilities.parts.write_at(handle, 0, body_of(SMALL))
    await eos.abilities.parts.finish(handle, Path("file"), Intent())
    assert await tree(eos) == {"file": SMALL}


async def test_nobody_sees_the_folder(mounted, eos, staging):
    assert await tree(eos) == {}

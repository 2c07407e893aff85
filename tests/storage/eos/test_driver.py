"""What the driver does beyond the conformance suite, and around the traps that eos.md names."""

from __future__ import annotations

import unicodedata

import pytest

from clawgate.errors import (
    ClawgateError,
    Forbidden,
    InvalidRequest,
    IsAFolder,
    Locked,
    NotFound,
    QuotaExceeded,
    StorageUnavailable,
)
from clawgate.model.content import Intent
from clawgate.model.path import ROOT, Path
from clawgate.model.permissions import READ_WRITE, Permissions
from clawgate.storage.eos import leftovers
from clawgate.storage.eos.leftovers import ATOMIC_SECONDS, sweep
from clawgate.testing.conformance import SMALL, body_of, children, get, put, tree
from clawgate.testing.eos import Fault

AWKWARD = [
    *(
        "with space",
        "100%",
        "%20",
        "%26",
        "a&b",
        "a+b",
        "#start",
        "a#b",
        'quo"te',
        "semi;colon",
        "what?",
        "a*b",
        "[x]{y}<z>",
        "a|b=c",
    ),
    *(
        "tab\there",
        unicodedata.normalize("NFD", "Äpfel"),
        unicodedata.normalize("NFC", "Äpfel"),
        "🦞",
        "n" * 250,
        "a->b",
        "...x",
        "it's",
    ),
]
READING = Permissions.READ
ALL_OF_A_FOLDER = READ_WRITE


@pytest.mark.parametrize(("version", "encoding"), [("5.1", "once"), ("5.4", "encodepath")])
async def test_awkward_names_in_every_operation(mounting, version, encoding):
    mounted = await mounting({"encoding": encoding, "stable_ids": True})
    storage = await mounted.open()
    for number, name in enumerate(AWKWARD):
        folder, file = Path(f"d{name}"), Path(f"d{name}/{name}")
        await storage.make_folder(folder)
        written = await put(storage, file, SMALL, mtime_ns=10**18)
        assert (await storage.stat(file))._replace(checksums="") == written.node
        assert list(await children(storage, folder)) == [name]
        assert await get(storage, file, 1, 4) == SMALL[1:4]
        await put(storage, file, b"again")
        assert await storage.find(written.node.id) == file
        (old,) = await storage.abilities.versions.list(file)
        await storage.abilities.versions.restore(file, old.key)
        assert await get(storage, file) == SMALL
        handle = await storage.abilities.parts.begin(3)
        await storage.abilities.parts.write_at(handle, 0, body_of(b"new"))
        await storage.abilities.parts.finish(handle, file, Intent(size=3))
        assert await get(storage, file) == b"new"
        assert (await storage.stat(file)).id == written.node.id
        await storage.move(file, Path(f"d{name}/{name[:240]} {number}"), replace=True)
        await storage.move(folder, Path(name), replace=False)
        assert [one.size for one in (await children(storage, name)).values()] == [3]
        assert (await storage.rights(ROOT, [name]))[name] == ALL_OF_A_FOLDER
        await storage.remove(Path(name))
        with pytest.raises(NotFound):
            await storage.stat(Path(name))
    assert await tree(storage) == {}


async def test_deleting_a_name_with_an_asterisk_deletes_nothing_else(eos, mounted):
    for name in ("a*", "ab", "abc", "a"):
        await put(eos, name, SMALL)
    for name in ("d*r", "dir"):
        await eos.make_folder(Path(name))
        for below in ("x.txt", "x-txt"):
            await put(eos, f"{name}/{below}", SMALL)
    await eos.remove(Path("a*"))
    await eos.remove(Path("d*r/x.txt"))
    left = {"ab", "abc", "a", "d*r", "d*r/x-txt", "dir", "dir/x.txt", "dir/x-txt"}
    assert set(await tree(eos)) == left
    await put(eos, "other", SMALL)
    await eos.move(Path("other"), Path("d*r/x-txt"), replace=True)
    await eos.remove(Path("d*r"))
    assert set(await tree(eos)) == {"ab", "abc", "a", "dir", "dir/x.txt", "dir/x-txt"}
    assert not [name for name in mounted.double.names(mounted.root) if name.startswith(".sys.reva")]


@pytest.mark.parametrize("name", ["x&mgm.path=", "#AND#", "a -> b", ".sys.v#.x", "a\nb"])
async def test_names_that_would_be_commands(eos, name):
    await put(eos, "file", SMALL)
    handle = await eos.abilities.parts.begin(None)
    for call in (
        put(eos, name, SMALL),
        eos.make_folder(Path(name)),
        eos.move(Path("file"), Path(name), replace=True),
        eos.abilities.parts.finish(handle, Path(name), Intent()),
    ):
        with pytest.raises(InvalidRequest):
            await call
    await eos.abilities.parts.abort(handle)
    assert set(await tree(eos)) == {"file"}


async def test_what_others_named_so_is_not_touched(eos, mounted):
    for name in ("x&mgm.path=/eos", "#AND#", ".sys.v#.other"):
        mounted.double.mkdir(f"{mounted.root}/{name}", owner="alice")
        for call in (eos.stat, eos.list, eos.read, eos.remove):
            with pytest.raises(NotFound):
                await call(Path(name))
    assert await children(eos) == {}


async def test_a_folder_is_never_overwritten(eos, mounted):
    await eos.make_folder(Path("folder"))
    with pytest.raises(IsAFolder):
        await put(eos, "folder", SMALL)
    assert mounted.double.names(mounted.root) == ["folder"]


async def test_links_are_not_followed(eos, mounted):
    double = mounted.double
    double.mkdir("/eos/project/secret", owner="root")
    made = double.tree.new_file(double.tree.directory(mounted.root), "link", 1001, 1000)
    made.target, made.mode = "/eos/project/secret", 0o777
    assert await children(eos) == {}
    with pytest.raises(NotFound):
        await eos.stat(Path("link"))


async def test_nobody_sees_what_is_anothers(mounted):
    """EOS checks neither PROPFIND of depth 0 nor fileinfo."""
    alice, bob = await mounted.open(), await mounted.open("bob")
    await alice.make_folder(Path("folder"))
    await put(alice, "folder/file", SMALL)
    node = await alice.stat(Path("folder/file"))
    for path in ("", "folder", "folder/file"):
        for call in (bob.stat, bob.list, bob.read):
            with pytest.raises(Forbidden):
                await call(Path(path))
    with pytest.raises(Forbidden):
        await bob.find(node.id)
    with pytest.raises(Forbidden):
        await bob.abilities.versions.list(Path("folder/file"))
    with pytest.raises(Forbidden):
        await bob.rights(ROOT, [""])
    for change in (put(bob, "new", SMALL), put(bob, "folder/file", b"x"), bob.remove(Path("folder")), bob.make_folder(Path("x"))):
        with pytest.raises(Forbidden):
            await change
    assert await tree(alice) == {"folder": None, "folder/file": SMALL}


async def test_rights_are_eos_own(mounting):
    mounted = await mounting()
    alice, einstein = await mounted.open(), await mounted.open("einstein")
    double = mounted.double
    await alice.make_folder(Path("shared"))
    await put(alice, "shared/file", SMALL)
    assert await alice.rights(ROOT, ["", "shared"]) == {"": READ_WRITE, "shared": READ_WRITE}
    double.set_quota("/eos/user/", "einstein", bytes=10**6)
    for path in ("", "/shared"):
        double.set_attribute(mounted.root + path, "sys.acl", "u:1000:rx")
    double.set_attribute(f"{mounted.root}/shared", "sys.acl", "u:1000:rwx!d")
    assert await get(einstein, "shared/file") == SMALL
    assert (await einstein.rights(ROOT, ["shared"]))["shared"] == READING | Permissions.WRITE | Permissions.CREATE
    await put(einstein, "shared/new", SMALL)
    with pytest.raises(Forbidden):
        await einstein.remove(Path("shared/new"))
    found = await einstein.rights(Path("shared"), ["file"])
    assert found["file"] == READING | Permissions.WRITE


async def test_ids_survive_overwriting_with_version_folders(mounting):
    mounted = await mounting({"stable_ids": True})
    storage = await mounted.open()
    first = (await put(storage, "file", b"1")).node
    for content in (b"2", b"three"):
        node = (await put(storage, "file", content)).node
        assert node.id == first.id
        assert node.etag != first.etag
    assert (await children(storage))["file"].id == first.id
    await storage.move(Path("file"), Path("moved"), replace=False)
    assert (await storage.stat(Path("moved"))).id == first.id
    assert await storage.find(first.id) == Path("moved")
    handle = await storage.abilities.parts.begin(None)
    await storage.abilities.parts.write_at(handle, 0, body_of(b"in pieces"))
    written = await storage.abilities.parts.finish(handle, Path("moved"), Intent())
    assert written.node.id == first.id
    contents = [version.size for version in await storage.abilities.versions.list(Path("moved"))]
    assert sorted(contents) == [1, 1, 5]


async def test_ids_without_them_are_those_of_inodes(eos):
    first, second = [(await put(eos, "file", content)).node for content in (b"1", b"2")]
    assert first.id != second.id
    assert await eos.find(second.id) == Path("file")
    for id in (first.id, "0", "x", "", "9" * 30, "-1"):
        with pytest.raises(NotFound):
            await eos.find(id)


async def test_ids_of_other_spaces_are_not_found(mounted):
    alice = await mounted.open()
    node = (await put(alice, "file", b"1")).node
    await alice.make_folder(Path("below"))
    below = await mounted.open(root=f"{mounted.root}/below")
    with pytest.raises(NotFound):
        await below.find(node.id)


async def test_room(eos, mounted):
    await put(eos, "file", SMALL)
    room = await eos.room()
    assert room.used == len(SMALL)
    assert room.available == 10 * 2**30 - len(SMALL) or room.available == 10 * 10**9 - len(SMALL)


async def test_a_quota_that_is_used_up(eos, mounted):
    mounted.double.set_quota("/eos/user/", "alice", bytes=1000)
    with pytest.raises(QuotaExceeded):
        await put(eos, "file", b"x" * 2000)
    with pytest.raises(QuotaExceeded):
        await eos.abilities.parts.begin(2000)
    assert await tree(eos) == {}


async def test_a_locked_file(eos, mounted):
    await put(eos, "file", SMALL)
    lock = "expires:9999999999,type:exclusive,owner:alice:editor"
    mounted.double.tree.file(f"{mounted.root}/file").xattr["sys.app.lock"] = lock
    with pytest.raises(Locked):
        await put(eos, "file", b"new")


async def test_what_was_abandoned_is_swept(eos, mounted):
    double, ground = mounted.double, eos._ground
    for name in (".sys.a#.old.1234", ".sys.a#.young.1234"):
        made = double.tree.new_file(double.tree.directory(mounted.root), name, 1001, 1000)
        made.committed = False
    other = double.tree.new_file(double.tree.directory(mounted.root), ".sys.a#.another's.1", 1002, 1000)
    now = other.ctime / 1e9
    double.tree.file(f"{mounted.root}/.sys.a#.young.1234").ctime += int(60e9)
    assert await sweep(ground, frozenset(), 0, now + 100) == 0
    assert await sweep(ground, frozenset(), 0, now + ATOMIC_SECONDS + 30) == 1
    assert double.names(mounted.root) == [".sys.a#.another's.1", ".sys.a#.young.1234"]


async def test_half_done_replacements_are_undone_or_finished(eos, mounted, monkeypatch):
    monkeypatch.setattr(leftovers, "GAP_SECONDS", 0.0)
    double = mounted.double
    for name in ("lost", "replaced", "folder"):
        await eos.make_folder(Path(name))
        await put(eos, f"{name}/file", SMALL)
    aside = ".sys.reva#.clawgate-aside-" + "0" * 16
    double.rename(f"{mounted.root}/lost", f"{mounted.root}/{aside}.lost")
    double.rename(f"{mounted.root}/replaced", f"{mounted.root}/{aside}.replaced")
    double.rename(f"{mounted.root}/folder", f"{mounted.root}/.sys.reva#.clawgate-going-" + "0" * 16)
    double.mkdir(f"{mounted.root}/replaced", owner="alice")
    assert await sweep(eos._ground, frozenset(), 0, 2e9 + double.tree.now() / 1e9) == 3
    assert await tree(eos) == {"lost": None, "lost/file": SMALL, "replaced": None}
    assert double.names(mounted.root) == ["lost", "replaced"]


async def test_what_made_room_is_put_back_before_anybody_misses_it(eos, mounted, monkeypatch):
    monkeypatch.setattr(leftovers, "GAP_SECONDS", 0.0)
    double = mounted.double
    await eos.make_folder(Path("folder"))
    await eos.make_folder(Path("folder/lost"))
    await put(eos, "folder/lost/file", SMALL)
    aside = f"{mounted.root}/folder/.sys.reva#.clawgate-aside-" + "0" * 16 + ".lost"
    double.rename(f"{mounted.root}/folder/lost", aside)
    monkeypatch.setattr(leftovers, "PAUSE_SECONDS", 0.0)
    mounted.instance.busy.add(aside)
    with pytest.raises(StorageUnavailable):
        await children(eos, "folder")
    mounted.instance.busy.clear()
    assert await tree(eos) == {"folder": None, "folder/lost": None, "folder/lost/file": SMALL}


async def test_long_listings(eos, mounted):
    names = {f"file {number}" for number in range(1200)}
    for name in names:
        mounted.double.put(f"{mounted.root}/{name}", b"", owner="alice")
    assert set(await children(eos)) == names


async def test_an_upload_in_pieces_that_was_killed_at_the_end(mounting):
    """Between taking over the version folder and the place of the file."""
    mounted = await mounting({"stable_ids": True})
    storage, double = await mounted.open(), mounted.double
    first = (await put(storage, "file", b"1")).node
    await put(storage, "file", b"22")
    parts = storage.abilities.parts
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(b"333"))
    hidden = f"{mounted.root}/.sys.v#..sys.reva#.clawgate-parts-{handle.partition('-')[0]}"
    double.rename(f"{mounted.root}/.sys.v#.file", hidden)
    assert await storage.sweep(frozenset({handle}), 0) == 0
    written = await parts.finish(handle, Path("file"), Intent())
    assert written.node.id == first.id
    assert await get(storage, "file") == b"333"
    assert 1 in [version.size for version in await storage.abilities.versions.list(Path("file"))]
    assert [name for name in double.names(mounted.root) if "clawgate" in name] == []


class Killed(BaseException):
    pass


@pytest.mark.parametrize("before", [None, b"old"])
@pytest.mark.parametrize("at", ["the mark of the file", "clearing up"])
async def test_an_empty_upload_that_was_killed_at_the_end(mounted, monkeypatch, at, before):
    storage = await mounted.open()
    if before is not None:
        await put(storage, "file", before)
    parts = storage.abilities.parts
    handle = await parts.begin(None)
    assert await parts.published(handle, Path("file")) is None
    metadata, marked = parts._ground.metadata, []
    mark = metadata.set_attribute

    async def set_attribute(who, path, key, value):
        marked.append(path)
        if len(marked) == 2:
            raise Killed
        await mark(who, path, key, value)

    async def abort(handle):
        raise Killed

    with monkeypatch.context() as patch:
        if at == "clearing up":
            patch.setattr(parts, "abort", abort)
        else:
            patch.setattr(metadata, "set_attribute", set_attribute)
        with pytest.raises(Killed):
            await parts.finish(handle, Path("file"), Intent())
    again = (await mounted.open()).abilities.parts
    done = await again.published(handle, Path("file"))
    assert (done.node.size, done.replaced) == (0, before is not None)
    assert await again.published(await again.begin(None), Path("file")) is None


@pytest.mark.parametrize("by", ["its client", "the janitor"])
async def test_an_upload_that_was_killed_at_the_end_and_is_given_up(mounting, by):
    """The file gets back the versions that were taken from it, also where its folder has another name by then."""
    mounted = await mounting({"stable_ids": True})
    storage, double = await mounted.open(), mounted.double
    await storage.make_folder(Path("a"))
    first = (await put(storage, "a/file", b"1")).node
    await put(storage, "a/file", b"22")
    handle = await storage.abilities.parts.begin(None)
    await storage.abilities.parts.write_at(handle, 0, body_of(b"333"))
    # As if by a kill, nothing comes after the versions were taken, and nothing can be put back.
    double.faults.add(Fault(method="MOVE", path=r".*clawgate-parts-[0-9a-f]*", status=500, times=0))
    double.faults.add(Fault(command="file rename", status=500, times=0))
    with pytest.raises(ClawgateError):
        await storage.abilities.parts.finish(handle, Path("a/file"), Intent())
    double.faults.clear()
    assert double.names(f"{mounted.root}/a") == ["file"]
    double.rename(f"{mounted.root}/a", f"{mounted.root}/b")
    again = await mounted.open()
    if by == "its client":
        await again.abilities.parts.abort(handle)
    else:
        assert await again.sweep(frozenset(), 0) == 1
    assert (await again.stat(Path("b/file"))).id == first.id
    assert [version.size for version in await again.abilities.versions.list(Path("b/file"))][-1] == 1
    assert [name for name in double.names(mounted.root) if "clawgate" in name] == []


async def uploaded(storage, content):
    handle = await storage.abilities.parts.begin(None)
    await storage.abilities.parts.write_at(handle, 0, body_of(content))
    return handle


async def test_what_an_upload_in_pieces_replaces(mounting):
    """EOS renames it to the versions: its etag is known there, nothing is copied, and the file keeps its id."""
    mounted = await mounting({"stable_ids": True})
    storage, double = await mounted.open(), mounted.double
    first = (await put(storage, "file", b"1", mtime_ns=10**18)).node
    handle = await uploaded(storage, b"333")
    double.record.clear()
    written = await storage.abilities.parts.finish(handle, Path("file"), Intent(compute=("SHA1",)))
    assert [one.command for one in double.record.exchanges if one.command in ("file version", "file versions")] == [
        "file versions"
    ]
    assert (written.replaced, written.node.id) == (True, first.id)
    assert "SHA1:43814346e21444aaf4f70841bf7ed5ae93f55a9d" in (await storage.stat(Path("file"))).checksums
    (version,) = await storage.abilities.versions.list(Path("file"))
    assert (version.size, version.etag, version.mtime_ns) == (1, first.etag, 10**18)
    assert double.names(mounted.root) == [".sys.v#.file", "file"]


async def test_versions_of_uploads_in_pieces_do_not_pile_up(mounting):
    mounted = await mounting({"stable_ids": True})
    storage = await mounted.open()
    mounted.double.set_attribute(mounted.root, "sys.versioning", "2")
    for content in (b"1", b"22", b"333", b"4444", b"55555"):
        await storage.abilities.parts.finish(await uploaded(storage, content), Path("file"), Intent())
    assert [one.size for one in await storage.abilities.versions.list(Path("file"))] == [4, 3]


@pytest.mark.parametrize("then", ["finish", "abort", "go on"])
async def test_an_upload_that_was_killed_among_the_versions(mounting, then):
    mounted = await mounting({"stable_ids": True})
    storage, double = await mounted.open(), mounted.double
    first = (await put(storage, "file", b"1")).node
    handle = await uploaded(storage, b"333")
    token, folder = handle.partition("-")[0], f"{mounted.root}/.sys.v#.file"
    double.rename(f"{mounted.root}/.sys.reva#.clawgate-parts-{token}", f"{folder}/1800000000.{token}")
    again = await mounted.open()
    assert await again.abilities.versions.list(Path("file")) == []
    assert await get(again, "file") == b"1"
    parts = again.abilities.parts
    if then == "abort":
        await parts.abort(handle)
    else:
        if then == "go on":
            await parts.write_at(handle, 3, body_of(b"4"))
        written = await parts.finish(handle, Path("file"), Intent())
        assert written.node.id == first.id
    assert await get(again, "file") == {"abort": b"1", "finish": b"333", "go on": b"3334"}[then]
    assert [name for name in (*double.names(mounted.root), *double.names(folder)) if token in name] == []


@pytest.mark.parametrize("done", [True, False])
async def test_when_nobody_hears_that_an_upload_has_its_place(mounting, done):
    mounted = await mounting({"stable_ids": True})
    storage, double = await mounted.open(), mounted.double
    first = (await put(storage, "file", b"1")).node
    handle = await uploaded(storage, b"333")
    double.faults.add(Fault(command="file versions", lose=done, drop=not done))
    if not done:
        with pytest.raises(ClawgateError):
            await storage.abilities.parts.finish(handle, Path("file"), Intent())
        assert (await storage.stat(Path("file"))).etag == first.etag
        assert await storage.abilities.versions.list(Path("file")) == []
    await storage.abilities.parts.finish(handle, Path("file"), Intent())
    assert await get(storage, "file") == b"333"
    assert (await storage.stat(Path("file"))).id == first.id
    assert [one.size for one in await storage.abilities.versions.list(Path("file"))] == [1]


async def test_a_place_that_cannot_be_taken_keeps_its_versions(mounting):
    mounted = await mounting({"stable_ids": True})
    storage, double = await mounted.open(), mounted.double
    double.set_attribute(mounted.root, "sys.versioning", None)
    first = (await put(storage, "file", b"1")).node
    parts = storage.abilities.parts
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(b"333"))
    if double.profile.gateway_query:
        double.faults.add(Fault(method="MOVE", path=r".*clawgate-parts-[0-9a-f]*", status=500))
    else:
        double.faults.add(Fault(command="file rename", status=500))
    with pytest.raises(ClawgateError):
        await parts.finish(handle, Path("file"), Intent())
    double.faults.clear()
    assert (await storage.stat(Path("file"))).id == first.id
    await parts.finish(handle, Path("file"), Intent())
    assert await get(storage, "file") == b"333"
    assert (await storage.stat(Path("file"))).id == first.id

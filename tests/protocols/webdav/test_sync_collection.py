"""REPORT ``sync-collection`` (RFC 6578)."""

from __future__ import annotations

import attrs
import pytest
import pytest_twisted

from .conftest import NAMES

ROOTED = "/remote.php/webdav"
TOKEN = "d:sync-token"


def asking(token: str = "", level: str = "infinite", limit: int | None = None, prop: str = "<d:getetag/>") -> str:
    most = f"<d:limit><d:nresults>{limit}</d:nresults></d:limit>" if limit is not None else ""
    inside = f"<d:sync-token>{token}</d:sync-token><d:sync-level>{level}</d:sync-level>{most}<d:prop>{prop}</d:prop>"
    return f'<d:sync-collection xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">{inside}</d:sync-collection>'


@attrs.define
class Told:
    changed: set[str]
    gone: set[str]
    token: str
    more: bool


async def sync(client, token: str = "", path: str = "/", **how) -> Told:
    answer = await client("REPORT", path, asking(token, **how), Depth="0")
    assert answer.status == 207, answer.body
    told = Told(set(), set(), answer.xml.findtext(TOKEN, namespaces=NAMES), False)
    names = []
    for response in answer.xml.iterfind("d:response", NAMES):
        href = response.findtext("d:href", namespaces=NAMES).removeprefix(client.root)
        status = response.findtext("d:status", default="", namespaces=NAMES)
        names.append(href)
        if "507" in status:
            assert href == path
            assert response.find("d:error/d:number-of-matches-within-limits", NAMES) is not None
            told.more = True
        elif "404" in status:
            told.gone.add(href)
        else:
            told.changed.add(href)
            assert response.find("d:propstat", NAMES) is not None
    assert len(names) == len(set(names)), names
    return told


async def some(client) -> None:
    for path in ("/d", "/d/e", "/f"):
        await client("MKCOL", path)
    for path in ("/a", "/d/b", "/d/e/c", "/f/g"):
        await client("PUT", path, b"1")


ALL = {"/a", "/d/", "/d/b", "/d/e/", "/d/e/c", "/f/", "/f/g"}


@pytest_twisted.ensureDeferred
async def test_first_all_then_what_changed(client):
    await some(client)
    first = await sync(client)
    assert (first.changed, first.gone, first.more) == (ALL, set(), False)
    assert (await sync(client, level="1")).changed == {"/a", "/d/", "/f/"}
    shown = await client.propfind("/", TOKEN, "d:supported-report-set")
    assert shown[f"{ROOTED}/"].text(TOKEN) == first.token
    assert shown[f"{ROOTED}/"].found["d:supported-report-set"].find(".//d:sync-collection", NAMES) is not None
    assert await sync(client, first.token) == Told(set(), set(), first.token, False)

    await client("PUT", "/d/b", b"22")
    await client("PUT", "/new", b"22")
    await client("DELETE", "/f")
    deep = await sync(client, first.token)
    assert (deep.changed, deep.gone) == ({"/d/b", "/new"}, {"/f/"})
    flat = await sync(client, first.token, level="1")
    assert (flat.changed, flat.gone) == ({"/new"}, {"/f/"})
    assert deep.token == flat.token == (await client.propfind("/", TOKEN))[f"{ROOTED}/"].text(TOKEN)
    below = (await client.propfind("/d", TOKEN))[f"{ROOTED}/d/"].text(TOKEN)
    assert (await sync(client, below, "/d/")).changed == set()
    assert await sync(client, deep.token) == Told(set(), set(), deep.token, False)
    assert TOKEN not in (await client.propfind("/a", TOKEN))[f"{ROOTED}/a"].found


@pytest_twisted.ensureDeferred
async def test_renames_and_moves(client):
    await some(client)
    token = (await sync(client)).token
    inner = (await sync(client, path="/f/")).token
    await client("MOVE", "/d", Destination=f"{client.base}{ROOTED}/f/n")
    await client("MOVE", "/a", Destination=f"{client.base}{ROOTED}/z")
    told = await sync(client, token)
    assert told.changed == {"/z", "/f/n/", "/f/n/b", "/f/n/e/", "/f/n/e/c"}
    assert told.gone == {"/d/", "/a"}
    told = await sync(client, token, level="1")
    assert (told.changed, told.gone) == ({"/z"}, {"/d/", "/a"})
    told = await sync(client, inner, "/f/", level="1")
    assert (told.changed, told.gone) == ({"/f/n/"}, set())
    told = await sync(client, inner, "/f/")
    assert told.changed == {"/f/n/", "/f/n/b", "/f/n/e/", "/f/n/e/c"}


@pytest_twisted.ensureDeferred
async def test_what_came_and_went(client):
    await some(client)
    token = (await sync(client)).token
    await client("PUT", "/brief", b"1")
    await client("DELETE", "/brief")
    await client("MOVE", "/d", Destination=f"{client.base}{ROOTED}/x")
    await client("PUT", "/x/b", b"333")
    await client("DELETE", "/x/e")
    await client("MOVE", "/x", Destination=f"{client.base}{ROOTED}/d")
    await client("DELETE", "/a")
    await client("PUT", "/a", b"again")
    told = await sync(client, token)
    assert told.changed == {"/d/", "/d/b", "/a"}
    assert told.gone == {"/brief", "/x/", "/d/e/"}


@pytest_twisted.ensureDeferred
async def test_another_folder_in_the_same_place(client):
    await some(client)
    token = (await sync(client)).token
    await client("DELETE", "/f")
    await client("MOVE", "/d", Destination=f"{client.base}{ROOTED}/f")
    told = await sync(client, token)
    assert (told.changed, told.gone, told.more) == (set(), {"/f/", "/d/"}, True)
    told = await sync(client, told.token)
    assert (told.changed, told.gone, told.more) == ({"/f/", "/f/b", "/f/e/", "/f/e/c"}, set(), False)


@pytest.mark.parametrize("level", ["1", "infinite"])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest_twisted.ensureDeferred
async def test_in_portions(client, level, limit):
    await some(client)
    known: set[str] = set()

    async def follow(token: str) -> str:
        for _ in range(50):
            told = await sync(client, token, level=level, limit=limit)
            assert len(told.changed) + len(told.gone) <= limit
            for gone in told.gone:
                known.difference_update([path for path in known if path == gone or path.startswith(gone.rstrip("/") + "/")])
            known.update(told.changed)
            token = told.token
            if not told.more:
                return token
        raise AssertionError("no end")

    def reach(paths: set[str]) -> set[str]:
        return {path for path in paths if level == "infinite" or path.strip("/").count("/") == 0}

    token = await follow("")
    assert known == reach(ALL)
    await client("MOVE", "/d", Destination=f"{client.base}{ROOTED}/f/n")
    await client("PUT", "/f/n/later", b"1")
    await client("DELETE", "/f/n/e/c")
    await client("DELETE", "/a")
    assert await follow(token) != token
    assert known == reach({"/f/", "/f/g", "/f/n/", "/f/n/b", "/f/n/e/", "/f/n/later"})


@pytest_twisted.ensureDeferred
async def test_changes_between_portions(client):
    await some(client)
    told = await sync(client, limit=3)
    known, more = told.changed, told.more
    await client("MOVE", "/d/b", Destination=f"{client.base}{ROOTED}/0")
    await client("DELETE", "/a")
    await client("PUT", "/d/e/d", b"1")
    while more:
        told = await sync(client, told.token, limit=2)
        known, more = (known | told.changed) - told.gone, told.more
    told = await sync(client, told.token)
    known = (known | told.changed) - told.gone
    assert known == ALL - {"/a", "/d/b"} | {"/0", "/d/e/d"}


@pytest_twisted.ensureDeferred
async def test_changes_between_portions_of_what_arrived(client):
    await client("MKCOL", "/d")
    await client("MKCOL", "/d/s")
    for path in ("/d/a", "/d/b", "/d/s/c", "/d/s/d"):
        await client("PUT", path, b"1")
    token = (await sync(client, path="/")).token
    await client("MOVE", "/d", Destination=f"{client.base}{ROOTED}/n")
    gone = await sync(client, token, limit=1)
    assert (gone.gone, gone.more) == ({"/d/"}, True)
    first = await sync(client, gone.token, limit=3)
    assert (first.changed, first.more) == ({"/n/", "/n/a", "/n/b"}, True)
    await client("PUT", "/n/a", b"22")
    await client("DELETE", "/n/b")
    await client("PUT", "/n/s/c", b"22")
    await client("PUT", "/n/s/e", b"1")
    rest = await sync(client, first.token)
    assert (rest.changed, rest.gone, rest.more) == ({"/n/a", "/n/s/", "/n/s/c", "/n/s/d", "/n/s/e"}, {"/n/b"}, False)
    # The folder may be somewhere else by then.
    await client("MOVE", "/n", Destination=f"{client.base}{ROOTED}/m")
    moved = await sync(client, first.token)
    assert (moved.changed, moved.gone) == ({"/m/", "/m/a", "/m/s/", "/m/s/c", "/m/s/d", "/m/s/e"}, {"/n/", "/m/b"})


@pytest_twisted.ensureDeferred
async def test_tokens_that_are_worth_nothing(client):
    await some(client)
    other = (await sync(client, path="/d/")).token
    good = (await sync(client)).token
    for token in ("x", "urn:x-clawgate:sync:", other, good + "0000", good.replace("sync:", "sync:f"), good + ".i%%", good + ".z"):
        answer = await client("REPORT", "/", asking(token))
        assert answer.status == 403, token
        assert answer.xml.find("d:valid-sync-token", NAMES) is not None
    await client("DELETE", "/d")
    await client("MKCOL", "/d")
    assert (await client("REPORT", "/d", asking(other))).status == 403


@pytest_twisted.ensureDeferred
async def test_wrong_questions(client):
    await some(client)
    for body in (
        asking(level="2"),
        asking(limit=0),
        '<d:sync-collection xmlns:d="DAV:"><d:sync-level>1</d:sync-level><d:prop/></d:sync-collection>',
        '<d:sync-collection xmlns:d="DAV:"><d:sync-token/><d:sync-level>1</d:sync-level></d:sync-collection>',
    ):
        assert (await client("REPORT", "/", body)).status == 400, body
    assert (await client("REPORT", "/a", asking())).status == 403
    assert (await client("REPORT", "/none", asking())).status == 404


@pytest_twisted.ensureDeferred
async def test_tokens_as_conditions(client):
    """RFC 6578 section 5."""
    await some(client)
    token = (await sync(client, path="/d/")).token
    stated = f"<{ROOTED}/d/> (<{token}>)"
    assert (await client("PUT", "/elsewhere", b"1", If=stated)).status == 201
    assert (await client("PUT", "/d/n", b"1", If=stated)).status == 201
    assert (await client("PUT", "/d/m", b"1", If=stated)).status == 412
    assert (await client("DELETE", "/d", If=f"(<{token}>)")).status == 412
    token = (await sync(client, path="/d/")).token
    assert (await client("PUT", "/d/m", b"1", If=f"<{ROOTED}/d/> (Not <{token}>)")).status == 412
    assert (await client("DELETE", "/d", If=f"(<{token}>)")).status == 204

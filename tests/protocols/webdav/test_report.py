"""REPORT: favourites, as ownCloud Web and the iOS client ask for them (clients.md 5)."""

from __future__ import annotations

import attrs
import pytest
import pytest_twisted

from clawgate.errors import Forbidden
from clawgate.model.path import ROOT
from clawgate.model.people import Actor, User
from clawgate.model.permissions import Permissions

WEB = """<?xml version="1.0"?>
<oc:filter-files xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">
  <d:prop><d:resourcetype/><d:getetag/><oc:fileid/><oc:favorite/><oc:name/><oc:nothing/></d:prop>
  <oc:filter-rules><oc:favorite>1</oc:favorite></oc:filter-rules>%s
</oc:filter-files>"""
STAR = (
    '<d:propertyupdate xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:set><d:prop>'
    "<oc:favorite>%d</oc:favorite></d:prop></d:set></d:propertyupdate>"
)
ROOTED = "/remote.php/webdav"


def filtering(rules: str, prop: str = "<d:prop/>", tail: str = "") -> str:
    inside = f"{prop}<oc:filter-rules>{rules}</oc:filter-rules>{tail}"
    return f'<oc:filter-files xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">{inside}</oc:filter-files>'


async def star(client, *paths: str, on: bool = True) -> None:
    for path in paths:
        assert (await client("PROPPATCH", path, STAR % on)).status == 207


async def hrefs(client, path: str = "/", tail: str = "") -> set[str]:
    answer = await client("REPORT", path, WEB % tail)
    assert answer.status == 207, answer.body
    assert len(answer.xml) == len(answer.entries)
    return set(answer.entries)


async def some_files(client) -> None:
    await client("MKCOL", "/d")
    await client("MKCOL", "/d/e%20%C3%A4")
    await client("MKCOL", "/dd")
    for path in ("/f", "/d/g%25", "/d/e%20%C3%A4/h", "/dd/i", "/plain"):
        await client("PUT", path, b"1")
    await star(client, "/f", "/d/g%25", "/d/e%20%C3%A4", "/d/e%20%C3%A4/h", "/dd/i")


@pytest_twisted.ensureDeferred
async def test_as_the_web_asks(client):
    assert (await client("REPORT", "/", WEB % "")).entries == {}
    await some_files(client)
    answer = await client("REPORT", "/", WEB % "")
    assert answer.status == 207
    assert answer.header("content-type") == "application/xml; charset=utf-8"
    assert answer.header("content-length") == str(len(answer.body))
    entries = answer.entries
    assert set(entries) == {
        f"{ROOTED}/f",
        f"{ROOTED}/d/g%25",
        f"{ROOTED}/d/e%20%C3%A4/",
        f"{ROOTED}/d/e%20%C3%A4/h",
        f"{ROOTED}/dd/i",
    }
    for href, entry in entries.items():
        assert entry.text("oc:favorite") == "1"
        assert entry.missing == {"oc:nothing"}
        assert bool(len(entry.found["d:resourcetype"])) == href.endswith("/")
        listed = (await client.propfind(href.removeprefix(ROOTED), "d:getetag", "oc:fileid")).popitem()[1]
        for name in ("d:getetag", "oc:fileid"):
            assert entry.text(name) == listed.text(name)
    assert entries[f"{ROOTED}/d/g%25"].text("oc:name") == "g%"


@pytest_twisted.ensureDeferred
async def test_below_the_folder_under_the_prefix_of_the_request(client):
    await some_files(client)
    await star(client, "/d")
    below = {"/d/g%25", "/d/e%20%C3%A4/", "/d/e%20%C3%A4/h"}
    assert await hrefs(client, "/d") == await hrefs(client, "/d/") == {ROOTED + path for path in below}
    for root in ("/remote.php/dav/files/alan", "/dav/files/alan", "/remote.php/dav/spaces/home$alan", "/dav/spaces/home%24alan"):
        assert await hrefs(client, f"={root}/d") == {root + path for path in below}
    assert await hrefs(client, "/dd") == {f"{ROOTED}/dd/i"}


@pytest_twisted.ensureDeferred
async def test_marks_follow_and_end(client):
    await some_files(client)
    await client("MOVE", "/d", Destination=f"{client.base}{ROOTED}/n")
    await client("DELETE", "/dd")
    await star(client, "/f", on=False)
    assert await hrefs(client) == {f"{ROOTED}/n/g%25", f"{ROOTED}/n/e%20%C3%A4/", f"{ROOTED}/n/e%20%C3%A4/h"}


@pytest_twisted.ensureDeferred
async def test_everybody_has_their_own(client):
    shared = "/remote.php/dav/spaces/shared$shared"
    await client("PUT", f"={shared}/f", b"1")
    await client("PUT", f"={shared}/g", b"1")
    await client("PUT", "/mine", b"1")
    await star(client, f"={shared}/f", "/mine")
    grace = attrs.evolve(client, user="grace")
    await star(grace, f"={shared}/g")
    assert await hrefs(client, f"={shared}") == {f"{shared}/f"}
    assert await hrefs(grace, f"={shared}") == {f"{shared}/g"}
    assert await hrefs(client) == {f"{ROOTED}/mine"}
    assert await hrefs(grace) == set()


@pytest.mark.parametrize("form", ["<oc:limit>%d</oc:limit>", "<oc:search><oc:limit>%d</oc:limit></oc:search>"])
@pytest_twisted.ensureDeferred
async def test_limit(client, form):
    await some_files(client)
    everything = await hrefs(client)
    for limit in (0, 1, 3):
        found = await hrefs(client, tail=form % limit)
        assert len(found) == limit
        assert found <= everything
        assert found == await hrefs(client, tail=form % limit)
    assert await hrefs(client, tail=form % 100) == everything
    paged = form % 2
    tails = [paged.replace("<oc:limit>", f"<oc:offset>{offset}</oc:offset><oc:limit>") for offset in (0, 2, 4)]
    found = [await hrefs(client, tail=tail) for tail in tails]
    assert [len(page) for page in found] == [2, 2, 1]
    assert set.union(*found) == everything


@pytest_twisted.ensureDeferred
async def test_many(client):
    count = 300
    for number in range(count):
        path = f"/{number}-{'n' * 100}"
        await client("PUT", path, b"")
        await star(client, path)
    assert len(await hrefs(client)) == count


@pytest_twisted.ensureDeferred
async def test_minimal_and_parents(client):
    await some_files(client)
    body = filtering("<oc:favorite>true</oc:favorite>", "<d:prop><oc:file-parent/><oc:nothing/></d:prop>")
    answer = await client("REPORT", "/", body, Prefer="return=minimal", Depth="infinity")
    assert answer.header("preference-applied") == "return=minimal"
    assert b"404" not in answer.body
    for href, entry in answer.entries.items():
        above = href.removeprefix(ROOTED).rstrip("/").rpartition("/")[0] + "/"
        assert entry.text("oc:file-parent") == (await client.propfind(above, "oc:id")).popitem()[1].text("oc:id")


@pytest_twisted.ensureDeferred
async def test_lock_discovery_and_dead_properties(client):
    await client("PUT", "/f", b"1")
    await star(client, "/f")
    body = '<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><p xmlns="urn:x">v</p></d:prop></d:set></d:propertyupdate>'
    await client("PROPPATCH", "/f", body)
    scope = "<d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/></d:locktype>"
    await client("LOCK", "/f", f'<d:lockinfo xmlns:d="DAV:">{scope}</d:lockinfo>')
    wanted = '<d:prop><d:lockdiscovery/><x:p xmlns:x="urn:x"/></d:prop>'
    (entry,) = (await client("REPORT", "/", filtering("<oc:favorite>1</oc:favorite>", wanted))).entries.values()
    assert entry.text("x:p") == "v"
    assert len(entry.found["d:lockdiscovery"]) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('<oc:filter-files xmlns:oc="http://owncloud.org/ns"/>', 400),
        (filtering(""), 400),
        (filtering("<oc:favorite>1</oc:favorite>", tail="<oc:limit>many</oc:limit>"), 400),
        (filtering("<oc:favorite>1</oc:favorite>", tail="<oc:limit>-1</oc:limit>"), 400),
        (filtering("<oc:favorite>1</oc:favorite>", tail=f"<oc:limit>{'9' * 5000}</oc:limit>"), 400),
        (filtering("<oc:favorite>0</oc:favorite>"), 501),
        (filtering("<oc:systemtag>5</oc:systemtag>"), 501),
        (filtering("<oc:favorite>1</oc:favorite><oc:systemtag>5</oc:systemtag>"), 501),
        ("<x", 400),
        ("", 400),
    ],
)
@pytest_twisted.ensureDeferred
async def test_refused(client, body, status):
    assert (await client("REPORT", "/", body)).status == status


@pytest_twisted.ensureDeferred
async def test_where_it_is_possible(client):
    await client("PUT", "/f", b"1")
    file = await client("REPORT", "/f", WEB % "")
    assert file.status == 403
    assert b"<d:supported-report/>" in file.body
    assert (await client("REPORT", "/none", WEB % "")).status == 404
    assert (await client("REPORT", "=/remote.php/dav/spaces/home$grace", WEB % "")).status == 404
    assert (await client("REPORT", "=/remote.php/dav/files", WEB % "")).status == 405
    entries = await client.propfind("/", "d:supported-report-set", depth="1")
    reports = [element.tag for element in entries[f"{ROOTED}/"].found["d:supported-report-set"].iterfind(".//{DAV:}report/*")]
    assert reports == ["{http://owncloud.org/ns}filter-files", "{http://owncloud.org/ns}search-files", "{DAV:}sync-collection"]
    assert len(entries[f"{ROOTED}/f"].found["d:supported-report-set"]) == 0


@pytest_twisted.ensureDeferred
async def test_only_who_may_read_finds(client):
    await client("PUT", "/f", b"1")
    id = (await client.propfind("/f", "oc:id")).popitem()[1].text("oc:id")
    dav = client.handler.dav
    place = await dav.namespace.in_space(Actor(User("alan")), "home$alan", ROOT)
    assert (await dav.tree.find(place, id)).path == "f"
    with pytest.raises(Forbidden):
        await dav.tree.find(attrs.evolve(place, permissions=Permissions.NONE), id)

"""PROPFIND against a real stack: what the clients rely on (clients.md 0 and 2)."""

from __future__ import annotations

import pytest
import pytest_twisted
from lxml import etree

OC211 = """<?xml version="1.0" ?>
<d:propfind xmlns:d="DAV:">
  <d:prop>
    <d:resourcetype/>
    <d:getlastmodified/>
    <d:getcontentlength/>
    <d:getetag/>
    <id xmlns="http://owncloud.org/ns"/>
    <downloadURL xmlns="http://owncloud.org/ns"/>
    <dDC xmlns="http://owncloud.org/ns"/>
    <permissions xmlns="http://owncloud.org/ns"/>
    <checksums xmlns="http://owncloud.org/ns"/>
    <data-fingerprint xmlns="http://owncloud.org/ns"/>
  </d:prop>M
</d:propfind>
"""
PROPERTIES = (
    '<d:propertyupdate xmlns:d="DAV:" xmlns:x="urn:x"><d:set><d:prop><x:p>1 &amp; %s</x:p></d:prop></d:set></d:propertyupdate>'
)


@pytest_twisted.ensureDeferred
async def test_as_the_desktop_lists(client):
    await client("MKCOL", "/My%20docs")
    await client("PUT", "/f%25.txt", b"12345")
    answer = await client("PROPFIND", "/", OC211, Depth="1")
    assert answer.status == 207
    assert answer.header("content-type") == "application/xml; charset=utf-8"
    assert answer.header("content-length") == str(len(answer.body))
    entries = answer.entries
    assert next(iter(entries)) == "/remote.php/webdav/"
    assert set(entries) == {"/remote.php/webdav/", "/remote.php/webdav/My%20docs/", "/remote.php/webdav/f%25.txt"}
    for href, entry in entries.items():
        assert entry.statuses == ["HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found"]
        assert {"d:resourcetype", "d:getlastmodified", "d:getetag", "oc:id", "oc:permissions", "oc:data-fingerprint"} <= set(
            entry.found
        )
        assert {"oc:downloadURL", "oc:dDC"} <= entry.missing
        assert ("d:getcontentlength" in entry.missing) == href.endswith("/")
        assert entry.text("oc:permissions") == ("DNVCK" if href.endswith("/") else "DNVW")
        assert bool(len(entry.found["d:resourcetype"])) == href.endswith("/")
    assert b"<d:resourcetype><d:collection/></d:resourcetype>" in answer.body


@pytest_twisted.ensureDeferred
async def test_minimal(client):
    await client("PUT", "/f", b"")
    answer = await client("PROPFIND", "/", OC211, Depth="1", Prefer="return=minimal")
    assert answer.header("preference-applied") == "return=minimal"
    assert b"404" not in answer.body
    assert len(answer.entries) == 2
    assert b"404" in (await client("PROPFIND", "/", OC211, Depth="1")).body


@pytest.mark.parametrize(
    ("depth", "status", "entries"),
    [("0", 207, 1), ("1", 207, 2), (None, 207, 2), ("1,noroot", 207, 2), ("infinity", 403, 0), ("2", 400, 0), ("", 400, 0)],
)
@pytest_twisted.ensureDeferred
async def test_depths(client, depth, status, entries):
    await client("MKCOL", "/d")
    await client("PUT", "/d/f", b"")
    answer = await client("PROPFIND", "/", **({} if depth is None else {"Depth": depth}))
    assert answer.status == status
    assert len(answer.entries) == entries
    if status == 403:
        assert b"<d:propfind-finite-depth/>" in answer.body


@pytest_twisted.ensureDeferred
async def test_whole_trees_where_allowed(deep_client):
    for folder in ("/d", "/d/e", "/d/e/f"):
        await deep_client("MKCOL", folder)
    await deep_client("PUT", "/d/e/x", b"")
    await deep_client("PUT", "/y", b"")
    entries = await deep_client.propfind("/", "d:getetag", depth="infinity")
    assert sorted(href.removeprefix("/remote.php/webdav") for href in entries) == ["/", "/d/", "/d/e/", "/d/e/f/", "/d/e/x", "/y"]
    assert len(await deep_client.propfind("/y", "d:getetag", depth="infinity")) == 1


@pytest_twisted.ensureDeferred
async def test_files_and_missing(client):
    await client("PUT", "/f", b"")
    for path in ("/f", "/f/"):
        assert list(await client.propfind(path, "d:getetag", depth="1")) == ["/remote.php/webdav/f"]
    for depth in ("0", "1"):
        gone = await client("PROPFIND", "/none", Depth=depth)
        assert (gone.status, gone.exception) == (404, "Sabre\\DAV\\Exception\\NotFound")
        assert (await client("PROPFIND", "/f/x", Depth=depth)).status in (404, 409)


@pytest.mark.parametrize(
    "body", ["<x/>", "<d:propfind", "<!DOCTYPE a><a/>", '<propfind xmlns="DAV:"><prop><b:a xmlns:b=""/></prop></propfind>']
)
@pytest_twisted.ensureDeferred
async def test_broken_bodies(client, body):
    answer = await client("PROPFIND", "/", body, Depth="0")
    assert (answer.status, answer.exception) == (400, "Sabre\\DAV\\Exception\\BadRequest")


@pytest_twisted.ensureDeferred
async def test_too_large_a_body(client):
    assert (await client("PROPFIND", "/", b" " * 300_000, Depth="0")).status == 413


@pytest_twisted.ensureDeferred
async def test_without_a_body(client):
    await client("PUT", "/f", b"123")
    (entry,) = (await client.propfind("/f")).values()
    assert {"d:getetag", "d:getcontentlength", "d:resourcetype", "oc:id", "oc:permissions", "d:supportedlock"} <= set(entry.found)
    assert not entry.missing


@pytest_twisted.ensureDeferred
async def test_quota_and_more(client):
    await client("MKCOL", "/d")
    await client("PUT", "/d/f", b"12345")
    names = (
        "d:quota-used-bytes",
        "d:quota-available-bytes",
        "oc:privatelink",
        "oc:owner-id",
        "oc:owner-display-name",
        "oc:spaceid",
    )
    entries = await client.propfind("/d", *names, "oc:file-parent", "oc:id", "d:displayname", depth="1")
    folder, file = entries.values()
    root = (await client.propfind("/", "oc:id", "oc:file-parent", "d:displayname")).popitem()[1]
    assert folder.text("d:quota-used-bytes") == "5"
    assert "d:quota-used-bytes" in file.missing
    assert folder.text("oc:privatelink") == f"{client.base}/f/{folder.text('oc:id')}"
    assert (file.text("oc:owner-id"), file.text("oc:owner-display-name")) == ("alan", "Alan Turing")
    assert file.text("oc:spaceid") == "home$alan"
    assert file.text("oc:file-parent") == folder.text("oc:id")
    assert folder.text("oc:file-parent") == root.text("oc:id")
    assert "oc:file-parent" in root.missing
    assert (root.text("d:displayname"), file.text("d:displayname")) == ("Alan Turing", "f")


@pytest_twisted.ensureDeferred
async def test_large_listings_are_streamed_and_kept(client):
    for number in range(300):
        await client("PUT", f"/file%20{number}", b"x")
    first = await client("PROPFIND", "/", OC211, Depth="1")
    assert first.header("content-length") is None
    second = await client("PROPFIND", "/", OC211, Depth="1")
    assert second.body == first.body
    assert second.header("content-length") == str(len(second.body))
    assert len(second.entries) == 301
    await client("PUT", "/file%200", b"y")
    third = await client("PROPFIND", "/", OC211, Depth="1")
    changed = [href for href, entry in third.entries.items() if entry.text("d:getetag") != first.entries[href].text("d:getetag")]
    assert sorted(changed) == ["/remote.php/webdav/", "/remote.php/webdav/file%200"]
    assert client.handler.dav.listings.hits >= 1


@pytest.mark.parametrize("depth", ["0", "1"])
@pytest_twisted.ensureDeferred
async def test_what_is_kept_is_never_stale(client, depth):
    await client("MKCOL", "/d")
    names = ("d:getetag", "oc:favorite", "x:p", "d:lockdiscovery")
    seen = []

    async def look():
        answers = [await client("PROPFIND", "/d", wanted, Depth=depth) for _ in range(2)]
        assert answers[0].body == answers[1].body
        seen.append(answers[0].body)
        return answers[0].entries["/remote.php/webdav/d/"]

    declared = 'xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns" xmlns:x="urn:x"'
    wanted = f"<d:propfind {declared}><d:prop>{''.join(f'<{name}/>' for name in names)}</d:prop></d:propfind>"
    assert (await look()).text("oc:favorite") == "0"
    assert (await client("PROPPATCH", "/d", PROPERTIES % "a")).status == 207
    assert (await look()).text("x:p") == "1 & a"
    star = '<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><favorite xmlns="http://owncloud.org/ns">%s</favorite></d:prop></d:set></d:propertyupdate>'
    await client("PROPPATCH", "/d", star % "true")
    assert (await look()).text("oc:favorite") == "1"
    await client("PROPPATCH", "/d", star % "0")
    assert (await look()).text("oc:favorite") == "0"
    lock = '<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>'
    token = (await client("LOCK", "/d", lock)).header("lock-token")
    assert len((await look()).found["d:lockdiscovery"]) == 1
    await client("UNLOCK", "/d", Lock_Token=token)
    assert len((await look()).found["d:lockdiscovery"]) == 0
    await client("PUT", "/d/f", b"")
    await look()
    assert len(set(seen)) == 5


@pytest_twisted.ensureDeferred
async def test_favourites_are_everybodys_own(client):
    client.root = "/dav/spaces/shared$shared"
    await client("PUT", "/f", b"")
    star = '<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><favorite xmlns="http://owncloud.org/ns">1</favorite></d:prop></d:set></d:propertyupdate>'
    await client("PROPPATCH", "/f", star)
    for user, value in (("alan", "1"), ("grace", "0"), ("alan", "1")):
        client.user = user
        assert (await client.propfind("/f", "oc:favorite")).popitem()[1].text("oc:favorite") == value


@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("/", ["/", "/remote.php/", "/dav/", "/webdav/"]),
        ("/remote.php", ["/remote.php/", "/remote.php/dav/", "/remote.php/webdav/"]),
        ("/dav/", ["/dav/", "/dav/files/", "/dav/spaces/"]),
        ("/remote.php/dav/files", ["/remote.php/dav/files/", "/remote.php/dav/files/alan/"]),
        ("/dav/spaces/", ["/dav/spaces/", "/dav/spaces/home$alan/", "/dav/spaces/frozen$frozen/", "/dav/spaces/shared$shared/"]),
    ],
)
@pytest_twisted.ensureDeferred
async def test_collections_above_the_trees(client, path, members):
    entries = await client.propfind(f"={path}", "d:resourcetype", "d:getetag", depth="1")
    assert list(entries) == members
    for entry in entries.values():
        assert etree.QName(entry.found["d:resourcetype"][0]).localname == "collection"
        assert entry.missing == {"d:getetag"}
    assert list(await client.propfind(f"={path}", depth="0")) == members[:1]
    for verb in ("GET", "PUT", "MKCOL", "DELETE", "PROPPATCH", "LOCK"):
        refused = await client(verb, f"={path}")
        assert (refused.status, refused.header("allow")) == (405, "OPTIONS, PROPFIND"), verb


@pytest_twisted.ensureDeferred
async def test_names_only(client):
    await client("PUT", "/f", b"")
    await client("PROPPATCH", "/f", PROPERTIES % "a")
    answer = await client("PROPFIND", "/f", '<propfind xmlns="DAV:"><propname/></propfind>', Depth="0")
    (entry,) = answer.entries.values()
    assert "x:p" in entry.found
    assert "d:getetag" in entry.found
    assert "d:quota-used-bytes" not in entry.found
    assert all(element.text is None and not len(element) for element in entry.found.values())

"""PROPPATCH against a real stack."""

from __future__ import annotations

import pytest
import pytest_twisted

UPDATE = (
    '<d:propertyupdate xmlns:d="DAV:" xmlns:x="urn:x" xmlns:oc="http://owncloud.org/ns" xmlns:z="urn:schemas-microsoft-com:">%s'
    "</d:propertyupdate>"
)


def setting(properties: str) -> str:
    return UPDATE % f"<d:set><d:prop>{properties}</d:prop></d:set>"


def statuses(answer) -> dict[str, str]:
    found = {}
    for response in answer.xml:
        for propstat in response[1:]:
            for element in propstat[0]:
                found[element.tag.rpartition("}")[2]] = propstat[1].text.split()[1]
    return found


@pytest_twisted.ensureDeferred
async def test_dead_properties(client):
    await client("PUT", "/f", b"")
    answer = await client(
        "PROPPATCH",
        "/f",
        setting(
            "<x:a>1</x:a><x:b xml:lang='de'><x:c y='2'>&lt;</x:c></x:b><z:Win32FileAttributes>00000020</z:Win32FileAttributes>"
        ),
    )
    assert answer.status == 207
    assert statuses(answer) == {"a": "200", "b": "200", "Win32FileAttributes": "200"}
    (entry,) = (await client.propfind("/f", "x:a", "x:b", "x:none")).values()
    assert entry.text("x:a") == "1"
    assert entry.found["x:b"].get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
    assert (entry.found["x:b"][0].get("y"), entry.found["x:b"][0].text) == ("2", "<")
    assert entry.missing == {"x:none"}

    # In document order, and removing what is not there is no error.
    body = UPDATE % (
        "<d:remove><d:prop><x:a/><x:none/></d:prop></d:remove><d:set><d:prop><x:b>2</x:b><x:d>3</x:d></d:prop></d:set>"
        "<d:remove><d:prop><x:d/></d:prop></d:remove>"
    )
    assert set(statuses(await client("PROPPATCH", "/f", body)).values()) == {"200"}
    (entry,) = (await client.propfind("/f", "x:a", "x:b", "x:d")).values()
    assert (set(entry.found), entry.text("x:b")) == ({"x:b"}, "2")


@pytest_twisted.ensureDeferred
async def test_they_go_with_moves_and_copies(client):
    await client("MKCOL", "/d")
    await client("PUT", "/d/f", b"")
    await client("PROPPATCH", "/d/f", setting("<x:a>1</x:a>"))
    await client("COPY", "/d", Destination=client.root + "/copy")
    await client("MOVE", "/d", Destination=client.root + "/moved")
    for path in ("/copy/f", "/moved/f"):
        assert (await client.propfind(path, "x:a")).popitem()[1].text("x:a") == "1"
    await client("DELETE", "/moved/f")
    await client("PUT", "/moved/f", b"")
    assert (await client.propfind("/moved/f", "x:a")).popitem()[1].missing == {"x:a"}


@pytest.mark.parametrize("name", ["lastmodified", "getlastmodified"])
@pytest.mark.parametrize(
    ("value", "date"), [("1577836800", "Wed, 01 Jan 2020 00:00:00 GMT"), ("Sat, 21 Nov 2026 03:28:16 GMT",) * 2]
)
@pytest_twisted.ensureDeferred
async def test_times(client, name, value, date):
    """rclone sends checksums in the same set and needs 200 for the time."""
    await client("PUT", "/f", b"")
    body = setting(f"<d:{name}>{value}</d:{name}><oc:checksums><oc:checksum>SHA1:00</oc:checksum></oc:checksums>")
    assert statuses(await client("PROPPATCH", "/f", body)) == {name: "200", "checksums": "200"}
    assert (await client.propfind("/f", "d:getlastmodified")).popitem()[1].text("d:getlastmodified") == date


@pytest.mark.parametrize(
    ("property", "status"),
    [
        ("<d:getetag>x</d:getetag>", "403"),
        ("<d:resourcetype/>", "403"),
        ("<d:displayname>x</d:displayname>", "403"),
        ("<oc:id>x</oc:id>", "403"),
        ("<oc:unheard-of>x</oc:unheard-of>", "403"),
        ("<d:lastmodified>soon</d:lastmodified>", "409"),
        ("<x:big>" + "x" * 70000 + "</x:big>", "507"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_one_refused_none_done(client, property, status):
    await client("PUT", "/f", b"")
    answer = await client("PROPPATCH", "/f", setting(f"<x:a>1</x:a>{property}<oc:favorite>1</oc:favorite>"))
    found = statuses(answer)
    assert answer.status == 207
    assert (found.pop("a"), found.pop("favorite")) == ("424", "424")
    assert list(found.values()) == [status]
    assert (b"<d:cannot-modify-protected-property/>" in answer.body) == (status == "403")
    (entry,) = (await client.propfind("/f", "x:a", "oc:favorite")).values()
    assert (entry.missing, entry.text("oc:favorite")) == ({"x:a"}, "0")


@pytest_twisted.ensureDeferred
async def test_refused_altogether(client):
    await client("PUT", "/f", b"")
    assert (await client("PROPPATCH", "/none", setting("<x:a/>"))).status == 404
    assert (await client("PROPPATCH", "/f", "<x/>")).status == 400
    assert (await client("PROPPATCH", "/f", UPDATE % "")).status == 400
    assert (await client("PROPPATCH", "/f", setting("<x:a/>"), If_Match='"x"')).status == 412
    client.root = "/dav/spaces/frozen$frozen"
    assert (await client("PROPPATCH", "/", setting("<x:a/>"))).status == 403
    assert statuses(await client("PROPPATCH", "/", setting("<oc:favorite>1</oc:favorite>"))) == {"favorite": "200"}


@pytest_twisted.ensureDeferred
async def test_too_many(client):
    await client("PUT", "/f", b"")
    answer = await client("PROPPATCH", "/f", setting("".join(f"<x:p{i}/>" for i in range(300))))
    assert (answer.status, answer.exception) == (507, "Sabre\\DAV\\Exception\\InsufficientStorage")

"""LOCK and UNLOCK against a real stack."""

from __future__ import annotations

import pytest
import pytest_twisted

INFO = (
    '<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:%s/></d:lockscope><d:locktype><d:write/></d:locktype>'
    "<d:owner><d:href>mailto:a&amp;b</d:href></d:owner></d:lockinfo>"
)
EXCLUSIVE, SHARED = INFO % "exclusive", INFO % "shared"


async def lock(client, path, body=EXCLUSIVE, **headers):
    answer = await client("LOCK", path, body, **headers)
    assert answer.status in (200, 201), answer.body
    return answer.header("lock-token")


@pytest_twisted.ensureDeferred
async def test_an_exclusive_lock(client):
    await client("PUT", "/f", b"1")
    answer = await client("LOCK", "/f", EXCLUSIVE, Timeout="Second-100, Infinite", Depth="0")
    token = answer.header("lock-token")
    assert answer.status == 200
    assert token.startswith("<opaquelocktoken:")
    active = answer.xml.find("{DAV:}lockdiscovery/{DAV:}activelock")
    texts = {element.tag.removeprefix("{DAV:}"): "".join(element.itertext()) for element in active}
    assert texts == {
        "locktype": "",
        "lockscope": "",
        "depth": "0",
        "owner": "mailto:a&b",
        "timeout": "Second-100",
        "locktoken": token.strip("<>"),
        "lockroot": "/remote.php/webdav/f",
    }
    assert active.find("{DAV:}lockscope/{DAV:}exclusive") is not None
    entry = (await client.propfind("/f", "d:lockdiscovery")).popitem()[1]
    assert entry.found["d:lockdiscovery"][0].find("{DAV:}locktoken/{DAV:}href").text == token.strip("<>")

    for verb, headers in (
        ("PUT", {}),
        ("DELETE", {}),
        ("MOVE", {"Destination": client.root + "/g"}),
        ("PROPPATCH", {}),
    ):
        body = (
            '<propertyupdate xmlns="DAV:"><set><prop><a xmlns="u"/></prop></set></propertyupdate>' if verb == "PROPPATCH" else b""
        )
        refused = await client(verb, "/f", body, **headers)
        assert (refused.status, refused.exception) == (423, "Sabre\\DAV\\Exception\\Locked"), verb
        assert b"<d:lock-token-submitted><d:href>/remote.php/webdav/f</d:href></d:lock-token-submitted>" in refused.body
        assert refused.message
    assert (await client("GET", "/f")).body == b"1"
    conflict = await client("LOCK", "/f", SHARED)
    assert conflict.status == 423
    assert b"<d:no-conflicting-lock><d:href>/remote.php/webdav/f</d:href></d:no-conflicting-lock>" in conflict.body

    assert (await client("PUT", "/f", b"2", If=f"({token})")).status == 204
    assert (await client("PUT", "/f", b"2", If="(<opaquelocktoken:other>)")).status == 412
    assert (await client("PUT", "/f", b"2", If="(<opaquelocktoken:other>) (Not <DAV:no-lock>)")).status == 423
    assert (await client("UNLOCK", "/f", Lock_Token="<opaquelocktoken:other>")).status == 409
    wrong = await client("UNLOCK", "/f", Lock_Token="<opaquelocktoken:other>")
    assert b"<d:lock-token-matches-request-uri/>" in wrong.body
    assert (await client("UNLOCK", "/f")).status == 400
    assert (await client("UNLOCK", "/f", Lock_Token=token)).status == 204
    assert (await client("UNLOCK", "/f", Lock_Token=token)).status == 409
    assert (await client("UNLOCK", "/none", Lock_Token=token)).status == 404
    assert (await client("PUT", "/f", b"3")).status == 204


@pytest_twisted.ensureDeferred
async def test_nothing_there_makes_an_empty_file(client):
    answer = await client("LOCK", "/new.txt", EXCLUSIVE)
    assert answer.status == 201
    assert answer.header("etag") == await client.etag("/new.txt")
    got = await client("GET", "/new.txt")
    assert (got.status, got.body) == (200, b"")
    assert (await client("PUT", "/new.txt", b"1", If=f"({answer.header('lock-token')})")).status == 204
    assert (await client("LOCK", "/none/new.txt", EXCLUSIVE)).status == 409
    assert (await client("LOCK", "/folder/", EXCLUSIVE)).status == 409
    assert (await client("PROPFIND", "/folder", Depth="0")).status == 404


@pytest_twisted.ensureDeferred
async def test_deep_locks(client):
    await client("MKCOL", "/d")
    await client("PUT", "/d/f", b"1")
    token = await lock(client, "/d", Depth="infinity")
    assert (await client("PUT", "/d/f", b"2")).status == 423
    assert (await client("PUT", "/d/new", b"2")).status == 423
    assert (await client("MKCOL", "/d/e")).status == 423
    assert (await client("LOCK", "/d/f", SHARED)).status == 423
    for condition in (f"({token})", f"</remote.php/webdav/d/f> ({token})", f"<{client.base}/remote.php/webdav/d> ({token})"):
        assert (await client("PUT", "/d/f", b"2", If=condition)).status == 204
    entry = (await client.propfind("/d/f", "d:lockdiscovery")).popitem()[1]
    assert entry.found["d:lockdiscovery"][0].find("{DAV:}lockroot/{DAV:}href").text == "/remote.php/webdav/d"
    refreshed = await client("LOCK", "/d/f", If=f"({token})", Timeout="Second-50")
    assert refreshed.status == 200
    assert refreshed.header("lock-token") is None
    assert b"<d:timeout>Second-50</d:timeout>" in refreshed.body
    assert (await client("DELETE", "/d")).status == 423
    assert (await client("DELETE", "/d", If=f"({token})")).status == 204
    assert (await client("PUT", "/d", b"")).status == 201


@pytest_twisted.ensureDeferred
async def test_shared_locks(client):
    client.root = "/dav/spaces/shared$shared"
    await client("PUT", "/f", b"1")
    mine = await lock(client, "/f", SHARED)
    client.user = "grace"
    hers = await lock(client, "/f", SHARED)
    entry = (await client.propfind("/f", "d:lockdiscovery")).popitem()[1]
    assert len(entry.found["d:lockdiscovery"]) == 2
    assert (await client("LOCK", "/f", EXCLUSIVE)).status == 423
    assert (await client("PUT", "/f", b"2", If=f"({mine})")).status == 423
    assert (await client("PUT", "/f", b"2", If=f"({hers})")).status == 204
    assert (await client("UNLOCK", "/f", Lock_Token=mine)).status == 403


@pytest_twisted.ensureDeferred
async def test_refresh_and_end_of_life(client):
    await client("PUT", "/f", b"1")
    token = await lock(client, "/f", Timeout="Second-100")
    clock = client.handler.dav.now
    clock.now += 60
    (entry,) = (await client.propfind("/f", "d:lockdiscovery")).values()
    assert entry.found["d:lockdiscovery"][0].find("{DAV:}timeout").text == "Second-40"
    assert (await client("LOCK", "/f", If=f"({token})", Timeout="Second-100")).status == 200
    clock.now += 60
    assert (await client("PUT", "/f", b"2")).status == 423
    clock.now += 60
    assert (await client("PUT", "/f", b"2")).status == 204
    assert (await client("LOCK", "/f", If=f"({token})")).status == 412
    assert (await client("LOCK", "/f")).status == 400


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("<x/>", {}, 400),
        (INFO % "both", {}, 400),
        (EXCLUSIVE, {"Depth": "1"}, 400),
        (EXCLUSIVE, {"Depth": "many"}, 400),
        (EXCLUSIVE.replace("mailto", "x" * 70000), {}, 400),
        (EXCLUSIVE, {"If_None_Match": "*"}, 412),
    ],
)
@pytest_twisted.ensureDeferred
async def test_refused(client, body, headers, status):
    await client("PUT", "/f", b"1")
    assert (await client("LOCK", "/f", body, **headers)).status == status
    assert (await client("PUT", "/f", b"2")).status == 204


@pytest_twisted.ensureDeferred
async def test_no_lock_without_the_right_to_write(client):
    assert (await client("LOCK", "=/dav/spaces/frozen$frozen/", EXCLUSIVE)).status == 403

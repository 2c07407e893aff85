"""Files and folders that are addressed by their ids, ``/dav/spaces/ITEM``, as ownCloud Web does (clients.md 7.2)."""

from __future__ import annotations

import pytest
import pytest_twisted

SPACES = "=/remote.php/dav/spaces"


async def id_of(client, path):
    (entry,) = (await client.propfind(path, "oc:id")).values()
    return entry.text("oc:id")


@pytest.fixture
def folder(client):
    async def make():
        await client("MKCOL", "/a%20%C3%A4")
        await client("MKCOL", "/a%20%C3%A4/in")
        await client("PUT", "/a%20%C3%A4/50%25.txt", b"hello")
        return await id_of(client, "/a%20%C3%A4")

    return make


@pytest_twisted.ensureDeferred
async def test_answers_are_below_what_was_asked(client, folder):
    id = await folder()
    for written in (id, id.replace("$", "%24").replace("!", "%21")):
        prefix = f"/remote.php/dav/spaces/{written}"
        found = await client.propfind(f"={prefix}/", "oc:id", "d:getetag", depth="1")
        assert found.keys() == {f"{prefix}/", f"{prefix}/in/", f"{prefix}/50%25.txt"}
        assert found[f"{prefix}/"].text("oc:id") == id
        assert found[f"{prefix}/in/"].text("d:getetag") == await client.etag("/a%20%C3%A4/in")
    file = await id_of(client, "/a%20%C3%A4/50%25.txt")
    (href,) = await client.propfind(f"{SPACES}/{file}", "oc:id")
    assert href == f"/remote.php/dav/spaces/{file}"
    assert (await client("GET", f"{SPACES}/{file}")).body == b"hello"


@pytest_twisted.ensureDeferred
async def test_every_verb(client, folder):
    id = await folder()
    new = await client("PUT", f"{SPACES}/{id}/new.txt", b"new")
    assert new.status == 201
    assert (await client("GET", "/a%20%C3%A4/new.txt")).body == b"new"
    assert (await client("MKCOL", f"{SPACES}/{id}/deep")).status == 201
    file = new.header("oc-fileid")
    to = f"{client.base}/dav/spaces/{id}/deep/moved.txt"
    assert (await client("MOVE", f"{SPACES}/{file}", Destination=to)).status == 201
    assert (await client("GET", "/a%20%C3%A4/deep/moved.txt")).body == b"new"
    # The id leads to where the file is now.
    assert (await client("GET", f"{SPACES}/{file}")).body == b"new"
    assert (await client("PUT", f"{SPACES}/{file}", b"newer")).status == 204
    patch = '<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><x xmlns="urn:x">1</x></d:prop></d:set></d:propertyupdate>'
    answer = await client("PROPPATCH", f"{SPACES}/{file}", patch)
    assert list(answer.entries) == [f"/remote.php/dav/spaces/{file}"]
    assert (await client("COPY", f"{SPACES}/{file}", Destination=f"{client.base}/dav/spaces/{id}/copy.txt")).status == 201
    assert (await client("DELETE", f"{SPACES}/{file}")).status == 204
    assert (await client("GET", f"{SPACES}/{file}")).status == 404
    assert (await client("DELETE", f"{SPACES}/{id}")).status == 204
    assert list(await client.propfind("/", "oc:id", depth="1")) == ["/remote.php/webdav/"]


@pytest_twisted.ensureDeferred
async def test_a_lock_above_the_item_names_its_whole_place(client, folder):
    id = await folder()
    space = id.partition("!")[0]
    lock = '<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockinfo>'
    assert (await client("LOCK", "/a%20%C3%A4", lock)).status == 200
    inner = await id_of(client, "/a%20%C3%A4/in")
    found = await client.propfind(f"{SPACES}/{inner}", "d:lockdiscovery")
    (entry,) = found.values()
    root = entry.found["d:lockdiscovery"].findtext(".//{DAV:}lockroot/{DAV:}href")
    assert root == f"/remote.php/dav/spaces/{space}/a%20%C3%A4"
    refused = await client("PUT", f"{SPACES}/{inner}/x", b"x")
    assert refused.status == 423


@pytest_twisted.ensureDeferred
async def test_what_is_not_there_or_not_ones_own(client, folder):
    id = await folder()
    space = id.partition("!")[0]
    for wrong in (f"{space}!nothing", "home$grace!x", "nothing$x!y", f"{space}!"):
        for verb in ("GET", "PROPFIND", "PUT", "DELETE", "MKCOL"):
            assert (await client(verb, f"{SPACES}/{wrong}")).status == 404, (verb, wrong)
    for wrong in (f"{SPACES}/{id}/..", f"{SPACES}/{id}/%2e%2e/x"):
        assert (await client("GET", wrong)).status == 400
    grace = client.user
    client.user = "grace"
    assert (await client("GET", f"{SPACES}/{id}/50%25.txt")).status == 404
    client.user = grace
    moved = await client("MOVE", "/a%20%C3%A4/50%25.txt", Destination=f"{client.base}/dav/spaces/{space}!nothing/x")
    assert moved.status in (404, 409)
    assert (await client("GET", "/a%20%C3%A4/50%25.txt")).status == 200

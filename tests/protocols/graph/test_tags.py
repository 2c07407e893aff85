"""Tags by LibreGraph and by WebDAV, through the whole gateway on loopback."""

from __future__ import annotations

import json

import pytest
import pytest_twisted
from lxml import etree
from twisted.internet import reactor

from clawgate.assembly import Gateway
from clawgate.settings import Dav, Mount, Settings

from .client import PEOPLE, check, serving, users_file

TAGS = "v1.0/extensions/org.libregraph/tags"
OC = "{http://owncloud.org/ns}"
ASKED = b'<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:id/><oc:tags/></d:prop></d:propfind>'


@pytest_twisted.async_yield_fixture
async def client(tmp_path):
    users_file(tmp_path, PEOPLE)
    mounts = {
        "home": Mount(),
        "hall": Mount(root=str(tmp_path / "hall"), kind="project", members=["bob"], readers=["@staff"]),
    }
    (tmp_path / "hall").mkdir()
    async with serving(Gateway(Settings(data=str(tmp_path), mounts=mounts, dav=Dav(tag_count=3)), reactor)) as found:
        for path in ("a.txt", "b.txt"):
            await found("PUT", f"/dav/spaces/hall$hall/{path}", "bob", data=path.encode())
        yield found


async def shown(client, path, user="ada", depth="0"):
    """Id and tags by href."""
    status, body = await client("PROPFIND", f"/dav/spaces/hall$hall/{path}", user, data=ASKED, headers={"Depth": depth})
    assert status == 207, body
    return {
        one.findtext("{DAV:}href").rpartition("/")[2]: (one.findtext(f".//{OC}id"), one.findtext(f".//{OC}tags"))
        for one in etree.fromstring(body).findall("{DAV:}response")
    }


async def tell(client, verb, id, *names, user="bob"):
    body = {"resourceId": id, "tags": list(names)}
    check("tagAssignment" if verb == "PUT" else "tagUnassignment", body)
    return (await client(verb, f"/graph/{TAGS}", user, data=json.dumps(body).encode()))[0]


async def set_tags(client, path, text, user="bob"):
    inner = f"<d:set><d:prop><oc:tags>{text}</oc:tags></d:prop></d:set>" if text is not None else ""
    inner = inner or "<d:remove><d:prop><oc:tags/></d:prop></d:remove>"
    body = f'<d:propertyupdate xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">{inner}</d:propertyupdate>'
    status, sent = await client("PROPPATCH", f"/dav/spaces/hall$hall/{path}", user, data=body.encode())
    return status if status != 207 else int(etree.fromstring(sent).findtext(".//{DAV:}status").split()[1])


async def filtered(client, *rules, user="ada"):
    inner = "".join(f"<oc:{name}>{text}</oc:{name}>" for name, text in rules)
    body = (
        '<oc:filter-files xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:tags/></d:prop>'
        f"<oc:filter-rules>{inner}</oc:filter-rules></oc:filter-files>"
    )
    status, sent = await client("REPORT", "/dav/spaces/hall$hall", user, data=body.encode())
    if status != 207:
        return status
    return sorted(one.text.rpartition("/")[2] for one in etree.fromstring(sent).iter("{DAV:}href"))


@pytest_twisted.ensureDeferred
async def test_everybody_in_a_space_sees_its_tags(client):
    (id, none) = (await shown(client, "a.txt"))["a.txt"]
    assert not none
    assert await tell(client, "PUT", id, "red", " blue & green ") == 200
    assert (await shown(client, "a.txt"))["a.txt"] == (id, "blue & green,red")
    assert {name: tags or "" for name, (_, tags) in (await shown(client, "", depth="1")).items()} == {
        "": "",
        "a.txt": "blue & green,red",
        "b.txt": "",
    }
    assert await client.get(TAGS) == {"value": ["blue & green", "red"]}
    assert await tell(client, "DELETE", id, "red", "never there") == 200
    assert (await shown(client, "a.txt"))["a.txt"] == (id, "blue & green")
    assert await tell(client, "DELETE", id, "blue & green") == 200
    assert await client.get(TAGS) == {"value": []}
    assert not (await shown(client, "a.txt"))["a.txt"][1]


@pytest_twisted.ensureDeferred
async def test_who_may_only_read_tags_nothing(client):
    (id, _) = (await shown(client, "a.txt"))["a.txt"]
    assert await tell(client, "PUT", id, "red", user="ada") == 403
    assert await set_tags(client, "a.txt", "red", user="ada") == 403
    assert await tell(client, "PUT", "home$ada", "red", user="bob") == 404
    assert await tell(client, "PUT", id + "x", "red") == 404
    for wrong in ("", "x" * 101, "a,b", "a\nb"):
        assert await tell(client, "PUT", id, wrong) == 400
    assert await tell(client, "PUT", id, "1", "2", "3") == 200
    assert await tell(client, "PUT", id, "4") == 507
    assert (await shown(client, "a.txt"))["a.txt"][1] == "1,2,3"
    for body in ({}, {"resourceId": id}, {"resourceId": 5, "tags": []}, {"resourceId": id, "tags": [5]}):
        code, _ = await client("PUT", f"/graph/{TAGS}", "bob", data=json.dumps(body).encode())
        assert code == 400


@pytest_twisted.ensureDeferred
async def test_a_lock_keeps_tags_as_they_are(client):
    (id, _) = (await shown(client, "a.txt"))["a.txt"]
    assert await tell(client, "PUT", id, "red") == 200
    body = b'<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockinfo>'
    response = await client._client.request("LOCK", f"{client.base}/dav/spaces/hall$hall/a.txt", auth=("bob", "pw"), data=body)
    await response.content()
    assert response.code == 200
    # Nobody can send its token by this way.
    assert await tell(client, "PUT", id, "blue") == 423
    assert await tell(client, "DELETE", id, "red") == 423
    assert (await shown(client, "a.txt"))["a.txt"] == (id, "red")
    (token,) = response.headers.getRawHeaders("Lock-Token")
    assert (await client("UNLOCK", "/dav/spaces/hall$hall/a.txt", "bob", headers={"Lock-Token": token}))[0] == 204
    assert await tell(client, "PUT", id, "blue") == 200
    assert (await shown(client, "a.txt"))["a.txt"] == (id, "blue,red")


@pytest_twisted.ensureDeferred
async def test_by_webdav(client):
    assert await set_tags(client, "a.txt", "red, blue") == 200
    assert (await shown(client, "a.txt"))["a.txt"][1] == "blue,red"
    assert await set_tags(client, "a.txt", "green") == 200
    assert (await shown(client, "a.txt"))["a.txt"][1] == "green"
    assert await set_tags(client, "a.txt", "x" * 101) == 409
    assert await set_tags(client, "a.txt", "1,2,3,4") == 507
    assert (await shown(client, "a.txt"))["a.txt"][1] == "green"
    assert await set_tags(client, "a.txt", None) == 200
    assert not (await shown(client, "a.txt"))["a.txt"][1]


@pytest.mark.parametrize("rule", ["tags", "systemtag"])
@pytest_twisted.ensureDeferred
async def test_filtering(client, rule):
    await set_tags(client, "a.txt", "red,blue")
    await set_tags(client, "b.txt", "red")
    assert await filtered(client, (rule, "red")) == ["a.txt", "b.txt"]
    assert await filtered(client, (rule, "red"), (rule, "blue")) == ["a.txt"]
    assert await filtered(client, (rule, "none")) == []
    assert await filtered(client, (rule, "")) == 400
    body = b'<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><f:favorite xmlns:f="http://owncloud.org/ns">1</f:favorite></d:prop></d:set></d:propertyupdate>'
    assert (await client("PROPPATCH", "/dav/spaces/hall$hall/b.txt", data=body))[0] == 207
    assert await filtered(client, (rule, "red"), ("favorite", "1")) == ["b.txt"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('tag:"red"', ["a.txt", "b.txt"]),
        ("tags:BL*", ["a.txt"]),
        ("NOT tag:blue AND tag:red", ["b.txt"]),
        ('tag:"none"', []),
    ],
)
@pytest_twisted.ensureDeferred
async def test_searching(client, query, names):
    await set_tags(client, "a.txt", "red,Blue")
    await set_tags(client, "b.txt", "red")
    body = (
        '<oc:search-files xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:tags/></d:prop>'
        f"<oc:search><oc:pattern>{query}</oc:pattern></oc:search></oc:search-files>"
    )

    async def found():
        status, sent = await client("REPORT", "/dav/spaces", data=body.encode())
        assert status == 207, sent
        return sorted(one.text.rpartition("/")[2] for one in etree.fromstring(sent).iter("{DAV:}href"))

    assert await found() == names


@pytest_twisted.ensureDeferred
async def test_tags_go_where_the_file_goes(client):
    await set_tags(client, "a.txt", "red")
    before = (await shown(client, "a.txt"))["a.txt"]
    await client("MKCOL", "/dav/spaces/hall$hall/d", "bob")
    target = {"Destination": "/dav/spaces/hall$hall/d/new.txt"}
    assert (await client("MOVE", "/dav/spaces/hall$hall/a.txt", "bob", headers=target))[0] == 201
    await client("PUT", "/dav/spaces/hall$hall/d/new.txt", "bob", data=b"other content")
    assert (await shown(client, "d/new.txt"))["new.txt"] == before
    # In the trash it keeps them, and without it they are gone.
    assert (await client("DELETE", "/dav/spaces/hall$hall/d", "bob"))[0] == 204
    assert await filtered(client, ("tags", "red")) == []
    bin = "/dav/spaces/trash-bin/hall$hall"
    _, body = await client("PROPFIND", bin, "bob", headers={"Depth": "1"})
    key = [one.text for one in etree.fromstring(body).iter("{DAV:}href")][1]
    assert (await client("MOVE", key.rstrip("/"), "bob", headers={"Destination": "/dav/spaces/hall$hall/d"}))[0] == 201
    assert await filtered(client, ("tags", "red")) == ["new.txt"]
    await set_tags(client, "b.txt", "blue")
    assert (await client("DELETE", "/dav/spaces/hall$hall/b.txt", "bob"))[0] == 204
    assert (await client("DELETE", bin, "bob"))[0] == 204
    assert await client.get(TAGS) == {"value": ["red"]}

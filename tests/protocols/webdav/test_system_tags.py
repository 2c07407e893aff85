"""Tags by their numbers, through the whole gateway on loopback."""

from __future__ import annotations

import json

import pytest
import pytest_twisted
from lxml import etree
from twisted.internet import reactor

from clawgate.assembly import Gateway
from clawgate.errors import Forbidden, StorageUnavailable
from clawgate.gateway import tagging
from clawgate.model.path import ROOT as ROOT_PATH
from clawgate.model.people import Actor, Scope, User
from clawgate.settings import Mount, Settings
from clawgate.state.tags import StoredTags

from ..graph.client import PEOPLE, serving, users_file

OC = "{http://owncloud.org/ns}"
ROOT = "/remote.php/dav/systemtags"
FILES = "/remote.php/dav/systemtags-relations/files"
# As Nextcloud's web interface asks.
ASKED = (
    b'<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:id/><oc:display-name/><oc:user-visible/>'
    b"<oc:user-assignable/><oc:can-assign/><d:getetag/></d:prop></d:propfind>"
)


@pytest_twisted.async_yield_fixture
async def client(tmp_path):
    """bob writes in the hall, ada reads there, eve never comes."""
    users_file(tmp_path, {**PEOPLE, "eve": ""})
    mounts = {
        "home": Mount(),
        "hall": Mount(root=str(tmp_path / "hall"), kind="project", members=["bob"], readers=["@staff"]),
    }
    (tmp_path / "hall").mkdir()
    gateway = Gateway(Settings(data=str(tmp_path), mounts=mounts), reactor)
    async with serving(gateway) as found:
        found.core = gateway.core
        for path in ("a.txt", "b.txt"):
            await found("PUT", f"/dav/spaces/hall$hall/{path}", "bob", data=path.encode())
        yield found


async def seen(client, path=ROOT, user="bob", depth="1"):
    """Numbers of tags by their names."""
    status, body = await client("PROPFIND", path, user, data=ASKED, headers={"Depth": depth})
    if status != 207:
        return status
    found = {}
    for one in etree.fromstring(body).findall("{DAV:}response"):
        if name := one.findtext(f".//{OC}display-name"):
            number = int(one.findtext(f".//{OC}id"))
            found[name] = number
            assert one.findtext("{DAV:}href").endswith(f"/{number}")
            assert {one.findtext(f".//{OC}{flag}") for flag in ("user-visible", "user-assignable", "can-assign")} == {"true"}
    return found


async def make(client, name, path=ROOT, user="bob", kind="application/json", **more):
    body = json.dumps({"name": name, "userVisible": True, "userAssignable": True, "canAssign": True, **more}).encode()
    return await post(client, body, path, user, kind)


async def post(client, body, path=ROOT, user="bob", kind="application/json"):
    response = await client._client.request(
        "POST", client.base + path, auth=(user, "pw"), data=body, headers={"Content-Type": kind}
    )
    await response.content()
    if response.code != 201:
        return response.code
    (where,) = response.headers.getRawHeaders("Content-Location")
    assert where.startswith(f"{ROOT}/")
    return int(where.rpartition("/")[2])


async def rename(client, number, name, user="bob", property="oc:display-name"):
    body = (
        '<d:propertyupdate xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:set><d:prop>'
        f"<{property}>{name}</{property}></d:prop></d:set></d:propertyupdate>"
    )
    status, sent = await client("PROPPATCH", f"{ROOT}/{number}", user, data=body.encode())
    return int(etree.fromstring(sent).findtext(".//{DAV:}status").split()[1]) if status == 207 else status


async def id_of(client, path, user="bob", space="hall$hall"):
    body = b'<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:fileid/></d:prop></d:propfind>'
    _, sent = await client("PROPFIND", f"/dav/spaces/{space}/{path}", user, data=body, headers={"Depth": "0"})
    return etree.fromstring(sent).findtext(f".//{OC}fileid")


async def names(client, path="a.txt", user="ada", space="hall$hall"):
    """By name, as others see them."""
    body = b'<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:tags/></d:prop></d:propfind>'
    _, sent = await client("PROPFIND", f"/dav/spaces/{space}/{path}", user, data=body, headers={"Depth": "0"})
    return etree.fromstring(sent).findtext(f".//{OC}tags") or ""


async def filtered(client, *rules, user="bob"):
    body = (
        '<oc:filter-files xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:fileid/></d:prop><oc:filter-rules>'
        + "".join(f"<oc:systemtag>{rule}</oc:systemtag>" for rule in rules)
        + "</oc:filter-rules></oc:filter-files>"
    )
    status, sent = await client("REPORT", "/dav/spaces/hall$hall", user, data=body.encode())
    assert status == 207, sent
    return sorted(one.text.rpartition("/")[2] for one in etree.fromstring(sent).iter("{DAV:}href"))


async def status(client, verb, path, user="bob", **options):
    return (await client(verb, path, user, **options))[0]


@pytest_twisted.ensureDeferred
async def test_the_same_tags_by_name_and_by_number(client):
    a, b = await id_of(client, "a.txt"), await id_of(client, "b.txt")
    assert await seen(client) == {}
    red = await make(client, "red")
    assert await seen(client) == {"red": red}
    assert await names(client) == ""
    assert await status(client, "PUT", f"{FILES}/{a}/{red}", data=b'{"name": "red"}') == 201
    assert await names(client) == "red"
    assert await seen(client, f"{FILES}/{a}") == {"red": red}
    assert await seen(client, f"{FILES}/{b}") == {}
    assert await filtered(client, red) == ["a.txt"]
    # What is tagged by name has a number.
    body = json.dumps({"resourceId": b, "tags": ["blue", "red"]}).encode()
    assert await status(client, "PUT", "/graph/v1.0/extensions/org.libregraph/tags", data=body) == 200
    blue = (await seen(client, f"{FILES}/{b}"))["blue"]
    assert await seen(client) == {"red": red, "blue": blue}
    assert await filtered(client, red) == ["a.txt", "b.txt"]
    assert await filtered(client, red, blue) == ["b.txt"]
    assert await filtered(client, 99) == []
    _, told = await client("GET", "/ocs/v1.php/cloud/capabilities?format=json", "bob")
    assert json.loads(told)["ocs"]["data"]["capabilities"]["systemtags"] == {"enabled": True}
    # A new tag for one file in one step.
    green = await make(client, "green", f"{FILES}/{a}")
    assert await names(client) == "green,red"
    # Taken off by its number it stays, as something to choose.
    assert await status(client, "DELETE", f"{FILES}/{a}/{green}") == 204
    assert await status(client, "DELETE", f"{FILES}/{a}/{green}") == 404
    assert await seen(client) == {"red": red, "blue": blue, "green": green}
    # Taken off by its name nothing tells of it any more.
    body = json.dumps({"resourceId": b, "tags": ["blue"]}).encode()
    assert await status(client, "DELETE", "/graph/v1.0/extensions/org.libregraph/tags", data=body) == 200
    assert await seen(client) == {"red": red, "green": green}
    assert await status(client, "PUT", f"{FILES}/{a}/{green}") == 201
    assert await names(client) == "green,red"


@pytest_twisted.ensureDeferred
async def test_as_phones_read_them(client):
    body = b'<d:propfind xmlns:d="DAV:" xmlns:nc="http://nextcloud.org/ns"><d:prop><nc:system-tags/></d:prop></d:propfind>'

    async def found():
        _, sent = await client("PROPFIND", "/dav/spaces/hall$hall", "ada", data=body, headers={"Depth": "1"})
        return {
            one.findtext("{DAV:}href").rpartition("/")[2]: [tag.text for tag in one.iter("{http://nextcloud.org/ns}system-tag")]
            for one in etree.fromstring(sent).findall("{DAV:}response")
        }

    assert await found() == {"": [], "a.txt": [], "b.txt": []}
    for name in ("red", "a<b"):
        await make(client, name, f"{FILES}/{await id_of(client, 'a.txt')}")
    assert await found() == {"": [], "a.txt": ["a<b", "red"], "b.txt": []}


@pytest_twisted.ensureDeferred
async def test_another_name(client):
    a, b = await id_of(client, "a.txt"), await id_of(client, "b.txt")
    red, blue = await make(client, "red"), await make(client, "blue")
    for id in (a, b):
        await status(client, "PUT", f"{FILES}/{id}/{red}")
    assert await names(client) == "red"
    assert await rename(client, red, "blue") == 409
    assert await rename(client, red, "a,b") == 400
    assert await rename(client, red, "crimson &lt;") == 200
    assert await names(client) == "crimson <"
    assert await seen(client) == {"crimson <": red, "blue": blue}
    assert await filtered(client, red) == ["a.txt", "b.txt"]
    assert await rename(client, red, "true", property="oc:user-visible") == 200
    assert await rename(client, red, "false", property="oc:user-visible") == 403
    assert await rename(client, 99, "x") == 404
    # It goes from all that has it, and its number means nothing any more.
    assert await status(client, "DELETE", f"{ROOT}/{red}") == 204
    assert await names(client) == ""
    assert await seen(client) == {"blue": blue}
    assert await status(client, "DELETE", f"{ROOT}/{red}") == 404
    assert await make(client, "red") > max(red, blue)


@pytest.mark.parametrize("batches", [0, 1, 2])
@pytest_twisted.ensureDeferred
async def test_another_name_in_two_attempts(client, monkeypatch, batches):
    """Each file has the one or the other name, and whoever does it again brings it to its end."""
    monkeypatch.setattr("clawgate.state.tags.TOGETHER", 1)
    a, b = await id_of(client, "a.txt"), await id_of(client, "b.txt")
    red = await make(client, "red")
    for id in (a, b):
        await status(client, "PUT", f"{FILES}/{id}/{red}")
    whole, done = StoredTags.rename, []

    async def some(self, *what):
        if len(done) == batches:
            raise StorageUnavailable("the database is away")
        done.append(what)
        return await whole(self, *what)

    with monkeypatch.context() as patched:
        patched.setattr(StoredTags, "rename", some)
        assert await rename(client, red, "blue") == 503
    shown = await seen(client)
    blue = shown["blue"]
    assert shown == {"red": red, "blue": blue}
    old, new = await filtered(client, red), await filtered(client, blue)
    assert (sorted(old + new), len(new)) == (["a.txt", "b.txt"], batches)
    assert await rename(client, red, "blue") == 200
    assert await seen(client) == {"blue": red}
    assert await filtered(client, red) == ["a.txt", "b.txt"]
    # And then it is a name like any other.
    assert await rename(client, await make(client, "white"), "blue") == 409


@pytest_twisted.ensureDeferred
async def test_who_may(client):
    a = await id_of(client, "a.txt")
    red = await make(client, "red")
    assert await status(client, "PUT", f"{FILES}/{a}/{red}") == 201
    # Whoever sees the file sees its tags, under a number of their own; nobody else learns of them.
    mine = (await seen(client, user="ada"))["red"]
    assert await seen(client, f"{FILES}/{a}", user="ada") == {"red": mine}
    assert await seen(client, user="eve") == {}
    assert await seen(client, f"{FILES}/{a}", user="eve") == 404
    assert await seen(client, f"{ROOT}/{red}", user="eve") == 404
    # Who only reads changes nothing.
    assert await status(client, "DELETE", f"{FILES}/{a}/{mine}", "ada") == 403
    assert await rename(client, mine, "mine", user="ada") == 403
    assert await status(client, "DELETE", f"{ROOT}/{mine}", "ada") == 403
    assert await make(client, "ada's", f"{FILES}/{a}", user="ada") == 403
    assert await seen(client, user="ada") == {"red": mine}
    other = await make(client, "other", user="ada")
    assert await status(client, "PUT", f"{FILES}/{a}/{other}", "ada") == 403
    assert await names(client) == "red"
    # A lock of somebody else keeps tags as they are, too.
    body = b'<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockinfo>'
    locked = await status(client, "LOCK", "/dav/spaces/hall$hall/a.txt", data=body)
    assert locked == 200
    assert await status(client, "DELETE", f"{FILES}/{a}/{red}") == 423
    assert await rename(client, red, "blue") == 423
    assert await names(client) == "red"


@pytest_twisted.ensureDeferred
async def test_who_only_reads_changes_no_tags_of_what_is_in_the_trash(client):
    red = await make(client, "red", f"{FILES}/{await id_of(client, 'a.txt')}")
    assert await status(client, "DELETE", "/dav/spaces/hall$hall/a.txt") == 204
    mine = (await seen(client, user="ada"))["red"]
    assert await rename(client, mine, "mine", user="ada") == 403
    assert await status(client, "DELETE", f"{ROOT}/{mine}", "ada") == 403
    assert await rename(client, red, "blue") == 200
    assert set(await seen(client, user="ada")) == {"blue"}


@pytest_twisted.ensureDeferred
async def test_credentials_for_one_space_tell_no_tags_of_others(client):
    a = await id_of(client, "a.txt")
    await client("PUT", "/dav/spaces/home$bob/x.txt", "bob", data=b"x")
    hidden = await make(client, "hidden", f"{FILES}/{await id_of(client, 'x.txt', space='home$bob')}")
    red = await make(client, "red", f"{FILES}/{a}")
    _, secret = await client.core.app_passwords.make(User("bob"), "one", foreign=False, scope=Scope(space="hall$hall"))

    async def limited(verb, path, **options):
        response = await client._client.request(verb, client.base + path, auth=("bob", secret), **options)
        return response.code, await response.content()

    code, sent = await limited("PROPFIND", ROOT, data=ASKED, headers={"Depth": "1"})
    assert code == 207
    assert [one.text for one in etree.fromstring(sent).iter(f"{OC}display-name") if one.text] == ["red"]
    # Nor by guessing numbers.
    assert (await limited("PROPFIND", f"{ROOT}/{hidden}", data=ASKED))[0] == 404
    assert (await limited("PUT", f"{FILES}/{a}/{hidden}"))[0] == 412
    assert (await limited("DELETE", f"{FILES}/{a}/{hidden}"))[0] == 404
    assert await names(client) == "red"
    b = await id_of(client, "b.txt")
    assert (await limited("PUT", f"{FILES}/{b}/{red}"))[0] == 201
    assert await names(client, "b.txt") == "red"


@pytest_twisted.ensureDeferred
async def test_many(client):
    made = {f"tag {i}": await make(client, f"tag {i}") for i in range(230)}
    assert await seen(client) == made


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_moved_leaves_no_tags_in_the_other_space(client, monkeypatch):
    home = "home$bob"
    await client("MKCOL", f"/dav/spaces/{home}/d", "bob")
    await client("PUT", f"/dav/spaces/{home}/d/x.txt", "bob", data=b"x")
    for path in ("d", "d/x.txt"):
        await make(client, f"tag of {path}", f"{FILES}/{await id_of(client, path, space=home)}")
    place = await client.core.namespace.in_space(Actor(User("bob")), home, ROOT_PATH)

    async def remove(path):
        raise Forbidden("it is to stay")

    monkeypatch.setattr(await client.core.storages.of(place.space), "remove", remove)
    target = {"Destination": "/dav/spaces/hall$hall/d"}
    assert await status(client, "MOVE", f"/dav/spaces/{home}/d", headers=target) == 403
    assert await seen(client, user="ada") == {}
    assert set(await seen(client)) == {"tag of d", "tag of d/x.txt"}
    assert await names(client, "d/x.txt", "bob", home) == "tag of d/x.txt"


@pytest_twisted.ensureDeferred
async def test_no_more_numbers_than_that(client, monkeypatch):
    monkeypatch.setattr(tagging, "NUMBERED", 2)
    a = await id_of(client, "a.txt")
    body = json.dumps({"resourceId": a, "tags": ["a", "b", "c"]}).encode()
    assert await status(client, "PUT", "/graph/v1.0/extensions/org.libregraph/tags", data=body) == 200
    assert set(await seen(client)) == {"a", "b"}
    assert set(await seen(client, f"{FILES}/{a}")) == {"a", "b"}
    assert await names(client) == "a,b,c"


@pytest_twisted.ensureDeferred
async def test_what_is_refused(client):
    a = await id_of(client, "a.txt")
    red = await make(client, "red")
    assert await make(client, "red") == 409
    assert await make(client, "") == 400
    assert await make(client, "x" * 101) == 400
    assert await make(client, "blue", kind="text/plain") == 415
    assert await make(client, "blue", userVisible=False) == 400
    assert await make(client, "blue", groups="staff") == 400
    for wrong in (b"", b"{", b"[]", b'{"name": 5}'):
        assert await post(client, wrong) == 400
    assert await make(client, "x" * 20000) == 413
    assert await status(client, "PUT", f"{FILES}/{a}/{red}") == 201
    assert await status(client, "PUT", f"{FILES}/{a}/{red}") == 409
    assert await status(client, "PUT", f"{FILES}/{a}/99") == 412
    assert await status(client, "PUT", f"{FILES}/{a}x/{red}") == 404
    assert await status(client, "PUT", f"{FILES}/{a}/red") == 400
    assert await status(client, "PUT", f"{ROOT}/7") == 405
    assert await status(client, "POST", f"{ROOT}/{red}", data=b"{}") == 405
    assert await status(client, "MKCOL", f"{ROOT}/7") == 405
    assert await status(client, "DELETE", ROOT) == 403
    assert await status(client, "PROPFIND", f"{ROOT}/7/8") == 404
    assert await status(client, "PROPFIND", "/remote.php/dav/systemtags-relations/comments/5") == 404
    assert await seen(client, depth="0") == {}
    assert await seen(client, f"{ROOT}/{red}", depth="0") == {"red": red}
    assert await seen(client) == {"red": red}


@pytest_twisted.ensureDeferred
async def test_tags_go_along_to_another_space(client):
    home = "home$bob"
    await client("MKCOL", f"/dav/spaces/{home}/d", "bob")
    await client("PUT", f"/dav/spaces/{home}/d/x.txt", "bob", data=b"x")
    red = await make(client, "red", f"{FILES}/{await id_of(client, 'd/x.txt', space=home)}")
    blue = await make(client, "blue", f"{FILES}/{await id_of(client, 'a.txt')}")
    body = (
        b'<d:propertyupdate xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:set><d:prop><oc:favorite>1</oc:favorite>'
        b"<note>kept</note></d:prop></d:set></d:propertyupdate>"
    )
    assert await status(client, "PROPPATCH", f"/dav/spaces/{home}/d/x.txt", data=body) == 207
    target = {"Destination": "/dav/spaces/hall$hall/d"}
    assert await status(client, "COPY", f"/dav/spaces/{home}/d", headers=target) == 201
    assert await names(client, "d/x.txt") == "", "a copy is another file"
    assert await status(client, "MOVE", f"/dav/spaces/{home}/d", headers=target) == 204
    assert await names(client, "d/x.txt") == "red"
    assert await filtered(client, red) == ["x.txt"]
    asked = b'<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:favorite/><note/></d:prop></d:propfind>'
    _, sent = await client("PROPFIND", "/dav/spaces/hall$hall/d/x.txt", "bob", data=asked, headers={"Depth": "0"})
    found = etree.fromstring(sent)
    assert (found.findtext(f".//{OC}favorite"), found.findtext(".//note")) == ("1", "kept")
    # What it replaces leaves nothing behind.
    await client("PUT", f"/dav/spaces/{home}/plain.txt", "bob", data=b"plain")
    target = {"Destination": "/dav/spaces/hall$hall/a.txt"}
    assert await status(client, "MOVE", f"/dav/spaces/{home}/plain.txt", headers=target) == 204
    assert await names(client) == ""
    assert blue in (await seen(client)).values()

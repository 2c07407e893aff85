"""LibreGraph through the whole gateway on loopback; shapes are those of the published document."""

from __future__ import annotations

import json

import pytest
import pytest_twisted
from lxml import etree
from twisted.internet import reactor

from clawgate.assembly import Gateway
from clawgate.settings import Graph, Mount, Settings

from .client import PEOPLE, check, serving, users_file


@pytest.fixture
def graph_settings():
    return Graph()


@pytest_twisted.async_yield_fixture
async def client(tmp_path, graph_settings):
    users_file(tmp_path, PEOPLE)
    mounts = {
        "home": Mount(quota=1000),
        "lab": Mount(root=str(tmp_path / "{group}"), kind="project", groups="optics lab", title="Lab: {group}"),
        "hall": Mount(root=str(tmp_path / "hall"), kind="project", members=["bob"], readers=["@staff"]),
    }
    for name in ("optics lab", "hall"):
        (tmp_path / name).mkdir()
    async with serving(Gateway(Settings(data=str(tmp_path), mounts=mounts, graph=graph_settings), reactor)) as found:
        yield found


@pytest_twisted.ensureDeferred
async def test_drives(client):
    assert (await client("PUT", "/remote.php/webdav/a", data=b"x" * 800))[0] == 201

    found = (await client.get("v1.0/me/drives"))["value"]

    home, hall, lab = found
    for one in found:
        check("drive", one)
        # What clients cannot do without (clients.md 7.1).
        assert one["root"]["eTag"] == one["eTag"] == await client.etag(one["root"]["webDavUrl"].removeprefix(client.base))
        assert one["webUrl"].startswith(client.base + "/f/")
        assert (await client("GET", one["webUrl"].removeprefix(client.base)))[0] == 302
    assert (home["id"], home["driveType"], home["driveAlias"], home["name"]) == (
        "home$ada",
        "personal",
        "personal/ada",
        "Ada Lovelace",
    )
    assert home["owner"] == {"user": {"id": "ada", "displayName": "Ada Lovelace"}}
    assert home["quota"] == {"total": 1000, "used": 800, "remaining": 200, "state": "nearing"}
    assert (lab["name"], lab["driveType"]) == ("Lab: optics lab", "project")
    # Another group may be called optics-lab.
    assert lab["driveAlias"] == f"project/lab-optics-lab~{lab['id'].removeprefix('lab$')}"
    assert lab["quota"]["total"] == 0
    assert lab["quota"]["remaining"] > 0
    (mine,) = lab["root"]["permissions"]
    (read_only,) = hall["root"]["permissions"]
    assert mine["grantedToV2"]["user"]["id"] == "ada"
    assert mine["roles"] == ["58c63c02-1d89-4572-916a-870abc5a1b7d"]
    assert read_only["roles"] == ["a8d5fe5e-96e3-418d-825b-534dbdf22b99"]


@pytest_twisted.ensureDeferred
async def test_the_etag_moves_with_every_change(client):
    before = (await client.get("v1beta1/drives/home$ada"))["root"]["eTag"]
    assert (await client.get("v1beta1/drives/home%24ada"))["root"]["eTag"] == before
    await client("MKCOL", "/remote.php/webdav/d")
    middle = (await client.get("v1.0/drives/home$ada"))["root"]["eTag"]
    await client("PUT", "/remote.php/webdav/d/x", data=b"x")
    assert len({before, middle, (await client.get("v1.0/drives/home$ada"))["root"]["eTag"]}) == 3


@pytest.mark.parametrize(
    ("params", "ids"),
    [
        # As ownCloud Web asks.
        ({"$orderby": "name asc", "$filter": ""}, ["home$ada", "hall$hall", "lab"]),
        ({"$filter": "driveType eq 'project'"}, ["hall$hall", "lab"]),
        ({"$filter": "driveType eq 'personal' or (driveType eq 'project' and not id eq 'hall$hall')"}, ["home$ada", "lab"]),
        ({"$orderby": "name desc"}, ["lab", "hall$hall", "home$ada"]),
        ({"$filter": "driveType eq 'nothing'"}, []),
    ],
)
@pytest_twisted.ensureDeferred
async def test_choosing_and_ordering(client, params, ids):
    for path in ("v1.0/me/drives", "v1beta1/me/drives", "v1.0/drives", "v1beta1/drives"):
        found = (await client.get(path, **params))["value"]
        assert [one["id"] if not one["id"].startswith("lab$") else "lab" for one in found] == ids


@pytest.mark.parametrize(
    "params",
    [
        {"$filter": "driveType eq"},
        {"$filter": "owner eq 'x'"},
        {"$filter": "(id eq 'x'"},
        {"$filter": "id eq 'x' id eq 'y'"},
        {"$filter": "id gt 'x'"},
        {"$filter": "'" * 3},
        {"$filter": "(" * 900},
        {"$filter": "id eq 'x'" + " " * 2000},
        {"$orderby": "size"},
        {"$orderby": "name up"},
    ],
)
@pytest_twisted.ensureDeferred
async def test_options_that_make_no_sense(client, params):
    error = await client.get("v1.0/me/drives", status=400, **params)
    check("odata.error", error)
    assert error["error"]["code"] == "invalidRequest"
    assert error["error"]["innererror"]["request-id"]


@pytest_twisted.ensureDeferred
async def test_what_is_not_there_or_not_ones_own(client):
    for path in (
        "v1.0/drives/home$bob",
        "v1.0/drives/x",
        "v1.0/drives/home$ada/items/home$ada!x",
        "v1.0/me/photo/$value",
        "v2.0/me",
    ):
        error = await client.get(path, status=404)
        check("odata.error", error)
        assert error["error"]["code"] == "itemNotFound"
    bobs = [one["id"] for one in (await client.get("v1.0/me/drives", "bob"))["value"]]
    assert bobs == ["home$bob", "hall$hall"]
    for verb, path in (("POST", "drives"), ("PATCH", "drives/hall$hall"), ("DELETE", "drives/hall$hall")):
        code, body = await client(verb, f"/graph/v1.0/{path}", data=b"{}")
        assert (code, json.loads(body)["error"]["code"]) == (403, "accessDenied")


@pytest_twisted.ensureDeferred
async def test_strangers(client):
    for path in ("v1.0/me", "v1.0/me/drives", "v1.0/users/ada", "nothing"):
        code, body = await client("GET", f"/graph/{path}", None)
        assert code == 401
        check("odata.error", json.loads(body))


@pytest_twisted.ensureDeferred
async def test_items(client):
    await client("MKCOL", "/remote.php/webdav/d")
    await client("PUT", "/remote.php/webdav/d/50%25%20%C3%A4.png", data=b"hello")
    root = await client.get("v1.0/drives/home$ada/root")
    check("driveItem", root)
    assert (root["id"], root["root"]) == ("home$ada", {})
    assert root == await client.get("v1.0/me/drive/root") == await client.get("v1beta1/drives/home$ada/items/home$ada")
    asked = b'<d:propfind xmlns:d="DAV:"><d:prop><id xmlns="http://owncloud.org/ns"/></d:prop></d:propfind>'
    _, body = await client("PROPFIND", "/remote.php/webdav/d/50%25%20%C3%A4.png", data=asked, headers={"Depth": "0"})
    id = etree.fromstring(body).findtext(".//{http://owncloud.org/ns}id")

    file = await client.get(f"v1beta1/drives/home$ada/items/{id}")

    check("driveItem", file)
    assert (file["name"], file["size"], file["file"]) == ("50% ä.png", 5, {"mimeType": "image/png"})
    assert file["parentReference"] == {"driveId": "home$ada", "driveType": "personal", "path": "/d", "name": "d"}
    assert (await client("GET", file["webDavUrl"].removeprefix(client.base)))[1] == b"hello"
    assert (await client.get(f"v1beta1/drives/hall$hall/items/{id}", status=404))["error"]["code"] == "itemNotFound"
    for wrong, user, status in (("home$ada", "ada", 403), (id, "bob", 404)):
        assert (await client("DELETE", f"/graph/v1beta1/drives/home$ada/items/{wrong}", user))[0] == status
    assert (await client("DELETE", f"/graph/v1beta1/drives/home$ada/items/{id}"))[0] == 204
    assert (await client.get(f"v1beta1/drives/home$ada/items/{id}", status=404))["error"]["code"] == "itemNotFound"
    assert b".png" in (await client("PROPFIND", "/remote.php/dav/trash-bin/ada", headers={"Depth": "1"}))[1]


@pytest_twisted.ensureDeferred
async def test_what_dresses_a_space_up(client):
    found = next(one for one in (await client.get("v1.0/me/drives"))["value"] if one["id"].startswith("lab$"))
    lab, alias = f"/dav/spaces/{found['id']}", found["driveAlias"]

    async def special():
        (one,) = (await client.get("v1.0/me/drives", **{"$filter": f"driveAlias eq '{alias}'"}))["value"]
        check("drive", one)
        return {item["specialFolder"]["name"]: item for item in one.get("special", [])}

    assert await special() == {}
    await client("MKCOL", f"{lab}/.space")
    await client("PUT", f"{lab}/.space/space.jpg", data=b"picture")
    await client("PUT", f"{lab}/.space/readme.md", data=b"# Hello")
    found = await special()
    assert found.keys() == {"image", "readme"}
    assert (await client("GET", found["readme"]["webDavUrl"].removeprefix(client.base)))[1] == b"# Hello"
    assert found["image"]["file"] == {"mimeType": "image/jpeg"}
    await client("PUT", f"{lab}/.space/image.png", data=b"better")
    assert (await special())["image"]["name"] == "image.png"
    await client("DELETE", f"{lab}/.space")
    assert await special() == {}


@pytest_twisted.ensureDeferred
async def test_people(client):
    me = await client.get("v1.0/me")
    check("user", me)
    assert (me["id"], me["displayName"], me["onPremisesSamAccountName"]) == ("ada", "Ada Lovelace", "ada")
    assert me["mail"] == "ada@example.org"
    more = await client.get("v1.0/me", **{"$expand": "memberOf,drive,appRoleAssignments"})
    check("user", more)
    assert [group["displayName"] for group in more["memberOf"]] == ["optics lab", "staff"]
    assert more["drive"]["id"] == "home$ada"
    assert (await client.get("v1.0/users/bob", **{"$expand": "memberOf"})).get("memberOf") is None
    check("user", await client.get("v1.0/users/bob"))
    await client.get("v1.0/users/nobody", status=404)
    found = await client.get("v1.0/users", **{"$search": '"LOVE"'})
    assert [one["id"] for one in found["value"]] == ["ada"]
    check("user", found["value"][0])
    assert [one["id"] for one in (await client.get("v1.0/groups", **{"$search": '"the"'}))["value"]] == ["other"]
    check("group", (await client.get("v1.0/groups", **{"$search": '"optics"'}))["value"][0])
    for search in ("", '"ad"'):
        assert (await client.get("v1.0/users", status=400, **{"$search": search}))["error"]["code"] == "invalidRequest"


@pytest.mark.parametrize("graph_settings", [Graph(search=False)], indirect=False)
@pytest_twisted.ensureDeferred
async def test_a_house_where_nobody_is_looked_for(client):
    assert (await client.get("v1.0/users", **{"$search": '"bob"'}))["value"] == []
    assert [one["id"] for one in (await client.get("v1.0/users", **{"$search": '"ada"'}))["value"]] == ["ada"]
    await client.get("v1.0/users/bob", status=404)
    assert (await client.get("v1.0/groups", **{"$search": '"other"'}))["value"] == []
    assert [one["id"] for one in (await client.get("v1.0/groups", **{"$search": '"optics"'}))["value"]] == ["optics lab"]


@pytest_twisted.ensureDeferred
async def test_roles(client):
    roles = await client.get("v1beta1/roleManagement/permissions/roleDefinitions")
    assert isinstance(roles, list)
    for role in roles:
        check("unifiedRoleDefinition", role)
        assert await client.get(f"v1beta1/roleManagement/permissions/roleDefinitions/{role['id']}") == role
    await client.get("v1beta1/roleManagement/permissions/roleDefinitions/x", status=404)


@pytest_twisted.ensureDeferred
async def test_a_space_that_cannot_be_looked_at_fails_the_list(client, tmp_path):
    """A shorter list would make desktops remove what is missing."""
    (tmp_path / "hall").rename(tmp_path / "away")
    error = await client.get("v1.0/me/drives", status=503)
    check("odata.error", error)
    (tmp_path / "away").rename(tmp_path / "hall")
    assert len((await client.get("v1.0/me/drives"))["value"]) == 3


@pytest.mark.parametrize("graph_settings", [Graph(enabled=False)], indirect=False)
@pytest_twisted.ensureDeferred
async def test_switched_off(client):
    assert (await client("GET", "/graph/v1.0/me"))[0] == 404
    _, body = await client("GET", "/ocs/v2.php/cloud/capabilities?format=json")
    assert not {"spaces", "graph"} & json.loads(body)["ocs"]["data"]["capabilities"].keys()


@pytest_twisted.ensureDeferred
async def test_capabilities_tell(client):
    _, body = await client("GET", "/ocs/v2.php/cloud/capabilities?format=json")
    told = json.loads(body)["ocs"]["data"]["capabilities"]
    assert told["spaces"]["enabled"]
    assert told["core"]["support-sse"]
    assert told["spaces"]["projects"]

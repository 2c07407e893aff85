"""Project spaces that people make, through the whole gateway on loopback."""

from __future__ import annotations

import json
import os
from functools import partial
from urllib.parse import quote

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.logger import LogLevel, capturedLogs

from clawgate.assembly import Core, Gateway
from clawgate.gateway.making import Change
from clawgate.model.made_space import Standing
from clawgate.model.path import ROOT
from clawgate.model.people import Actor, User
from clawgate.settings import Graph, Mount, Settings
from clawgate.state.made_spaces import StoredSpaces
from clawgate.state.uploads import Uploads

from .client import PEOPLE, check, serving, users_file

VIEWER, EDITOR, MANAGER = (
    "a8d5fe5e-96e3-418d-825b-534dbdf22b99",
    "58c63c02-1d89-4572-916a-870abc5a1b7d",
    "312c0871-5ef7-4b3a-85b6-0e4074c64049",
)


def settings_in(folder, root="{space.name}", driver="posix", **graph):
    users_file(folder, {**PEOPLE, "eve": "", "cy": 'groups = ["makers"]\n'})
    mounts = {
        "home": Mount(),
        "projects": Mount(
            driver=driver, root=str(folder / "projects" / root), kind="project", creators=["ada", "@makers"], quota=100_000
        ),
    }
    (folder / "projects").mkdir(exist_ok=True)
    return Settings(data=str(folder), mounts=mounts, graph=Graph(**graph))


@pytest_twisted.async_yield_fixture
async def client(tmp_path):
    async with serving(Gateway(settings_in(tmp_path), reactor)) as found:
        yield found


async def make(client, name="Optics Lab!", user="ada", **more):
    code, body = await client(
        "POST", "/graph/v1.0/drives?template=default", user, data=json.dumps({"name": name, **more}).encode()
    )
    assert code == 201, body
    found = json.loads(body)
    check("drive", found)
    return found


async def refused(client, verb, path, user, status, code, body=None, **options):
    got, sent = await client(verb, f"/graph/{path}", user, data=None if body is None else json.dumps(body).encode(), **options)
    assert (got, json.loads(sent)["error"]["code"]) == (status, code), sent
    check("odata.error", json.loads(sent))


async def patch(client, id, user="ada", headers=None, **body):
    code, sent = await client("PATCH", f"/graph/v1beta1/drives/{id}", user, data=json.dumps(body).encode(), headers=headers or {})
    assert code == 200, sent
    found = json.loads(sent)
    check("drive", found)
    return found


async def invite(client, id, role, *who, user="ada", kind="user"):
    body = {"recipients": [{"objectId": one, "@libre.graph.recipient.type": kind} for one in who], "roles": [role]}
    check("driveItemInvite", body)
    code, sent = await client("POST", f"/graph/v1beta1/drives/{id}/root/invite", user, data=json.dumps(body).encode())
    assert code == 200, sent
    found = json.loads(sent)["value"]
    for one in found:
        check("permission", one)
    return found


async def drives(client, user):
    return {one["id"]: one for one in (await client.get("v1.0/me/drives", user))["value"]}


async def until(condition):
    for _ in range(600):
        if await condition():
            return
        await deferLater(reactor, 0.05)
    pytest.fail("it did not happen")


@pytest_twisted.ensureDeferred
async def test_a_space_is_there_at_once_everywhere(client, tmp_path):
    made = await make(client, description="Light", quota={"total": 5000})

    id = made["id"]
    assert (made["name"], made["driveType"], made["description"]) == ("Optics Lab!", "project", "Light")
    assert made["quota"]["total"] == 5000
    assert made["driveAlias"] == "project/optics-lab"
    assert made["root"]["permissions"] == [
        {"id": "u:ada", "grantedToV2": {"user": {"id": "ada", "displayName": "Ada Lovelace"}}, "roles": [MANAGER]}
    ]
    assert (tmp_path / "projects/optics-lab").is_dir()
    assert (await client("PUT", f"/dav/spaces/{id}/a.txt", data=b"hello"))[0] == 201
    assert (tmp_path / "projects/optics-lab/a.txt").read_bytes() == b"hello"
    assert (await drives(client, "ada"))[id]["root"]["eTag"] == await client.etag(f"/dav/spaces/{id}")
    assert list(await drives(client, "bob")) == ["home$bob"]
    for verb in ("GET", "PUT"):
        assert (await client(verb, f"/dav/spaces/{id}/a.txt", "bob", data=b"x"))[0] == 404
    await refused(client, "GET", f"v1.0/drives/{id}", "bob", 404, "itemNotFound")
    # The quota is that of the space, and counts what is in it.
    assert (await client("PUT", f"/dav/spaces/{id}/b.txt", data=b"x" * 4996))[0] == 507
    assert (await client("PUT", f"/dav/spaces/{id}/b.txt", data=b"x" * 4995))[0] == 201
    assert (await drives(client, "ada"))[id]["quota"]["state"] == "exceeded"


@pytest_twisted.ensureDeferred
async def test_capabilities_tell(client):
    _, body = await client("GET", "/ocs/v2.php/cloud/capabilities?format=json")
    told = json.loads(body)["ocs"]["data"]["capabilities"]
    assert (told["spaces"]["projects"], told["spaces"]["max_quota"]) == (True, 100_000)
    assert (told["files"]["tags"], told["tags"]) == (True, {"max_tag_length": 100})
    assert told["search"]["property"]["tags"]["enabled"]


@pytest_twisted.ensureDeferred
async def test_who_may_make_spaces(client):
    await make(client, user="cy")
    await refused(client, "POST", "v1.0/drives", "bob", 403, "accessDenied", {"name": "mine"})
    await refused(client, "POST", "v1.0/drives", "ada", 409, "nameAlreadyExists", {"name": " optics  LAB! "})
    for wrong in (
        {},
        {"name": " "},
        {"name": "x" * 256},
        {"name": "a\nb"},
        {"name": 5},
        {"name": "a", "driveType": "personal"},
        {"name": "a", "quota": {"total": -1}},
        {"name": "a", "quota": {"total": "5"}},
        {"name": "a", "quota": 5},
        {"name": "a", "description": "x" * 5000},
    ):
        await refused(client, "POST", "v1.0/drives", "ada", 400, "invalidRequest", wrong)
    await refused(client, "POST", "v1.0/drives", "ada", 403, "accessDenied", {"name": "a", "quota": {"total": 100_001}})
    for wrong in (b"", b"[]", b"{", b"[" * 5000, b"\xff"):
        code, _ = await client("POST", "/graph/v1.0/drives", data=wrong)
        assert code == 400
    assert list(await drives(client, "ada")) == ["home$ada"]


@pytest_twisted.ensureDeferred
async def test_folders_that_are_there_are_never_taken(client, tmp_path):
    (tmp_path / "projects/optics-lab").mkdir()
    (tmp_path / "projects/optics-lab/foreign.txt").write_text("not theirs")
    (tmp_path / "projects/optics-lab-2").write_text("a file")
    made = await make(client)
    assert (tmp_path / "projects/optics-lab-3").is_dir()
    odd = await make(client, "../..")
    assert (tmp_path / "projects" / odd["id"].partition("$")[2]).is_dir()
    assert (await client("GET", f"/dav/spaces/{made['id']}/foreign.txt"))[0] == 404


@pytest_twisted.ensureDeferred
async def test_members(client):
    id = (await make(client))["id"]
    assert [one["id"] for one in await invite(client, id, VIEWER, "bob")] == ["u:bob"]
    (group,) = await invite(client, id, EDITOR, "makers", kind="group")
    assert group["grantedToV2"] == {"group": {"id": "makers", "displayName": "makers"}}
    await client("PUT", f"/dav/spaces/{id}/a.txt", data=b"hello")

    assert (await client("GET", f"/dav/spaces/{id}/a.txt", "bob"))[1] == b"hello"
    for verb, path in (("PUT", "a.txt"), ("PUT", "new"), ("DELETE", "a.txt"), ("MKCOL", "d")):
        assert (await client(verb, f"/dav/spaces/{id}/{path}", "bob", data=b""))[0] == 403
    assert (await client("PUT", f"/dav/spaces/{id}/a.txt", "cy", data=b"changed"))[0] == 204
    # Only managers see, and change, who else is there.
    assert [one["id"] for one in (await drives(client, "bob"))[id]["root"]["permissions"]] == ["u:bob"]
    for user in ("bob", "cy"):
        await refused(client, "PATCH", f"v1.0/drives/{id}", user, 403, "accessDenied", {"name": "mine"})
        await refused(client, "DELETE", f"v1.0/drives/{id}", user, 403, "accessDenied")
        wanted = {"recipients": [{"objectId": user}], "roles": [MANAGER]}
        await refused(client, "POST", f"v1beta1/drives/{id}/root/invite", user, 403, "accessDenied", wanted)
    found = await client.get(f"v1beta1/drives/{id}/root/permissions")
    for one in found["value"]:
        check("permission", one)
    for one in found["@libre.graph.permissions.roles.allowedValues"]:
        check("unifiedRoleDefinition", one)
    assert {one["id"]: one["roles"] for one in found["value"]} == {"u:ada": [MANAGER], "u:bob": [VIEWER], "g:makers": [EDITOR]}
    assert await client.get(f"v1beta1/drives/{id}/root/permissions", **{"$select": "value"}) == {"value": found["value"]}

    code, body = await client(
        "PATCH", f"/graph/v1beta1/drives/{id}/root/permissions/{quote('u:bob')}", data=json.dumps({"roles": [MANAGER]}).encode()
    )
    assert (code, json.loads(body)["roles"]) == (200, [MANAGER])
    assert (await client("DELETE", f"/graph/v1beta1/drives/{id}/root/permissions/u:ada", "bob"))[0] == 204
    assert (await client("GET", f"/dav/spaces/{id}/a.txt", "ada"))[0] == 404
    await refused(client, "DELETE", f"v1beta1/drives/{id}/root/permissions/u:bob", "bob", 400, "invalidRequest")
    await refused(client, "DELETE", f"v1beta1/drives/{id}/root/permissions/u:ada", "bob", 404, "itemNotFound")
    for wrong in (
        {"recipients": [{"objectId": "nobody"}], "roles": [VIEWER]},
        {"recipients": [{"objectId": "eve"}], "roles": ["x"]},
        {"recipients": [], "roles": [VIEWER]},
        {"recipients": [{"objectId": "eve"}], "roles": [VIEWER], "expirationDateTime": "2020-01-01T00:00:00Z"},
        {"recipients": [{"objectId": "eve"}], "roles": [VIEWER], "expirationDateTime": "2099-01-01T00:00:00"},
        {"recipients": ["eve"], "roles": [VIEWER]},
    ):
        await refused(client, "POST", f"v1beta1/drives/{id}/root/invite", "bob", 400, "invalidRequest", wrong)


@pytest_twisted.ensureDeferred
async def test_memberships_that_end(tmp_path):
    gateway = Gateway(settings_in(tmp_path), reactor)
    async with serving(gateway) as client:
        id = (await make(client))["id"]
        await client("PUT", f"/dav/spaces/{id}/a.txt", data=b"hello")
        until = "2098-12-31T23:00:00Z"
        body = {"recipients": [{"objectId": "bob"}], "roles": [VIEWER], "expirationDateTime": until}
        check("driveItemInvite", body)
        root = f"v1beta1/drives/{id}/root"
        code, sent = await client("POST", f"/graph/{root}/invite", data=json.dumps(body).encode())
        assert code == 200, sent
        (given,) = json.loads(sent)["value"]
        check("permission", given)
        assert given["expirationDateTime"] == until
        await invite(client, id, VIEWER, "eve")

        async def change(member, **wanted):
            path = f"/graph/{root}/permissions/{quote(member)}"
            code, sent = await client("PATCH", path, data=json.dumps(wanted).encode())
            return json.loads(sent) if code == 200 else code

        # What is not said stays.
        assert (await change("u:bob", roles=[EDITOR]))["expirationDateTime"] == until
        assert "expirationDateTime" not in await change("u:bob", expirationDateTime=None)
        changed = await change("u:bob", expirationDateTime="2099-01-01T00:30:00+01:00")
        assert (changed["roles"], changed["expirationDateTime"]) == ([EDITOR], "2098-12-31T23:30:00Z")
        assert await change("u:bob") == 400
        for late in ("9999-12-31T23:30:00-01:00", "9999-12-31T23:59:59.999999Z"):
            assert await change("u:bob", expirationDateTime=late) == 400, "it could not be shown"
        assert await change("u:ada", expirationDateTime=until) == 400, "nobody would be a manager in the end"

        core = gateway.core
        [bob] = [user for user in [await core.register.find("bob")] if user is not None]
        waiting = await core.news.wait(Actor(bob), [id])
        clock = [4070906999.0]
        core.made_spaces._now = core.making._now = lambda: clock[0]
        assert (await client("GET", f"/dav/spaces/{id}/a.txt", "bob"))[0] == 200
        assert id in await drives(client, "bob")
        assert not waiting.over
        clock[0] += 1
        assert (await client("GET", f"/dav/spaces/{id}/a.txt", "bob"))[0] == 404
        assert waiting.over, "whoever waits for changes is sent away"
        waiting.leave()
        assert id not in await drives(client, "bob")
        clock[0] -= 1
        assert id in await drives(client, "bob"), "the clock was wrong"
        clock[0] += 1
        assert id not in await drives(client, "bob")
        assert (await client("GET", f"/dav/spaces/{id}/a.txt", "eve"))[0] == 200
        # The next change forgets what is over.
        await invite(client, id, EDITOR, "eve")
        (kept,) = (await StoredSpaces(core.state).load()).all()
        assert (sorted(kept.members), kept.until) == (["ada", "eve"], {})


@pytest_twisted.ensureDeferred
async def test_changing(client, tmp_path):
    id = (await make(client))["id"]
    other = await make(client, "Other")
    changed = await patch(client, id, name="Photonics", description="More light", quota={"total": 2000})
    assert (changed["name"], changed["description"], changed["quota"]["total"]) == ("Photonics", "More light", 2000)
    # The folder stays where it is, and so does the id.
    assert changed["id"] == id
    assert (tmp_path / "projects/optics-lab").is_dir()
    assert (await patch(client, id, quota={"total": 0}))["quota"]["total"] == 100_000
    await refused(client, "PATCH", f"v1.0/drives/{id}", "ada", 409, "nameAlreadyExists", {"name": "other"})
    assert (await patch(client, id, name="photonics"))["name"] == "photonics"
    old = {"If-Match": '"not this"'}
    await refused(client, "PATCH", f"v1.0/drives/{id}", "ada", 412, "preconditionFailed", {"name": "late"}, headers=old)
    await patch(client, id, headers={"If-Match": changed["eTag"]}, name="in time")
    await refused(client, "PATCH", "v1.0/drives/home$ada", "ada", 403, "accessDenied", {"name": "mine"})
    assert (await client.get(f"v1.0/drives/{other['id']}"))["name"] == "Other"


@pytest_twisted.ensureDeferred
async def test_picture_and_description_are_chosen_by_id(client):
    id = (await make(client))["id"]
    await client("MKCOL", f"/dav/spaces/{id}/.space")
    for name in ("readme.md", "other.md", "sun.png"):
        await client("PUT", f"/dav/spaces/{id}/.space/{name}", data=name.encode())
    folder = next(one for one in (await client.get(f"v1.0/drives/{id}/root/children"))["value"] if one["name"] == ".space")
    children = (await client.get(f"v1.0/drives/{id}/items/{folder['id']}/children"))["value"]
    ids = {one["name"]: one["id"] for one in children}

    special = [
        {"specialFolder": {"name": "image"}, "id": ids["sun.png"]},
        {"specialFolder": {"name": "readme"}, "id": ids["other.md"]},
    ]
    found = await patch(client, id, special=special)
    assert {one["specialFolder"]["name"]: one["name"] for one in found["special"]} == {"image": "sun.png", "readme": "other.md"}
    # They follow the file, and without it the one that is called so counts again.
    await client("MOVE", f"/dav/spaces/{id}/.space/sun.png", headers={"Destination": f"/dav/spaces/{id}/moon.png"})
    await client("DELETE", f"/dav/spaces/{id}/.space/other.md")
    found = await client.get(f"v1.0/drives/{id}")
    assert {one["specialFolder"]["name"]: one["name"] for one in found["special"]} == {"image": "moon.png", "readme": "readme.md"}
    one = {"specialFolder": {"name": "image"}, "id": ""}
    assert [found["name"] for found in (await patch(client, id, special=one))["special"]] == ["readme.md"]
    for wrong, status, code in (
        ({"specialFolder": {"name": "icon"}, "id": ids["readme.md"]}, 400, "invalidRequest"),
        ({"specialFolder": {"name": "image"}, "id": "home$ada"}, 404, "itemNotFound"),
        ({"specialFolder": {"name": "image"}, "id": folder["id"]}, 400, "invalidRequest"),
        ({"specialFolder": {"name": "image"}, "id": id + "!none"}, 404, "itemNotFound"),
    ):
        await refused(client, "PATCH", f"v1.0/drives/{id}", "ada", status, code, {"special": wrong})


@pytest_twisted.ensureDeferred
async def test_disabling_restoring_removing(client, tmp_path):
    id = (await make(client))["id"]
    await invite(client, id, EDITOR, "bob")
    await client("PUT", f"/dav/spaces/{id}/a.txt", data=b"hello")
    await refused(client, "DELETE", f"v1.0/drives/{id}", "ada", 400, "invalidRequest", headers={"Purge": "T"})
    assert (await client("DELETE", f"/graph/v1.0/drives/{id}"))[0] == 204

    for user in ("ada", "bob"):
        assert (await client("GET", f"/dav/spaces/{id}/a.txt", user))[0] == 404
        assert (await client("PUT", f"/dav/spaces/{id}/b.txt", user, data=b"x"))[0] == 404
    mine = (await drives(client, "ada"))[id]
    check("drive", mine)
    assert mine["root"]["deleted"] == {"state": "trashed"}
    assert list(await drives(client, "bob")) == ["home$bob"]
    await refused(client, "GET", f"v1.0/drives/{id}", "bob", 404, "itemNotFound")
    await refused(client, "PATCH", f"v1.0/drives/{id}", "bob", 404, "itemNotFound", {}, headers={"Restore": "T"})
    # The name stays taken meanwhile.
    await refused(client, "POST", "v1.0/drives", "ada", 409, "nameAlreadyExists", {"name": "optics lab!"})

    assert "deleted" not in (await patch(client, id, headers={"Restore": "true"}))["root"]
    assert (await client("GET", f"/dav/spaces/{id}/a.txt", "bob"))[1] == b"hello"

    assert (await client("DELETE", f"/graph/v1beta1/drives/{id}"))[0] == 204
    assert (await client("DELETE", f"/graph/v1beta1/drives/{id}", headers={"Purge": "T"}))[0] == 204
    assert list(await drives(client, "ada")) == ["home$ada"]

    async def gone():
        return os.listdir(tmp_path / "projects") == []

    await until(gone)
    again = await make(client)
    assert again["id"] != id
    assert (await client("GET", f"/dav/spaces/{again['id']}/a.txt"))[0] == 404


@pytest_twisted.ensureDeferred
async def test_children_come_in_pages(client):
    id = (await make(client))["id"]
    names = sorted(f"{number} ä.txt" for number in range(7))
    for name in names:
        await client("PUT", f"/dav/spaces/{id}/{quote(name)}", data=b"x")
    found, path, params = [], f"v1.0/drives/{id}/root/children", {"$top": "3"}
    pages = 0
    while path:
        page = await client.get(path, **params)
        for one in page["value"]:
            check("driveItem", one)
            assert one["parentReference"]["driveId"] == id
        found += [one["name"] for one in page["value"]]
        path, params = page.get("@odata.nextLink", "").removeprefix(f"{client.base}/graph/"), {}
        pages += 1
    assert (found, pages) == (names, 3)
    file = page["value"][0]["id"]
    assert (await client.get(f"v1.0/drives/{id}/items/{file}/children", status=400))["error"]["code"] == "invalidRequest"
    for wrong in ("0", "-1", "x", "9" * 20):
        await client.get(f"v1.0/drives/{id}/root/children", status=400, **{"$top": wrong})
    await client.get(f"v1.0/drives/{id}/root/children", user="bob", status=404)
    assert [one["name"] for one in (await client.get("v1.0/me/drive/root/children"))["value"]] == []


@pytest.mark.parametrize("driver", ["posix", "memory"])
@pytest_twisted.ensureDeferred
async def test_what_was_interrupted_is_brought_to_its_end(tmp_path, driver, monkeypatch):
    monkeypatch.setattr("clawgate.assembly.gateway.MEND_SECONDS", 0.2)
    settings = settings_in(tmp_path, "{space.id}", driver)
    gateway = Gateway(settings, reactor)
    async with serving(gateway) as client:
        id = (await make(client))["id"]
        # Nobody has looked at this one yet.
        lost = (await gateway.core.making.create("projects", Change("Lost"), "ada")).id
        await client("PUT", f"/dav/spaces/{id}/a.txt", data=b"hello")
        for chore in gateway._chores:
            await chore.stop()
        for space, standing in ((id, Standing.REMOVING), (lost, Standing.MAKING)):
            await StoredSpaces(gateway.core.state).change(*space.split("$"), partial(attrs.evolve, standing=standing))
        if driver == "posix":
            os.rmdir(tmp_path / "projects" / lost.partition("$")[2])
    async with serving(Gateway(settings, reactor)) as client:

        async def mended():
            return list(await drives(client, "ada")) == ["home$ada", lost]

        await until(mended)
        assert (await client("PUT", f"/dav/spaces/{lost}/a.txt", data=b"hello"))[0] == 201
        if driver == "posix":

            async def gone():
                return os.listdir(tmp_path / "projects") == [lost.partition("$")[2]]

            await until(gone)


@pytest_twisted.ensureDeferred
async def test_nothing_is_removed_while_its_file_system_is_away(tmp_path, monkeypatch):
    monkeypatch.setattr("clawgate.assembly.gateway.MEND_SECONDS", 0.1)
    gateway = Gateway(settings_in(tmp_path), reactor)
    root, away = tmp_path / "projects", tmp_path / "away"

    async with serving(gateway) as client:
        stored = StoredSpaces(gateway.core.state)

        async def told(text):
            return any(text in str(event.get("error")) for event in events if event["log_level"] is LogLevel.error)

        async def gone():
            return (await stored.load()).all() == []

        id = (await make(client))["id"]
        await client("PUT", f"/dav/spaces/{id}/a.txt", data=b"hello")
        assert (await client("DELETE", f"/graph/v1.0/drives/{id}"))[0] == 204
        # What is below a mount point is there while nothing is mounted.
        root.rename(away)
        root.mkdir()
        with capturedLogs() as events:
            assert (await client("DELETE", f"/graph/v1.0/drives/{id}", headers={"Purge": "T"}))[0] == 204
            await until(partial(told, "optics-lab is missing; is its file system mounted?"))
            (root / "optics-lab").mkdir()
            (root / "optics-lab" / "theirs").write_text("x")
            await until(partial(told, "another directory stands at"))
        assert [one.standing for one in (await stored.load()).all()] == [Standing.REMOVING]
        assert b"\nclawgate_spaces_pending 1" in gateway.core.metrics.render()
        assert (away / "optics-lab" / "a.txt").read_text() == "hello"
        root.rename(tmp_path / "below")
        away.rename(root)
        await until(gone)
        assert os.listdir(root) == []
        assert os.listdir(tmp_path / "below" / "optics-lab") == ["theirs"]
        assert b"\nclawgate_spaces_pending 0" in gateway.core.metrics.render()


@pytest_twisted.ensureDeferred
async def test_what_another_process_did_is_known_within_a_second(client, tmp_path):
    id = (await make(client))["id"]
    other = Core(settings_in(tmp_path), reactor)
    await other.start()
    try:
        made = await other.making.create("projects", Change("Theirs"), "bob")

        async def known():
            return list(await drives(client, "bob")) == ["home$bob", made.id]

        await until(known)
        actor = Actor(User("ada"))
        await other.making.disable(actor, id)

        async def disabled():
            return (await client("PROPFIND", f"/dav/spaces/{id}"))[0] == 404

        await until(disabled)
    finally:
        await other.stop()


@pytest_twisted.ensureDeferred
async def test_what_hangs_on_a_removed_space_goes_with_it(tmp_path):
    gateway = Gateway(settings_in(tmp_path), reactor)
    async with serving(gateway) as client:
        id = (await make(client))["id"]
        await client("PUT", f"/dav/spaces/{id}/a.txt", data=b"hello")
        (file,) = (await client.get(f"v1.0/drives/{id}/root/children"))["value"]
        tagged = {"resourceId": file["id"], "tags": ["red"]}
        path = "/graph/v1.0/extensions/org.libregraph/tags"
        assert (await client("PUT", path, data=json.dumps(tagged).encode()))[0] == 200
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "9", "Upload-Metadata": "filename YQ=="}
        assert (await client("POST", f"/dav/spaces/{id}/", headers=tus))[0] == 201
        core = gateway.core
        uploads = Uploads(core.state)
        assert len(await uploads.all()) == 1
        assert await core.tags.names([id]) == ["red"]
        assert await core.index.knows(id)

        assert (await client("DELETE", f"/graph/v1.0/drives/{id}"))[0] == 204
        assert (await client("DELETE", f"/graph/v1.0/drives/{id}", headers={"Purge": "T"}))[0] == 204

        async def forgotten():
            return (await StoredSpaces(core.state).load()).all() == []

        await until(forgotten)
        assert not core.properties.any(id)
        assert not await core.index.knows(id)
        assert id not in core.opening.raw
        assert id not in [space.id for space, _ in core.storages.everyone()]
        await core.ping()
        await core.janitor.run()
        assert await uploads.all() == []
        await core.index.tidy()


@pytest_twisted.ensureDeferred
async def test_there_are_limits(tmp_path):
    async with serving(Gateway(settings_in(tmp_path, spaces_most=2, members_most=2), reactor)) as client:
        first = await make(client, "one")
        await make(client, "two")
        await refused(client, "POST", "v1.0/drives", "ada", 507, "quotaLimitReached", {"name": "three"})
        await invite(client, first["id"], VIEWER, "bob")
        third = {"recipients": [{"objectId": "eve"}], "roles": [VIEWER]}
        await refused(client, "POST", f"v1beta1/drives/{first['id']}/root/invite", "ada", 507, "quotaLimitReached", third)


@pytest_twisted.ensureDeferred
async def test_explain(tmp_path):
    gateway = Gateway(settings_in(tmp_path), reactor)
    async with serving(gateway) as client:
        made = await make(client)
        register = gateway.core.register
        _, mine = gateway.core.namespace.explain(await register.find("ada"), ROOT)
        _, none = gateway.core.namespace.explain(await register.find("bob"), ROOT)
        assert mine.place.space.id == made["id"]
        assert "ada is a member of «Optics Lab!», manager" in mine.reasons
        assert none.place is None

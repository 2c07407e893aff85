from __future__ import annotations

import json

import pytest
import pytest_twisted
from lxml import etree

from clawgate.errors import Overloaded, StorageUnavailable, Unauthenticated
from clawgate.interfaces import Authenticator, Room
from clawgate.model.people import Actor, Credentials, Password, User
from clawgate.protocols.capabilities import Features, Tus, capabilities, status
from clawgate.protocols.ocs import Ocs
from clawgate.protocols.ocs_render import Code, render
from clawgate.web.login import Login
from clawgate.web.router import KleinHandler

ALICE = User("alice", "Älice & Co <a>", "alice@example.org")
FEATURES = Features(checksums=("SHA1", "MD5"), chunking_ng=True)


class People(Authenticator):
    busy = False

    async def authenticate(self, credentials: Credentials) -> Actor | None:
        if self.busy:
            raise Overloaded("too much work is waiting", 7)
        if credentials == Password("alice", "right"):
            return Actor(ALICE)
        raise Unauthenticated("wrong user name or password")


@pytest.fixture
def people():
    return People()


async def _room(actor: Actor) -> Room:
    return Room(25, 75)


@pytest.fixture
def ocs(serve, people):
    async def start(room=_room):
        handler = KleinHandler(Ocs(FEATURES, Login(people, "r"), room).resource(), 10000)
        return await serve({"/ocs": handler, "/index.php/ocs": handler})

    return start


AUTH = {"auth": ("alice", "right")}


@pytest.mark.parametrize("prefix", ["", "/index.php"])
@pytest.mark.parametrize(("version", "code"), [("v1", 100), ("v2", 200)])
@pytest_twisted.ensureDeferred
async def test_capabilities_for_anybody(ocs, prefix, version, code):
    response, body = await (await ocs())("GET", f"{prefix}/ocs/{version}.php/cloud/capabilities?format=json")

    assert response.code == 200
    assert response.headers.getRawHeaders("content-type") == ["application/json; charset=utf-8"]
    answer = json.loads(body)["ocs"]
    assert answer["meta"] == {"status": "ok", "statuscode": code, "message": "OK"}
    assert answer["data"]["capabilities"] == capabilities(FEATURES)
    assert answer["data"]["version"]["major"] == 10
    assert answer["data"]["version"]["string"] == "10.15.0"


@pytest_twisted.ensureDeferred
async def test_programs_of_nextcloud_are_told_another_version(serve, people):
    house = Ocs(Features(nextcloud=(20, 0, 14)), Login(people, "r"), _room)
    server = await serve({"/ocs": KleinHandler(house.resource(), 10000)})
    for agent, major in (("x", 10), ("mirall/3.7.3 (Nextcloud)", 20), ("x", 10)):
        _, body = await server("GET", "/ocs/v1.php/cloud/capabilities?format=json", headers={"User-Agent": agent})
        data = json.loads(body)["ocs"]["data"]
        assert data["version"]["major"] == major
        assert data["capabilities"]["core"]["status"]["version"].startswith(f"{major}.")


@pytest_twisted.ensureDeferred
async def test_a_trash_that_turns_out_not_to_be_there(serve, people):
    found = [False]
    house = Ocs(Features(trash=True, no_trash=lambda: found[0]), Login(people, "r"), _room)
    server = await serve({"/ocs": KleinHandler(house.resource(), 10000)})
    for none in (False, True):
        found[0] = none
        _, body = await server("GET", "/ocs/v1.php/cloud/capabilities?format=json")
        told = json.loads(body)["ocs"]["data"]["capabilities"]
        assert told["files"]["undelete"] is not none
        assert ("trashbin" in told["dav"]) is not none


@pytest_twisted.ensureDeferred
async def test_capabilities_as_xml(ocs):
    response, body = await (await ocs())("GET", "/ocs/v1.php/cloud/capabilities")
    tree = etree.fromstring(body)

    assert response.headers.getRawHeaders("content-type") == ["text/xml; charset=utf-8"]
    assert tree.findtext("meta/statuscode") == "100"
    assert tree.findtext("data/capabilities/dav/chunking") == "1.0"
    assert [one.text for one in tree.findall("data/capabilities/checksums/supportedTypes/element")] == ["SHA1", "MD5"]
    assert tree.findtext("data/capabilities/files_sharing/api_enabled") == ""
    assert tree.findtext("data/capabilities/files/bigfilechunking") == "1"


@pytest_twisted.ensureDeferred
async def test_own_user(ocs):
    server = await ocs()
    for version in ("v1", "v2"):
        _, body = await server("GET", f"/ocs/{version}.php/cloud/user?format=json", **AUTH)
        data = json.loads(body)["ocs"]["data"]
        assert (data["id"], data["display-name"], data["email"]) == ("alice", ALICE.name, ALICE.mail)
        assert data["quota"] == {"free": 75, "used": 25, "total": 100, "relative": 25.0, "quota": 100, "definition": "default"}
    _, body = await server("GET", "/ocs/v1.php/cloud/user", **AUTH)
    assert etree.fromstring(body).findtext("data/display-name") == ALICE.name


@pytest.mark.parametrize("room", [Room(1, None), Room(None, 5), StorageUnavailable("away")])
@pytest_twisted.ensureDeferred
async def test_no_quota_where_nobody_knows_it(ocs, room):
    async def ask(actor: Actor) -> Room:
        if isinstance(room, Room):
            return room
        raise room

    _, body = await (await ocs(ask))("GET", "/ocs/v2.php/cloud/user?format=json", **AUTH)

    assert "quota" not in json.loads(body)["ocs"]["data"]


@pytest_twisted.ensureDeferred
async def test_users_by_name(ocs):
    server = await ocs()
    response, body = await server("GET", "/ocs/v1.php/cloud/users/alice", **AUTH)
    assert (response.code, etree.fromstring(body).findtext("data/displayname")) == (200, ALICE.name)

    response, body = await server("GET", "/ocs/v1.php/cloud/users/bob", **AUTH)
    assert (response.code, etree.fromstring(body).findtext("meta/statuscode")) == (200, "998")
    response, _ = await server("GET", "/ocs/v2.php/cloud/users/bob", **AUTH)
    assert response.code == 404


@pytest_twisted.ensureDeferred
async def test_config(ocs):
    response, body = await (await ocs())("GET", "/ocs/v1.php/config")
    tree = etree.fromstring(body)

    assert tree.findtext("data/ssl") == "false"
    assert tree.findtext("data/host") == f"127.0.0.1:{response.request.absoluteURI.decode().split(':')[2].split('/')[0]}"


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("path", ["cloud/user", "cloud/users/alice", "apps/files_sharing/api/v1/shares"])
@pytest_twisted.ensureDeferred
async def test_without_login(ocs, version, path):
    server = await ocs()
    for options in ({}, {"auth": ("alice", "wrong")}):
        response, body = await server("GET", f"/ocs/{version}.php/{path}?format=json", **options)
        assert response.code == 401
        assert json.loads(body)["ocs"]["meta"]["statuscode"] == 997
        assert response.headers.getRawHeaders("www-authenticate") == ['Basic realm="r", charset="UTF-8"']


@pytest_twisted.ensureDeferred
async def test_browser_scripts_get_no_basic_challenge(ocs):
    response, _ = await (await ocs())("GET", "/ocs/v1.php/cloud/user", headers={"X-Requested-With": "XMLHttpRequest"})

    assert response.code == 401
    assert response.headers.getRawHeaders("www-authenticate") is None


@pytest_twisted.ensureDeferred
async def test_what_is_not_there(ocs):
    server = await ocs()
    response, body = await server("GET", "/ocs/v1.php/apps/files_sharing/api/v1/shares?format=json", **AUTH)
    assert (response.code, json.loads(body)["ocs"]["meta"]["statuscode"]) == (200, 998)
    response, _ = await server("POST", "/ocs/v2.php/apps/files_sharing/api/v1/shares", data=b"a=b", **AUTH)
    assert response.code == 404


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest_twisted.ensureDeferred
async def test_busy(ocs, people, version):
    people.busy = True
    response, body = await (await ocs())("GET", f"/ocs/{version}.php/cloud/user?format=json", **AUTH)

    assert response.code == 503
    assert response.headers.getRawHeaders("retry-after") == ["7"]
    assert json.loads(body)["ocs"]["meta"]["statuscode"] == 996


def test_nothing_is_advertised_that_is_not_there():
    tree = capabilities(Features())

    assert tree["core"]["pollinterval"] > 5000
    assert tree["core"]["status"]["productversion"]
    assert tree["files"]["bigfilechunking"] is False
    assert tree["files_sharing"]["api_enabled"] is False
    assert tree["files_sharing"]["public"]["enabled"] is False
    assert tree["files_sharing"]["user"]["profile_picture"] is False
    assert "checksums" not in tree
    assert "chunking" not in tree["dav"]
    assert "reports" not in tree["dav"]
    assert not {"spaces", "notifications", "search", "graph"} & tree.keys()
    assert not {"tus_support", "app_providers", "thumbnail", "archivers"} & tree["files"].keys()


def test_features_show():
    tree = capabilities(
        Features(checksums=("sha1",), chunking_v1=True, reports=("filter-files",), favorites=True, depth_infinity=True)
    )

    assert tree["checksums"] == {"supportedTypes": ["SHA1"], "preferredUploadType": "SHA1"}
    assert tree["files"]["bigfilechunking"] is True
    assert tree["files"]["favorites"] is True
    assert tree["dav"] == {"propfind": {"depth_infinity": True}, "reports": ["filter-files"]}
    assert status(Features(maintenance=True))["maintenance"] is True


def test_tus():
    tree = capabilities(Features(tus=Tus("1.0.0", ("creation", "checksum"), 7)))
    assert tree["files"]["tus_support"] == {
        "version": "1.0.0",
        "resumable": "1.0.0",
        "extension": "creation,checksum",
        "max_chunk_size": 7,
        "http_method_override": "",
    }


def test_xml_is_always_well_formed():
    rendered = render(Code.OK, {"a": "\x00\x1f\ud800<&>", "b": [], "c": None, "d": [{"e": 1}, False]}, version=2, as_json=False)
    tree = etree.fromstring(rendered.body)

    assert tree.findtext("data/a") == "\ufffd\ufffd\ufffd<&>"
    assert tree.findtext("data/d/element/e") == "1"

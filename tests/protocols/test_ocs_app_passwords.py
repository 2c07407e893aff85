from __future__ import annotations

import json

import attrs
import pytest
import pytest_twisted
from lxml import etree

from clawgate.errors import ClawgateError, Forbidden, NotFound, Overloaded
from clawgate.interfaces import Authenticator
from clawgate.model.app_password import AppPassword
from clawgate.model.people import Actor, Bearer, Credentials, Password, Scope, User
from clawgate.protocols.ocs_app_passwords import PREFIXES, OcsAppPasswords
from clawgate.web.login import Login

ALICE = Actor(User("alice"))
OCS = {"OCS-APIRequest": "true"}


class People(Authenticator):
    async def authenticate(self, credentials: Credentials) -> Actor | None:
        if credentials == Password("alice", "app"):
            return attrs.evolve(ALICE, app_password="a1")
        return ALICE if credentials in (Password("Älice", "right"), Bearer("token")) else None


class Keeper:
    """Remembers what it was asked for."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.error: ClawgateError | None = None

    async def make_for(self, actor: Actor, name: str, *, login: str = "") -> tuple[AppPassword, str]:
        self._note("make", actor.id, name, login)
        return AppPassword("a1", actor.id, name, Scope(), 0.0), "<new&secret>"

    async def revoke(self, user: str, id: str) -> None:
        self._note("revoke", user, id)

    async def rotate(self, id: str) -> str:
        self._note("rotate", id)
        return "other"

    def _note(self, *call: str) -> None:
        self.calls.append(call)
        if self.error is not None:
            raise self.error


@pytest.fixture
def keeper():
    return Keeper()


@pytest.fixture
def ocs(serve, keeper):
    async def start():
        handler = OcsAppPasswords(keeper, Login(People(), "r", bearer=True))
        return await serve(dict.fromkeys(PREFIXES, handler))

    return start


@pytest.mark.parametrize("front", ["/ocs/v1.php", "/ocs/v2.php", "/index.php/ocs/v1.php", "/index.php/ocs/v2.php"])
@pytest_twisted.ensureDeferred
async def test_a_login_becomes_one(ocs, keeper, front):
    server = await ocs()
    response, body = await server("GET", f"{front}/core/getapppassword", headers=OCS, auth=("Älice", "right"))
    tree = etree.fromstring(body)
    assert (response.code, response.headers.getRawHeaders("content-type")) == (200, ["text/xml; charset=utf-8"])
    assert response.headers.getRawHeaders("cache-control") == ["no-store"]
    assert tree.findtext("meta/statuscode") == ("200" if "v2" in front else "100")
    assert tree.findtext("data/apppassword") == "<new&secret>"

    more = OCS | {"Authorization": "Bearer token", "User-Agent": "Tëst/1".encode()}
    _, body = await server("GET", f"{front}/core/getapppassword?format=json", headers=more)
    assert json.loads(body)["ocs"]["data"] == {"apppassword": "<new&secret>"}
    assert [call[1:] for call in keeper.calls][1] == ("alice", "Tëst/1", "")
    assert keeper.calls[0][3] == "Älice", "what the program goes on sending"


@pytest.mark.parametrize("query", ["x=%ff&format=json", "format=json&format=xml", "a=%f0%9f&format=JSON"])
@pytest_twisted.ensureDeferred
async def test_queries_that_are_no_text(ocs, keeper, query):
    server = await ocs()
    for login, code in ((("alice", "wrong"), 401), (("Älice", "right"), 200)):
        response, body = await server("GET", f"/ocs/v2.php/core/getapppassword?{query}", headers=OCS, auth=login)
        assert (response.code, json.loads(body)["ocs"]["meta"]["status"]) == (code, "ok" if code == 200 else "failure")


@pytest_twisted.ensureDeferred
async def test_one_ends_or_gets_a_new_secret(ocs, keeper):
    server = await ocs()
    for verb, path, data in (("POST", "apppassword/rotate", {"apppassword": "other"}), ("DELETE", "apppassword", [])):
        target = f"/ocs/v2.php/core/{path}?format=json"
        response, body = await server(verb, target, headers=OCS, auth=("alice", "app"))
        assert (response.code, json.loads(body)["ocs"]["data"]) == (200, data)
        response, body = await server(verb, target, headers=OCS, auth=("Älice", "right"))
        assert (response.code, json.loads(body)["ocs"]["meta"]["statuscode"]) == (403, 403)
    assert keeper.calls == [("rotate", "a1"), ("revoke", "alice", "a1")]


@pytest.mark.parametrize("header", [{}, {"OCS-APIRequest": "1"}, {"X-Requested-With": "XMLHttpRequest"}])
@pytest_twisted.ensureDeferred
async def test_what_a_browser_could_be_made_to_send_changes_nothing(ocs, keeper, header):
    server = await ocs()
    for verb, path in (("GET", "getapppassword"), ("POST", "apppassword/rotate"), ("DELETE", "apppassword")):
        response, body = await server(verb, f"/ocs/v2.php/core/{path}?format=json", headers=header, auth=("alice", "app"))
        assert (response.code, json.loads(body)["ocs"]["meta"]["statuscode"]) == (412, 412)
    assert keeper.calls == []


@pytest_twisted.ensureDeferred
async def test_without_a_login_and_what_is_not_there(ocs, keeper):
    server = await ocs()
    for version in ("v1", "v2"):
        response, body = await server("GET", f"/ocs/{version}.php/core/getapppassword?format=json", headers=OCS)
        assert (response.code, json.loads(body)["ocs"]["meta"]["statuscode"]) == (401, 997)
        assert len(response.headers.getRawHeaders("www-authenticate")) == 2
    for verb, path in (("POST", "getapppassword"), ("GET", "apppassword"), ("DELETE", ""), ("GET", "getapppassword/x")):
        response, body = await server(verb, f"/ocs/v2.php/core/{path}?format=json", headers=OCS, auth=("alice", "app"))
        assert (response.code, json.loads(body)["ocs"]["meta"]["statuscode"]) == (404, 998)
    assert keeper.calls == []


@pytest.mark.parametrize(
    ("error", "http", "code"), [(Forbidden("no"), 403, 403), (NotFound("no"), 404, 998), (Overloaded("no", 7), 503, 996)]
)
@pytest_twisted.ensureDeferred
async def test_failures(ocs, keeper, error, http, code):
    keeper.error = error
    server = await ocs()
    for version, status in (("v2", http), ("v1", 503 if http == 503 else 200)):
        target = f"/ocs/{version}.php/core/apppassword?format=json"
        response, body = await server("DELETE", target, headers=OCS, auth=("alice", "app"))
        meta = json.loads(body)["ocs"]["meta"]
        assert (response.code, meta["statuscode"], meta["message"]) == (status, code, "no")
        assert response.headers.getRawHeaders("retry-after") == (["7"] if http == 503 else None)

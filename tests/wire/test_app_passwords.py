"""App passwords through a real gateway: made, limited and ended by the operator and by programs."""

from __future__ import annotations

import json
import re
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from clawgate.identity import app_secrets

from ..ports import free_port
from . import dav
from .gateway import Gateway
from .oidc_provider.provider import Provider
from .programs import run

FORM = r"([0-9A-Z]{5}-){4}[0-9A-Z]{5}"
LOCK = b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>'
SET = '<propertyupdate xmlns="DAV:"><set><prop>{}</prop></set></propertyupdate>'
STAR = SET.format('<favorite xmlns="http://owncloud.org/ns">1</favorite>').encode()
COLOUR = SET.format('<colour xmlns="urn:x">red</colour>').encode()
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
OCS = {"OCS-APIRequest": "true"}
LAB = "lab$lab"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all that do not restart it; in the end nothing secret is in its log."""
    gateway = Gateway(tmp_path_factory.mktemp("gateway"))
    gateway.configure(mounts__lab={"root": "lab", "kind": "project", "members": ["alice"]}, app_passwords={"used_seconds": 1})
    gateway.make_home()
    (gateway.data / "lab").mkdir()
    gateway.start()
    yield gateway
    log = gateway.log()
    gateway.close()
    assert "was made" in log
    assert not re.search(FORM, log)


def make(gateway: Gateway, user: str, *options: str) -> str:
    """By the operator, beside the gateway; the secret."""
    said = gateway.tool("token", "create", user, *options)
    assert said.returncode == 0, said.stderr
    assert re.fullmatch(f"{FORM}\n", said.stdout)
    return said.stdout.strip()


def client(gateway: Gateway, secret: str, user: str = "alice", root: str = "") -> dav.Client:
    return dav.Client(gateway.port, user, secret, root or f"/remote.php/dav/files/{user}")


def probe(gateway: Gateway, secret: str, user: str = "alice") -> dav.Answer:
    with client(gateway, secret, user) as one:
        return one.ask("PROPFIND", "", None, {"Depth": "0"})


def until_refused(gateway: Gateway, secret: str, user: str = "alice") -> dav.Answer:
    """The answer once the app password is not accepted any more."""
    deadline = time.monotonic() + 60
    while (answer := probe(gateway, secret, user)).status != 401:
        assert (answer.status, time.monotonic() < deadline) == (207, True), answer
        time.sleep(0.05)
    return answer


def listed(gateway: Gateway, *user: str) -> list[list[str]]:
    said = gateway.tool("token", "list", *user)
    assert (said.returncode, said.stderr) == (0, "")
    return [line.split("\t") for line in said.stdout.splitlines()]


def ocs(one: dav.Client, verb: str, path: str, headers: dict[str, str] | None = None, version: int = 2) -> tuple[int, int, Any]:
    """HTTP status, OCS code and data."""
    head = {**OCS, "User-Agent": "Mozilla/5.0 (Android) Nextcloud-android/3.30"} if headers is None else headers
    answer = one.raw(verb, f"/ocs/v{version}.php/core/{path}?format=json", None, head)
    told = json.loads(answer.body)["ocs"]
    return answer.status, told["meta"]["statuscode"], told["data"]


# by the operator


def test_programs_work_with_one_made_beside_the_gateway(house: Gateway, tmp_path: Path) -> None:
    secret = make(house, "alice", "--name", "Backup \x1b[31m", "--days", "3")
    (tmp_path / "file").write_bytes(b"content")
    curl = ["curl", "-sS", "--fail", "-u", f"alice:{secret}", "-T", str(tmp_path / "file")]
    run([*curl, house.url("/by-curl", "alice")], tmp_path)
    obscured = run(["rclone", "obscure", "-"], tmp_path, text=secret).strip()
    url = house.url("/remote.php/webdav")
    rclone = ["rclone", "--webdav-url", url, "--webdav-vendor", "owncloud", "--webdav-user", "alice", "--webdav-pass", obscured]
    assert run([*rclone, "cat", ":webdav:by-curl"], tmp_path).endswith("content")

    deadline = time.monotonic() + 60
    while (line := listed(house, "alice")[-1])[5] == "never used":
        assert time.monotonic() < deadline
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    assert line[1:4] == ["alice", "Backup [31m", "all spaces"]
    assert re.fullmatch(f"made {moment}\tused {moment}\texpires {moment}", "\t".join(line[4:]))
    assert probe(house, secret, "bob").status == 401


def test_revoked_by_the_operator(house: Gateway) -> None:
    with house.client() as full:
        first, second = (ocs(full, "GET", "getapppassword")[2]["apppassword"] for _ in range(2))
    ids = [line[0] for line in listed(house, "alice")[-2:]]
    assert probe(house, first).status == probe(house, second).status == 207
    assert house.tool("token", "revoke", "alice", ids[0]).returncode == 0
    until_refused(house, first)
    assert probe(house, second).status == 207
    assert house.tool("token", "revoke", "alice", "--all").returncode == 0
    until_refused(house, second)


def test_an_end(house: Gateway) -> None:
    secret = make(house, "alice", "--days", "0.00001")
    assert b"this app password has expired" in until_refused(house, secret).body


# limits


def test_reading_only(house: Gateway) -> None:
    secret = make(house, "alice", "--read-only")
    with house.client() as full, client(house, secret) as one:
        for path in ("r", "r/folder"):
            assert full.ask("MKCOL", path).status == 201
        assert full.put("r/file", b"content").status == 201
        uploads = "/remote.php/dav/uploads/alice"
        metadata = {"Upload-Length": "9", "Upload-Metadata": f"filename {b64encode(b'r/tus').decode()}"}
        location = full.ask("POST", "", b"abc", TUS | metadata).headers["Location"]
        tus = location.removeprefix(house.url())
        assert full.raw("MKCOL", f"{uploads}/7").status == 201
        assert full.raw("PUT", f"{uploads}/7/00000", b"1234").status == 201
        lock = full.ask("LOCK", "r/file", LOCK).headers["Lock-Token"]
        before, bare = full.walk("r"), {path: item._replace(permissions="") for path, item in full.walk("r").items()}

        # What it shows is what it may do, and not out of what was rendered for others.
        assert {path: item._replace(permissions="") for path, item in one.walk("r").items()} == bare
        assert not any(set(item.permissions) & set("RDNVWCK") for item in one.walk("r").values())
        assert one.get("r/file") == b"content"
        target = {"Destination": full.href("r/other")}
        refused = [
            one.put("r/new", b"x"),
            one.put("r/file", b"x", If=f"({lock})"),
            one.ask("POST", "", b"abc", TUS | metadata),
            one.ask("POST", "", b"", TUS | {"Upload-Length": "9", "Upload-Concat": "partial"}),
            one.raw("PATCH", tus, b"def", TUS | {"Upload-Offset": "3"}),
            one.raw("DELETE", tus, None, TUS),
            one.raw("MKCOL", f"{uploads}/8"),
            one.raw("PUT", f"{uploads}/7/00001", b"5678"),
            one.raw("DELETE", f"{uploads}/7"),
            one.raw("MOVE", f"{uploads}/7/.file", None, target),
            one.put("r/v1-chunking-1234-2-0", b"x", OC_Chunked="1"),
            one.ask("MKCOL", "r/new"),
            one.ask("DELETE", "r/folder"),
            one.ask("MOVE", "r/folder", None, target),
            one.ask("COPY", "r/folder", None, target),
            one.ask("LOCK", "r/folder", LOCK),
            one.ask("LOCK", "r/new", LOCK),
            one.ask("LOCK", "r/file", None, {"If": f"({lock})"}),
            one.ask("UNLOCK", "r/file", None, {"Lock-Token": lock}),
            one.ask("PROPPATCH", "r/folder", COLOUR),
            one.ask("PROPPATCH", "r/folder", STAR),
        ]
        assert [answer.status for answer in refused] == [403] * len(refused)
        assert full.walk("r") == before
        assert ocs(one, "GET", "getapppassword")[0] == 403

        # Nothing of what the owner had begun was disturbed.
        assert full.ask("UNLOCK", "r/file", None, {"Lock-Token": lock}).status == 204
        assert full.raw("PATCH", tus, b"defghi", TUS | {"Upload-Offset": "3"}).status == 204
        assert full.raw("MOVE", f"{uploads}/7/.file", None, target).status == 201
        assert full.get("r/other") == b"1234"


def test_one_space(house: Gateway) -> None:
    secret = make(house, "alice", "--space", LAB)
    (house.data / "lab" / "readme").write_bytes(b"of the lab")
    with house.client() as full, client(house, secret) as one:
        assert full.put("private", b"x").status == 201
        assert full.raw("MKCOL", "/remote.php/dav/uploads/alice/9").status == 201
        assert full.raw("PUT", "/remote.php/dav/uploads/alice/9/00000", b"1234").status == 201
        id = full.list()["private"].id

        # It takes the place of the home, for programs that know of no spaces.
        assert set(one.list()) == {"", "readme"}
        one.root = "/remote.php/webdav"
        assert one.get("readme") == b"of the lab"
        assert one.put("written", b"by one").status == 201
        assert (house.data / "lab" / "written").read_bytes() == b"by one"
        assert one.ask("DELETE", "written").status == 204
        one.root = f"/remote.php/dav/spaces/{LAB}"
        assert one.get("readme") == b"of the lab"
        one.root = "/remote.php/dav/spaces"
        shown = etree.fromstring(one.ask("PROPFIND", "", None, {"Depth": "1"}).body)
        assert [href.text for href in shown.iter("{DAV:}href")] == ["/remote.php/dav/spaces/", f"/remote.php/dav/spaces/{LAB}/"]

        # Nothing else is there.
        home = "/remote.php/dav/spaces/home$alice"
        hidden = [
            one.raw("PROPFIND", f"{home}/", None, {"Depth": "0"}),
            one.raw("GET", f"{home}/private"),
            one.raw("PUT", f"{home}/new", b"x"),
            one.raw("MOVE", f"/remote.php/dav/spaces/{LAB}/readme", None, {"Destination": f"{home}/readme"}),
            one.raw("COPY", f"{home}/private", None, {"Destination": f"/remote.php/dav/spaces/{LAB}/private"}),
            one.raw("GET", f"/f/{id}"),
            one.raw("PUT", "/remote.php/dav/uploads/alice/9/00001", b"5678"),
            one.raw("DELETE", "/remote.php/dav/uploads/alice/9"),
            one.raw("PROPFIND", "/remote.php/dav/uploads/alice/9"),
        ]
        assert [answer.status for answer in hidden] == [404] * len(hidden)
        assert full.raw("DELETE", "/remote.php/dav/uploads/alice/9").status == 204
        assert (house.data / "lab" / "readme").read_bytes() == b"of the lab"
        assert set(full.list()) >= {"private"}, "the home is the home for others"


# by programs


def test_a_login_becomes_one_changes_and_ends(house: Gateway) -> None:
    with house.client("bob") as full:
        assert ocs(full, "GET", "getapppassword", {})[:2] == (412, 412)
        assert ocs(full, "POST", "getapppassword")[:2] == (404, 998)
        for verb, path in (("DELETE", "apppassword"), ("POST", "apppassword/rotate")):
            assert ocs(full, verb, path)[:2] == (403, 403)
            assert ocs(full, verb, path, version=1)[:2] == (200, 403)
        status, code, data = ocs(full, "GET", "getapppassword")
        assert (status, code, list(data)) == (200, 200, ["apppassword"])
        first = data["apppassword"]
    assert [line[1:4] for line in listed(house, "bob")] == [["bob", "Mozilla/5.0 (Android) Nextcloud-android/3.30", "all spaces"]]
    with client(house, first, "bob") as one:
        assert ocs(one, "GET", "getapppassword")[:2] == (403, 403)
        second = ocs(one, "POST", "apppassword/rotate")[2]["apppassword"]
        assert second != first
        assert probe(house, first, "bob").status == 401
    with client(house, second, "bob") as one:
        assert probe(house, second, "bob").status == 207
        answer = one.raw("DELETE", "/ocs/v2.php/core/apppassword", None, OCS)
        assert (answer.status, etree.fromstring(answer.body).findtext("meta/statuscode")) == (200, "200")
        assert probe(house, second, "bob").status == 401
        assert ocs(one, "DELETE", "apppassword")[:2] == (401, 997)


# restarts, the brake, the file of users


def test_restart_brake_and_a_person_who_leaves(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    gateway.configure(brake={"tries": 4, "free": 10, "repeats": 1})
    gateway.start()
    made = []
    for user in ("alice", "bob"):
        with gateway.client(user) as full:
            made.append(ocs(full, "GET", "getapppassword")[2]["apppassword"])
    secret, other = made
    gateway.kill()
    gateway.start()
    assert probe(gateway, secret).status == probe(gateway, other, "bob").status == 207

    # Guessing is slowed down as with passwords; who has one goes on.
    wrong = [app_secrets.make() for _ in range(3)] + [secret[:-1], secret.lower(), "guess"]
    assert [probe(gateway, one).status for one in wrong] == [401] * 4 + [429] * 2
    assert probe(gateway, secret).status == 207

    assert gateway.tool("user", "remove", "bob").returncode == 0
    assert b"not known any more" in until_refused(gateway, other, "bob").body
    assert not re.search(FORM, gateway.log())


# people whom only an OpenID provider knows


def test_a_login_by_token_becomes_one(stopped_gateway: Gateway, tmp_path: Path) -> None:
    provider = Provider(tmp_path, free_port())
    provider.start()
    with closing(provider_closing(provider)):
        gateway = stopped_gateway
        oidc = {"issuer": provider.issuer, "audiences": ["files"], "groups_claim": "realm_access.roles"}
        gateway.configure(oidc__main=oidc, mounts__lab={"root": "lab", "kind": "project", "members": ["@physics"]})
        gateway.data.mkdir()
        (gateway.data / "lab").mkdir()
        (gateway.data / "lab" / "readme").write_bytes(b"of the lab")
        gateway.start()
        made = {}
        for user in ("dora", "alice"):
            with client(gateway, "", user) as by_token:
                by_token.login = {"Authorization": f"Bearer {provider.log_in(user, 'files.test/ES256').access}"}
                made[user] = ocs(by_token, "GET", "getapppassword")[2]["apppassword"]
        provider.stop()
        gateway.restart()
        with client(gateway, made["dora"], "dora") as one:
            assert one.put("a.txt", b"by dora").status == 201
            user = json.loads(one.raw("GET", "/ocs/v2.php/cloud/user?format=json").body)["ocs"]["data"]
            assert (user["id"], user["displayname"], user["email"]) == ("dora", "dora of the tests", "dora@example.org")
            one.root = f"/remote.php/dav/spaces/{LAB}"
            assert one.get("readme") == b"of the lab"
        with client(gateway, made["alice"], root=f"/remote.php/dav/spaces/{LAB}") as one:
            # A person of the file is who the file says, whatever the token said.
            assert one.ask("GET", "readme").status == 404
        assert [(line[1], len(line)) for line in listed(gateway)] == [("alice", 7), ("dora", 8)]

        # The operator knows no more of dora than her token said.
        second = make(gateway, "dora", "--foreign", "--space", LAB)
        with client(gateway, second, "dora") as one:
            assert one.get("readme") == b"of the lab"
        assert gateway.tool("token", "revoke", "dora", "--all").returncode == 0
        until_refused(gateway, made["dora"], "dora")
        until_refused(gateway, second, "dora")


class provider_closing:
    """For `closing`."""

    def __init__(self, provider: Provider) -> None:
        self.close = provider.stop

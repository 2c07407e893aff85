"""Logging in at a real OpenID provider: tokens of every kind, new keys, and a provider that is away."""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from ..ports import free_port
from . import dav
from .gateway import Gateway
from .oidc_provider.provider import GATEWAY, Provider
from .programs import run

FILES = "files.test"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    one = Provider(tmp_path_factory.mktemp("provider"), free_port())
    one.start()
    yield one
    one.stop()


CACHE = 1.5
"""Seconds for which an answer is believed."""


def settings(provider: Provider, **more: object) -> dict[str, object]:
    return {
        "issuer": provider.issuer,
        "audiences": ["files"],
        "scopes": ["files.read"],
        "opaque": "introspection",
        "client_id": GATEWAY[0],
        "client_secret": GATEWAY[1],
        "groups_claim": "realm_access.roles",
        "client_ids": ["desktop=OpenCloudDesktop"],
        "leeway": 0,
        "retry_seconds": 0.3,
        "cache_seconds": CACHE,
        **more,
    }


@pytest.fixture(scope="module")
def house(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all that only look at it."""
    gateway = Gateway(tmp_path_factory.mktemp("gateway"))
    gateway.configure(oidc__main=settings(provider), mounts__lab={"root": "lab", "kind": "project", "members": ["@physics"]})
    gateway.data.mkdir()
    (gateway.data / "lab").mkdir()
    gateway.start()
    yield gateway
    gateway.close()


class Client(dav.Client):
    """Logs in with a token."""

    def __init__(self, gateway: Gateway, token: str, user: str = "alice") -> None:
        super().__init__(gateway.port, user, "", f"/remote.php/dav/files/{user}")
        self.login = {"Authorization": f"Bearer {token}"}


def probe(gateway: Gateway, token: str, **headers: str) -> dav.Answer:
    """As clients see whether their login is good."""
    with Client(gateway, token) as client:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.raw("PROPFIND", "/remote.php/webdav/", None, {"Depth": "0", **more})


def get(gateway: Gateway, path: str, token: str = "") -> dav.Answer:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=120)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        response = connection.getresponse()
        return dav.Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


@pytest.mark.parametrize("kind", ["RS256", "ES256", "opaque"])
def test_work_with_a_token(house: Gateway, provider: Provider, kind: str) -> None:
    token = provider.log_in("alice", f"{FILES}/{kind}").access
    assert (token.count(".") == 2) == (kind != "opaque")
    with Client(house, token) as client:
        assert client.put(f"{kind}.txt", b"by token").status == 201
        assert client.get(f"{kind}.txt") == b"by token"
        assert client.ask("DELETE", f"{kind}.txt").status == 204
    user = json.loads(get(house, "/ocs/v2.php/cloud/user?format=json", token).body)["ocs"]["data"]
    assert (user["id"], user["displayname"], user["email"]) == ("alice", "alice of the tests", "alice@example.org")


def test_passwords_go_on_working(house: Gateway) -> None:
    with house.client("bob") as client:
        assert client.list("", "0")


def test_a_token_of_many_kilobytes(house: Gateway, provider: Provider) -> None:
    token = provider.log_in("many", f"{FILES}/ES256").access
    assert len(token) > 30_000
    with Client(house, token, "many") as client:
        assert client.list("", "0")


def test_curl_and_rclone(house: Gateway, provider: Provider, tmp_path: Path) -> None:
    token = provider.log_in("alice", f"{FILES}/RS256").access
    url = house.url("/remote.php/webdav")
    (tmp_path / "file").write_bytes(b"content")
    curl = ["curl", "-sS", "--fail", "--oauth2-bearer", token]
    run([*curl, "-T", str(tmp_path / "file"), f"{url}/by-curl"], tmp_path)
    rclone = ["rclone", "--webdav-url", url, "--webdav-vendor", "owncloud", "--webdav-bearer-token", token]
    assert run([*rclone, "cat", ":webdav:by-curl"], tmp_path).endswith("content")
    assert token not in house.log()


def coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def tampered(token: str) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    return f"{head}.{coded(json.dumps({**claims, 'preferred_username': 'bob'}).encode())}.{signature}"


def with_secret(head: dict[str, object], claims: dict[str, object], secret: str) -> str:
    """By hand: PyJWT refuses to take a public key for a secret."""
    signed = f"{coded(json.dumps(head).encode())}.{coded(json.dumps(claims).encode())}"
    return f"{signed}.{coded(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"


def test_tokens_that_are_refused(house: Gateway, provider: Provider) -> None:
    held = provider.log_in("alice", f"{FILES}/RS256")
    good = held.access
    while True:
        short = provider.log_in("alice", f"{FILES}/short").access
        expiry = jwt.decode(short, options={"verify_signature": False})["exp"]
        if (first_seen := probe(house, short).status) == 207:
            break
        # On a busy machine its time may be up so soon.
        assert time.time() >= expiry, first_seen
    head, claims = jwt.get_unverified_header(good), jwt.decode(good, options={"verify_signature": False})
    foreign = rsa.generate_private_key(65537, 2048)

    def forged(**more: object) -> str:
        return jwt.encode({**claims, **more}, foreign, "RS256", head)

    refused = {
        "changed": tampered(good),
        "of a foreign key": forged(),
        "of a foreign issuer": forged(iss="https://idp.example.org"),
        "not signed": jwt.encode(claims, None, "none", {"kid": head["kid"], "typ": "at+jwt"}),
        "signed with the public key": with_secret({**head, "alg": "HS256"}, claims, provider.ask("GET", "/jwks").body),
        "for another service": provider.log_in("alice", "other.test/RS256").access,
        "for the client": held.id,
        "for nobody": provider.log_in("alice").access,
        "for renewing": held.refresh,
        "invented": "A" * 43,
        "empty JWT": "..",
        "expired": short,
    }
    time.sleep(max(0.0, expiry + 0.1 - time.time()))
    for what, token in refused.items():
        answer = probe(house, token)
        assert answer.status == 401, what
        first, second = answer.headers.get_all("WWW-Authenticate", [])
        assert first.startswith('Bearer realm="clawgate"') and 'error="invalid_token"' in first, what
        assert second.startswith("Basic ") and "error" not in second, what
    assert probe(house, good).status == 207
    log = house.log()
    assert not any(part in log for token in refused.values() for part in token.split(".") if len(part) > 20)
    assert "its aud is ['other']" in log


def test_too_little_scope(house: Gateway, provider: Provider) -> None:
    answer = probe(house, provider.log_in("alice", f"{FILES}/poor").access)
    assert answer.status == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert 'scope="files.read"' in answer.headers["WWW-Authenticate"]


def test_what_asks_for_a_login(house: Gateway) -> None:
    with Client(house, "") as client:
        client.login = {}
        bearer, basic = client.raw("PROPFIND", "/remote.php/webdav/").headers.get_all("WWW-Authenticate", [])
        script = client.raw("PROPFIND", "/remote.php/webdav/", None, {"X-Requested-With": "XMLHttpRequest"})
    about = f'resource_metadata="{house.url("/.well-known/oauth-protected-resource")}"'
    assert bearer == f'Bearer realm="clawgate", charset="UTF-8", {about}'
    assert basic == 'Basic realm="clawgate", charset="UTF-8"'
    assert script.headers.get_all("WWW-Authenticate") == [bearer]


def test_what_clients_find_out(house: Gateway, provider: Provider) -> None:
    answer = get(house, "/.well-known/openid-configuration")
    assert answer.headers["Content-Type"] == "application/json"
    document = json.loads(answer.body)
    assert document == json.loads(provider.ask("GET", "/.well-known/openid-configuration").body)
    for member in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint"):
        assert document[member].startswith(provider.issuer), member
    assert "S256" in document["code_challenge_methods_supported"]
    assert "client_secret_basic" in document["token_endpoint_auth_methods_supported"]

    here = house.url()
    answer = get(house, f"/.well-known/webfinger?resource={quote(here, safe='')}&platform=desktop")
    found = json.loads(answer.body)
    assert found["subject"] == here
    assert found["links"] == [{"rel": "http://openid.net/specs/connect/1.0/issuer", "href": provider.issuer}]
    assert found["properties"]["http://opencloud.eu/ns/oidc/client_id"] == "OpenCloudDesktop"

    token = provider.log_in("alice", f"{FILES}/ES256").access
    path = f"/.well-known/webfinger?resource={quote(f'acct:me@127.0.0.1:{house.port}', safe='')}"
    links = json.loads(get(house, path, token).body)["links"]
    assert [(link["rel"].split("/")[2], link["href"]) for link in links[:2]] == [
        ("webfinger.owncloud", here),
        ("webfinger.opencloud", here),
    ]
    assert get(house, path, token + "x").status == 401

    resource = json.loads(get(house, "/.well-known/oauth-protected-resource").body)
    assert (resource["resource"], resource["authorization_servers"]) == (here, [provider.issuer])


def test_keys_change_while_requests_run(house: Gateway, provider: Provider) -> None:
    """Nobody with a token of the new keys, or with one that was in use before, is refused."""
    held = provider.log_in("alice", f"{FILES}/RS256")
    unused = provider.log_in("alice", f"{FILES}/RS256").access
    newest = [held.access]
    failures: list[tuple[int, int]] = []
    asked = [0]
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            for number, token in enumerate((held.access, newest[0])):
                status = probe(house, token).status
                asked[0] += 1
                if status != 207:
                    failures.append((number, status))

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    try:
        for kind in ("RS256", "ES256"):
            # What was looked up a moment ago is not looked up again at once.
            time.sleep(0.4)
            before = asked[0]
            provider.rotate()
            newest[0] = provider.refresh(provider.log_in("alice", f"{FILES}/{kind}"), f"{FILES}/{kind}").access
            while asked[0] < before + 30 and not failures:
                time.sleep(0.01)
    finally:
        done.set()
        for worker in workers:
            worker.join()
    assert not failures
    assert probe(house, unused).status == 401


def test_keys_are_fetched_once_for_many(house: Gateway, provider: Provider) -> None:
    time.sleep(0.4)
    provider.rotate()
    before = provider.asked()["/jwks"]
    tokens = [provider.log_in("alice", f"{FILES}/ES256").access for _ in range(8)]
    statuses: list[int] = []
    workers = [threading.Thread(target=lambda token=token: statuses.append(probe(house, token).status)) for token in tokens]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert statuses == [207] * 8
    assert provider.asked()["/jwks"] == before + 1


def test_a_revoked_opaque_token(house: Gateway, provider: Provider) -> None:
    while True:
        token = provider.log_in("alice", f"{FILES}/opaque").access
        before = provider.asked().get("/token/introspection", 0)
        began = time.monotonic()
        assert [probe(house, token).status for _ in range(5)] == [207] * 5
        spent = time.monotonic() - began
        if provider.asked()["/token/introspection"] == before + 1:
            break
        # A busy machine may take so long for five requests.
        assert spent > CACHE
    provider.revoke(token)
    time.sleep(CACHE + 0.1)
    assert probe(house, token).status == 401


def test_one_of_two_providers_is_away_and_comes_back(stopped_gateway: Gateway, provider: Provider, tmp_path: Path) -> None:
    gateway, other = stopped_gateway, Provider(tmp_path, free_port())
    gateway.configure(oidc__main=settings(provider), oidc__other=settings(other, user_suffix="@other", default=True))
    gateway.start()
    try:
        # It has not been seen yet: nobody knows whether these are good.
        unknown = jwt.encode({"iss": other.issuer}, rsa.generate_private_key(65537, 2048), "RS256")
        away = [probe(gateway, unknown), probe(gateway, "A" * 43), get(gateway, "/.well-known/openid-configuration")]
        assert [(answer.status, answer.headers["Retry-After"]) for answer in away] == [(503, "30")] * 3
        assert not away[0].headers["WWW-Authenticate"]
        for kind in ("RS256", "opaque"):
            assert probe(gateway, provider.log_in("alice", f"{FILES}/{kind}").access).status == 207
        with gateway.client() as client:
            assert client.list("", "0"), "passwords do not need a provider"

        other.start()
        used, unused = (other.log_in("alice", f"{FILES}/ES256").access for _ in range(2))
        opaque = other.log_in("alice", f"{FILES}/opaque").access
        recovered(gateway, used)
        recovered(gateway, opaque)
        user = json.loads(get(gateway, "/ocs/v2.php/cloud/user?format=json", used).body)["ocs"]["data"]
        assert user["id"] == "alice@other"
        document = get(gateway, "/.well-known/openid-configuration").body
        assert json.loads(document)["issuer"] == other.issuer

        other.stop()
        assert probe(gateway, used).status == 207
        assert probe(gateway, unused).status == 207, "the keys are known"
        assert get(gateway, "/.well-known/openid-configuration").body == document
        time.sleep(CACHE + 0.1)
        assert probe(gateway, opaque).status == 503, "nobody else knows whether it was revoked"
        assert probe(gateway, unknown).status == 503, "nobody else knows whether there is a new key"
        assert probe(gateway, tampered(used)).status == 401

        other.start()
        recovered(gateway, other.log_in("alice", f"{FILES}/opaque").access)
        assert probe(gateway, unknown).status == 401
    finally:
        other.stop()
    log = gateway.log()
    assert "the configuration of other cannot be had" in log
    assert "introspection by other can be had again" in log


def recovered(gateway: Gateway, token: str) -> None:
    deadline = time.monotonic() + 60
    while (status := probe(gateway, token).status) == 503:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert status == 207

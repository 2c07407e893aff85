from __future__ import annotations

import hashlib
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.logger import capturedLogs

from clawgate.identity.oidc.attempt import Attempt
from clawgate.identity.oidc.build import build
from clawgate.identity.oidc.errors import InsufficientScope, InvalidToken, IssuerUnavailable
from clawgate.settings import Oidc

from .forge import NOW
from .idp import Idp

DOCUMENT = "/realm/.well-known/openid-configuration"
ATTEMPT = Attempt("https://cloud.example.org/login/oidc/callback", "n-1", "v" * 43)
SECRET = "a secret: with %, + and &"


@pytest_twisted.async_yield_fixture
async def idp(forge):
    server = Idp(forge)
    await server.start()
    base = server.issuer.removesuffix("/realm")
    server.answers[DOCUMENT] |= {"authorization_endpoint": f"{base}/auth", "token_endpoint": f"{base}/token"}
    yield server
    await server.stop()


@pytest_twisted.async_yield_fixture
async def party(idp):
    made = []

    def make(**settings):
        usual = {
            "issuer": idp.issuer,
            "audiences": ["files"],
            "retry_seconds": 0.1,
            "timeout": 5.0,
            "browser_client_id": "pages",
            "browser_client_secret": SECRET,
        }
        made.append(build({"main": Oidc(**{**usual, **settings})}, reactor, lambda: NOW))
        (issuer,) = made[-1].browsers.values()
        return issuer.browser

    yield make
    for one in made:
        await one.stop()


def tokens(idp, **members):
    """What the token endpoint says; None leaves a member out."""
    answer = {
        "token_type": "Bearer",
        "id_token": id_token(idp),
        "access_token": idp.forge.token(iss=idp.issuer, aud="another", groups=["g"], scope="openid"),
        **members,
    }
    idp.answers["/token"] = {name: value for name, value in answer.items() if value is not None}


def id_token(idp, algorithm="RS256", key="rsa", **claims):
    about = {"iss": idp.issuer, "aud": "pages", "nonce": "n-1", "preferred_username": None, "scope": None, **claims}
    return idp.forge.token(algorithm, key, {"typ": "JWT"}, **about)


def test_who_is_offered(tmp_path):
    one = Oidc(issuer="https://idp.example.org", audiences=["files"])
    assert not build({"main": one}, reactor).browsers


@pytest_twisted.ensureDeferred
async def test_where_the_browser_is_sent(idp, party):
    address = await party(scopes=["files", "openid"], acr=["gold", "silver"]).address(ATTEMPT, "a state")
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == idp.answers[DOCUMENT]["authorization_endpoint"]
    challenge = urlsafe_b64encode(hashlib.sha256(ATTEMPT.verifier.encode()).digest()).decode().rstrip("=")
    assert {name: value for name, (value,) in parse_qs(parts.query).items()} == {
        "response_type": "code",
        "client_id": "pages",
        "redirect_uri": ATTEMPT.redirect_uri,
        "scope": "openid profile email files",
        "state": "a state",
        "nonce": "n-1",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "acr_values": "gold silver",
    }
    assert ATTEMPT.verifier not in address
    assert parse_qs(urlsplit(await party().address(ATTEMPT, "a state", anew=True)).query)["prompt"] == ["login"]

    idp.answers[DOCUMENT]["authorization_endpoint"] += "?tenant=x"
    assert "/auth?tenant=x&response_type=" in await party().address(ATTEMPT, "a state")


@pytest_twisted.ensureDeferred
async def test_there_is_nowhere_to_send_it(idp, party):
    del idp.answers[DOCUMENT]["authorization_endpoint"]
    with pytest.raises(IssuerUnavailable):
        await party().address(ATTEMPT, "a state")
    idp.answers[DOCUMENT] = 500
    with pytest.raises(IssuerUnavailable):
        await party().address(ATTEMPT, "a state")


@pytest_twisted.ensureDeferred
async def test_a_login(idp, party):
    tokens(idp)
    user = await party().redeem("the code", ATTEMPT)
    assert (user.id, user.groups) == ("alice", frozenset({"g"}))
    login, form = idp.seen[idp.asked.index("/token")]
    assert login == "Basic " + b64encode(f"pages:{quote_plus(SECRET)}".encode()).decode()
    assert form == {
        "grant_type": "authorization_code",
        "code": "the code",
        "redirect_uri": ATTEMPT.redirect_uri,
        "code_verifier": ATTEMPT.verifier,
    }
    assert "/userinfo" not in idp.asked, "nothing is missing"


@pytest.mark.parametrize(
    ("secret", "ways", "expected"),
    [
        ("", None, {"client_id": "pages"}),
        ("s", ["client_secret_post"], {"client_id": "pages", "client_secret": "s"}),
        ("s", ["client_secret_post", "client_secret_basic"], {}),
    ],
)
@pytest_twisted.ensureDeferred
async def test_how_we_prove_who_we_are(idp, party, secret, ways, expected):
    tokens(idp)
    idp.answers[DOCUMENT]["token_endpoint_auth_methods_supported"] = ways
    await party(browser_client_secret=secret).redeem("the code", ATTEMPT)
    login, form = idp.seen[idp.asked.index("/token")]
    assert (login is None) == bool(expected)
    assert {name: value for name, value in form.items() if name.startswith("client")} == expected


@pytest_twisted.ensureDeferred
async def test_where_claims_come_from(idp, party):
    """As with a bearer token: what the access token says counts before userinfo, and both before the ID token."""
    shown = id_token(idp, preferred_username="id", name="id", email="id", groups=["id"])
    tokens(idp, id_token=shown, access_token=idp.forge.token(iss=idp.issuer, preferred_username="access"))
    idp.answers["/userinfo"] = {"sub": "4711", "preferred_username": "info", "name": "info"}
    user = await party(userinfo=True).redeem("the code", ATTEMPT)
    assert (user.id, user.name, user.mail, user.groups) == ("access", "info", "id", frozenset({"id"}))

    # An access token that is not ours to read, or opaque, is none of our business unless we can ask about it.
    for access in ("opaque", idp.forge.token(iss="https://graph.example.org"), idp.forge.token(key="foreign", iss=idp.issuer)):
        tokens(idp, id_token=shown, access_token=access)
        user = await party().redeem("the code", ATTEMPT)
        assert (user.id, user.name) == ("id", "id")
    idp.answers["/introspect"] = {"active": True, "aud": "another", "preferred_username": "asked"}
    tokens(idp, id_token=shown, access_token="opaque")
    user = await party(opaque="introspection", client_id="c", client_secret="s").redeem("the code", ATTEMPT)
    assert (user.id, user.name) == ("asked", "id")

    # Userinfo is also asked where nothing else tells who it is.
    tokens(idp, access_token="opaque")
    assert (await party().redeem("the code", ATTEMPT)).id == "info"
    assert idp.seen[-1][0] == "Bearer opaque"


@pytest.mark.parametrize(
    ("scopes", "access", "granted", "good"),
    [
        ([], "openid", "openid", True),
        (["files"], "openid files", "openid", True),
        (["files"], "openid", "openid files", False),
        (["files"], None, "openid files", True),
        (["files"], None, "openid", False),
        (["files"], None, None, True),
    ],
)
@pytest_twisted.ensureDeferred
async def test_scopes_count_as_with_a_token(idp, party, scopes, access, granted, good):
    tokens(idp, access_token=idp.forge.token(iss=idp.issuer, scope=access), scope=granted)
    login = party(scopes=scopes).redeem("the code", ATTEMPT)
    if good:
        assert (await login).id == "alice"
    else:
        with pytest.raises(InsufficientScope):
            await login


@pytest_twisted.ensureDeferred
async def test_logins_that_are_refused(idp, party):
    one = party()
    wrong = [
        ((400, {"error": "invalid_grant"}), "refuses the code"),
        # Some say this of what cannot be a code; whoever sends such must not keep others out.
        ((400, {"error": "invalid_request"}), "refuses the code"),
        ({"id_token": id_token(idp)}, "no access token"),
        ({"access_token": "x"}, "no ID token"),
        ({"access_token": "x", "id_token": "opaque"}, "no JWT"),
        ({"access_token": "x", "id_token": id_token(idp, nonce="n-2")}, "nonce"),
        ({"access_token": "x", "id_token": id_token(idp, aud="files")}, "aud"),
        ({"access_token": "x", "id_token": id_token(idp, at_hash="x")}, "at_hash"),
        ({"access_token": idp.forge.token(iss=idp.issuer, sub="5"), "id_token": id_token(idp)}, "two people"),
    ]
    for answer, detail in wrong:
        idp.answers["/token"] = answer
        with capturedLogs() as events, pytest.raises(InvalidToken) as found:
            await one.redeem("the code", ATTEMPT)
        assert detail in found.value.detail
        assert [event for event in events if event.get("detail") == found.value.detail]
    for shown in (id_token(idp, key="foreign"), idp.forge.unsigned(), id_token(idp, algorithm="RS512")):
        tokens(idp, id_token=shown)
        with pytest.raises(InvalidToken):
            await one.redeem("the code", ATTEMPT)
    tokens(idp)
    idp.answers["/userinfo"] = {"sub": "5"}
    for answer, detail in (({"sub": "5"}, "somebody else"), (401, "userinfo refuses")):
        idp.answers["/userinfo"] = answer
        with pytest.raises(InvalidToken) as found:
            await party(userinfo=True).redeem("the code", ATTEMPT)
        assert detail in found.value.detail


@pytest.mark.parametrize("answer", [(401, {"error": "invalid_client"}), 400, 404, 500, 302, b"[]", b"<html>"])
@pytest_twisted.ensureDeferred
async def test_a_provider_that_makes_no_sense_is_away(idp, party, answer):
    one = party(retry_seconds=30.0)
    idp.answers["/token"] = answer
    for _ in range(2):
        with pytest.raises(IssuerUnavailable):
            await one.redeem("the code", ATTEMPT)
    assert idp.asked.count("/token") == 1, "it is left alone for a while"

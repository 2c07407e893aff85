from __future__ import annotations

import gzip
import json

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs

from clawgate.errors import Overloaded
from clawgate.identity.oidc.build import build
from clawgate.identity.oidc.errors import InsufficientScope, InvalidToken, IssuerUnavailable
from clawgate.identity.oidc.inspection import look
from clawgate.model.people import Bearer, Password
from clawgate.settings import Oidc

from .forge import NOW
from .held_clock import HeldClock
from .idp import Idp

DOCUMENT = "/realm/.well-known/openid-configuration"


@pytest_twisted.async_yield_fixture
async def idp(forge):
    server = Idp(forge)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def clock():
    """By which it is judged how long ago somebody was asked."""
    return HeldClock()


@pytest_twisted.async_yield_fixture
async def tokens(idp, clock):
    """A function that makes what judges tokens."""
    made = []

    def make(*more: Oidc, **settings):
        usual = {"issuer": idp.issuer, "audiences": ["files"], "retry_seconds": 5.0, "timeout": 30.0}
        made.append(build({str(at): one for at, one in enumerate([Oidc(**{**usual, **settings}), *more])}, clock, lambda: NOW))
        return made[-1]

    yield make
    for one in made:
        await one.stop()


def opaque(idp, **claims):
    idp.answers["/introspect"] = {"active": True, "aud": "files", "preferred_username": "alice", **claims}


@pytest_twisted.ensureDeferred
async def test_a_token(idp, forge, tokens):
    with capturedLogs() as events:
        actor = await tokens().authenticate(Bearer(forge.token(iss=idp.issuer)))

    assert not [event for event in events if "twisted.web.client" in event["log_namespace"]]
    assert (actor.id, actor.expires) == ("alice", NOW + 300)
    assert idp.asked == [DOCUMENT, "/keys"]


@pytest_twisted.ensureDeferred
async def test_many_first_tokens_fetch_once(idp, forge, tokens):
    judge = tokens()
    many = [Deferred.fromCoroutine(judge.authenticate(Bearer(forge.token(iss=idp.issuer, jti=str(n))))) for n in range(50)]
    await gatherResults(many)

    assert idp.asked == [DOCUMENT, "/keys"]


@pytest_twisted.ensureDeferred
async def test_who_is_asked_is_not_asked_about_others_tokens(idp, forge, tokens):
    judge = tokens()

    assert await judge.authenticate(Password("alice", "x")) is None
    assert await judge.authenticate(Bearer("opaque")) is None
    with pytest.raises(InvalidToken):
        await judge.authenticate(Bearer(forge.token(iss="https://idp.example.org")))
    assert not idp.asked


@pytest.mark.parametrize("kid", [True, False])
@pytest_twisted.ensureDeferred
async def test_new_keys_are_found(idp, forge, tokens, clock, kid):
    judge = tokens()
    await judge.authenticate(Bearer(forge.token(iss=idp.issuer)))
    idp.answers["/keys"] = {"keys": [forge.jwk("foreign")]}
    new = Bearer(forge.token(key="foreign", header=None if kid else {"kid": None}, iss=idp.issuer))
    with pytest.raises(InvalidToken):
        await judge.authenticate(new)
    clock.now += 5.0

    assert (await judge.authenticate(new)).id == "alice"
    with pytest.raises(InvalidToken):
        await judge.authenticate(Bearer(forge.token(iss=idp.issuer)))


@pytest_twisted.ensureDeferred
async def test_unknown_keys_do_not_make_us_a_nuisance(idp, forge, tokens):
    judge = tokens(retry_seconds=30.0)
    await judge.authenticate(Bearer(forge.token(iss=idp.issuer)))
    for number in range(20):
        with pytest.raises(InvalidToken):
            await judge.authenticate(Bearer(forge.token(header={"kid": str(number)}, iss=idp.issuer)))

    assert idp.asked.count("/keys") == 1


@pytest_twisted.ensureDeferred
async def test_a_silent_provider_and_its_return(idp, forge, tokens, clock):
    judge = tokens()
    token = Bearer(forge.token(iss=idp.issuer))
    await idp.stop()
    for _ in range(2):
        with pytest.raises(IssuerUnavailable):
            await judge.authenticate(token)
    clock.now += 5.0
    await idp.start()
    assert (await judge.authenticate(token)).id == "alice"

    await idp.stop()
    clock.now += 5.0
    assert (await judge.authenticate(Bearer(forge.token(key="ec", algorithm="ES256", iss=idp.issuer)))).id == "alice"
    with pytest.raises(IssuerUnavailable):
        await judge.authenticate(Bearer(forge.token(key="foreign", iss=idp.issuer)))
    with pytest.raises(InvalidToken):
        await judge.authenticate(Bearer(forge.token(key="foreign", header={"kid": "rsa"}, iss=idp.issuer)))
    await idp.start()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (500, "answers with 500"),
        (404, "answers with 404"),
        (b"<html>", "not JSON"),
        (b"[" * 5000, "not JSON"),
        (b"[]", "no JSON object"),
        (b" " * 300_000, "larger than 262144 bytes"),
        ({"issuer": "https://evil.example.org"}, "evil.example.org"),
        ({}, "the issuer 'None'"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_documents_that_are_not_used(idp, forge, tokens, answer, reason):
    idp.answers[DOCUMENT] = answer
    with capturedLogs() as events, pytest.raises(IssuerUnavailable):
        await tokens().authenticate(Bearer(forge.token(iss=idp.issuer)))

    assert any(reason in event.get("reason", "") for event in events)


@pytest_twisted.ensureDeferred
async def test_a_bomb_in_gzip(idp, forge, tokens):
    idp.answers["/keys"] = gzip.compress(bytes(50_000_000))
    idp.headers["/keys"] = {"Content-Encoding": "gzip"}
    with capturedLogs() as events, pytest.raises(IssuerUnavailable):
        await tokens().authenticate(Bearer(forge.token(iss=idp.issuer)))

    assert any("larger" in event.get("reason", "") for event in events)
    assert not any("log_failure" in event for event in events)


@pytest_twisted.ensureDeferred
async def test_redirects_are_not_followed(idp, forge, tokens):
    idp.answers[DOCUMENT] = 302
    idp.headers[DOCUMENT] = {"Location": idp.issuer + "/elsewhere"}
    with capturedLogs() as events, pytest.raises(IssuerUnavailable):
        await tokens().authenticate(Bearer(forge.token(iss=idp.issuer)))

    assert any("redirects" in event.get("reason", "") for event in events)
    assert idp.asked == [DOCUMENT]


@pytest.mark.parametrize("answer", [None, [b'{"keys": ']])
@pytest_twisted.ensureDeferred
async def test_a_provider_that_hangs(idp, forge, tokens, answer):
    idp.answers["/keys"] = answer
    judge = tokens(timeout=1.0)
    with capturedLogs() as events, pytest.raises(IssuerUnavailable):
        await judge.authenticate(Bearer(forge.token(iss=idp.issuer)))
    while not idp.given_up:
        await deferLater(reactor, 0.01)

    assert any("no answer in time" in event.get("reason", "") for event in events)
    assert idp.asked.count("/keys") == 1
    assert idp.given_up == ["/keys"]


@pytest_twisted.ensureDeferred
async def test_the_place_of_rfc_8414(idp, forge, tokens):
    document = idp.answers.pop(DOCUMENT)
    idp.answers["/.well-known/oauth-authorization-server/realm"] = document

    assert (await tokens().authenticate(Bearer(forge.token(iss=idp.issuer)))).id == "alice"


@pytest_twisted.ensureDeferred
async def test_another_place(idp, forge, tokens):
    idp.answers["/elsewhere"] = idp.answers.pop(DOCUMENT)
    judge = tokens(metadata_url=idp.issuer.removesuffix("/realm") + "/elsewhere")

    assert (await judge.authenticate(Bearer(forge.token(iss=idp.issuer)))).id == "alice"


@pytest_twisted.ensureDeferred
async def test_introspection(idp, tokens):
    judge = tokens(opaque="introspection", client_id="gate way", client_secret="s:%+ü", cache_seconds=60.0)
    opaque(idp, exp=NOW + 10)
    actor = await judge.authenticate(Bearer("opaque"))
    assert (actor.id, actor.expires) == ("alice", NOW + 10)
    authorization, posted = idp.seen[-1]
    assert authorization == "Basic Z2F0ZSt3YXk6cyUzQSUyNSUyQiVDMyVCQw=="
    assert posted == {"token": "opaque", "token_type_hint": "access_token"}

    for more in ({"exp": NOW + 1000}, {}):
        opaque(idp, **more)
        assert (await judge.authenticate(Bearer("opaque"))).expires == NOW + 60
    for wrong in ({"active": False}, {"aud": "other"}, {"exp": NOW - 60}):
        opaque(idp, **wrong)
        with pytest.raises(InvalidToken):
            await judge.authenticate(Bearer("opaque"))


@pytest.mark.parametrize("answer", [401, 500, {}, {"active": "true"}, b"x"])
@pytest_twisted.ensureDeferred
async def test_introspection_that_fails_is_no_verdict(idp, tokens, clock, answer):
    judge = tokens(opaque="introspection", client_id="gateway", client_secret="x")
    idp.answers["/introspect"] = answer
    for _ in range(3):
        with pytest.raises(IssuerUnavailable):
            await judge.authenticate(Bearer("opaque"))
    assert idp.asked.count("/introspect") == 1
    clock.now += 5.0
    opaque(idp)

    assert (await judge.authenticate(Bearer("opaque"))).id == "alice"


@pytest_twisted.ensureDeferred
async def test_questions_are_limited_in_number(idp, tokens):
    judge = tokens(opaque="introspection", client_id="gateway", client_secret="x", requests=3, timeout=1.5)
    opaque(idp)
    await judge.authenticate(Bearer("opaque"))
    idp.answers["/introspect"] = None
    running = [Deferred.fromCoroutine(judge.authenticate(Bearer(f"opaque-{number}"))) for number in range(3)]
    with pytest.raises(Overloaded):
        await judge.authenticate(Bearer("opaque-4"))
    for one in running:
        with pytest.raises(IssuerUnavailable):
            await one


@pytest_twisted.ensureDeferred
async def test_userinfo_for_opaque_tokens(idp, tokens):
    judge = tokens(opaque="userinfo", cache_seconds=20.0)
    idp.answers["/userinfo"] = {"sub": "1", "preferred_username": "alice"}
    actor = await judge.authenticate(Bearer("opaque"))
    assert (actor.id, actor.expires) == ("alice", NOW + 20)
    assert idp.seen[-1][0] == "Bearer opaque"

    idp.answers["/userinfo"] = 401
    with pytest.raises(InvalidToken):
        await judge.authenticate(Bearer("opaque"))
    idp.answers["/userinfo"] = 503
    with pytest.raises(IssuerUnavailable):
        await judge.authenticate(Bearer("opaque"))


@pytest_twisted.ensureDeferred
async def test_userinfo_for_what_tokens_do_not_carry(idp, forge, tokens):
    judge = tokens(userinfo=True)
    token = Bearer(forge.token(iss=idp.issuer, preferred_username=None, name="of the token"))
    idp.answers["/userinfo"] = {"sub": "4711", "preferred_username": "alice", "name": "of userinfo"}
    actor = await judge.authenticate(token)
    assert (actor.id, actor.user.name, actor.expires) == ("alice", "of the token", NOW + 300)

    for wrong in ({"sub": "4712", "preferred_username": "admin"}, {"preferred_username": "admin"}, 403):
        idp.answers["/userinfo"] = wrong
        with pytest.raises(InvalidToken):
            await judge.authenticate(token)


@pytest_twisted.ensureDeferred
async def test_several_providers_are_asked_in_their_order(idp, forge, tokens):
    asking = {"opaque": "introspection", "client_id": "gateway", "client_secret": "x"}
    second = Idp(forge)
    await second.start()
    try:
        judge = tokens(Oidc(issuer=second.issuer, audiences=["files"], **asking), **asking)
        opaque(idp, active=False)
        opaque(second, preferred_username="bob")
        assert (await judge.authenticate(Bearer("opaque"))).id == "bob"
        assert (await judge.authenticate(Bearer(forge.token(iss=second.issuer)))).id == "alice"

        # Whoever cannot be asked might have known it.
        idp.answers["/introspect"] = 500
        opaque(second, active=False)
        with pytest.raises(IssuerUnavailable):
            await judge.authenticate(Bearer("other"))
        opaque(second)
        assert (await judge.authenticate(Bearer("other"))).id == "alice"
    finally:
        await second.stop()


@pytest_twisted.ensureDeferred
async def test_the_log_names_the_claim_and_never_the_token(idp, forge, tokens):
    token = forge.token(iss=idp.issuer, preferred_username=None)
    with capturedLogs() as events, pytest.raises(InvalidToken) as caught:
        await tokens().authenticate(Bearer(token))

    assert "preferred_username" not in str(caught.value)
    assert any("preferred_username" in event.get("detail", "") for event in events)
    assert not any(part in repr(events) for part in token.split("."))


@pytest_twisted.ensureDeferred
async def test_scopes(idp, forge, tokens):
    with pytest.raises(InsufficientScope):
        await tokens(scopes=["admin"]).authenticate(Bearer(forge.token(iss=idp.issuer)))


@pytest_twisted.ensureDeferred
async def test_the_document_for_clients(idp, tokens):
    first = tokens(hidden=["userinfo_endpoint"]).first

    shown = json.loads(await first.document())
    assert shown["issuer"] == idp.issuer
    assert "userinfo_endpoint" not in shown
    await idp.stop()
    assert json.loads(await first.document()) == shown
    await idp.start()


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # Twisted's own way with certificates
@pytest_twisted.ensureDeferred
async def test_tls(forge, tokens, tmp_path):
    root, own = forge.certificate()
    other, _ = forge.certificate()
    for name, content in (("root", root), ("other", other), ("own", own), ("both", other + root)):
        (tmp_path / name).write_bytes(content)
    secure = Idp(forge, tmp_path / "own")
    await secure.start()
    token = Bearer(forge.token(iss=secure.issuer))
    usual = {"issuer": secure.issuer}
    try:
        for trusted in ("root", "both"):
            actor = await tokens(**usual, ca_file=str(tmp_path / trusted)).authenticate(token)
            assert actor.id == "alice"
        with capturedLogs() as events:
            for trusted in ("", str(tmp_path / "other")):
                with pytest.raises(IssuerUnavailable):
                    await tokens(**usual, ca_file=trusted).authenticate(token)
        told = [event["reason"] for event in events if "configuration" in event.get("what", "")]
        assert len(told) == 2 and all("certificate verify failed" in reason for reason in told)
        settings = Oidc(issuer=secure.issuer, ca_file=str(tmp_path / "root"))
        assert (await deferToThread(lambda: next(look("main", settings)))).level == "ok"
        wrong = Oidc(issuer=secure.issuer)
        assert (await deferToThread(lambda: next(look("main", wrong)))).level == "FAIL"
    finally:
        await secure.stop()

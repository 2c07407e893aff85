"""The commands of ``clawgate token``, without the process around them; ``tests/wire/test_app_passwords.py`` has that."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor

from clawgate import tokens
from clawgate.assembly import Core
from clawgate.errors import ClawgateError, NotFound
from clawgate.identity.passwords import hash_password
from clawgate.model.people import Password, Scope, User
from clawgate.settings import AppPasswords, Mount, Oidc, Settings

ALL = Scope()
DORA = User("dora", "Dora", groups=frozenset({"physics"}))


@pytest_twisted.async_yield_fixture
async def core(tmp_path: Path) -> AsyncIterator[Core]:
    (tmp_path / "users.toml").write_text(f'[users.alice]\npassword = "{hash_password("x")}"\n')
    settings = Settings(
        data=str(tmp_path),
        mounts={"home": Mount(), "lab": Mount(root="lab", kind="project", members=["@physics"])},
        oidc={"main": Oidc(issuer="https://id.example.org", audiences=["files"])},
        app_passwords=AppPasswords(per_user=2, self_made=False),
    )
    core = Core(settings, reactor)
    await core.start()
    yield core
    await core.stop()


async def create(core: Core, user: str, *, scope: Scope = ALL, days: float | None = None, foreign: bool = False) -> str:
    out, notes = StringIO(), StringIO()
    assert await tokens.create(core, user, "", scope, days, foreign, out, notes) == 0
    secret = out.getvalue().removesuffix("\n")
    assert re.fullmatch(r"[0-9A-Z-]{29}", secret), "and nothing else"
    assert secret not in notes.getvalue()
    return secret


async def listed(core: Core, user: str | None = None) -> list[list[str]]:
    out = StringIO()
    assert await tokens.show(core, user, out) == 0
    return [line.split("\t") for line in out.getvalue().splitlines()]


@pytest_twisted.ensureDeferred
async def test_one_is_made_shown_and_revoked(core: Core) -> None:
    secret = await create(core, "alice", scope=Scope(True, "home$alice"), days=3)
    actor = await core.authenticator.authenticate(Password("alice", secret))
    assert actor is not None
    assert (actor.id, actor.scope) == ("alice", Scope(True, "home$alice"))
    await core.last_use.stop()
    [line] = await listed(core)
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    assert line[:4] == [actor.app_password, "alice", "made by the operator", "home$alice, read only"]
    assert re.fullmatch(f"made {moment}\tused {moment}\texpires {moment}", "\t".join(line[4:]))
    assert await listed(core, "bob") == []

    with pytest.raises(NotFound):
        await tokens.revoke(core, "bob", [line[0]], False, StringIO())
    assert await tokens.revoke(core, "alice", [line[0]], False, StringIO()) == 0
    assert await tokens.revoke(core, "alice", [], True, StringIO()) == 0
    assert await listed(core) == []


@pytest.mark.parametrize(
    ("user", "more", "why"),
    [
        ("carol", {}, "users.toml; for people of OpenID providers say --foreign"),
        ("alice", {"foreign": True}, "users.toml; leave it out"),
        ("../x", {"foreign": True}, "user"),
        ("alice", {"scope": Scope(space="home$bob")}, "alice has no space home$bob; there are: home$alice"),
        ("alice", {"scope": Scope(space="lab$lab")}, "there are: home$alice"),
        ("alice", {"days": -1.0}, "36500 days"),
        ("alice", {"days": float("nan")}, "36500 days"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_made(core: Core, user: str, more: dict[str, object], why: str) -> None:
    with pytest.raises(ClawgateError, match=re.escape(why)):
        await create(core, user, **more)  # type: ignore[arg-type]
    assert await listed(core) == []


@pytest_twisted.ensureDeferred
async def test_not_more_than_the_settings_allow(core: Core) -> None:
    for _ in range(2):
        await create(core, "alice")
    with pytest.raises(ClawgateError, match="alice has 2 app passwords"):
        await create(core, "alice")


@pytest_twisted.ensureDeferred
async def test_without_a_provider_nobody_is_foreign(core: Core) -> None:
    core.settings = attrs.evolve(core.settings, oidc={})
    with pytest.raises(ClawgateError, match="no OpenID provider"):
        await create(core, "dora", foreign=True)
    with pytest.raises(ClawgateError) as refused:
        await create(core, "dora")
    assert "--foreign" not in str(refused.value)


@pytest_twisted.ensureDeferred
async def test_people_whom_only_a_provider_knows(core: Core) -> None:
    secret = await create(core, "dora", foreign=True)
    actor = await core.authenticator.authenticate(Password("dora", secret))
    assert actor is not None
    assert actor.user == User("dora"), "nobody has said anything about her yet"
    with pytest.raises(ClawgateError, match="has no space lab"):
        await create(core, "dora", foreign=True, scope=Scope(space="lab$lab"))
    await core.app_passwords.make(DORA, "after a login by token", foreign=True, by_operator=True)
    await tokens.revoke(core, "dora", [(await listed(core))[0][0]], False, StringIO())
    secret = await create(core, "dora", foreign=True, scope=Scope(space="lab$lab"))
    actor = await core.authenticator.authenticate(Password("dora", secret))
    assert actor is not None
    assert actor.user == DORA
    assert [line[-1].partition(" 2")[0] for line in await listed(core)] == ["owner last seen"] * 2

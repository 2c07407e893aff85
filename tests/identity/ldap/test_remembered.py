"""Behind the memory of logins, as the gateway has it."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from clawgate.errors import Unauthenticated
from clawgate.identity.cache import RememberedLogins
from clawgate.identity.chain import Chain
from clawgate.identity.file import UserFile
from clawgate.identity.passwords import hash_password
from clawgate.model.people import Password

from .people import dn_of


@pytest.fixture
def chain(directory, workers, tmp_path):
    (tmp_path / "users.toml").write_text(f'[users.admin]\npassword = "{hash_password("local")}"\n')
    users = UserFile(str(tmp_path / "users.toml"), workers, workers, reactor.seconds)
    return Chain([users, directory()])


@pytest_twisted.ensureDeferred
async def test_a_thousand_logins_cost_one_bind(chain, slapd):
    logins = RememberedLogins(chain, 300, reactor.seconds)
    before = len(slapd.binds())

    together = await gatherResults(
        [Deferred.fromCoroutine(logins.authenticate(Password("alice", "secret of alice"))) for _ in range(500)]
    )
    after = [await logins.authenticate(Password("alice", "secret of alice")) for _ in range(500)]

    assert {"alice"} == {actor.id for actor in together + after}
    assert [dn_of("alice")] == [name for name in slapd.binds()[before:] if name.startswith("uid=")]
    assert (logins.hits, logins.misses) == (500, 500)


@pytest_twisted.ensureDeferred
async def test_both_sources_are_asked(chain):
    assert (await chain.authenticate(Password("admin", "local"))).id == "admin"
    assert (await chain.authenticate(Password("Alice", "secret of alice"))).id == "alice"
    assert await chain.authenticate(Password("nobody", "x")) is None
    for name in ("admin", "alice"):
        with pytest.raises(Unauthenticated):
            await chain.authenticate(Password(name, "x"))

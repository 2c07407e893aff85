from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.errors import Unauthenticated
from clawgate.identity.cache import RememberedLogins
from clawgate.identity.chain import Chain
from clawgate.identity.typed import accepted
from clawgate.interfaces import Authenticator
from clawgate.model.people import Actor, Bearer, Password, User

ALICE = Actor(User("alice"))


class Own(Authenticator):
    """Knows alice's own password, and counts what it is asked."""

    def __init__(self):
        self.asked = 0

    async def authenticate(self, credentials):
        self.asked += 1
        if credentials.secret != "secret":
            raise Unauthenticated("wrong user name or password")
        return ALICE


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("where", "program", "page"), [("everywhere", ALICE, ALICE), ("page", None, ALICE), ("never", None, None)]
)
async def test_where_passwords_are_accepted(where, program, page):
    own = Own()
    logins = RememberedLogins(Chain(accepted(where, [own])), 100, lambda: 0.0)
    # What was remembered of one way in is no login by the other.
    for _ in range(2):
        assert await logins.authenticate(Password("alice", "secret", page=True)) == page
        assert await logins.authenticate(Password("alice", "secret")) == program
    assert own.asked == (program is not None) + (page is not None)


@pytest_twisted.ensureDeferred
async def test_guesses_of_programs_are_not_even_looked_at():
    own = Own()
    [typed] = accepted("page", [own])
    assert await typed.authenticate(Password("alice", "guess")) is None
    assert await typed.authenticate(Bearer("secret")) is None
    assert own.asked == 0
    with pytest.raises(Unauthenticated):
        await typed.authenticate(Password("alice", "guess", page=True))

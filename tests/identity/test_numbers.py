from __future__ import annotations

import pwd

import pytest

from clawgate.errors import Forbidden
from clawgate.identity.numbers import numbers
from clawgate.model.people import User

NOBODY = pwd.getpwnam("nobody")


def test_what_the_directory_says_counts():
    assert numbers(User("nobody", uid=1001, gid=1002)) == (1001, 1002)


def test_the_systems_accounts_know_the_rest():
    assert numbers(User("nobody")) == (NOBODY.pw_uid, NOBODY.pw_gid)
    assert numbers(User("somebody", uid=NOBODY.pw_uid)) == (NOBODY.pw_uid, NOBODY.pw_gid)
    assert numbers(User("nobody", gid=7)) == (NOBODY.pw_uid, 7)


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (User("there-is-no-such"), "nobody tells the uid of there-is-no-such"),
        (User("a\0b"), "nobody tells the uid"),
        (User("nobody", uid=3_999_999_999), "nobody tells the gid of nobody"),
        (User("root"), "which are not taken"),
        (User("alice", uid=0, gid=1), "which are not taken"),
        (User("alice", uid=2**32 - 1, gid=1), "which are not taken"),
    ],
)
def test_who_is_refused(user, expected):
    with pytest.raises(Forbidden, match=expected):
        numbers(user)

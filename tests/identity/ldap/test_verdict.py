from __future__ import annotations

import pytest

from clawgate.identity.ldap.answers import Answer
from clawgate.identity.ldap.errors import Refused, ServerFailed
from clawgate.identity.ldap.library import policy_error
from clawgate.identity.ldap.verdict import Verdict, judge


def windows(data: str) -> Answer:
    text = f"80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {data}, v2580"
    return Answer(49, "invalidCredentials", text)


@pytest.mark.parametrize(
    ("answer", "right", "reason"),
    [
        (Answer(0), True, ""),
        # A grace login: the password has expired, and is still good.
        (Answer(0, policy=0), True, ""),
        (Answer(0, policy=2), False, "the password must be changed first"),
        (Answer(49), False, ""),
        (Answer(49, policy=0), False, "the password has expired"),
        (Answer(49, policy=1), False, "the account is locked"),
        (Answer(49, policy=8), False, ""),
        (windows("52e"), False, ""),
        (windows("525"), False, ""),
        (windows("533"), False, "the account is disabled"),
        (windows("775"), False, "the account is locked"),
        (windows("773"), False, "the password must be changed first"),
        (Answer(32, "noSuchObject"), False, ""),
        (Answer(34, "invalidDNSyntax"), False, ""),
        (Answer(48, "inappropriateAuthentication"), False, ""),
        (
            Answer(53, "unwillingToPerform", "Account inactivated. Contact system administrator."),
            *(False, "unwillingToPerform (Account inactivated. Contact system administrator.)"),
        ),
        (Answer(19, "constraintViolation"), False, "constraintViolation"),
    ],
)
def test_verdicts(answer, right, reason):
    assert Verdict(right, reason) == judge(answer)


@pytest.mark.parametrize("code", [51, 52])
def test_another_server_may_know(code):
    with pytest.raises(ServerFailed):
        judge(Answer(code))


@pytest.mark.parametrize("code", [1, 2, 3, 7, 8, 10, 13, 80, 4096])
def test_what_says_nothing_about_the_password(code):
    with pytest.raises(Refused):
        judge(Answer(code))


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("", None),
        ("3000", None),
        ("3003810101", 1),
        ("3003810100", 0),
        # a warning of 60 seconds before it
        ("3008a00380013c810102", 2),
        ("3005a00380013c", None),
        ("30038101", None),
    ],
)
def test_the_policy_control(value, error):
    assert error == policy_error(bytes.fromhex(value))

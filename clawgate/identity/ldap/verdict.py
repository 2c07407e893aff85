"""What the answer to a bind says about a person's password."""

from __future__ import annotations

import re

import attrs

from .answers import BUSY, SUCCESS, UNAVAILABLE, Answer
from .errors import Refused, ServerFailed

_WRONG = {32, 34, 48, 49}
"""noSuchObject and invalidDNSyntax (there is no such person), inappropriateAuthentication (they have no password),
invalidCredentials."""
_CLOSED = {19, 50, 53}
"""constraintViolation, insufficientAccessRights, unwillingToPerform: how servers say that an account is locked or disabled."""
_POLICY = {0: "the password has expired", 1: "the account is locked", 2: "the password must be changed first"}
"""draft-behera-ldap-password-policy section 6.2; the others are about new passwords."""
_DATA = re.compile(r"\bdata ([0-9a-f]{3,4})\b")
_ACTIVE_DIRECTORY = {
    "530": "logging in is not permitted at this time",
    "531": "logging in is not permitted from here",
    "532": "the password has expired",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "the password must be changed first",
    "775": "the account is locked",
}
"""Active Directory tells the Windows error in the message of invalidCredentials."""


@attrs.frozen
class Verdict:
    """Whether somebody may come in."""

    right: bool
    reason: str = ""
    """Why not, for the log, if it is not simply that the password is wrong."""


def judge(answer: Answer) -> Verdict:
    """Raises `ServerFailed` if another server should be asked, `Refused` if the answer is not about the password at all."""
    if answer.code == SUCCESS:
        # A bind with a new or reset password succeeds, and everything but changing it is then forbidden.
        return Verdict(False, _POLICY[2]) if answer.policy == 2 else Verdict(True)
    if answer.code in _WRONG:
        return Verdict(False, _reason(answer))
    if answer.code in _CLOSED:
        return Verdict(False, str(answer))
    if answer.code in (BUSY, UNAVAILABLE):
        raise ServerFailed(f"is {answer}")
    raise Refused(f"a bind is answered with {answer}")


def _reason(answer: Answer) -> str:
    if answer.policy is not None:
        return _POLICY.get(answer.policy, "")
    data = _DATA.search(answer.message)
    return _ACTIVE_DIRECTORY.get(data[1], "") if data is not None else ""

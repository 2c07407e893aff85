"""Programs that wait to be let in by somebody with a browser."""

from __future__ import annotations

from typing import NamedTuple

import attrs

from .people import User

PAGE = "page"
"""The purpose of a login that lasts, to work with the gateway's own page."""


@attrs.frozen
class Visitor:
    """Somebody who has logged in with a browser, as the login described them."""

    user: User
    foreign: bool = False
    """No directory knew this person, only the OpenID provider of this login."""

    def now(self, known: User | None) -> User | None:
        """Who that is by now, when the directories know `known`; None: nobody may be let in by the login, because nobody knows
        the person, because it was by a password that is another one now, or because they do not tell whether it is."""
        if known is None:
            return self.user if self.foreign else None
        return known if self.user.mark in ("", known.mark) else None

    def is_over(self, known: User | None) -> bool:
        """Whether that is so for ever: the password is another one. What a directory does not tell just now it may tell again."""
        return known is not None and bool(known.mark) and self.now(known) is None


class Judgement(NamedTuple):
    """What has become of a login of before."""

    user: User | None
    """Who that is by now; None: nobody may be let in by it now."""
    over: bool
    """Nor ever again."""
    foreign: bool
    """No directory knows this person, only the OpenID provider of the login."""


@attrs.frozen
class LoginFlow:
    """One program's wish to log in as somebody, whoever that will be."""

    id: str
    """The hash of the token in the address of its page."""
    poll: str
    """The hash of the token with which the program asks for the outcome."""
    client: str
    """What the program calls itself; anybody can write that."""
    network: str
    """Where it asked from."""
    created: float
    """Seconds since 1970, as `expires`."""
    expires: float

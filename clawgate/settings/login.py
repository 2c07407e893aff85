"""Settings of logins that the gateway judges itself."""

from __future__ import annotations

import re

import attrs

from .rule import setting


@attrs.frozen
class Users:
    """[users]: the file of users"""

    file: str = setting("", "path; empty: DATA/users.toml")
    passwords: str = setting(
        "everywhere",
        "where passwords of the file and of LDAP are accepted: everywhere, page (the gateway's own login page only) or never; "
        "app passwords and tokens always are",
        choices=("everywhere", "page", "never"),
    )
    cache_seconds: float = setting(300.0, "seconds a successful login is remembered")
    threads: int = setting(2, "threads for password hashing", low=1)
    queue: int = setting(100, "logins that may wait for them")
    realm: str = setting("clawgate", "realm shown in login prompts")


@attrs.frozen
class SignedUrls:
    """[signed_urls]: addresses by which browsers download without logging in"""

    enabled: bool = setting(True, "let people sign addresses of their files")
    seconds: float = setting(86400.0, "longest life of such an address; ownCloud Web asks for 1200", low=1)
    key_seconds: float = setting(
        86400.0,
        "seconds in which the same key is given out to a person; it is good for as long again, then web clients reload",
        low=60,
    )


@attrs.frozen
class Brake:
    """[brake]: what failed logins lead to, by person and network"""

    enabled: bool = setting(True, "delay and refuse logins after failures")
    ipv4_prefix: int = setting(32, "leading bits of an IPv4 address that make a network", high=32)
    ipv6_prefix: int = setting(64, "leading bits of an IPv6 address that make a network", high=128)
    # one person in one network
    free: int = setting(5, "failures of a person in a network before the next login is delayed")
    tries: int = setting(15, "failures of a person in a network before further logins are refused (429)", low=1)
    repeats: int = setting(8, "wrong passwords of a person in a network that count once however often they are sent")
    stubborn: int = setting(
        1000, "refused guesses at a person in a network after which remembered logins are refused too; 0: never"
    )
    # a whole network; people who have logged in from there before are exempt
    network_free: int = setting(50, "failures in a network before the next login there is delayed")
    network_tries: int = setting(100, "failures in a network before further logins there are refused (429)", low=1)
    # how long
    base_seconds: float = setting(1.0, "the first delay")
    factor: float = setting(2.0, "by which each further failure makes the delay longer", low=1, high=100)
    maximum_seconds: float = setting(10.0, "the longest delay", high=300)
    refuse_seconds: float = setting(900.0, "seconds for which logins are refused after the last failure")
    forget_seconds: float = setting(86400.0, "seconds after the last failure in which all are forgotten", low=1)
    known_days: float = setting(30.0, "days for which a network is remembered from which a person has logged in")
    # what it may cost
    waiting: int = setting(100, "logins that may be delayed at once; further ones are refused (429)")
    waiting_per_network: int = setting(10, "of these from one network")
    rows: int = setting(10000, "people in networks, and networks, that are remembered at most", low=1)
    write_seconds: float = setting(5.0, "seconds between writes of what must survive a restart", low=0.1)


@attrs.frozen
class AppPasswords:
    """[app_passwords]: secrets by which programs log in as a person"""

    self_made: bool = setting(True, "people and their programs may make some; false: only the operator may")
    per_user: int = setting(100, "app passwords of one person", low=1)
    days: float = setting(0.0, "days after which a new one ends, if nobody says otherwise; 0: never", high=36500)
    foreign_days: float = setting(
        90.0,
        "days without a login by token after which those of a person whom only an OpenID provider knows stop working; 0: never",
        high=36500,
    )
    used_seconds: float = setting(300.0, "seconds between two notes of when one was last used", low=1)


def _version(value: str) -> None:
    if value and not re.fullmatch(r"\d{1,4}\.\d{1,4}\.\d{1,4}", value, re.ASCII):
        raise ValueError("expected three numbers, such as '20.0.14'")


@attrs.frozen
class LoginFlow:
    """[login_flow]: Nextcloud's login flow, and pages where people log in and make app passwords"""

    enabled: bool = setting(True, "offer them, if there is a way to log in with a browser")
    seconds: float = setting(1200.0, "seconds a program may wait until somebody lets it in", low=10)
    session_seconds: float = setting(600.0, "seconds a login with a browser lasts", low=10)
    flows: int = setting(1000, "programs that may wait at once", low=1)
    flows_per_network: int = setting(100, "of these from one network, as in [brake]", low=1)
    nextcloud_version: str = setting(
        "20.0.14",
        "server version that Nextcloud's programs are told; below 16 they do not log in this way; empty: as all others are told",
        check=_version,
    )
    sessions_per_user: int = setting(10, "logins with browsers one person may have at once; the oldest end", low=1)

"""Settings of LDAP directories."""

from __future__ import annotations

from urllib.parse import urlsplit

import attrs

from .rule import setting


def _ldap_url(value: str) -> None:
    parts = urlsplit(value)
    try:
        usable = parts.scheme in ("ldap", "ldaps") and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("expected 'ldaps://HOST' or 'ldap://HOST', with ':PORT' if it is not the usual one")


@attrs.frozen
class Ldap:
    """[ldap.NAME]: one directory whose people may log in"""

    urls: list[str] = setting([], "its servers: ldaps://HOST or ldap://HOST, with :PORT if unusual", check=_ldap_url)
    balance: str = setting(
        "first", "first: the servers are asked as listed, the next when one fails; turns: in turns", choices=("first", "turns")
    )
    start_tls: bool = setting(True, "encrypt connections to ldap:// (StartTLS); can be switched off only on this machine itself")
    ca_file: str = setting("", "PEM file of the authorities that its certificates may come from; empty: the system's")
    verify: bool = setting(True, "refuse a server whose certificate does not prove its name")
    bind_dn: str = setting("", "who the gateway is there, to look people up; empty: anonymous")
    bind_password: str = setting("", "and the password that belongs to it", secret=True)
    # who may log in
    base: str = setting("", "where people are, e.g. ou=people,dc=example,dc=org")
    scope: str = setting("sub", "sub: anywhere below base; one: directly below it", choices=("one", "sub"))
    user_filter: str = setting("", "whom a login name means, e.g. (|(uid={user})(mail={user})); empty: user_attribute is {user}")
    user_dn: str = setting("", "DN to log in as, e.g. uid={user},ou=people,dc=example,dc=org; then nobody is searched for before")
    decoy_dn: str = setting(
        "", "whose password is tried for unknown people, to take as long; empty: somebody's who does not exist"
    )
    # who it is
    user_attribute: str = setting("uid", "attribute with the user's id")
    user_lower: bool = setting(False, "turn the id into lower case")
    user_suffix: str = setting("", "added to the id, to tell people of several directories apart, e.g. @lab.example.org")
    name_attribute: str = setting("cn", "attribute with the name to show")
    mail_attribute: str = setting("mail", "attribute with the mail address")
    uid_attribute: str = setting("uidNumber", "attribute with the numeric user id on the storages' systems; empty: none")
    gid_attribute: str = setting("gidNumber", "attribute with the numeric id of the primary group there; empty: none")
    quota_attribute: str = setting("", "attribute with the quota, bytes or a size like 10 GiB; empty: none")
    password_attribute: str = setting(
        "", "attribute that changes with the password, as pwdChangedTime, pwdLastSet: logins at the page end then; empty: none"
    )
    attributes: list[str] = setting([], "further attributes to keep for templates: NAME, or NAME=ATTRIBUTE")
    # groups
    groups: str = setting(
        "none",
        "member: groups list the DNs of people; memberUid: their ids; memberOf: people list the DNs of groups",
        choices=("none", "member", "memberUid", "memberOf"),
    )
    group_member: str = setting("", "the attribute with these, if it has another name, e.g. uniqueMember")
    group_base: str = setting("", "where groups are; empty: base")
    group_scope: str = setting("sub", "sub: anywhere below group_base; one: directly below it", choices=("one", "sub"))
    group_filter: str = setting("", "which groups count, e.g. (objectClass=groupOfNames); empty: all")
    group_name: str = setting("cn", "attribute with the name of a group")
    group_depth: int = setting(0, "how many levels of groups within groups are followed, for member and memberOf", high=50)
    group_chain: bool = setting(False, "member: the server follows all levels (Active Directory); group_depth is not used then")
    group_limit: int = setting(1000, "groups one person may be in; more: 403", low=1)
    # how it is asked
    threads: int = setting(4, "threads that ask, and connections kept open", low=1)
    queue: int = setting(100, "questions that may wait for them")
    connect_timeout: float = setting(5.0, "seconds until a server is reached and the connection encrypted", low=0.1)
    answer_timeout: float = setting(10.0, "seconds an answer may take", low=0.1)
    answer_bytes: int = setting(4194304, "largest answer", low=1024, size=True)
    retry_seconds: float = setting(10.0, "seconds in which a server that failed is not asked again", low=0.1)
    idle_seconds: float = setting(60.0, "seconds after which an unused connection is closed rather than used")
    cache_seconds: float = setting(
        60.0, "seconds people are believed to be as they were found; for logins users.cache_seconds counts"
    )
    cache_people: int = setting(10000, "people kept in memory", low=1)
    search_limit: int = setting(50, "people that one search for people finds at most", low=1)

"""Whom the test directory knows, as LDIF."""

from __future__ import annotations

import base64

from clawgate.identity.ldap import dn

BASE = "dc=example,dc=org"
PEOPLE = f"ou=people,{BASE}"
GROUPS = f"ou=groups,{BASE}"
GATEWAY = f"cn=gateway,ou=services,{BASE}"
SECRET = "opens doors"

STRANGE = [
    *("star*", "*", "par(en)", "back\\slash", "com,ma", "eq=ual", "plus+minus", "semi;colon", "less<more>", 'quo"te', "#hash"),
    *("and&or|not!", "two words", "a~b", "it's", "Žofie", "日本語", "admin)(uid=*", "x)(|(uid=*))", "k,ou=admins", "%2a\\2a"),
]
"""Ids that mean something else in filters and DNs if they are not escaped."""


def entry(name: str, *lines: tuple[str, str]) -> str:
    """One entry of LDIF (RFC 2849); all values in base64."""
    # slapadd wants the values of an attribute together.
    lines = tuple(sorted(lines, key=lambda line: line[0]))
    encoded = ((attribute, base64.b64encode(value.encode()).decode()) for attribute, value in (("dn", name), *lines))
    return "".join(f"{attribute}:: {value}\n" for attribute, value in encoded) + "\n"


def person(uid: str, *more: tuple[str, str], number: int = 1, where: str = PEOPLE) -> str:
    lines = [("objectClass", "inetOrgPerson"), ("uid", uid), ("sn", uid), ("userPassword", f"secret of {uid}")]
    lines += [("objectClass", "posixAccount"), ("gidNumber", "100"), ("homeDirectory", "/"), ("uidNumber", str(number))]
    if not any(attribute == "cn" for attribute, _ in more):
        lines.append(("cn", uid))
    return entry(f"uid={dn.escaped(uid)},{where}", *lines, *more)


def group(cn: str, *members: str, above: tuple[str, ...] = ()) -> str:
    lines = [
        ("objectClass", "groupOfNames"),
        ("cn", cn),
        ("description", f"the {cn} group"),
        *(("member", member) for member in members),
    ]
    return entry(group_dn(cn), *lines, *(("memberOf", group_dn(one)) for one in above))


def dn_of(uid: str) -> str:
    return f"uid={dn.escaped(uid)},{PEOPLE}"


def group_dn(cn: str) -> str:
    return f"cn={dn.escaped(cn)},{GROUPS}"


def ldif() -> str:
    policy = [("objectClass", "pwdPolicy"), ("objectClass", "device"), ("pwdAttribute", "userPassword"), ("pwdLockout", "TRUE")]
    policy += [("pwdMustChange", "TRUE"), ("pwdMaxAge", "60"), ("cn", "strict")]
    strict = ("pwdPolicySubentry", f"cn=strict,{BASE}")
    parts = [
        entry(BASE, ("objectClass", "dcObject"), ("objectClass", "organization"), ("o", "Example"), ("dc", "example")),
        *(entry(f"ou={ou},{BASE}", ("objectClass", "organizationalUnit"), ("ou", ou)) for ou in ("people", "groups", "services")),
        entry(f"ou=admins,{PEOPLE}", ("objectClass", "organizationalUnit"), ("ou", "admins")),
        entry(
            GATEWAY,
            *(("objectClass", "organizationalRole"), ("objectClass", "simpleSecurityObject")),
            *(("cn", "gateway"), ("userPassword", SECRET)),
        ),
        entry(f"cn=strict,{BASE}", *policy),
        person(
            *("alice", ("cn", "Alice Adams"), ("mail", "alice@example.org"), ("ou", "physics"), ("description", "10 GiB")),
            *(("memberOf", group_dn("optics")), ("memberOf", group_dn("com,ma"))),
            number=1001,
        ),
        person("Bob", ("cn", "Bob Baker"), ("mail", "bob@example.org"), ("mail", "shared@example.org"), ("l", "a"), ("l", "b")),
        person("carol", ("cn", "Carol Carter"), ("mail", "shared@example.org"), ("uid", "caro")),
        person("k", where=f"ou=admins,{PEOPLE}"),
        person("locked", strict, ("pwdAccountLockedTime", "000001010000Z")),
        person("reset", strict, ("pwdReset", "TRUE")),
        person("expired", strict, ("pwdChangedTime", "20200101000000Z")),
        person("broken", ("description", "many"), ("mail", "broken@example.org")),
        *(person(uid, number=2000 + place) for place, uid in enumerate(STRANGE)),
        # A loop: science is in all, all is in science.
        group("optics", dn_of("alice"), dn_of("com,ma"), above=("science",)),
        group("science", group_dn("optics"), group_dn("all"), above=("all",)),
        group("all", group_dn("science"), above=("science",)),
        group("com,ma", dn_of("alice")),
        group("others", dn_of("Bob")),
        entry(group_dn("users"), ("objectClass", "posixGroup"), ("cn", "users"), ("gidNumber", "100")),
        entry(
            group_dn("lab"),
            *(("objectClass", "posixGroup"), ("cn", "lab"), ("gidNumber", "200")),
            *(("memberUid", "alice"), ("memberUid", "star*")),
        ),
    ]
    return "".join(parts)

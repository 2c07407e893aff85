from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.identity.ldap import dn


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("alice", "alice"),
        ("Žofie", "Žofie"),
        ('James "Jim" Smith, III', "James\\20\\22Jim\\22\\20Smith\\2c\\20III"),
        ("#a+b", "\\23a\\2bb"),
        ("a;b<c>d=e\\", "a\\3bb\\3cc\\3ed\\3de\\5c"),
        (" \0 ", "\\20\\00\\20"),
    ],
)
def test_escaping(value, text):
    assert text == dn.escaped(value)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_name_stays_one_value(name):
    filled = dn.fill("uid={user}+c=x,ou=people,dc=example,dc=org", name)

    assert filled.endswith("+c=x,ou=people,dc=example,dc=org")
    assert {"uid": name, "c": "x"} == dn.own_name(filled)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        # RFC 4514 section 4
        ("UID=jsmith,DC=example,DC=net", {"uid": "jsmith"}),
        ("OU=Sales+CN=J.  Smith,DC=example,DC=net", {"ou": "Sales", "cn": "J.  Smith"}),
        ('CN=James \\"Jim\\" Smith\\, III,DC=example,DC=net', {"cn": 'James "Jim" Smith, III'}),
        ("CN=Before\\0dAfter,DC=example,DC=net", {"cn": "Before\rAfter"}),
        ("1.3.6.1.4.1.1466.0=#04024869", {}),
        ("CN=Lu\\C4\\8Di\\C4\\87", {"cn": "Lučić"}),
        # what servers make of it
        ("cn = plain \\  , dc=example", {"cn": "plain  "}),
        ("cn=a;dc=b", {"cn": "a"}),
        ("cn=", {"cn": ""}),
        ("cn=\\ff,dc=b", {}),
        # no names
        ("", {}),
        ("nothing", {}),
        ("cn=a+,dc=b", {}),
        ("cn=a\\", {}),
    ],
)
def test_own_name(text, name):
    assert name == dn.own_name(text)


@given(st.text())
def test_any_text_can_be_asked_for_its_name(text):
    dn.own_name(text)

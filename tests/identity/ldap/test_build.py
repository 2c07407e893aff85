from __future__ import annotations

import pytest
from twisted.internet import reactor

from clawgate.configuration import load
from clawgate.errors import SettingsError
from clawgate.identity.ldap.build import build

GOOD = {"urls": ["ldaps://one.example.org"], "base": "dc=example"}


def test_from_a_file(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("opens doors\n")
    file = tmp_path / "clawgate.toml"
    file.write_text(
        f"""
        [ldap.Lab]
        urls = ["ldaps://one.example.org", "ldap://[::1]:1389/"]
        bind_dn = "cn=gateway"
        bind_password = "file:{secret}"
        base = "dc=example"
        user_filter = "(&(objectClass=person)(|(uid={{user}})(mail={{user}})))"
        attributes = ["department=ou", "l"]
        groups = "member"
        """
    )
    settings = load([str(file)]).ldap

    assert settings["Lab"].bind_password == "opens doors"
    assert load([str(file)], {"CLAWGATE_LDAP__LAB__THREADS": "2"}).ldap["Lab"].threads == 2
    (directory,) = build(settings, reactor)
    assert directory.name == "Lab"
    assert directory.workers.name == "directory-Lab"


@pytest.mark.parametrize("url", ["", "http://x", "ldap://", "ldaps://x/dc=example", "ldaps://x:port", "x", "ldap://me:secret@x"])
def test_no_url(tmp_path, url):
    file = tmp_path / "clawgate.toml"
    file.write_text(f'[ldap.lab]\nurls = ["{url}"]\n')

    with pytest.raises(SettingsError, match=r"ldap\.lab\.urls: expected 'ldaps://HOST'"):
        load([str(file)])


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"urls": []}, "lab.urls: is missing"),
        ({"urls": ["ldap://one.example.org"], "start_tls": False}, "lab.start_tls: passwords would go to"),
        ({"bind_dn": "cn=gateway"}, "lab.bind_password: is missing"),
        ({"bind_password": "x"}, "lab.bind_dn: is missing"),
        ({"base": ""}, "lab.base: is missing"),
        ({"user_dn": "{user}@example.org"}, "lab.user_dn: expected a DN"),
        ({"user_dn": "uid=alice,ou={user}"}, "lab.user_dn: expected a DN"),
        ({"user_suffix": "@lab/x"}, "lab.user_suffix: no id can end with it"),
        ({"user_suffix": "@lab "}, "lab.user_suffix: no id can end with it"),
        ({"user_filter": "(uid=alice)"}, "lab.user_filter: expected {user}"),
        ({"user_filter": "(uid={user}"}, "lab.user_filter: '(uid=*' is not a search filter"),
        ({"group_filter": "x"}, "lab.group_filter: 'x' is not a search filter"),
        ({"user_dn": "uid={user},dc=x", "base": "", "groups": "member"}, "lab.group_base: is missing"),
        ({"groups": "memberUid", "group_depth": 1}, "lab.group_depth:"),
        ({"groups": "memberOf", "group_chain": True}, "lab.group_chain:"),
        ({"user_attribute": ""}, "lab.user_attribute: '' is not the name of an attribute"),
        ({"mail_attribute": "a)(b"}, "lab.mail_attribute:"),
        ({"password_attribute": "userPassword"}, "lab.password_attribute: userPassword holds the password itself"),
        ({"password_attribute": "pwdLastSet", "user_dn": "uid={user},dc=x"}, "lab.password_attribute: needs bind_dn"),
        ({"attributes": ["a=b c"]}, "lab.attributes:"),
        ({"attributes": ["a="]}, "lab.attributes: expected NAME or NAME=ATTRIBUTE"),
        ({"attributes": ["a-b"]}, "lab.attributes: 'a-b' cannot be used in templates"),
        ({"ca_file": "/nowhere.pem"}, "lab.ca_file: /nowhere.pem: No such file"),
    ],
)
def test_what_does_not_fit(settings, changed, text):
    usual = {"bind_dn": "", "bind_password": "", "ca_file": ""}
    with pytest.raises(SettingsError) as caught:
        build({"lab": settings(**(usual | GOOD | changed))}, reactor)

    assert f"ldap.{text}" in str(caught.value)


@pytest.mark.parametrize("url", ["ldap://localhost", "ldap://127.0.0.1:1389", "ldap://[::1]"])
def test_in_clear_on_this_machine(settings, url):
    assert build({"lab": settings(urls=[url], start_tls=False)}, reactor)

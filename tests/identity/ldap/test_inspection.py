from __future__ import annotations

from clawgate.identity.ldap.inspection import inspect

from .people import BASE, GROUPS


def levels(findings):
    return [finding.level for finding in findings]


def test_a_good_one(settings, slapd):
    more = {"groups": "member", "group_base": GROUPS, "user_filter": "(&(ou=physics)(uid={user}))"}
    found = list(inspect("lab", settings(urls=[slapd.url, slapd.secure_url], **more)))

    assert levels(found) == ["ok"] * 4
    assert "takes us for cn=gateway,ou=services,dc=example,dc=org" in found[0].text
    assert "for example id alice; name Alice Adams; mail alice@example.org; uid 1001; gid 100; quota none; " in found[1].text
    assert found[1].text.endswith("groups com,ma, optics")


def test_every_server_for_itself(settings, slapd):
    found = list(inspect("lab", settings(urls=["ldaps://127.0.0.1:9", slapd.url])))

    assert levels(found) == ["FAIL", "ok", "ok"]
    assert "ldap.lab: ldaps://127.0.0.1:9 cannot be reached" in found[0].text


def test_what_can_be_wrong(settings, tmp_path):
    for changed, text in [
        ({"ca_file": ""}, "its certificate is not accepted"),
        ({"bind_password": "wrong"}, "does not accept bind_dn and bind_password: invalidCredentials"),
        ({"base": "ou=nothing,dc=example,dc=org"}, "noSuchObject"),
        ({"user_filter": "(&(l=nowhere)(uid={user}))"}, "nobody is found"),
        ({"bind_dn": "", "bind_password": ""}, "noSuchObject"),
        ({"groups": "member", "group_base": f"ou=nothing,{BASE}"}, "noSuchObject"),
        ({"base": ""}, "ldap.lab.base: is missing"),
    ]:
        found = list(inspect("lab", settings(**changed)))
        assert found[-1].level == "FAIL"
        assert text in found[-1].text
        assert found[-1].remedy


def test_warnings(settings):
    found = list(inspect("lab", settings(start_tls=False)))
    assert levels(found) == ["warn", "ok", "ok"]

    found = list(inspect("lab", settings(verify=False, ca_file="")))
    assert levels(found) == ["warn", "ok", "ok"]

    found = list(inspect("lab", settings(attributes=["objectClass"])))
    assert levels(found) == ["ok", "warn"]
    assert "such people cannot log in" in found[-1].remedy

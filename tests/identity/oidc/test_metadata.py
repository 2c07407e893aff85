from __future__ import annotations

import json

import pytest

from clawgate.identity.oidc.errors import NoAnswer
from clawgate.identity.oidc.metadata import parse, places, shown

ISSUER = "https://idp.example.org/realms/lab"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": ISSUER + "/auth",
    "token_endpoint": ISSUER + "/token",
    "jwks_uri": "https://keys.example.org/lab",
    "userinfo_endpoint": ISSUER + "/userinfo",
    "registration_endpoint": ISSUER + "/register",
    "something": {"unknown": [1]},
}


def test_places():
    assert places(ISSUER) == (
        "https://idp.example.org/realms/lab/.well-known/openid-configuration",
        "https://idp.example.org/.well-known/oauth-authorization-server/realms/lab",
    )
    assert places("https://idp.example.org/")[0] == "https://idp.example.org/.well-known/openid-configuration"


def test_a_document():
    found = parse(DOCUMENT, ISSUER)

    assert (found.jwks_uri, found.introspection_endpoint, found.userinfo_endpoint) == (
        "https://keys.example.org/lab",
        "",
        ISSUER + "/userinfo",
    )


@pytest.mark.parametrize(
    "members",
    [
        {"issuer": "https://evil.example.org"},
        {"issuer": ISSUER + "/"},
        {"issuer": None},
        {"jwks_uri": "http://keys.example.org"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://"},
        {"jwks_uri": "https://[::1"},
        {"jwks_uri": 7},
        {"userinfo_endpoint": None},
        {"introspection_endpoint": "http://idp.example.org/introspect"},
    ],
)
def test_documents_that_are_not_used(members):
    with pytest.raises(NoAnswer):
        parse(DOCUMENT | members, ISSUER)


def test_what_clients_see():
    found = json.loads(shown(parse(DOCUMENT, ISSUER), ["registration_endpoint"]))

    assert found == {
        **{name: value for name, value in DOCUMENT.items() if name != "registration_endpoint"},
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    }


def test_what_the_document_says_itself_stays():
    methods = {"token_endpoint_auth_methods_supported": ["none"]}

    assert json.loads(shown(parse(DOCUMENT | methods, ISSUER), []))["token_endpoint_auth_methods_supported"] == ["none"]

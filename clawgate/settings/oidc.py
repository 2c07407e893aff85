"""Settings of OpenID providers."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import attrs

from .rule import setting


def _pattern(value: str) -> None:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None


def _secure_url(value: str) -> None:
    parts = urlsplit(value)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost"))
    if value and not (safe and parts.hostname):
        raise ValueError("expected 'https://HOST/PATH'; http only on this machine itself")


def _issuer(value: str) -> None:
    _secure_url(value)
    if "?" in value or "#" in value:
        raise ValueError("expected 'https://HOST/PATH', without a query")


ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures of tokens that can be verified; all with public keys."""


@attrs.frozen
class Oidc:
    """[oidc.NAME]: one OpenID provider whose access tokens are accepted"""

    issuer: str = setting("", "its issuer identifier, exactly as in its configuration document and its tokens", check=_issuer)
    default: bool = setting(False, "clients that ask where to log in are sent to this one, not to the first")
    metadata_url: str = setting(
        "", "its configuration document; empty: at the well-known places of the issuer", check=_secure_url
    )
    ca_file: str = setting("", "PEM file of the authorities that its certificate may come from; empty: the system's")
    # what is accepted
    audiences: list[str] = setting([], "accepted aud of tokens, * for any; a token must fit this or `clients`")
    clients: list[str] = setting([], "client ids (azp, client_id) whose tokens are accepted, whatever service they are made for")
    algorithms: list[str] = setting(["RS256", "ES256", "PS256", "EdDSA"], "accepted signatures", choices=ALGORITHMS)
    scopes: list[str] = setting([], "scopes that a token must have; without: 403")
    acr: list[str] = setting([], "authentication levels, one of which the token's acr must be; empty: any")
    leeway: float = setting(30.0, "seconds by which its clock may differ from ours", high=300)
    opaque: str = setting(
        "refuse",
        "tokens that are no JWT: refuse, introspection, or userinfo, which cannot tell for whom a token was made",
        choices=("refuse", "introspection", "userinfo"),
    )
    client_id: str = setting("", "our own id there, for introspection")
    client_secret: str = setting("", "and the secret that belongs to it", secret=True)
    cache_seconds: float = setting(60.0, "seconds for which an answer about an opaque token is believed")
    # who it is
    userinfo: bool = setting(False, "ask the provider for claims that its tokens lack")
    user_claim: str = setting("preferred_username", "claim with the user's id; here and below a path such as realm_access.roles")
    user_pattern: str = setting("", "regular expression for the whole claim; its first group, if any, is the id", check=_pattern)
    user_lower: bool = setting(False, "turn the id into lower case")
    user_suffix: str = setting("", "added to the id, to tell people of several providers apart, e.g. @lab.example.org")
    name_claim: str = setting("name", "claim with the name to show")
    mail_claim: str = setting("email", "claim with the mail address")
    groups_claim: str = setting("groups", "claim with the groups: a list, or an object whose keys are the groups")
    quota_claim: str = setting("", "claim with the quota, bytes or a size like 10 GiB; empty: none")
    uid_claim: str = setting("", "claim with the numeric user id on the storages' systems; empty: none")
    gid_claim: str = setting("", "claim with the numeric id of the primary group there; empty: none")
    attributes: list[str] = setting([], "further claims to keep for templates: NAME, or NAME=CLAIM")
    # what clients are told
    basic: bool = setting(True, "offer HTTP Basic beside Bearer in a 401; false in one provider: nowhere")
    hidden: list[str] = setting([], "members of the configuration document that clients do not see, e.g. registration_endpoint")
    client_ids: list[str] = setting([], "PLATFORM=CLIENT_ID for clients that ask by WebFinger: desktop, android, ios, web")
    client_scopes: list[str] = setting(["openid", "profile", "email", "offline_access"], "scopes that those clients ask for")
    # logins in a browser, at the gateway's own pages
    browser_client_id: str = setting("", "our id there for people with a browser; empty: they cannot log in with this provider")
    browser_client_secret: str = setting("", "and the secret that belongs to it; empty: a public client", secret=True)
    browser_scopes: list[str] = setting(["openid", "profile", "email"], "scopes asked for then, besides those in scopes")
    browser_title: str = setting("", "what the button says after 'Log in with'; empty: NAME")
    # how it is asked
    refresh_seconds: float = setting(300.0, "seconds after which its configuration and keys are fetched again", low=1)
    retry_seconds: float = setting(5.0, "seconds between fetches because of an unknown key, and after a failure", low=0.1)
    timeout: float = setting(10.0, "seconds an answer may take", low=0.1)
    answer_bytes: int = setting(262144, "largest answer", low=1024, size=True)
    requests: int = setting(32, "questions about tokens under way at once; further ones: 503", low=1)

"""A provider's configuration document (OpenID Connect Discovery 1.0 section 3, RFC 8414)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import attrs

from .errors import NoAnswer

NEEDED = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "end_session_endpoint")
"""Members that sync clients look for besides those that every document has."""


@attrs.frozen
class Metadata:
    """The members that matter here, and all of them for clients. An endpoint that is not offered is empty."""

    jwks_uri: str
    introspection_endpoint: str
    userinfo_endpoint: str
    authorization_endpoint: str
    token_endpoint: str
    members: Mapping[str, Any] = attrs.field(repr=False)


def places(issuer: str) -> tuple[str, str]:
    """Where the document of `issuer` may be, the likelier place first."""
    scheme, host, path, _, _ = urlsplit(issuer)
    path = path.rstrip("/")
    return (
        urlunsplit((scheme, host, path + "/.well-known/openid-configuration", "", "")),
        urlunsplit((scheme, host, "/.well-known/oauth-authorization-server" + path, "", "")),
    )


def parse(members: Mapping[str, Any], issuer: str) -> Metadata:
    """The document of `issuer`. Raises `NoAnswer` if it is another's (which section 4.3 forbids to use), or makes no sense."""
    named = members.get("issuer")
    if named != issuer:
        raise NoAnswer(f"the configuration document is that of the issuer {str(named)[:200]!r}, not of {issuer!r}")
    insecure = urlsplit(issuer).scheme == "http"
    return Metadata(
        _endpoint(members, "jwks_uri", insecure),
        _endpoint(members, "introspection_endpoint", insecure),
        _endpoint(members, "userinfo_endpoint", insecure),
        _endpoint(members, "authorization_endpoint", insecure),
        _endpoint(members, "token_endpoint", insecure),
        members,
    )


def _endpoint(members: Mapping[str, Any], name: str, insecure: bool) -> str:
    url = members.get(name, "")
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" or (insecure and parts.scheme == "http")
        if url == "" or (usable and parts.hostname):
            return str(url)
    except (ValueError, AttributeError, TypeError):
        pass
    raise NoAnswer(f"the configuration document's {name} is not an https address")


def shown(metadata: Metadata, hidden: Collection[str]) -> bytes:
    """The document for clients, as JSON, without the members `hidden`.

    The ways to authenticate at the token endpoint are written out where the document leaves them to the default: the ownCloud
    client refuses documents that do not name one.
    """
    members = {"token_endpoint_auth_methods_supported": ["client_secret_basic"], **metadata.members}
    return json.dumps({name: value for name, value in members.items() if name not in hidden}).encode()

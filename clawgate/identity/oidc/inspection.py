"""For ``clawgate check``: whether a provider can be reached, is the right one, and has what clients and the gateway need."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from contextlib import closing
from typing import Literal
from urllib.parse import urlsplit

from ...model.finding import Finding, Level
from ...settings import Oidc
from . import keys, metadata
from .errors import NoAnswer
from .fetch import Answer
from .metadata import Metadata


def look(name: str, settings: Oidc) -> Iterator[Finding]:
    """All about the provider ``[oidc.NAME]``, whose settings `build.check` has found in order. Blocking: asks it over HTTP."""
    what = f"oidc.{name}"
    try:
        found = _metadata(settings)
    except NoAnswer as error:
        remedy = "until it can be had, nobody can log in with a token; see issuer, metadata_url, ca_file"
        yield Finding(Level.FAILURE, f"{what}: the configuration of {settings.issuer} cannot be had: {error}", remedy)
        return
    yield Finding(Level.OK, f"{what}: {settings.issuer} answers")
    yield from _keys(what, settings, found)
    yield from _endpoints(what, settings, found)


def _keys(what: str, settings: Oidc, found: Metadata) -> Iterator[Finding]:
    try:
        if not found.jwks_uri:
            raise NoAnswer("the configuration document has no jwks_uri")
        answer = fetch(found.jwks_uri, settings)
        known = keys.parse(answer.members(), settings.algorithms) if answer.status == 200 else ()
        if not known:
            raise NoAnswer(f"{found.jwks_uri} answers with {answer.status}")
    except NoAnswer as error:
        # Tokens that it is asked about need no keys.
        level: Literal[Level.WARNING, Level.FAILURE] = Level.FAILURE if settings.opaque == "refuse" else Level.WARNING
        yield Finding(level, f"{what}: its keys cannot be had: {error}", "see algorithms; without keys no JWT is accepted")
        return
    usable = sorted({algorithm for key in known for algorithm in key.by_algorithm})
    yield Finding(Level.OK, f"{what}: {len(known)} keys, for {', '.join(usable)}")


def _endpoints(what: str, settings: Oidc, found: Metadata) -> Iterator[Finding]:
    if settings.opaque == "introspection" and not found.introspection_endpoint:
        yield Finding(Level.FAILURE, f"{what}.opaque: it offers no introspection", "use userinfo, or let it issue tokens as JWT")
    if (settings.opaque == "userinfo" or settings.userinfo) and not found.userinfo_endpoint:
        yield Finding(Level.FAILURE, f"{what}: it offers no userinfo", "set userinfo = false, and opaque to another value")
    if settings.browser_client_id and not (found.authorization_endpoint and found.token_endpoint):
        remedy = "leave browser_client_id empty; people cannot log in with it"
        yield Finding(Level.FAILURE, f"{what}.browser_client_id: it offers no login with a browser", remedy)
    missing = [member for member in metadata.NEEDED if not found.members.get(member)]
    if missing:
        yield Finding(Level.WARNING, f"{what}: it has no {', '.join(missing)}", "sync clients look for them and may not log in")
    if "S256" not in (found.members.get("code_challenge_methods_supported") or ()):
        yield Finding(Level.WARNING, f"{what}: it does not announce PKCE with S256", "sync clients use it; switch it on there")


def _metadata(settings: Oidc) -> Metadata:
    for place in (settings.metadata_url,) if settings.metadata_url else metadata.places(settings.issuer):
        answer = fetch(place, settings)
        if answer.status == 200:
            return metadata.parse(answer.members(), settings.issuer)
        if answer.status != 404:
            break
    raise NoAnswer(f"{place} answers with {answer.status}")


def fetch(url: str, settings: Oidc) -> Answer:
    """GET, within the same limits as the gateway's own questions. Blocking. Raises `NoAnswer`."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "https":
            trusted = ssl.create_default_context(cafile=settings.ca_file or None)
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.netloc, timeout=settings.timeout, context=trusted
            )
        else:
            connection = http.client.HTTPConnection(parts.netloc, timeout=settings.timeout)
        with closing(connection):
            connection.request(
                "GET", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", headers={"Accept": "application/json"}
            )
            response = connection.getresponse()
            body = response.read(settings.answer_bytes + 1)
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"{url}: {error}") from error
    if len(body) > settings.answer_bytes:
        raise NoAnswer(f"{url}: its answer is larger than {settings.answer_bytes} bytes")
    return Answer(response.status, body)

"""The addresses that clients try first: ``status.php``, the connection check, redirects, where to log in, a page for people."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs

from ..errors import ClawgateError, Disconnected, InvalidRequest, NotFound, Unauthenticated
from ..web import failures
from ..web.login import Login
from ..web.request import Request
from ..web.response import Response
from .capabilities import Features, Version, compatible, status

Handler = Callable[[Request], Awaitable[Response]]

CONFIGURATION = "/.well-known/openid-configuration"
WEBFINGER = "/.well-known/webfinger"
RESOURCE = "/.well-known/oauth-protected-resource"
ISSUER = "http://openid.net/specs/connect/1.0/issuer"
INSTANCES = ("http://webfinger.owncloud/rel/server-instance", "http://webfinger.opencloud/rel/server-instance")
"""How ownCloud's and OpenCloud's clients call the link to somebody's own server."""

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{product}</title>
<style>body {{ font: 1rem/1.5 sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }}</style>
<h1>{product} {version}</h1>
<p>This address is for sync clients: give <code>{url}</code> to the ownCloud or Nextcloud desktop client, or
<code>{url}/remote.php/webdav/</code> to any WebDAV client.</p>
</html>
"""


def status_page(features: Features) -> Handler:
    """``/status.php``: no login, no redirect; clients take anything but 200 with JSON for another kind of server."""
    bodies: dict[Version, bytes] = {}
    headers = [
        (b"Content-Type", b"application/json"),
        (b"Access-Control-Allow-Origin", b"*"),
        (b"Cache-Control", b"no-store"),
    ]

    async def answer(request: Request) -> Response:
        if request.raw_path != b"/status.php":
            raise NotFound("there is nothing under this address")
        like = compatible(features, request.header("user-agent") or "")
        if like not in bodies:
            bodies[like] = json.dumps(status(features, like)).encode()
        return _only_reading(request) or Response(200, list(headers), bodies[like])

    return answer


def connectivity(request_path: bytes = b"/index.php/204") -> Handler:
    """``/index.php/204``: Nextcloud clients ask it to see whether they are online."""

    async def answer(request: Request) -> Response:
        if request.raw_path != request_path:
            raise NotFound("there is nothing under this address")
        return _only_reading(request) or Response(204)

    return answer


def dav_redirect() -> Handler:
    """``/.well-known/webdav``: where the WebDAV service is (in the manner of RFC 6764 section 5)."""

    async def answer(request: Request) -> Response:
        if request.raw_path != b"/.well-known/webdav":
            raise NotFound("there is nothing under this address")
        return Response(301, [(b"Location", request.base_url.encode("latin-1") + b"/remote.php/dav/")])

    return answer


def front_page(features: Features) -> Handler:
    """``/`` and ``/index.php`` for people with a browser."""

    async def answer(request: Request) -> Response:
        if request.raw_path not in (b"/", b"/index.php", b"/index.php/"):
            raise NotFound("there is nothing under this address")
        page = _PAGE.format(product=escape(features.product), version=escape(features.version), url=escape(request.base_url))
        headers = [
            (b"Content-Type", b"text/html; charset=utf-8"),
            (b"Content-Security-Policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
            (b"X-Content-Type-Options", b"nosniff"),
        ]
        return _only_reading(request) or Response(200, headers, page.encode())

    return answer


@attrs.frozen
class SignIn:
    """Where people log in, if OpenID providers are configured."""

    issuer: str
    """The issuer identifier of the provider that clients are sent to."""
    document: Callable[[], Awaitable[bytes]]
    """Gives its configuration document, JSON; raises `StorageUnavailable`."""
    issuers: tuple[str, ...] = ()
    """All whose tokens are accepted."""
    scopes: tuple[str, ...] = ()
    """Those that tokens must have."""
    client_ids: Mapping[str, str] = attrs.field(factory=dict)
    """Which client id is meant for clients of a platform: ``desktop``, ``android``, ``ios``, ``web``."""
    client_scopes: tuple[str, ...] = ()
    """What those clients ask for."""


def configuration(sign_in: SignIn) -> Handler:
    """``/.well-known/openid-configuration``: a copy of the provider's document, because clients look for it here (clients.md
    1.5)."""

    async def answer(request: Request) -> Response:
        if request.raw_path != CONFIGURATION.encode():
            raise NotFound("there is nothing under this address")
        return _only_reading(request) or _json(await sign_in.document(), b"max-age=60")

    return answer


def protected_resource(sign_in: SignIn) -> Handler:
    """``/.well-known/oauth-protected-resource``: whose tokens are accepted here (RFC 9728)."""

    async def answer(request: Request) -> Response:
        if request.raw_path != RESOURCE.encode():
            raise NotFound("there is nothing under this address")
        members = {
            "resource": request.base_url,
            "authorization_servers": sign_in.issuers or (sign_in.issuer,),
            "bearer_methods_supported": ["header"],
            **({"scopes_supported": sign_in.scopes} if sign_in.scopes else {}),
        }
        return _only_reading(request) or _json(json.dumps(members).encode(), b"max-age=60")

    return answer


def webfinger(sign_in: SignIn, login: Login) -> Handler:
    """``/.well-known/webfinger`` (RFC 7033): before the login the provider, after it also the server, which is this one.

    The type is not the RFC's ``application/jrd+json``, which the ownCloud client does not take (clients.md 1.6).
    """

    async def answer(request: Request) -> Response:
        if request.raw_path != WEBFINGER.encode():
            raise NotFound("there is nothing under this address")
        if (refusal := _only_reading(request)) is not None:
            return refusal
        query = parse_qs(request.query.decode("latin-1"))
        subject = query.get("resource", [""])[0]
        if not subject:
            raise InvalidRequest("the parameter resource is missing")
        if _host(subject) not in (_host("//" + request.host), _host(request.base_url)):
            raise NotFound("this server knows nothing about that resource")
        known = False
        if request.header("authorization") is not None:
            try:
                await login.authenticate(request)
            except Disconnected:
                raise
            except ClawgateError as error:
                response = failures.plain(error, request.id)
                if isinstance(error, Unauthenticated):
                    response.headers += login.challenges(request)
                return response
            known = True
        return _json(json.dumps(_descriptor(sign_in, subject, query, request.base_url if known else "")).encode(), b"no-store")

    return answer


def _descriptor(sign_in: SignIn, subject: str, query: Mapping[str, list[str]], instance: str) -> dict[str, Any]:
    """The JRD (RFC 7033 section 4.4) about `subject`; `instance` is the address of the server to tell, empty: none is told."""
    links = [{"rel": rel, "href": instance} for rel in INSTANCES if instance]
    links.append({"rel": ISSUER, "href": sign_in.issuer})
    wanted = query.get("rel")
    members: dict[str, Any] = {"subject": subject, "links": [link for link in links if not wanted or link["rel"] in wanted]}
    client_id = sign_in.client_ids.get(query.get("platform", [""])[0])
    if client_id:
        members["properties"] = {
            "http://opencloud.eu/ns/oidc/client_id": client_id,
            "http://opencloud.eu/ns/oidc/scopes": sign_in.client_scopes,
        }
    return members


def _host(resource: str) -> str | None:
    """The host that a URL or an ``acct:`` URI (RFC 7565) speaks of, lower case."""
    if resource.startswith("acct:"):
        resource = "//" + resource.rpartition("@")[2]
    try:
        return urlsplit(resource).hostname
    except ValueError:
        return None


def _json(body: bytes, caching: bytes) -> Response:
    headers = [
        (b"Content-Type", b"application/json"),
        (b"Access-Control-Allow-Origin", b"*"),
        (b"Cache-Control", caching),
    ]
    return Response(200, headers, body)


def _only_reading(request: Request) -> Response | None:
    if request.verb in ("GET", "HEAD"):
        return None
    return Response(405, [(b"Allow", b"GET, HEAD"), (b"Content-Type", b"text/plain; charset=utf-8")], b"this can only be read\n")


def handlers(features: Features, sign_in: SignIn | None = None, login: Login | None = None) -> dict[str, Handler]:
    """All of them by prefix, as a router takes them; those about logging in only with `sign_in` and `login`."""
    about_login: dict[str, Handler] = {}
    if sign_in is not None and login is not None:
        about_login = {
            CONFIGURATION: configuration(sign_in),
            WEBFINGER: webfinger(sign_in, login),
            RESOURCE: protected_resource(sign_in),
        }
    return about_login | {
        "/status.php": status_page(features),
        "/index.php/204": connectivity(),
        "/.well-known/webdav": dav_redirect(),
        "/index.php": front_page(features),
        "/": front_page(features),
    }

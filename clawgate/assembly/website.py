"""What people with a browser find at ``/``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from ..errors import Forbidden
from ..model.people import Actor
from ..protocols.capabilities import Features
from ..protocols.login.handler import LoginHandler
from ..protocols.web_client.client import WebClient
from ..protocols.web_client.config import Provider
from ..protocols.web_client.folder import Folder
from ..protocols.web_client.roles import MAKES_SPACES, Roles
from ..protocols.web_client.roles import PREFIX as ROLES
from ..protocols.web_page.page import PREFIX, WebPage, linked
from ..protocols.web_page.signing import ADDRESS, PageAddresses
from ..protocols.wellknown import SignIn
from ..web.login import Login
from ..web.request import Request
from ..web.response import Response
from ..web.router import Handler, Router
from .core import Core
from .logins import has_page

LOGIN = "/login/files"


def add_website(
    router: Router, core: Core, features: Features, login: Login, sign_in: SignIn | None, login_pages: LoginHandler | None
) -> Handler | None:
    """Add to `router`, which has all else, what belongs to the page; returns what answers where nothing else does, None if there
    is no page."""
    settings = core.settings
    if settings.web.root:
        return _hosted(router, core, login, sign_in)
    if login_pages is None or not has_page(settings):
        return None
    page = WebPage(features.product, features.version, LOGIN)
    router.add(PREFIX, page)
    _share(router, "/f", linked, _is_browser)
    if settings.signed_urls.enabled:
        limit = settings.http.small_body_bytes
        router.add(ADDRESS, PageAddresses(core.signing.sign, settings.signed_urls.seconds, login, limit))
    return page


def _hosted(router: Router, core: Core, login: Login, sign_in: SignIn | None) -> Handler:
    web = core.settings.web
    provider = None
    if sign_in is not None:
        provider = Provider(sign_in.issuer, sign_in.client_ids.get("web", "web"), sign_in.client_scopes)
    issuers = [_origin(one) for one in (sign_in.issuers if sign_in is not None else ())]
    client = WebClient(Folder(web.root, core.files), web, provider, issuers)
    _share(router, "/login", client, lambda request: request.raw_path in (b"/login", b"/login/"))
    # The client shows what a private link leads to; programs are sent on.
    _share(router, "/f", client, _is_browser)

    def permissions(actor: Actor) -> Sequence[str]:
        try:
            core.making.mount_for(actor)
        except Forbidden:
            return ()
        return (MAKES_SPACES,)

    router.add(ROLES, Roles(permissions, login))
    return client


def _is_browser(request: Request) -> bool:
    return request.verb in ("GET", "HEAD") and "text/html" in (request.header("accept") or "")


def _share(router: Router, prefix: str, client: Handler, is_clients: Callable[[Request], bool]) -> None:
    """Give the client some of the requests for `prefix`; the others go where they went."""
    other, _ = router.find(prefix.encode())

    async def answer(request: Request) -> Response:
        return await (client if is_clients(request) else other)(request)

    router.add(prefix, answer)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

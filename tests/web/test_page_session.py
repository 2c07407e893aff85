from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.errors import Unauthenticated
from clawgate.interfaces import Authenticator
from clawgate.model.people import Actor, User
from clawgate.web import page_session
from clawgate.web.login import Login

SECRET = "s" * 43


class Request:
    """What a browser sends."""

    client_ip = "127.0.0.1"
    verb = "PROPFIND"
    raw_path = b"/"
    query = b""

    def __init__(self, base_url: str = "http://cloud.example.org", cookie: tuple[str, ...] = (), **headers: str) -> None:
        self.actor: Actor | None = None
        self.base_url = base_url
        self.cookie = list(cookie)
        self.headers = {name.replace("_", "-"): text for name, text in headers.items()}

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    def headers_all(self, name: str) -> list[str]:
        return self.cookie if name == "cookie" else []


COOKIE = (f"a=b; clawgate_page={SECRET}; c=d",)


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        (Request(cookie=COOKIE, x_requested_with="XMLHttpRequest"), True),
        (Request(cookie=("a=b", f"clawgate_page={SECRET}"), x_requested_with=""), True),
        (Request(cookie=COOKIE, x_requested_with="XMLHttpRequest", sec_fetch_site="same-origin"), True),
        (Request(cookie=COOKIE), False),
        (Request(cookie=COOKIE, x_requested_with="XMLHttpRequest", sec_fetch_site="same-site"), False),
        (Request(cookie=COOKIE, x_requested_with="XMLHttpRequest", sec_fetch_site="cross-site"), False),
        (Request(cookie=COOKIE, x_requested_with="XMLHttpRequest", sec_fetch_site="none"), False),
        (Request(cookie=("clawgate_page=short",), x_requested_with="1"), False),
        (Request(cookie=(f"clawgate_page={SECRET}x",), x_requested_with="1"), False),
        (Request(cookie=(f"clawgate_login={SECRET}",), x_requested_with="1"), False),
        # Over https only what no other host can have set.
        (Request("https://cloud.example.org", COOKIE, x_requested_with="1"), False),
        (Request("https://cloud.example.org", (f"__Host-clawgate_page={SECRET}",), x_requested_with="1"), True),
    ],
)
def test_which_requests_count(request_: Request, found: bool) -> None:
    assert page_session.secret_of(request_) == (SECRET if found else "")


def test_the_cookie() -> None:
    plain, secure = Request(), Request("https://cloud.example.org")
    assert page_session.keep(plain, SECRET) == (
        b"Set-Cookie",
        f"clawgate_page={SECRET}; Path=/; HttpOnly; SameSite=Strict".encode(),
    )
    assert page_session.keep(secure, SECRET)[1].startswith(b"__Host-clawgate_page=")
    assert page_session.keep(secure, SECRET)[1].endswith(b"; Path=/; HttpOnly; SameSite=Strict; Secure")
    assert page_session.forget(plain)[1] == b"clawgate_page=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"


class Nobody(Authenticator):
    async def authenticate(self, credentials: object) -> Actor | None:
        return None


@pytest_twisted.ensureDeferred
async def test_logging_in_by_it() -> None:
    asked = []

    async def page(secret: str) -> Actor | None:
        asked.append(secret)
        return Actor(User("alice")) if secret == SECRET else None

    login = Login(Nobody(), "r", page=page)
    request = Request(cookie=COOKIE, x_requested_with="XMLHttpRequest")
    assert (await login.authenticate(request)).id == "alice"
    assert request.actor is not None
    with pytest.raises(Unauthenticated, match="has ended"):
        await login.authenticate(Request(cookie=(f"clawgate_page={'t' * 43}",), x_requested_with="1"))
    # Who brings credentials is judged by these.
    with pytest.raises(Unauthenticated, match="wrong"):
        await login.authenticate(Request(cookie=COOKIE, x_requested_with="1", authorization="Basic YTpi"))
    for other in (Request(cookie=COOKIE), Request()):
        with pytest.raises(Unauthenticated, match="log in first"):
            await login.authenticate(other)
    assert len(asked) == 2
    with pytest.raises(Unauthenticated):
        await Login(Nobody(), "r").authenticate(request)

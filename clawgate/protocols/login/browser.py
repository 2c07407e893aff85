"""One browser, told from all others by a random secret in a cookie.

Everything that must not come from elsewhere is derived from the secret: the value that forms carry, and what a login with an
OpenID provider needs. So nothing is kept before somebody has logged in, every process can check it, and there is no key to look
after. The secret itself is in no page and in no address.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode

from ...web.request import Request

COOKIE = "clawgate_login"
PATH = "/login"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


class Browser:
    """What a request proves about the browser that sent it."""

    def __init__(self, secret: str, *, known: bool) -> None:
        self.secret = secret
        self.known = known
        """The browser has sent the secret; else it is new."""

    @classmethod
    def of(cls, request: Request) -> Browser:
        """The one that has sent `request`; a new one if there is no usable cookie."""
        for line in request.headers_all("cookie"):
            for pair in line.split(";"):
                name, _, value = pair.strip().partition("=")
                if name == COOKIE and _SECRET.fullmatch(value):
                    return cls(value, known=True)
        return cls.fresh()

    @classmethod
    def fresh(cls) -> Browser:
        """With a new secret."""
        return cls(secrets.token_urlsafe(32), known=False)

    def sign(self, *words: str) -> str:
        """43 signs that only this browser, and we with its cookie, can make of `words`, which have no line breaks."""
        mac = hmac.digest(self.secret.encode(), "\n".join(words).encode("utf-8", "surrogatepass"), hashlib.sha256)
        return urlsafe_b64encode(mac).decode().rstrip("=")

    def signed(self, value: str, *words: str) -> bool:
        """Whether `value` is what `sign` gives, and the secret came from the browser."""
        return self.known and hmac.compare_digest(value.encode("utf-8", "surrogatepass"), self.sign(*words).encode())

    def cookie(self, request: Request, seconds: float) -> tuple[bytes, bytes]:
        """The header that lets the browser keep the secret for a while.

        Lax, not Strict: the way back from an OpenID provider is a link from another site.
        """
        secure = "; Secure" if request.base_url.startswith("https:") else ""
        text = f"{COOKIE}={self.secret}; Path={PATH}; Max-Age={int(seconds)}; HttpOnly; SameSite=Lax{secure}"
        return b"Set-Cookie", text.encode()

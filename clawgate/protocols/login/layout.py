"""What all pages for people have in common: plain HTML, without scripts, for every browser and every screen."""

from __future__ import annotations

import hashlib
import string
from base64 import b64encode
from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from ...web.response import Response

_STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 sans-serif; max-width: 34rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; line-height: 1.25 }
h2 { font-size: 1.2rem }
label, fieldset { display: block; margin: .8rem 0 }
input, select { font: inherit; padding: .4rem; box-sizing: border-box }
input[type=text], input[type=password], input[type=number], select { display: block; width: 100% }
button, .button { display: inline-block; font: inherit; padding: .5rem 1rem; margin: .3rem .5rem .3rem 0; border: 1px solid;
  border-radius: .3rem; background: transparent; color: inherit; text-decoration: none; cursor: pointer }
.first { background: #1d4ed8; border-color: #1d4ed8; color: #fff }
.problem { border-left: .3rem solid #b91c1c; padding-left: .7rem }
.secret { display: block; font-size: 1.2rem; font-family: monospace; user-select: all }
ul { list-style: none; padding: 0 }
li { border-top: 1px solid; padding: .6rem 0 }
"""
_POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = [
    (b"Content-Type", b"text/html; charset=utf-8"),
    (b"Content-Security-Policy", _POLICY.encode()),
    (b"X-Frame-Options", b"DENY"),
    (b"X-Content-Type-Options", b"nosniff"),
    # The address may be all that somebody needs.
    (b"Referrer-Policy", b"no-referrer"),
    (b"Cache-Control", b"no-store"),
]


def page(title: str, body: str, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()) -> Response:
    """A page whose `body` is HTML; `title` is text, and the heading too."""
    text = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="robots" content="noindex">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{escape(title)}</h1>\n"
        f"{body}\n</main>\n</body>\n</html>\n"
    )
    return Response(status, [*_HEADERS, *headers], text.encode("utf-8", "replace"))


def message(title: str, text: str, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = (), again: str = "") -> Response:
    """A page that says one thing; `again` is the address of a link to try again."""
    link = f'\n<p><a class="button" href="{escape(again)}">Try again</a></p>' if again else ""
    return page(title, f'<p role="status">{escape(text)}</p>{link}', status, headers)


def redirect(address: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> Response:
    """To another page, by GET."""
    safe = [header for header in _HEADERS if header[0] in (b"Referrer-Policy", b"Cache-Control")]
    # What is written already stays; what cannot stand in a header is written so that it can.
    return Response(303, [(b"Location", quote(address, string.punctuation).encode()), *safe, *headers])


def form(address: str, mark: str, action: str, fields: str) -> str:
    """HTML of a form that is sent to `address`, with `mark`, and with `action` if that is not empty; `fields` is HTML."""
    hidden = f'<input type="hidden" name="action" value="{action}">\n' if action else ""
    return (
        f'<form method="post" action="{escape(address)}">\n<input type="hidden" name="mark" value="{escape(mark)}">\n'
        f"{hidden}{fields}\n</form>"
    )

"""All addresses below ``/login`` and ``/index.php/login``."""

from __future__ import annotations

import string
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from urllib.parse import quote_from_bytes

from ...errors import ClawgateError, Disconnected, NotFound
from ...web.request import Request
from ...web.response import Response
from . import own_files
from .entry import CALLBACK, START, Entry, failed
from .layout import message, redirect
from .letting_in import LettingIn
from .own_files import OwnFiles
from .own_passwords import ADDRESS, OwnPasswords
from .program import PAGE, POLL, Program

PREFIXES = ("/login", "/index.php/login")
"""Where the handler belongs."""

_Answers = Mapping[str, Callable[[Request], Awaitable[Response]]]
_GRANT = "/login/v2/grant/"


class LoginHandler:
    """Programs get JSON, people get pages."""

    def __init__(
        self, program: Program, letting_in: LettingIn, own: OwnPasswords, entry: Entry, files: OwnFiles | None = None
    ) -> None:
        """`files`: the way to our own page; None: there is no such page."""
        self._letting_in = letting_in
        self._exact: Mapping[str, _Answers] = {
            "/login/v2": {"POST": program.begin},
            POLL: {"POST": program.poll},
            # A code is redeemed once: no HEAD.
            START: {"GET": entry.start},
            CALLBACK: {"GET": entry.callback},
            ADDRESS: {"GET": own.show, "HEAD": own.show, "POST": own.act},
            "/login": {"GET": _home, "HEAD": _home},
            "/login/": {"GET": _home, "HEAD": _home},
        }
        if files is not None:
            # Showing it hands over a login: no HEAD.
            self._exact = {
                **self._exact,
                own_files.ADDRESS: {"GET": files.show, "POST": files.act},
                own_files.END: {"POST": files.end},
                own_files.END_ALL: {"POST": files.end_all},
            }

    async def __call__(self, request: Request) -> Response:
        """Answer `request`."""
        raw = request.raw_path.decode("latin-1")
        path = raw.removeprefix("/index.php")
        try:
            answers = self._at(path)
            answer = answers.get(request.verb)
            if answer is None:
                allowed = ", ".join(answers).encode()
                return message("This did not work", "this address is not for that", 405, [(b"Allow", allowed)])
            if raw != path and request.verb != "POST":
                # The cookie belongs to the short addresses.
                target = request.raw_path + b"?" + request.query if request.query else request.raw_path
                return redirect(quote_from_bytes(target, string.punctuation).removeprefix("/index.php"))
            return await answer(request)
        except Disconnected:
            raise
        except ClawgateError as error:
            return failed(error)

    def _at(self, path: str) -> _Answers:
        """What there is at a path, by verb. Raises `NotFound`."""
        if path in self._exact:
            return self._exact[path]
        for prefix in (PAGE, _GRANT):
            rest = path.removeprefix(prefix)
            if rest != path and rest and "/" not in rest:
                if prefix == PAGE:
                    return dict.fromkeys(("GET", "HEAD"), partial(self._letting_in.open, token=rest))
                show = partial(self._letting_in.show, id=rest)
                return {"GET": show, "HEAD": show, "POST": partial(self._letting_in.decide, id=rest)}
        raise NotFound("there is nothing under this address")


async def _home(request: Request) -> Response:
    return redirect(ADDRESS)

"""What people see. Whatever is put in is escaped here."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from html import escape

from ...model.app_password import AppPassword
from ...model.login_flow import LoginFlow, Visitor
from ...web.response import Response
from .layout import form, page
from .seams import Service

Headers = Iterable[tuple[bytes, bytes]]


def log_in(
    about: str,
    address: str,
    mark: str,
    *,
    passwords: bool,
    providers: Sequence[tuple[Service, str]],
    name: str = "",
    problem: str = "",
    status: int = 200,
    headers: Headers = (),
) -> Response:
    """The ways to log in: a form that is sent to `address` with `mark`, and providers with the addresses that lead there. `about`
    is HTML that says what for."""
    parts = [about]
    if problem:
        parts.append(f'<p class="problem" role="alert">{escape(problem)}</p>')
    for service, link in providers:
        parts.append(f'<p><a class="button first" href="{escape(link)}">Log in with {escape(service.title)}</a></p>')
    if passwords:
        parts.append(
            form(
                address,
                mark,
                "login",
                '<label>User name\n<input type="text" name="user" autocomplete="username" autocapitalize="none" '
                f'spellcheck="false" required maxlength="256" value="{escape(name)}"></label>\n'
                '<label>Password\n<input type="password" name="password" autocomplete="current-password" required></label>\n'
                '<button class="first">Log in</button>',
            )
        )
    return page("Log in", "\n".join(parts), status, headers)


def about_flow(flow: LoginFlow, server: str) -> str:
    """Which program wants to be let in, and where; HTML."""
    return (
        f"<p>The program <strong>{escape(flow.client or 'without a name')}</strong>, which asks from "
        f"{escape(flow.network.removesuffix('/32'))}, wants to work with your files at <strong>{escape(server)}</strong>.</p>\n"
        "<p>Go on only if you have just begun this yourself, in that program.</p>"
    )


def grant(flow: LoginFlow, visitor: Visitor, server: str, address: str, mark: str, headers: Headers) -> Response:
    """To let a program in, or not."""
    buttons = (
        '<button class="first" name="action" value="grant">Grant access</button>\n'
        '<button name="action" value="deny">Deny</button>\n'
        '<button name="action" value="leave">Log in as somebody else</button>'
    )
    body = (
        f"{about_flow(flow, server)}\n<p>{_who(visitor)} The program gets an app password of its own, which you can revoke.</p>\n"
    )
    return page("Grant access?", body + form(address, mark, "", buttons), 200, headers)


def app_passwords(
    visitor: Visitor,
    found: Sequence[AppPassword],
    spaces: Sequence[tuple[str, str]],
    address: str,
    mark: str,
    headers: Headers,
) -> Response:
    """Those of one person, and a form for a new one; `spaces` are ids and names."""
    names = dict(spaces)
    items = "\n".join(f"<li>{_item(one, names)}\n{_revoke(one, address, mark)}</li>" for one in found)
    options = "".join(f'<option value="{escape(id)}">only {escape(name)}</option>' for id, name in spaces)
    fields = (
        '<label>Name, to tell it from others\n<input type="text" name="name" required maxlength="100"></label>\n'
        f'<label>Reaches\n<select name="space"><option value="">everything that I can</option>{options}</select></label>\n'
        '<label>Days until it ends\n<input type="number" name="days" min="1" max="36500" placeholder="as usual here"></label>\n'
        '<label><input type="checkbox" name="read_only" value="1"> may only read</label>\n'
        '<button class="first">Make it</button>'
    )
    body = (
        f"<p>{_who(visitor)} Programs that know passwords only log in with one of these.</p>\n"
        + (f"<ul>\n{items}\n</ul>\n" if items else "<p>You have none.</p>\n")
        + f"<h2>A new one</h2>\n{form(address, mark, 'make', fields)}\n"
        + form(address, mark, "logout", "<button>Log out</button>")
    )
    return page("App passwords", body, 200, headers)


def made(visitor: Visitor, name: str, secret: str, server: str, address: str) -> Response:
    """A new app password, shown this once."""
    body = (
        f"<p>Give this to <strong>{escape(name)}</strong>. It is shown only now.</p>\n"
        f"<p>Server: <strong>{escape(server)}</strong></p>\n<p>User name: <strong>{escape(visitor.user.id)}</strong></p>\n"
        f'<p>Password: <strong class="secret">{escape(secret)}</strong></p>\n'
        f'<p><a class="button" href="{escape(address)}">Back</a></p>'
    )
    return page("Your new app password", body)


def _who(visitor: Visitor) -> str:
    user = visitor.user
    name = f"{escape(user.name)} ({escape(user.id)})" if user.name else escape(user.id)
    return f"You are logged in as <strong>{name}</strong>."


def _item(one: AppPassword, names: dict[str, str]) -> str:
    limits = ["may only read"] if one.scope.read_only else []
    limits += [f"reaches only {names.get(one.scope.space, one.scope.space)}"] if one.scope.space else []
    facts = [f"made {_when(one.created)}", f"last used {_when(one.used)}" if one.used is not None else "not used yet", *limits]
    facts += [f"ends {_when(one.expires)}"] if one.expires is not None else []
    return f"<strong>{escape(one.name)}</strong> <small>{escape(one.id)}</small><br>{escape(', '.join(facts))}"


def _revoke(one: AppPassword, address: str, mark: str) -> str:
    which = f'<input type="hidden" name="id" value="{escape(one.id)}">'
    return form(address, mark, "revoke", f'{which}\n<button aria-label="Revoke {escape(one.name)}">Revoke</button>')


def _when(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment))

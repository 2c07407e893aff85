"""What is told to clients and to people with a browser about logging in."""

from __future__ import annotations

from ..identity.oidc import build as oidc
from ..identity.oidc.tokens import Tokens
from ..identity.visits import Visits
from ..protocols import wellknown
from ..protocols.login.entry import Entry
from ..protocols.login.handler import LoginHandler
from ..protocols.login.letting_in import LettingIn
from ..protocols.login.own_files import OwnFiles
from ..protocols.login.own_passwords import OwnPasswords
from ..protocols.login.program import Program
from ..settings import Settings
from .core import Core


def nextcloud_version(settings: Settings) -> tuple[int, int, int] | None:
    """The version that Nextcloud's programs are told."""
    if not settings.login_flow.nextcloud_version:
        return None
    major, minor, micro = map(int, settings.login_flow.nextcloud_version.split("."))
    return major, minor, micro


def login_pages_of(core: Core) -> LoginHandler | None:
    """What people with a browser find; None if they cannot log in, or if it is switched off."""
    settings, limit = core.settings, core.settings.http.small_body_bytes
    rules, typed = settings.login_flow, settings.users.passwords != "never"
    if not (rules.enabled and settings.app_passwords.self_made and (typed or core.tokens.browsers)):
        return None

    async def passwords() -> bool:
        return typed and (bool(core.directories) or await core.user_file.anybody())

    entry = Entry(
        Visits(core.entrance, core.tokens, core.app_passwords.known, core.seen.note, passwords),
        core.login_sessions,
        rules.seconds,
    )
    return LoginHandler(
        Program(core.login_flows, limit),
        LettingIn(core.login_flows, entry, limit),
        OwnPasswords(core.visitor_passwords, core.namespace, entry, limit),
        entry,
        OwnFiles(core.page_sessions, entry, limit) if has_page(settings) else None,
    )


def has_page(settings: Settings) -> bool:
    """Whether people with a browser are to find our own page, if they can log in."""
    return settings.web.page and not settings.web.root and settings.graph.enabled


def sign_in_of(settings: Settings, tokens: Tokens) -> wellknown.SignIn | None:
    """What clients are told about logging in; None without an OpenID provider."""
    first = tokens.first
    if first is None:
        return None
    return wellknown.SignIn(
        first.settings.issuer,
        first.document,
        tuple(one.issuer for one in settings.oidc.values()),
        tuple(first.settings.scopes),
        oidc.client_ids(first.name, first.settings),
        tuple(first.settings.client_scopes),
    )

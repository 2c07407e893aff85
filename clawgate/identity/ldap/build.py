"""From the settings to directories, or to what is wrong with the settings."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from ...errors import SettingsError
from ...settings import Ldap
from ...workers import Workers
from ..users_file import check_user_id
from . import tls
from .answers import Link
from .directory import LdapDirectory
from .dn import own_name
from .errors import ServerFailed
from .filters import PLACE, anybody
from .groups import Groups
from .logins import Logins
from .people import People
from .person import Mapper
from .pool import Pool
from .servers import Servers

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|\d+(\.\d+)+")
"""RFC 4512 section 2.5, without options."""
PASSWORDS = frozenset(
    (
        "userpassword",
        "authpassword",
        "unicodepwd",
        "dbcspwd",
        "ntpwdhistory",
        "lmpwdhistory",
        "supplementalcredentials",
        "pwdhistory",
        "sambantpassword",
        "sambalmpassword",
        "sambapasswordhistory",
        "krbprincipalkey",
        "ipanthash",
        "2.5.4.35",
        "1.2.840.113556.1.4.90",
    )
)
"""Attributes with secrets, in small letters: the state would keep what they could be guessed by."""


def build(settings: Mapping[str, Ldap], reactor: Any, clock: Callable[[], float] = time.monotonic) -> list[LdapDirectory]:
    """The directories in `settings`, ``[ldap.NAME]``; nothing is asked yet, and their workers do not run yet.

    `reactor` is for the threads; `clock` gives seconds that never go back, in any thread. Raises `SettingsError`.
    """
    return [_directory(name, one, reactor, clock) for name, one in settings.items()]


def _directory(name: str, settings: Ldap, reactor: Any, clock: Callable[[], float]) -> LdapDirectory:
    check(name, settings)
    mapper = Mapper.of(settings, attributes(name, settings))
    servers = Servers(name, settings.urls, settings.balance == "turns", settings.retry_seconds, clock)
    pool = Pool(connector(name, settings), lambda link: become_service(link, settings), servers, settings.idle_seconds, clock)
    people = People(settings, mapper, Groups(settings), pool)
    workers = Workers(reactor, f"directory-{name}", settings.threads, settings.queue)
    return LdapDirectory(name, settings, Logins(settings, people, pool), people, pool, workers, clock)


def connector(name: str, settings: Ldap) -> Callable[[str], Link]:
    """What connects to a server's URL. Raises `SettingsError`."""
    # Not before somebody needs it: it is large.
    from .library import connect

    try:
        context = tls.context(settings)
    except SettingsError as error:
        raise SettingsError(f"ldap.{name}.ca_file: {error}") from error
    return lambda url: connect(url, context, settings)


def become_service(link: Link, settings: Ldap) -> None:
    """Bind as the gateway itself, if it has a name there. Raises `ServerFailed`."""
    if settings.bind_dn:
        answer = link.bind(settings.bind_dn, settings.bind_password)
        if answer.code:
            raise ServerFailed(f"does not accept bind_dn and bind_password: {answer}")


def check(name: str, settings: Ldap) -> None:
    """Raise `SettingsError` naming the setting if one is missing, wrong, or contradicts another."""

    def wrong(key: str, text: str) -> SettingsError:
        return SettingsError(f"ldap.{name}.{key}: {text}")

    if not settings.urls:
        raise wrong("urls", "is missing")
    for url in settings.urls:
        if url.startswith("ldap:") and not settings.start_tls and not _is_here(url):
            raise wrong("start_tls", f"passwords would go to {url} in clear; only on this machine itself it can be switched off")
    if bool(settings.bind_dn) != bool(settings.bind_password):
        raise wrong("bind_password" if settings.bind_dn else "bind_dn", "is missing")
    if not settings.base and not settings.user_dn:
        raise wrong("base", "is missing")
    if settings.user_dn and not any(PLACE in value for value in own_name(settings.user_dn).values()):
        raise wrong("user_dn", f"expected a DN such as 'uid={PLACE},ou=people,dc=example,dc=org'")
    if settings.user_filter and PLACE not in settings.user_filter:
        raise wrong("user_filter", f"expected {PLACE} where the name stands, as in '(uid={PLACE})'")
    try:
        check_user_id("x" + settings.user_suffix)
    except SettingsError as error:
        raise wrong("user_suffix", f"no id can end with it: {error}") from None
    if settings.groups != "none" and settings.groups != "memberOf" and not (settings.group_base or settings.base):
        raise wrong("group_base", "is missing")
    if settings.group_depth and settings.groups not in ("member", "memberOf"):
        raise wrong("group_depth", "groups within groups are found with groups = 'member' or 'memberOf' only")
    if settings.group_chain and settings.groups != "member":
        raise wrong("group_chain", "needs groups = 'member'")
    _check_filters(name, settings)
    _check_attributes(name, settings)


def attributes(name: str, settings: Ldap) -> dict[str, str]:
    """Attributes to keep, by the name under which templates know them. Raises `SettingsError`."""
    found = {}
    for line in settings.attributes:
        key, equals, value = (part.strip() for part in line.partition("="))
        if not key or (equals and not value):
            raise SettingsError(f"ldap.{name}.attributes: expected NAME or NAME=ATTRIBUTE, found {line!r}")
        if not _NAME.fullmatch(key):
            raise SettingsError(f"ldap.{name}.attributes: {key!r} cannot be used in templates; write NAME={key}")
        found[key] = value or key
    return found


def _check_filters(name: str, settings: Ldap) -> None:
    from .library import check_filter

    for key, text in (("user_filter", anybody(settings.user_filter)), ("group_filter", settings.group_filter)):
        try:
            if text:
                check_filter(text)
        except ValueError as error:
            raise SettingsError(f"ldap.{name}.{key}: {error}") from error


def _check_attributes(name: str, settings: Ldap) -> None:
    needed = {"user_attribute": settings.user_attribute, "group_name": settings.group_name}
    free = {
        "name_attribute": settings.name_attribute,
        "mail_attribute": settings.mail_attribute,
        "uid_attribute": settings.uid_attribute,
        "gid_attribute": settings.gid_attribute,
        "quota_attribute": settings.quota_attribute,
        "password_attribute": settings.password_attribute,
        "group_member": settings.group_member,
    }
    found = [*needed.items(), *((key, value) for key, value in free.items() if value)]
    found += [("attributes", value) for value in attributes(name, settings).values()]
    for key, value in found:
        if not _ATTRIBUTE.fullmatch(value):
            raise SettingsError(f"ldap.{name}.{key}: {value!r} is not the name of an attribute")
    told = settings.password_attribute
    if told.lower() in PASSWORDS:
        raise SettingsError(
            f"ldap.{name}.password_attribute: {told} holds the password itself, which the gateway must not read; name one that "
            "tells when it was changed"
        )
    if told and settings.user_dn and not settings.bind_dn:
        raise SettingsError(f"ldap.{name}.password_attribute: needs bind_dn: nobody else could look later whether it has changed")


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""From the settings to what judges tokens, or to what is wrong with the settings."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...errors import SettingsError
from ...settings import Oidc
from .person import Mapper
from .tokens import Tokens

PLATFORMS = ("desktop", "android", "ios", "web")
"""The kinds of client that ask by WebFinger which client id is theirs."""
_ATTRIBUTE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def build(settings: Mapping[str, Oidc], reactor: Any, now: Callable[[], float] = time.time) -> Tokens:
    """What judges the tokens of all providers in `settings`, ``[oidc.NAME]``; nothing is asked yet.

    `reactor` connects and tells the time, `now` the seconds since 1970. Raises `SettingsError`.
    """
    check(settings)
    if not settings:
        return Tokens([])
    # Not before somebody needs it: an HTTP client and cryptography are large.
    from .issuer import Issuer

    return Tokens([Issuer(name, one, Mapper.of(one, attributes(name, one)), reactor, now) for name, one in settings.items()])


def check(settings: Mapping[str, Oidc]) -> None:
    """Raise `SettingsError` naming the setting if one lacks another, or contradicts it."""
    names: dict[str, str] = {}
    defaults = [name for name, one in settings.items() if one.default]
    if len(defaults) > 1:
        raise SettingsError(f"oidc.{defaults[1]}.default: only one provider can be the default, and {defaults[0]} is")
    for name, one in settings.items():
        where = f"oidc.{name}"
        if not one.issuer:
            raise SettingsError(f"{where}.issuer: is missing")
        if one.issuer in names:
            raise SettingsError(f"{where}.issuer: is that of oidc.{names[one.issuer]} too")
        names[one.issuer] = name
        if not one.audiences and not one.clients and one.opaque != "userinfo":
            raise SettingsError(
                f"{where}.audiences: name the audience of tokens for this service, or clients; '*' takes any token"
            )
        if not one.algorithms:
            raise SettingsError(f"{where}.algorithms: none would accept no token")
        if one.opaque == "introspection" and not (one.client_id and one.client_secret):
            raise SettingsError(f"{where}.opaque: introspection needs client_id and client_secret")
        if one.opaque == "userinfo" and (one.scopes or one.acr):
            raise SettingsError(f"{where}.opaque: userinfo does not tell scopes and acr of a token, so they cannot be required")
        if one.browser_client_secret and not one.browser_client_id:
            raise SettingsError(f"{where}.browser_client_secret: belongs to browser_client_id, which is missing")
        attributes(name, one)
        client_ids(name, one)


def attributes(name: str, settings: Oidc) -> dict[str, str]:
    """Claims to keep, by the name under which templates know them. Raises `SettingsError`."""
    found = _pairs(f"oidc.{name}.attributes", settings.attributes, "NAME or NAME=CLAIM", alone=True)
    for attribute in found:
        if not _ATTRIBUTE.fullmatch(attribute):
            raise SettingsError(f"oidc.{name}.attributes: {attribute!r} cannot be used in templates; write NAME={attribute}")
    return found


def client_ids(name: str, settings: Oidc) -> dict[str, str]:
    """Client ids by platform. Raises `SettingsError`."""
    found = _pairs(f"oidc.{name}.client_ids", settings.client_ids, "PLATFORM=CLIENT_ID", alone=False)
    for platform in found:
        if platform not in PLATFORMS:
            raise SettingsError(f"oidc.{name}.client_ids: {platform!r} is none of {', '.join(PLATFORMS)}")
    return found


def _pairs(where: str, lines: Iterable[str], form: str, *, alone: bool) -> dict[str, str]:
    found = {}
    for line in lines:
        key, equals, value = (part.strip() for part in line.partition("="))
        if not key or not (value if equals else alone):
            raise SettingsError(f"{where}: expected {form}, found {line!r}")
        found[key] = value if equals else key
    return found

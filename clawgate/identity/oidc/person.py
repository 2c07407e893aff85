"""From claims to a person, as the settings say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from ...errors import SettingsError
from ...model.people import User
from ...model.size import parse_size
from ...settings import Oidc
from ..users_file import check_user_id
from .errors import InvalidToken

_NUMBER = re.compile(r"\d{1,10}")
_LARGEST_ID = 2**32 - 2


@attrs.frozen
class Mapper:
    """Which claims say what about a person. A claim is a path: ``realm_access.roles`` is a member of an object, unless a claim
    has that very name, dots included. An empty path leads nowhere."""

    user: str
    pattern: re.Pattern[str] | None
    lower: bool
    suffix: str
    name: str
    mail: str
    groups: str
    quota: str
    uid: str
    gid: str
    attributes: Mapping[str, str]
    """Claims by the name under which templates know them."""

    @classmethod
    def of(cls, settings: Oidc, attributes: Mapping[str, str]) -> Mapper:
        """As the settings have them; `attributes` are those of the same name, taken apart."""
        return cls(
            settings.user_claim,
            re.compile(settings.user_pattern) if settings.user_pattern else None,
            settings.user_lower,
            settings.user_suffix,
            settings.name_claim,
            settings.mail_claim,
            settings.groups_claim,
            settings.quota_claim,
            settings.uid_claim,
            settings.gid_claim,
            attributes,
        )


def person(claims: Mapping[str, Any], mapper: Mapper) -> User:
    """Whom `claims` speak of. Raises `InvalidToken`, with the claim that is missing or wrong in its detail."""
    return User(
        _id(claims, mapper),
        name=_text(claims, mapper.name) or "",
        mail=_text(claims, mapper.mail) or "",
        groups=_groups(find(claims, mapper.groups)),
        quota=_quota(claims, mapper.quota),
        uid=_number(claims, mapper.uid),
        gid=_number(claims, mapper.gid),
        attributes={name: text for name, path in mapper.attributes.items() if (text := _text(claims, path)) is not None},
    )


def find(claims: Mapping[str, Any], path: str) -> Any:
    """The claim at `path`; None if there is none."""
    if path in claims:
        return claims[path]
    for place, letter in enumerate(path):
        inner = claims.get(path[:place]) if letter == "." else None
        if isinstance(inner, dict):
            found = find(inner, path[place + 1 :])
            if found is not None:
                return found
    return None


def _text(claims: Mapping[str, Any], path: str) -> str | None:
    """A single value as text; directories behind providers often make a list of one of it."""
    value = find(claims, path)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if _is_text(value) else None
    return str(value) if isinstance(value, int | float) else None


def _is_text(value: str) -> bool:
    """JSON can hold halves of characters, which can neither be kept nor be part of a path."""
    return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)


def _id(claims: Mapping[str, Any], mapper: Mapper) -> str:
    text = _text(claims, mapper.user)
    if not text:
        raise _unknown(f"the claim {mapper.user!r} is missing")
    if mapper.pattern is not None:
        match = mapper.pattern.fullmatch(text)
        text = (match[1] if mapper.pattern.groups else match[0]) if match is not None else None
        if not text:
            raise _unknown(f"the claim {mapper.user!r} does not fit user_pattern")
    try:
        return check_user_id((text.lower() if mapper.lower else text) + mapper.suffix)
    except SettingsError as error:
        raise _unknown(f"the claim {mapper.user!r}: {error}") from error


def _unknown(detail: str) -> InvalidToken:
    return InvalidToken("the token does not say who you are", detail)


def _groups(value: Any) -> frozenset[str]:
    names = [value] if isinstance(value, str) else value if isinstance(value, list | dict) else ()
    return frozenset(name for name in names if isinstance(name, str) and name and _is_text(name))


def _quota(claims: Mapping[str, Any], path: str) -> int | None:
    text = _text(claims, path)
    if not text:
        return None
    try:
        return parse_size(text)
    except ValueError as error:
        raise _wrong(path, str(error)) from error


def _number(claims: Mapping[str, Any], path: str) -> int | None:
    text = _text(claims, path)
    if not text:
        return None
    if not _NUMBER.fullmatch(text) or int(text) > _LARGEST_ID:
        raise _wrong(path, f"{text[:40]!r} is no numeric id")
    return int(text)


def _wrong(path: str, why: str) -> InvalidToken:
    return InvalidToken("what the login service says about you cannot be used", f"the claim {path!r}: {why}")

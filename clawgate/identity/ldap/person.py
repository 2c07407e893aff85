"""From what the directory has about somebody to a person, as the settings say."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import attrs

from ...errors import SettingsError
from ...interfaces import Match
from ...model.people import User
from ...model.size import parse_size
from ...settings import Ldap
from ..users_file import check_user_id
from .answers import Entry
from .dn import own_name
from .errors import BadEntry

_NUMBER = re.compile(r"\d{1,10}")
_LARGEST_ID = 2**32 - 2


@attrs.frozen
class Mapper:
    """Which attributes say what about a person; those with an empty name do not exist."""

    user: str
    lower: bool
    suffix: str
    """Stands behind what `user` says in every id."""
    name: str
    mail: str
    uid: str
    gid: str
    quota: str
    mark: str
    """Changes when the password does."""
    attributes: Mapping[str, str]
    """By the name under which templates know them."""

    @classmethod
    def of(cls, settings: Ldap, attributes: Mapping[str, str]) -> Mapper:
        """As the settings have them; `attributes` are those of the same name, taken apart."""
        return cls(
            settings.user_attribute,
            settings.user_lower,
            settings.user_suffix,
            settings.name_attribute,
            settings.mail_attribute,
            settings.uid_attribute,
            settings.gid_attribute,
            settings.quota_attribute,
            settings.password_attribute,
            attributes,
        )

    @property
    def wanted(self) -> tuple[str, ...]:
        """All of them."""
        names = (self.user, self.name, self.mail, self.uid, self.gid, self.quota, self.mark, *self.attributes.values())
        return tuple(dict.fromkeys(name for name in names if name))


def person(entry: Entry, mapper: Mapper) -> User:
    """Whom `entry` is about, without groups. Raises `BadEntry`, with the attribute that is missing or ambiguous."""
    found = {name: single(entry, attribute) for name, attribute in mapper.attributes.items()}
    return User(
        user_id(entry, mapper),
        name=shown(entry, mapper.name),
        mail=shown(entry, mapper.mail),
        quota=_quota(entry, mapper.quota),
        uid=_number(entry, mapper.uid),
        gid=_number(entry, mapper.gid),
        attributes={name: text for name, text in found.items() if text is not None},
        mark=_mark(entry, mapper.mark),
    )


def match(entry: Entry, mapper: Mapper) -> Match:
    """The same for people who are looking for people. Raises `BadEntry`."""
    return Match(user_id(entry, mapper), shown(entry, mapper.name), shown(entry, mapper.mail))


def user_id(entry: Entry, mapper: Mapper) -> str:
    """The id, as the directory spells it but for case and suffix. Raises `BadEntry`."""
    text = single(entry, mapper.user)
    if not text:
        raise BadEntry(f"{entry.dn} has no {mapper.user}")
    try:
        return check_user_id((text.lower() if mapper.lower else text) + mapper.suffix)
    except SettingsError as error:
        raise BadEntry(f"{entry.dn}: {error}") from error


def single(entry: Entry, attribute: str) -> str | None:
    """The value of an attribute on which something depends; None if there is none.

    Values have no order (RFC 4512 section 2.3.1): of several, the one that is part of the entry's name is taken. Raises
    `BadEntry` if none is.
    """
    values = texts(entry, attribute)
    if len(values) <= 1:
        return values[0] if values else None
    name = own_name(entry.dn).get(attribute.lower(), "").casefold()
    for value in values:
        if value.casefold() == name:
            return value
    raise BadEntry(f"{entry.dn} has {len(values)} values of {attribute}, and only one can be used")


def shown(entry: Entry, attribute: str) -> str:
    """A value that is only to be read by people; empty if there is none."""
    try:
        return single(entry, attribute) or ""
    except BadEntry:
        # Not for what decides nothing.
        return min(texts(entry, attribute), default="")


def texts(entry: Entry, attribute: str) -> list[str]:
    """All values as text. Raises `BadEntry`."""
    try:
        return [value.decode() for value in entry.values.get(attribute.lower(), ())]
    except UnicodeDecodeError as error:
        raise BadEntry(f"{entry.dn}: {attribute} is not text") from error


def _quota(entry: Entry, attribute: str) -> int | None:
    text = single(entry, attribute)
    try:
        return parse_size(text) if text else None
    except ValueError as error:
        raise BadEntry(f"{entry.dn}: {attribute}: {error}") from error


def _mark(entry: Entry, attribute: str) -> str:
    """Of the values, which may be secret themselves."""
    values = sorted(entry.values.get(attribute.lower(), ()))
    return hashlib.blake2b(repr(values).encode(), digest_size=16, person=b"clawgate-mark").hexdigest() if values else ""


def _number(entry: Entry, attribute: str) -> int | None:
    text = single(entry, attribute)
    if not text:
        return None
    if not (text.isascii() and _NUMBER.fullmatch(text)) or int(text) > _LARGEST_ID:
        raise BadEntry(f"{entry.dn}: {attribute} is {text[:40]!r}, which is no numeric id")
    return int(text)

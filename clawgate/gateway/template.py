"""Templates over what is known of a person: ``/eos/user/{user.id[0]}/{user.id}``, ``/srv/projects/{group/proj-(.+)/1}``.

A field names a value, ``user.ATTRIBUTE``, ``group``, ``space.id`` or ``space.name``, and what is done to it, from left to right:

``[0]`` ``[0:2]`` ``[-2:]``  a slice
``.lower`` ``.upper``        its case
``/REGEX/N``                 the regular expression must match the whole value; goes on with its group N (0: all that matched)
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import lru_cache

import attrs

from ..errors import Forbidden, SettingsError
from ..model.people import User

_NAME = re.compile(r"user\.(?P<attribute>[A-Za-z][A-Za-z0-9_-]*)|(?P<space>space\.(?:id|name))|group")
_SLICE = re.compile(r"\[(?P<start>-?\d+)\]|\[(?P<from>-?\d*):(?P<to>-?\d*)\]")
_CASE = re.compile(r"\.(?P<case>lower|upper)\b")
_MATCH = re.compile(r"/(?P<regex>(?:[^/\\]|\\.)+)/(?P<number>\d+)")
_KNOWN = {"id", "mail", "uid", "gid"}

_Step = Callable[[str], str | None]
"""None: does not fit."""


@attrs.frozen
class Field:
    """One ``{...}``."""

    text: str
    """As it was written."""
    attribute: str
    """Of the user; ``space.id`` and ``space.name``: of a space that somebody made; empty: the group."""
    steps: tuple[_Step, ...]

    @property
    def of_space(self) -> bool:
        """Whether it is of a space that somebody made."""
        return self.attribute.startswith("space.")

    def value(self, user: User, group: str) -> str:
        """What stands in its place. Raises `Forbidden` if that is not known or does not fit."""
        found: str | None = _known(user, self.attribute) if self.attribute else group
        if not found:
            raise Forbidden(
                f"the directory does not tell {user.id}'s {self.attribute or 'group'}, which the place of the files needs"
            )
        for step in self.steps:
            found = step(found)
            if found is None:
                raise Forbidden(f"{user.id}'s {self.attribute or 'group'} does not fit {self.text}")
        return found

    def directory(self, user: User, group: str) -> str:
        """As `value`. Raises `Forbidden` also if that is not the name of one directory."""
        found = self.value(user, group)
        if not found or found in (".", "..") or "/" in found or "\0" in found:
            raise Forbidden(f"{self.text} gives {found!r} for {user.id!r}, which cannot be the name of a directory")
        return found


@lru_cache(maxsize=1000)
def compiled(template: str) -> tuple[str | Field, ...]:
    """The template as pieces. Raises `SettingsError` that says where it cannot be understood."""
    pieces: list[str | Field] = []
    position = 0
    while (start := template.find("{", position)) >= 0:
        pieces.append(_literal(template, template[position:start]))
        field, position = _field(template, start)
        pieces.append(field)
    pieces.append(_literal(template, template[position:]))
    return tuple(piece for piece in pieces if piece)


def title(template: str, user: User, group: str = "") -> str:
    """Fill in what is known of `user`, for people to read. Raises `Forbidden` when something is not known or does not fit."""
    return "".join(piece if isinstance(piece, str) else piece.value(user, group) for piece in compiled(template))


def expand(template: str, user: User, group: str = "") -> str:
    """The path of a directory: fill in what is known of `user`, and the name of the group that a space is for.

    Raises `Forbidden` when something that is needed is not known, does not fit, or would lead elsewhere than into one level.
    """
    return "".join(piece if isinstance(piece, str) else piece.directory(user, group) for piece in compiled(template))


def may_give(template: str, path: str) -> bool:
    """Whether `path` is what `expand` could make of the template for somebody."""
    pieces = [re.escape(piece) if isinstance(piece, str) else "[^/]+" for piece in compiled(template)]
    return re.fullmatch("".join(pieces), path) is not None


def fixed(template: str) -> str:
    """The folders at the front of a path that are the same for everybody; without any field, all but the last name."""
    before, field, _ = template.partition("{")
    return before.rpartition("/")[0] or "/" * before.startswith("/") if field else os.path.dirname(template)


def made(key: str, label: str) -> User:
    """Stands for nobody, and fills in the fields of a space that somebody made."""
    return User("", attributes={"space.id": key, "space.name": label})


def check(template: str, key: str, *, group: bool = False, space: bool = False) -> None:
    """Raise `SettingsError` naming the setting `key` if `template` cannot be understood; `group`: whether there is one; `space`:
    whether it is for spaces that people make."""
    try:
        pieces = compiled(template)
    except SettingsError as error:
        raise SettingsError(f"{key}: {error}") from None
    for piece in pieces:
        if isinstance(piece, Field) and not piece.attribute and not group:
            raise SettingsError(f"{key}: {piece.text} needs the setting 'groups' of a project mount")
        if isinstance(piece, Field) and piece.of_space and not space:
            raise SettingsError(f"{key}: {piece.text} needs the setting 'creators' of a project mount")


def _literal(template: str, text: str) -> str:
    if "}" in text:
        raise SettingsError(f"{template!r} has a '}}' without its '{{'")
    return text


def _field(template: str, start: int) -> tuple[Field, int]:
    name = _NAME.match(template, start + 1)
    if name is None:
        raise SettingsError(
            f"{template!r} has a field that is not known; possible are {{user.id}}, {{user.mail}}, {{group}}, ..."
        )
    position = name.end()
    steps: list[_Step] = []
    while not template.startswith("}", position):
        step, position = _step(template, position)
        steps.append(step)
    return Field(template[start : position + 1], name["attribute"] or name["space"] or "", tuple(steps)), position + 1


def _step(template: str, position: int) -> tuple[_Step, int]:
    if found := _SLICE.match(template, position):
        return _slice(found), found.end()
    if found := _CASE.match(template, position):
        return str.lower if found["case"] == "lower" else str.upper, found.end()
    if found := _MATCH.match(template, position):
        return _match(template, found["regex"].replace("\\/", "/"), int(found["number"])), found.end()
    if position == len(template):
        raise SettingsError(f"{template!r} ends within a field; a '}}' is missing")
    raise SettingsError(f"{template!r} cannot be understood from {template[position : position + 20]!r} on")


def _slice(found: re.Match[str]) -> _Step:
    if found["start"] is not None:
        index = int(found["start"])
        return lambda value: value[index : index + 1 or None]
    start, stop = (int(found[name]) if found[name] else None for name in ("from", "to"))
    return lambda value: value[start:stop]


def _match(template: str, regex: str, number: int) -> _Step:
    try:
        pattern = re.compile(regex)
    except re.error as error:
        raise SettingsError(f"{template!r}: {regex!r} is not a regular expression: {error}") from None
    if number > pattern.groups:
        raise SettingsError(f"{template!r}: {regex!r} has no group {number}")

    def step(value: str) -> str | None:
        found = pattern.fullmatch(value)
        return None if found is None else found[number]

    return step


def _known(user: User, attribute: str) -> str:
    if attribute == "name":
        return user.display_name
    if attribute in _KNOWN:
        value = getattr(user, attribute)
        return "" if value is None else str(value)
    return user.attributes.get(attribute, "")

"""What files must be like to be found."""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache

import attrs

from ....interfaces import Found, Names
from ..media import FOLDER, content_type

Test = Callable[[Found], bool]

MOST_STARS = 3
"""Wildcards in a pattern that a database is given."""
COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "eq": operator.eq,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}


@attrs.frozen
class All:
    """Every one of these; none: always true."""

    of: tuple[Condition, ...]


@attrs.frozen
class Any:
    """At least one of these; none: never true."""

    of: tuple[Condition, ...]


@attrs.frozen
class Not:
    """The opposite."""

    of: Condition


@attrs.frozen
class Name:
    """The name matches a pattern as a whole: ``*`` stands for any characters, ``?`` for one; the case does not matter."""

    pattern: str


@attrs.frozen
class Media:
    """The content type matches a pattern, as `Name`."""

    pattern: str


@attrs.frozen
class Size:
    """Bytes compared with a number by one of `COMPARISONS`."""

    how: str
    bytes: int


@attrs.frozen
class Modified:
    """The modification time compared with one, nanoseconds since 1970."""

    how: str
    mtime_ns: int


@attrs.frozen
class IsFolder:
    """It is a folder."""


@attrs.frozen
class Starred:
    """It is a favourite of the person who asks."""


@attrs.frozen
class Tagged:
    """It has a tag that matches a pattern, as `Name`."""

    pattern: str


@attrs.frozen
class Owned:
    """It is in the personal space of this user."""

    user: str


@attrs.frozen
class Identified:
    """It has this full id."""

    id: str


Condition = All | Any | Not | Name | Media | Size | Modified | IsFolder | Starred | Tagged | Owned | Identified

EVERYTHING = All(())
NOTHING = Any(())


def either(conditions: Collection[Condition]) -> Condition:
    """One of `conditions`."""
    return next(iter(conditions)) if len(conditions) == 1 else Any(tuple(conditions))


def both(conditions: Collection[Condition]) -> Condition:
    """All of `conditions`."""
    return next(iter(conditions)) if len(conditions) == 1 else All(tuple(conditions))


def fold(text: str) -> str:
    """`text` as it is compared: letters are the same in either case and however they are composed."""
    return text.casefold() if text.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def media_type(found: Found) -> str:
    """The content type that is told of it."""
    return FOLDER if found.folder else content_type(found.name)


@lru_cache(maxsize=256)
def matcher(pattern: str) -> Callable[[str], object]:
    """Whether a folded text matches a pattern of `Name`.

    Each piece between stars is looked for once, from where the one before ended: a regular expression with all the stars in it
    would take for ever over some names.
    """
    first, *others = _squeezed(fold(pattern)).split("*")
    if not others:
        return _piece(first).fullmatch
    front, middle, back = _piece(first), [_piece(piece) for piece in others[:-1]], others[-1]
    end = _piece(back)

    def matches(text: str) -> bool:
        found = front.match(text)
        for piece in middle:
            if found is None:
                return False
            found = piece.search(text, found.end())
        start = len(text) - len(back)
        return found is not None and found.end() <= start and end.fullmatch(text, start) is not None

    return matches


def _piece(text: str) -> re.Pattern[str]:
    return re.compile("".join("." if char == "?" else re.escape(char) for char in text), re.DOTALL)


def _squeezed(pattern: str) -> str:
    return re.sub(r"\*+", "*", pattern)


def patterns(condition: Condition) -> frozenset[str]:
    """Those of all tags that `condition` speaks of."""
    match condition:
        case All(of) | Any(of):
            return frozenset(pattern for one in of for pattern in patterns(one))
        case Not(one):
            return patterns(one)
        case Tagged(pattern):
            return frozenset((pattern,))
        case _:
            return frozenset()


def test(
    condition: Condition, stars: Collection[str], owner: str = "", tagged: Mapping[str, Collection[str]] | None = None
) -> Test:
    """How to tell whether something is like `condition` wants it; `stars` are the full ids of the person's favourites, `owner`
    has the space that is searched, `tagged` the ids of what has a tag, by pattern."""
    tagged = tagged or {}
    match condition:
        case All(of):
            every = [test(one, stars, owner, tagged) for one in of]
            return lambda found: all(is_it(found) for is_it in every)
        case Any(of):
            some = [test(one, stars, owner, tagged) for one in of]
            return lambda found: any(is_it(found) for is_it in some)
        case Not(of):
            is_it = test(of, stars, owner, tagged)
            return lambda found: not is_it(found)
        case Name(pattern):
            names = matcher(pattern)
            return lambda found: bool(names(fold(found.name)))
        case Media(pattern):
            types = matcher(pattern)
            return lambda found: bool(types(fold(media_type(found))))
        case Size(how, number):
            compare = COMPARISONS[how]
            return lambda found: compare(found.size, number)
        case Modified(how, mtime_ns):
            order = COMPARISONS[how]
            # Clients are told whole seconds.
            return lambda found: order(found.mtime_ns // 1_000_000_000, mtime_ns // 1_000_000_000)
        case IsFolder():
            return lambda found: found.folder
        case Starred():
            return lambda found: found.id in stars
        case Tagged(pattern):
            ids = tagged.get(pattern, ())
            return lambda found: found.id in ids
        case Owned(user):
            owned = user == owner
            return lambda found: owned
        case Identified(id):
            return lambda found: found.id == id


def names(condition: Condition) -> Names | None:
    """Which names can be like `condition` wants them at all; None: all."""
    match condition:
        case Name(pattern):
            pattern = _squeezed(fold(pattern))
            if not pattern.isascii():
                return Names(None)
            if pattern.count("*") > MOST_STARS:
                # Databases try all ways to divide a name.
                pattern = f"*{max(pattern.split('*'), key=len)}*"
            special = {"*": "%", "?": "_", "%": "\\%", "_": "\\_", "\\": "\\\\"}
            return Names("".join(special.get(char, char) for char in pattern))
        case All(of):
            return next((found for one in of if (found := names(one)) is not None), None)
        case Any((one,)):
            return names(one)
        case _:
            return None

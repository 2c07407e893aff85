"""What a directory is asked about people. Blocking: for the threads of its pool only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from ...interfaces import Match
from ...model.people import User
from ...settings import Ldap
from . import asking, dn, filters
from .answers import Entry, Link, Query
from .errors import BadEntry
from .groups import Groups
from .person import Mapper, match, person
from .pool import Pool

TEXT_LENGTH = 256
"""Characters of the longest name that is looked for."""


class People:
    """Finds entries, and makes people of them.

    Methods that take no connection raise `DirectoryUnavailable` if no server answers; those that do raise `ServerFailed`. All
    raise `Refused` if an answer cannot be used.
    """

    def __init__(self, settings: Ldap, mapper: Mapper, groups: Groups, pool: Pool) -> None:
        self._settings = settings
        self._mapper = mapper
        self._groups = groups
        self._pool = pool
        self._filter = settings.user_filter or f"({settings.user_attribute}={filters.PLACE})"
        self._wanted = mapper.wanted + groups.wanted

    def named(self, link: Link, name: str) -> Sequence[Entry]:
        """Whom the login `name` means: nobody, one person, or two of several. An id with its suffix means that person."""
        own = self.own_name(name)
        found = self._with_id(link, own) if own != name else ()
        return found or self._below_base(link, filters.fill(self._filter, name))

    def own_name(self, name: str) -> str:
        """`name` without the suffix of ids, if it has that: what the directory itself calls the person."""
        suffix = self._settings.user_suffix
        return name.removesuffix(suffix) if len(name) > len(suffix) else name

    def called(self, link: Link, own: str) -> Entry | None:
        """The person whose entry has the DN `own`."""
        return asking.entry(link, own, filters.anybody(self._filter), self._wanted)

    def user(self, link: Link, entry: Entry) -> User:
        """Who `entry` is, with groups. Raises `BadEntry`."""
        user = person(entry, self._mapper)
        return attrs.evolve(user, groups=self._groups.of(link, entry, user))

    def find(self, id: str) -> User | None:
        """The person with exactly this id. Raises `BadEntry`."""
        return self._pool.ask(lambda link: self._find(link, id)) if can_be_asked(id) else None

    def search(self, text: str, limit: int) -> tuple[Sequence[Match], Sequence[str]]:
        """People whose id, name or mail address contains `text`, sorted by name; and what is wrong with entries left out."""
        settings, mapper = self._settings, self._mapper
        if not can_be_asked(text) or not settings.base:
            return (), ()
        wanted = tuple(name for name in (mapper.user, mapper.name, mapper.mail) if name)
        containing = filters.any_of(*(filters.contains(name, text) for name in wanted), *self._reaching_over(text))
        filter = filters.all_of(filters.anybody(self._filter), containing)
        query = Query(settings.base, settings.scope, filter, wanted, min(limit, settings.search_limit))
        found: list[Match] = []
        wrong: list[str] = []
        for entry in self._pool.ask(lambda link: asking.entries(link, query, partly=True)):
            try:
                found.append(match(entry, mapper))
            except BadEntry as error:
                wrong.append(str(error))
        return sorted(found, key=lambda one: ((one.name or one.id).casefold(), one.id)), wrong

    def search_groups(self, text: str, limit: int) -> Sequence[str]:
        """Names of groups that contain `text`, sorted."""
        if not can_be_asked(text):
            return ()
        most = min(limit, self._settings.search_limit)
        return self._pool.ask(lambda link: self._groups.containing(link, text, most))

    def _reaching_over(self, text: str) -> Iterator[str]:
        """Filters for those whose ids contain `text` in such a way that part of it, or all, is in the suffix."""
        text, suffix = text.casefold(), self._settings.user_suffix.casefold()
        if text in suffix:
            yield filters.ends(self._mapper.user, "")
            return
        for size in range(1, min(len(text) - 1, len(suffix)) + 1):
            if suffix.startswith(text[-size:]):
                yield filters.ends(self._mapper.user, text[:-size])

    def _find(self, link: Link, id: str) -> User | None:
        settings = self._settings
        own = self.own_name(id)
        if settings.user_suffix and own == id:
            return None
        if settings.base:
            found = self._with_id(link, own)
        else:
            one = self.called(link, dn.fill(settings.user_dn, own))
            found = () if one is None else (one,)
        if len(found) > 1:
            raise BadEntry(f"several entries have the id {id!r}, such as {found[0].dn} and {found[1].dn}")
        # Directories compare without regard to case and more; but an id is somebody's in one spelling only.
        if not found or person(found[0], self._mapper).id != id:
            return None
        return self.user(link, found[0])

    def _with_id(self, link: Link, own: str) -> Sequence[Entry]:
        is_it = filters.equal(self._settings.user_attribute, own)
        return self._below_base(link, filters.all_of(filters.anybody(self._filter), is_it))

    def _below_base(self, link: Link, filter: str) -> Sequence[Entry]:
        return asking.entries(link, Query(self._settings.base, self._settings.scope, filter, self._wanted, 2))


def can_be_asked(text: str) -> bool:
    """Whether anybody can be called so; what is none can break servers and the library, and is never sent."""
    return bool(text.strip()) and text.isprintable() and len(text) <= TEXT_LENGTH

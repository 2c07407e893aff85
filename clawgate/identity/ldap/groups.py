"""The groups of a person, whichever side of a membership the directory keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...model.people import User
from ...settings import Ldap
from . import asking
from .answers import Entry, Link, Query
from .dn import own_name
from .errors import BadEntry
from .filters import all_of, any_of, contains, equal
from .person import shown, single, texts

CHAIN = "1.2.840.113556.1.4.1941"
"""Active Directory's matching rule that follows memberships within memberships, LDAP_MATCHING_RULE_IN_CHAIN."""
_CLASSES = ("groupOfNames", "groupOfUniqueNames", "groupOfMembers", "posixGroup", "group")
_ANY_GROUP = any_of(*(equal("objectClass", name) for name in _CLASSES))
"""What directories take for groups (RFC 4519, RFC 2307, Active Directory)."""
_AT_ONCE = 50
"""Groups whose own memberships are asked for in one search."""


class Groups:
    """Finds names of groups. Groups within groups may form loops; every group is looked at once.

    Groups without a name are left out, nothing else is: more than the limit, or an answer that is not complete, is an error.
    """

    def __init__(self, settings: Ldap) -> None:
        self._how = settings.groups
        self._member = settings.group_member or settings.groups
        self._base = settings.group_base or settings.base
        self._scope = settings.group_scope
        self._filter = settings.group_filter
        self._name = settings.group_name
        self._depth = settings.group_depth
        self._chain = settings.group_chain
        self._limit = settings.group_limit
        self._user = settings.user_attribute
        self._gid = settings.gid_attribute

    @property
    def wanted(self) -> tuple[str, ...]:
        """Attributes of people that are needed besides those of the `Mapper`."""
        return (self._member,) if self._how == "memberOf" else ()

    def of(self, link: Link, entry: Entry, user: User) -> frozenset[str]:
        """The groups of `user`, who is `entry`. Raises `ServerFailed`, `Refused`, `BadEntry`."""
        if self._how == "member":
            return frozenset(self._with_member(link, entry))
        if self._how == "memberUid":
            return frozenset(self._names(entry, self._search(link, self._with_uid(entry, user))))
        if self._how == "memberOf":
            return frozenset(self._listed(link, entry))
        return frozenset()

    def containing(self, link: Link, text: str, limit: int) -> list[str]:
        """Names of up to `limit` groups that contain `text`, sorted; none where groups are not asked for. Raises `ServerFailed`,
        `Refused`."""
        if self._how == "none" or not self._base:
            return []
        # Without a filter of groups anything with such a name would do, people too.
        filter = all_of(self._filter or _ANY_GROUP, contains(self._name, text))
        found = asking.entries(link, Query(self._base, self._scope, filter, (self._name,), limit), partly=True)
        return sorted({name for group in found if (name := shown(group, self._name))})[:limit]

    def _with_member(self, link: Link, entry: Entry) -> Iterator[str]:
        if self._chain:
            yield from self._names(entry, self._search(link, equal(f"{self._member}:{CHAIN}:", entry.dn)))
            return
        seen: set[str] = set()
        level = [entry.dn]
        for _ in range(1 + self._depth):
            filters = (any_of(*(equal(self._member, dn) for dn in part)) for part in _parts(level))
            groups = [group for filter in filters for group in self._search(link, filter)]
            groups = [group for group in groups if not _is_in(seen, group.dn)]
            self._check(entry, len(seen))
            yield from self._names(entry, groups)
            level = [group.dn for group in groups]
            if not level:
                return

    def _with_uid(self, entry: Entry, user: User) -> str:
        """By RFC 2307 the primary group has no entry for the person in its memberUid."""
        id = single(entry, self._user) or ""
        return any_of(equal(self._member, id), equal(self._gid, str(user.gid)) if user.gid is not None else "")

    def _listed(self, link: Link, entry: Entry) -> Iterator[str]:
        seen: set[str] = set()
        level = texts(entry, self._member)
        for left in range(self._depth, -1, -1):
            above: list[str] = []
            for dn in level:
                if _is_in(seen, dn):
                    continue
                self._check(entry, len(seen))
                name = "" if left or self._filter else own_name(dn).get(self._name.lower(), "")
                if not name:
                    group = asking.entry(link, dn, self._filter or "(objectClass=*)", (self._name, self._member))
                    if group is None:
                        continue
                    name = shown(group, self._name)
                    above += texts(group, self._member)
                if name:
                    yield name
            level = above

    def _search(self, link: Link, filter: str) -> tuple[Entry, ...]:
        query = Query(self._base, self._scope, all_of(self._filter, filter), (self._name,), self._limit + 1)
        return asking.entries(link, query)

    def _names(self, entry: Entry, groups: Iterable[Entry]) -> Iterator[str]:
        groups = list(groups)
        self._check(entry, len(groups))
        return (name for group in groups if (name := shown(group, self._name)))

    def _check(self, entry: Entry, count: int) -> None:
        if count > self._limit:
            raise BadEntry(f"{entry.dn} is in more than {self._limit} groups")


def _is_in(seen: set[str], dn: str) -> bool:
    """Whether `dn` was seen before; from now on it was."""
    key = dn.casefold()
    if key in seen:
        return True
    seen.add(key)
    return False


def _parts(dns: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(dns), _AT_ONCE):
        yield dns[start : start + _AT_ONCE]

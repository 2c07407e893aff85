"""Who acts."""

from __future__ import annotations

from collections.abc import Mapping

import attrs


@attrs.frozen
class User:
    """A person as the directory knows them."""

    id: str
    """The name in addresses and templates; stable."""
    name: str = ""
    """To show; `id` if empty."""
    mail: str = ""
    groups: frozenset[str] = frozenset()
    quota: int | None = None
    """Bytes this person may store in the personal space; None: no limit of their own."""
    uid: int | None = None
    """On the storages' systems; None: unknown."""
    gid: int | None = None
    """The primary group there."""
    attributes: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    """What else the directory says, for templates."""

    @property
    def display_name(self) -> str:
        """The name to show."""
        return self.name or self.id


@attrs.frozen
class Actor:
    """On whose behalf a request works."""

    user: User
    expires: float | None = None
    """Seconds since 1970 after which the credentials are worth nothing any more; None: they do not say."""

    @property
    def id(self) -> str:
        """The user's id."""
        return self.user.id


@attrs.frozen
class Password:
    """Credentials of HTTP Basic (RFC 7617). The secret never shows in a repr."""

    user: str
    secret: str = attrs.field(repr=False)


@attrs.frozen
class Bearer:
    """A bearer token (RFC 6750)."""

    token: str = attrs.field(repr=False)


Credentials = Password | Bearer

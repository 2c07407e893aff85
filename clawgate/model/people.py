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
    mark: str = attrs.field(default="", eq=False, repr=False)
    """Another one as soon as the person's password is; empty: the directory does not tell."""

    @property
    def display_name(self) -> str:
        """The name to show."""
        return self.name or self.id


@attrs.frozen
class Scope:
    """What credentials are good for, if not for all that their owner may do."""

    read_only: bool = False
    space: str = ""
    """The id of the only space that can be reached; empty: all of the owner's."""


@attrs.frozen
class Actor:
    """On whose behalf a request works."""

    user: User
    expires: float | None = None
    """Seconds since 1970 after which the credentials are worth nothing any more; None: they do not say."""
    scope: Scope = Scope()
    app_password: str = ""
    """The id of the app password that was used; empty: another kind of credentials."""
    session: str = ""
    """Which login at our own page it is, as a hash; empty: the same."""
    vouched: bool = False
    """An OpenID provider says who it is, so that no directory need know the person."""

    @property
    def id(self) -> str:
        """The user's id."""
        return self.user.id


@attrs.frozen
class Password:
    """Credentials of HTTP Basic (RFC 7617). The secret never shows in a repr."""

    user: str
    secret: str = attrs.field(repr=False)
    page: bool = False
    """Typed into a page of ours, not sent by a program."""


@attrs.frozen
class Bearer:
    """A bearer token (RFC 6750)."""

    token: str = attrs.field(repr=False)


Credentials = Password | Bearer

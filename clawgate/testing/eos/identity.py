"""Who a request is: gateway key and user's name on the XrdHttp port, the user's name alone on the other (section 2.1)."""

from __future__ import annotations

from collections.abc import Callable

import attrs

Header = Callable[[str], str | None]


@attrs.frozen
class Identity:
    """A virtual identity."""

    uid: int
    gid: int
    groups: frozenset[int] = frozenset()
    """All groups, with `gid`."""
    sudo: bool = False
    name: str = ""

    @property
    def root(self) -> bool:
        """Whether everything is allowed."""
        return self.uid == 0


NOBODY = Identity(99, 99, frozenset({99}), name="nobody")
MAPPED_NOBODY = Identity(65534, 65534, frozenset({65534}), name="nobody")
ROOT = Identity(0, 0, frozenset({0}), sudo=True, name="root")


@attrs.define
class User:
    """An entry of the password database of the MGM."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...] = ()


class Identities:
    """The password database and the `vid` rules."""

    def __init__(self, key: str) -> None:
        self.users: dict[str, User] = {}
        self.group_names: dict[int, str] = {0: "root", 2: "daemon", 99: "nobody", 1000: "users", 2000: "physics"}
        self.keys: dict[str, int] = {key: 2}
        """What key maps to what uid: `vid set map -https key:`."""
        self.sudoers: set[int] = {2}
        """`vid set membership +sudo`."""
        self.trusted_hosts = False
        """`vid add gateway <host> https`: no key is asked of this host."""
        self.certificate = ""
        """The user to whom the grid-mapfile maps the certificate that the client is taken to show; none is shown if empty."""
        for name, uid, gid in (("root", 0, 0), ("daemon", 2, 2), ("nobody", 99, 99)):
            self.users[name] = User(name, uid, gid)

    def named(self, name: str) -> Identity:
        """The identity of an account, nobody if there is none."""
        user = self.users.get(name)
        if user is None:
            return NOBODY
        groups = frozenset({user.gid, *user.groups})
        return Identity(user.uid, user.gid, groups, user.uid == 0 or user.uid in self.sudoers, name)

    def numbered(self, uid: int, gid: int | None = None) -> Identity:
        """The identity of a uid, also of one without an account."""
        for user in self.users.values():
            if user.uid == uid:
                return self.named(user.name)
        return Identity(uid, gid if gid is not None else uid, frozenset({gid if gid is not None else uid}))

    def name_of(self, uid: int) -> str:
        """The account of a uid, its digits if there is none."""
        return next((user.name for user in self.users.values() if user.uid == uid), str(uid))

    def group_name(self, gid: int) -> str:
        """The name of a group."""
        return self.group_names.get(gid, str(gid))

    def of_xrdhttp(self, header: Header) -> Identity:
        """Who asks on the XrdHttp port. A failed mapping is nobody, not an error."""
        if self.certificate:
            return self.named(self.certificate)
        if header("x-forwarded-for") is None:
            return NOBODY
        if not self.trusted_hosts:
            uid = self.keys.get(header("x-gateway-authorization") or "")
            if uid is None or (uid and uid not in self.sudoers):
                return NOBODY
        return self._claimed(header("remote-user"))

    def of_mhd(self, header: Header) -> Identity:
        """Who asks on libmicrohttpd's port, where no key counts."""
        if header("x-real-ip") is None:
            return NOBODY
        claimed = header("remote-user")
        return MAPPED_NOBODY if claimed is None else self._claimed(claimed)

    def _claimed(self, name: str | None) -> Identity:
        if not name:
            return NOBODY
        return self.named(name.rpartition("@")[0] if "@" in name else name)

"""An EOS without its ports: users, homes, and what others do to it beside the gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import attributes
from .checksum import checksum_of
from .identity import ROOT, Identities, Identity, User
from .namespace import Namespace
from .nodes import SECOND, Container, File, etag_of, split, there
from .opening import Openings
from .profile import Profile
from .propagation import Propagation
from .quota import Limit
from .recycle import BIN, Recycled
from .store import Store
from .tree import Tree

GIGABYTE = 1_000_000_000
USERS = (("einstein", 1000, (2000,)), ("alice", 1001, (2000,)), ("bob", 1002, ()), ("carol", 1003, ()))


class World:
    """All that an EOS knows; changes made here have the same consequences as those of its clients."""

    def __init__(self, data: Path, profile: Profile, key: str, propagation: Propagation, clock: Any) -> None:
        self.profile = profile
        self.key = key
        self.clock = clock
        self.identities = Identities(key)
        for name, uid, groups in USERS:
            self.add_user(name, uid, groups=groups)
        self.tree = Tree(profile, clock)
        self.propagation = propagation
        self.store = Store(data)
        self.namespace = Namespace(profile, clock, self.identities, self.store, propagation, self.tree)
        self.openings = Openings(self.namespace)
        for path in ("/eos", "/eos/user", "/eos/project", "/eos/dev", "/eos/dev/proc", BIN):
            self.mkdir(path, owner="root")
        self.settle()

    # People.

    def add_user(self, name: str, uid: int, *, gid: int = 1000, groups: tuple[int, ...] = ()) -> None:
        """Somebody whom the MGM's password database knows."""
        self.identities.users[name] = User(name, uid, gid, groups)

    def remove_user(self, name: str) -> None:
        """Nobody knows them any more."""
        del self.identities.users[name]

    def who(self, name: str) -> Identity:
        """The identity of somebody; KeyError where requests would be nobody."""
        user = self.identities.users[name]
        return self.identities.named(user.name)

    def make_home(
        self, name: str, *, quota: int | None = 10 * GIGABYTE, versioning: int = 10, atomic: bool = True, recycle: bool = True,
        oc_sync: bool = True, propagates: bool = True,
    ) -> str:  # fmt: skip
        """`/eos/user/<letter>/<name>` with the attributes that a home needs (sections 7.10, 11), and its entry in the quota."""
        wanted = {
            "sys.mask": "700",
            "sys.forced.atomic": "1" if atomic else None,
            "sys.versioning": str(versioning) if versioning else None,
            "sys.recycle": f"{BIN}/" if recycle else None,
            "sys.allow.oc.sync": "1" if oc_sync else None,
            "sys.mtime.propagation": "1" if propagates else None,
        }
        base, letter = self.tree.directory("/eos/user"), f"/eos/user/{name[0]}"
        for path in ("/eos", "/eos/user", letter):
            self.mkdir(path, owner="root")
            if propagates:
                self.tree.directory(path).xattr["sys.mtime.propagation"] = "1"
        user, path = self.who(name), f"{letter}/{name}"
        self.mkdir(path, owner=name)
        home = self.tree.directory(path)
        home.mode = (home.mode & ~0o7777) | 0o2770
        home.gid = user.gid
        # Its group is everybody's, who are not to see it.
        home.mode &= ~0o070
        home.xattr = {key: value for key, value in wanted.items() if value is not None}
        if quota is not None:
            self.namespace.quota.set(base, user.uid, Limit(quota, 1_000_000))
        self.settle()
        return path

    def set_quota(self, path: str, name: str, *, bytes: int | None = None, files: int | None = None) -> None:
        """Make a directory a quota node, or change somebody's entry in it; logical bytes, also very few."""
        self.namespace.quota.set(self.tree.directory(path), self.who(name).uid, Limit(bytes, files))

    # What others do to it.

    def put(self, path: str, content: bytes, *, owner: str = "root", mtime: float | None = None) -> File:
        """Write a file as somebody else does who uses EOS: versions, etags and sizes follow as ever."""
        who = self.who(owner)
        parent = self.tree.directory(split(path)[0])
        opened = self.openings.write(ROOT, path, booking=len(content), atomic=True)
        file = opened.file
        file.uid, file.gid = (who.uid, who.gid) if owner != "root" else (parent.uid, parent.gid)
        self.store.write(file.id, content)
        opened.uses = 1
        opened.mtime = int(mtime * SECOND) if mtime is not None else None
        return self.openings.commit(opened, len(content), checksum_of(file.checksum_type, content), None)

    def mkdir(self, path: str, *, owner: str = "") -> Container:
        """Make a directory and those above; it belongs to `owner`, else to whom the one above belongs."""
        present = self.tree.look(path)
        if isinstance(present, Container):
            return present
        if self.tree.look(split(path)[0]) is None:
            self.mkdir(split(path)[0], owner=owner)
        made = self.namespace.mkdir(ROOT, path)
        whose: Any = self.who(owner) if owner else made.parent
        made.uid, made.gid = whose.uid, whose.gid
        return made

    def remove(self, path: str) -> None:
        """Remove a file or a whole directory, to the trash if there is one; a `*` is no pattern."""
        node = self.tree.find(path)
        parent = node.parent
        assert parent is not None
        folder = self.namespace.version_folder(node) if isinstance(node, File) else None
        for one in there(node, folder):
            self.namespace.discard(ROOT, one)
        self.namespace.changed(parent)

    def rename(self, old: str, new: str) -> None:
        """Move something; a file in the way is replaced."""
        self.namespace.rename(ROOT, old, new, replace=True)

    def set_attribute(self, path: str, key: str, value: str | None) -> None:
        """Set or remove an attribute."""
        attributes.set_attribute(self.namespace, ROOT, path, key, value)

    def recycled(self, name: str) -> list[Recycled]:
        """What somebody has in the trash."""
        return self.namespace.recycle.of(self.who(name).uid)

    def share_bin(self, path: str, acl: str) -> None:
        """What is removed below `path` from now on goes into a bin of its own, into which the `acl` lets people look; this is
        `eos recycle project`."""
        node = self.tree.directory(path)
        self.namespace.recycle.share(str(node.id), acl)
        for one in (node, *node.walk()):
            if isinstance(one, Container):
                one.xattr["sys.forced.recycleid"] = str(node.id)

    def restore(self, key: str, name: str) -> None:
        """Take something out of the trash to where it was: same id, same etag. EosError: ENOENT, EPERM, EEXIST."""
        entry = self.namespace.recycle.find(key, self.who(name).uid)
        self.namespace.restore(entry)

    # What is there.

    def find(self, path: str) -> Container | File:
        """What is at a path; EosError."""
        return self.tree.find(path)

    def content(self, path: str) -> bytes:
        """The bytes of a file; EosError."""
        return self.store.content(self.tree.file(path).id)

    def names(self, path: str) -> list[str]:
        """The names in a directory, hidden ones too."""
        return sorted(one.name for one in self.tree.directory(path).children())

    def etag(self, path: str) -> str:
        """As EOS gives it now."""
        return etag_of(self.tree.find(path))

    def settle(self) -> None:
        """All that waits to be passed on to directories above is, now."""
        self.propagation.settle()

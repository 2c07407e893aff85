"""Opening and committing files: what the MGM does before the redirect and after the FST is done (sections 3.1, 3.2, 3.4)."""

from __future__ import annotations

import errno
import secrets
import uuid

import attrs

from . import names, versioning
from .failures import EosError, Unmatched
from .identity import Identity
from .locks import blocks
from .namespace import Namespace
from .nodes import ATOMIC, EMPTY_CHECKSUM, Container, File, etag_of, split, there


@attrs.define(eq=False)
class Opened:
    """What a capability stands for."""

    secret: str
    write: bool
    file: File
    path: str
    name: str
    """The final name."""
    who: Identity
    expires: float
    etag: str
    """What the 307 says of the file."""
    atomic: bool = False
    partial: bool = False
    fresh: bool = False
    """Whether the file did not exist before; what does not become whole is dropped then."""
    target_size: int = 0
    mtime: int | None = None
    """Nanoseconds, from the first hop."""
    order: int = 0
    uses: int = 0


class Openings:
    """Opens files, knows the capabilities given out, commits."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self.opened: dict[str, Opened] = {}
        self._orders: dict[tuple[int, str], int] = {}
        self._order = 0

    def _new(self, **values: object) -> Opened:
        secret = secrets.token_urlsafe(48)
        life = self._namespace.profile.capability_life
        made = Opened(secret=secret, expires=self._namespace.clock.seconds() + life, **values)  # type: ignore[arg-type]
        self.opened[secret] = made
        return made

    def read(self, who: Identity, path: str) -> Opened:
        """Open for reading: EACCES, ENOENT, EISDIR, EBUSY."""
        file = self._namespace.checked(who, path, "open file")
        if isinstance(file, Container):
            raise EosError(errno.EISDIR, "open file", path)
        if blocks(file, who, self._namespace.now_seconds(), reading=True):
            raise EosError(errno.EBUSY, "open file", path)
        return self._new(write=False, file=file, path=path, name=file.name, who=who, etag=etag_of(file))

    def write(
        self,
        who: Identity,
        path: str,
        *,
        booking: int,
        target_size: int = 0,
        atomic: bool = False,
        partial: bool = False,
        mtime: int | None = None,
        if_match: str | None = None,
    ) -> Opened:
        """Open for writing: all that the MGM checks and does before it redirects.

        Raises EosError; `Unmatched` for `If-Match`.
        """
        here = self._namespace
        names.check(here.profile, path, "open file")
        if path.endswith("/"):
            raise EosError(errno.EOPNOTSUPP, "open file", path)
        above, name = split(path)
        parent = here.tree.look(above)
        if not isinstance(parent, Container):
            raise EosError(errno.ENOENT, "open file", path)
        here.need(who, "w", parent, "open file", path)
        present = parent.child(name)
        file = present if isinstance(present, File) else None
        if file is not None:
            if if_match is not None and if_match != etag_of(file):
                raise Unmatched(errno.EINVAL, "open file", path)
            if blocks(file, who, here.now_seconds(), reading=False):
                raise EosError(errno.EBUSY, "open file", path)
            here.need(who, "u", parent, "open file", path, file)
        owner = here.owner(who, parent)
        booking = int(parent.xattr.get("sys.forced.bookingsize", booking))
        if partial:
            return self._partial(who, owner, parent, name, path, file, mtime)
        atomic = versioning.atomic(parent, atomic)
        versions = versioning.wanted(parent)
        if isinstance(present, Container) and not atomic:
            raise EosError(errno.EISDIR, "open file", path)
        if versions and file is not None and who.uid not in (0, file.uid):
            raise EosError(errno.EPERM, "open file", path)
        self._order += 1
        if atomic:
            return self._atomic(who, owner, parent, name, path, file, booking, target_size, mtime, versions)
        if here.quota.exceeded(parent, owner.uid, booking):
            raise EosError(errno.EDQUOT, "open file", path)
        etag = etag_of(file) if file is not None else ""
        attributes = dict(file.xattr) if file is not None and versions else {}
        if file is not None:
            if versions:
                versioning.keep(here, file, versions)
            else:
                folder = here.version_folder(file)
                for one in there(file, folder):
                    here.discard(who, one)
        made = here.tree.new_file(parent, name, owner.uid, owner.gid)
        made.xattr.update(attributes)
        made.committed = booking == 0
        here.quota.charge(made)
        here.changed(parent)
        return self._new(
            write=True, file=made, path=path, name=name, who=who, etag=etag or etag_of(made), fresh=True,
            target_size=target_size, mtime=mtime, order=self._order,
        )  # fmt: skip

    def _atomic(
        self, who: Identity, owner: Identity, parent: Container, name: str, path: str, file: File | None,
        booking: int, target_size: int, mtime: int | None, versions: int,
    ) -> Opened:  # fmt: skip
        here = self._namespace
        hidden = f"{ATOMIC}{'v#' if versions else ''}{name}.{uuid.uuid4()}"
        made = here.tree.new_file(parent, hidden, owner.uid, owner.gid)
        made.committed = False
        made.checksum = None
        # The entry is there before quota is asked, and stays when that says no.
        if here.quota.exceeded(parent, owner.uid, booking):
            raise EosError(errno.EDQUOT, "open file", path)
        here.quota.charge(made)
        self._orders[parent.id, name] = self._order
        return self._new(
            write=True, file=made, path=path, name=name, who=who, etag=etag_of(file) if file is not None else "undef",
            atomic=True, fresh=True, target_size=target_size, mtime=mtime, order=self._order,
        )  # fmt: skip

    def _partial(
        self, who: Identity, owner: Identity, parent: Container, name: str, path: str, file: File | None, mtime: int | None
    ) -> Opened:
        here = self._namespace
        if here.quota.exceeded(parent, owner.uid, 0):
            raise EosError(errno.EDQUOT, "open file", path)
        made = file
        if made is None:
            made = here.tree.new_file(parent, name, owner.uid, owner.gid)
            here.quota.charge(made)
            here.changed(parent)
        return self._new(write=True, file=made, path=path, name=name, who=who, etag=etag_of(made), partial=True, mtime=mtime)

    def drop(self, opened: Opened) -> None:
        """The upload failed: a new file goes away, an old one keeps what came."""
        file = opened.file
        parent = file.parent
        if opened.fresh and parent is not None and opened.uses <= 1:
            self._namespace.vanish(file)
            self._namespace.changed(parent)

    def commit(self, opened: Opened, size: int, checksum: str | None, mtime: int | None) -> File:
        """The FST has everything: publish it. EREMCHG if somebody opened later, EIO if the file is gone."""
        here = self._namespace
        file = opened.file
        parent = file.parent
        if parent is None or file.id not in here.tree.files:
            raise EosError(errno.EIO, "commit", opened.path)
        if opened.target_size and opened.target_size != size:
            self.drop(opened)
            raise EosError(errno.EIO, "commit", opened.path)
        now = here.tree.now()
        if opened.atomic and opened.uses <= 1:
            if self._orders.get((parent.id, opened.name)) != opened.order:
                self.drop(opened)
                raise EosError(errno.EREMCHG, "commit", opened.path)
            # A directory of that name is not replaced: the answer is 201, and the data stays hidden.
            if not isinstance(parent.child(opened.name), Container):
                self._publish(opened, file, parent)
        file.checksum = checksum
        file.committed = checksum is not None
        file.ctime = now
        stamp = opened.mtime if opened.mtime is not None or opened.atomic else mtime
        file.mtime = stamp if stamp is not None else now
        file.xattr.pop("sys.tmp.etag", None)
        here.resize(file, size)
        here.changed(parent)
        return file

    def _publish(self, opened: Opened, file: File, parent: Container) -> None:
        here = self._namespace
        old = parent.files.get(opened.name)
        if old is not None:
            versions = versioning.wanted(parent)
            if versions:
                file.xattr.update({key: value for key, value in old.xattr.items() if key != "sys.tmp.etag"})
                versioning.keep(here, old, versions)
            else:
                here.discard(opened.who, old, f"{old.name}{uuid.uuid4()}.delete")
        here.place(file, parent, opened.name)

    def part_done(self, opened: Opened, size: int, checksum: str | None, mtime: int | None) -> File:
        """A part of a partial upload is there; with a checksum the file is whole."""
        file = opened.file
        if file.parent is None:
            raise EosError(errno.EIO, "commit", opened.path)
        now = self._namespace.tree.now()
        file.checksum = checksum if checksum is not None else EMPTY_CHECKSUM
        file.committed = checksum is not None
        file.ctime = now
        file.mtime = mtime if mtime is not None else now
        self._namespace.resize(file, size)
        self._namespace.changed(file.parent)
        return file

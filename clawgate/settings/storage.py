"""Settings of storages: who gets which, how they are worked on, and what others change in them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from .eos import Eos
from .rule import setting
from .s3 import S3

CHECKSUMS = ("SHA1", "MD5", "ADLER32", "SHA256", "CRC32C")
"""The algorithms that uploads can be verified with."""


def _mode(value: str) -> None:
    if re.fullmatch("[0-7]{3,4}", value) is None or int(value, 8) & 0o700 != 0o700:
        raise ValueError("expected an octal mode such as '0700' or '2770', with all rights for the owner")


def id_ranges(values: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """First and last numbers of ranges such as ``1000-65533``. Raises `ValueError`."""
    ranges = []
    for value in values:
        found = re.fullmatch(r"\s*(\d{1,10})(?:\s*-\s*(\d{1,10}))?\s*", value, re.ASCII)
        low, high = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not 0 < low <= high < 2**32 - 2:
            raise ValueError("expected a range such as '1000-65533', from 1 to 4294967293")
        ranges.append((low, high))
    return tuple(ranges)


def _id_range(value: str) -> None:
    id_ranges([value])


def _absolute(value: str) -> None:
    if value and not value.startswith("/"):
        raise ValueError("expected an absolute path")


@attrs.frozen
class Mount:
    """[mounts.NAME]: one storage and who sees it"""

    driver: str = setting(
        "posix", "posix, eos, s3 (see the tables eos and s3) or memory", choices=("posix", "eos", "s3", "memory")
    )
    root: str = setting("files/{user.id}", "directory; relative to DATA; {user.id}, {user.id[0]}, {group} ... are replaced")
    kind: str = setting(
        "personal", "personal: one space a user; project: one space for its members", choices=("personal", "project")
    )
    members: list[str] = setting([], "project: users, and groups as @group; empty: everybody")
    readers: list[str] = setting([], "project: users, and groups as @group, who may only read")
    creators: list[str] = setting(
        [],
        "project: users, and groups as @group, who may make spaces by a client; root then has {space.id} or {space.name} (see "
        "docs/spaces.md)",
    )
    groups: str = setting("", "project: a regular expression; each group of a person that it matches is a space, named {group}")
    title: str = setting("", "name shown for the space, a template as root; empty: the user's, the group's or the mount's")
    read_only: bool = setting(False, "refuse every change")
    create: bool = setting(True, "personal: make the directory at the first login")
    create_mode: str = setting("0700", "its mode, octal", check=_mode)
    create_owner: str = setting(
        "service", "whose it is: service (the gateway's user) or user (the person; needs CAP_CHOWN)", choices=("service", "user")
    )
    create_parents: bool = setting(False, "make missing folders between the part of root without {...} and it too, mode 0711")
    skeleton: str = setting("", "directory whose content every new one begins with; empty: none", check=_absolute)
    skeleton_bytes: int = setting(104857600, "bytes of all files in it; more: nothing is made", size=True)
    skeleton_entries: int = setting(1000, "files, folders and links in it; more: nothing is made")
    symlinks: str = setting("hide", "hide, follow (within the space only) or refuse", choices=("hide", "follow", "refuse"))
    durability: str = setting(
        "data",
        "none, data (fdatasync) or full (fsync of file and directory) before an upload is acknowledged",
        choices=("none", "data", "full"),
    )
    outside_changes: str = setting(
        "auto",
        "changes by others than the gateway: watch (posix: the kernel tells, the rest is scanned), scan, events (s3: the service "
        "tells, see s3.events), or none but what is listed; auto: watch on posix, none on s3",
        choices=("auto", "none", "scan", "watch", "events"),
    )
    staleness_max: float = setting(
        60.0,
        "seconds within which such a change moves the etags above, and an answer about one node may rest on an old look",
        low=0.1,
    )
    watch_folders: int = setting(
        20000, "watch: folders the kernel tells of, where it cannot tell of a whole file system (inotify)"
    )
    watch_by: str = setting(
        "auto",
        "watch: fanotify (whole file systems; needs CAP_SYS_ADMIN), inotify (single folders), auto: the first one that works",
        choices=("auto", "fanotify", "inotify"),
    )
    vouched_folders: int = setting(
        1000, "listed folders for which the kernel vouches, so that they need not be read again (inotify); 0: none"
    )
    act_as: str = setting(
        "service",
        "whose rights file work is done with: service (the gateway's user) or user (the person; see docs/acting-as-user.md)",
        choices=("service", "user"),
    )
    act_as_uids: list[str] = setting(
        ["1000-65533", "65536-4294967293"], "user: uids that may be taken on, in ranges; 0 never is", check=_id_range
    )
    act_as_gids: list[str] = setting(
        ["100-65533", "65536-4294967293"],
        "user: groups that may be; a person with another primary group is refused, other supplementary ones are left out",
        check=_id_range,
    )
    quota: int = setting(0, "bytes of one space; 0: no limit but the file system's", size=True)
    trash: bool = setting(True, "keep aside what is removed, so that people can bring it back (see docs/trash-and-versions.md)")
    trash_place: str = setting(
        "hidden",
        "where it lies: hidden (.clawgate/trash); shared with desktops: home (.local/share/Trash), top (.Trash-UID)",
        choices=("hidden", "home", "top"),
    )
    trash_days: float = setting(30.0, "days after which it is removed for good; 0: never")
    versions: bool = setting(True, "keep content that is overwritten, thinned out by age")
    versions_days: float = setting(365.0, "days after which it is removed for good; 0: never")
    kept_free_percent: float = setting(
        5.0, "percent of the storage to be free: below that the oldest of trash and versions goes first; 0: any", high=99
    )
    kept_quota_percent: float = setting(
        50.0, "percent of its quota that trash and versions of a space may have besides it; more: the oldest goes; 0: any"
    )
    kept_idle_hours: float = setting(
        24.0,
        "hours between visits to trash and versions of spaces that nobody has used since the start; 0: none, also when room is "
        "needed",
    )
    checksums: list[str] = setting([], "computed for every upload besides what the client asks for, e.g. SHA1", choices=CHECKSUMS)
    eos: Eos = attrs.field(factory=Eos)
    s3: S3 = attrs.field(factory=S3)

    @property
    def follows(self) -> str:
        """How changes by others are found, ``none``, ``scan``, ``watch`` or ``events``: as `outside_changes` says. To scan a
        bucket costs money, so that is done for those who ask for it."""
        if self.outside_changes != "auto":
            return self.outside_changes
        return {"posix": "watch", "memory": "scan"}.get(self.driver, "none")


@attrs.frozen
class Outside:
    """[outside]: changes by others than the gateway, see outside_changes of a mount"""

    # what the kernel tells
    debounce_seconds: float = setting(0.1, "seconds in which what the kernel tells is gathered before anybody looks", high=10)
    busy_seconds: float = setting(0.5, "seconds between looks at what changes all the time", high=60)
    hints: int = setting(10000, "names of a space that may wait for a look; more: the space is walked", low=10)
    event_bytes: int = setting(4194304, "kernel events of a mount that wait for a worker; more wait in the kernel", size=True)
    event_seconds: float = setting(0.05, "seconds for which an event waits for others", high=1)
    # walking and learning
    scan_threads: int = setting(2, "threads that look at folders, besides those for requests", low=1)
    scan_queue: int = setting(100, "calls that may wait for them", low=1)
    scan_folders: int = setting(40, "folders looked at in one call", low=1)
    scan_rate: float = setting(2000.0, "folders of a space looked at in a second, at most; 0: no limit")
    busy_calls: int = setting(4, "calls of requests at work in files.threads from which on walking and learning pause", low=1)
    busy_pause: float = setting(0.5, "seconds such a pause takes at most, so that they go on under any load", high=60)
    passes: int = setting(2, "spaces walked at once", low=1)
    idle_seconds: float = setting(900.0, "seconds without requests after which a space is not walked until the next one", low=60)
    full_hours: float = setting(24.0, "hours after which also what the kernel tells of is walked; 0: never")
    # going back in time
    generation_seconds: float = setting(10.0, "seconds between notes of its generation in a space that changes", low=0)
    rewind_margin: float = setting(
        86400.0, "seconds by which an inode's ctime must be set back to be a sign of a restored snapshot", low=1
    )
    rewind_count: int = setting(10, "such signs, within an hour, that make it certain; 0: they are not counted")


@attrs.frozen
class Files:
    """[files]: threads that work on POSIX storage"""

    threads: int = setting(8, "threads for file work", low=1)
    queue: int = setting(1000, "calls that may wait for them")
    block_bytes: int = setting(262144, "bytes read or written in one step", low=4096, size=True)


@attrs.frozen
class People:
    """[people]: threads that work with people's own rights, for mounts with act_as = \"user\""""

    threads: int = setting(8, "threads for file work", low=1)
    queue: int = setting(1000, "calls that may wait for them")
    verify_threads: int = setting(2, "threads that verify and join uploads that did not come in order", low=1)
    verify_queue: int = setting(100, "uploads that may wait for them")
    account_seconds: float = setting(300.0, "seconds the system's answer about an account and its groups is believed")
    account_threads: int = setting(2, "threads that ask the system (NSS)", low=1)
    account_queue: int = setting(1000, "questions that may wait for them")
    accounts: int = setting(10000, "people kept in memory", low=1)
    storages: int = setting(1000, "people at work on shared spaces whose open folders are kept, two descriptors each", low=1)

"""``clawgate check``: what of settings, users, storages and the host would not work, and how to mend it."""

from __future__ import annotations

import os
import resource
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import cast

from . import acting_checks, bucket_checks, data, database_checks, endpoints, eos_checks, web_checks
from .assembly import eos
from .errors import ClawgateError, Forbidden, SettingsError
from .gateway import homes
from .gateway.rules import Grant, rules_of
from .identity import users_file
from .identity.ldap.inspection import inspect
from .identity.numbers import numbers
from .identity.oidc import build as oidc
from .identity.oidc.inspection import look
from .identity.users_file import Account
from .index.rounds import SHARE
from .model.finding import Finding, Level
from .model.people import User
from .settings import Mount, Outside, Settings
from .storage.posix import home_inspection, kernel, notify

FREE_BYTES = 1 << 30
"""Less free space than this is worth a warning."""
SKEW_SECONDS = 5.0
_RESERVED_DESCRIPTORS = 200


Listen = Callable[[str], str]
"""Tries to bind an endpoint description; returns what is wrong, empty if nothing is."""


def run(settings: Settings, listen: Listen) -> Iterator[Finding]:
    """All findings, in the order of the settings. Blocking; writes and removes small files in the storages."""
    yield from _data(settings)
    accounts: dict[str, Account] = {}
    yield from _users(settings, accounts)
    yield from _passwords(settings)
    yield from _oidc(settings)
    for name, one in settings.ldap.items():
        yield from inspect(name, one)
    for key, url in (("state", settings.state.url), ("index", settings.index.url)):
        yield from database_checks.inspect(settings, key, url)
    for name, mount in settings.mounts.items():
        yield from _mount(settings, name, mount, accounts)
    if not settings.mounts:
        yield Finding(Level.FAILURE, "there is no mount", "add a table [mounts.home] to the settings")
    yield from web_checks.inspect(settings)
    yield from _host(settings)
    if not settings.http.listen:
        yield Finding(Level.FAILURE, "http.listen: names no address, so nobody can come", endpoints.remedy(""))
    for key, addresses in (("http.listen", settings.http.listen), ("admin.listen", settings.admin.listen)):
        for address in addresses:
            yield from _endpoint(key, address, listen)


def _data(settings: Settings) -> Iterator[Finding]:
    path = settings.data
    if os.path.lexists(path) and not os.path.isdir(path):
        yield Finding(Level.FAILURE, f"data: {path} is no directory", "name another one with --data or CLAWGATE_DATA")
        return
    if not os.path.isdir(path):
        yield Finding(Level.WARNING, f"data: {path} does not exist", "the first start of the gateway makes it")
        return
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode & 0o077:
        yield Finding(Level.WARNING, f"data: others may look into {path} (mode {mode:04o})", f"chmod 700 {path}")
    if not os.access(path, os.W_OK | os.X_OK):
        yield Finding(Level.FAILURE, f"data: {path} cannot be written to", "give it to the user that the gateway runs as")
        return
    yield _free(f"data: {path}", path)


def _free(what: str, path: str) -> Finding:
    free = shutil.disk_usage(path).free
    if free < FREE_BYTES:
        return Finding(Level.WARNING, f"{what} has {free / 2**20:.0f} MiB of room left", "uploads will fail with 507 soon")
    return Finding(Level.OK, f"{what} is there, {free / 2**30:.1f} GiB free")


def _users(settings: Settings, accounts: dict[str, Account]) -> Iterator[Finding]:
    path = data.users_path(settings)
    try:
        accounts.update(users_file.parse(data.read_users(path), path))
    except SettingsError as error:
        yield Finding(Level.FAILURE, f"users: {error}", "the gateway does not start with it")
        return
    if not accounts:
        yield Finding(Level.WARNING, f"users: nobody is in {path}", "clawgate user add NAME")
        return
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode & 0o007:
        yield Finding(Level.WARNING, f"users: everybody may read the hashes in {path} (mode {mode:04o})", f"chmod 600 {path}")
    yield Finding(Level.OK, f"users: {len(accounts)} in {path}")


def _passwords(settings: Settings) -> Iterator[Finding]:
    where, pages = settings.users.passwords, settings.login_flow.enabled and settings.app_passwords.self_made
    if where == "page" and not pages:
        remedy = "set login_flow.enabled and app_passwords.self_made"
        yield Finding(Level.WARNING, "users.passwords: passwords are accepted on a login page that is switched off", remedy)
    if where == "never" and not settings.oidc:
        remedy = "clawgate token create NAME, or a table [oidc.NAME]"
        yield Finding(Level.WARNING, "users.passwords: people can log in with nothing but app passwords made by you", remedy)


def _oidc(settings: Settings) -> Iterator[Finding]:
    try:
        oidc.check(settings.oidc)
    except SettingsError as error:
        yield Finding(Level.FAILURE, str(error), "the gateway does not start with it")
        return
    for name, one in settings.oidc.items():
        yield from look(name, one)
        if one.browser_client_id and not settings.http.public_url:
            remedy = "set http.public_url, so that there is one redirect URI: PUBLIC_URL/login/oidc/callback"
            yield Finding(Level.WARNING, f"oidc.{name}: browsers are sent back to the address that they came by", remedy)


def _mount(settings: Settings, name: str, mount: Mount, accounts: dict[str, Account]) -> Iterator[Finding]:
    what = f"mounts.{name}"
    if mount.driver == "memory":
        yield Finding(Level.WARNING, f"{what}: files are kept in memory", "they are gone when the gateway stops")
        return
    if mount.driver == "eos":
        yield from _eos(name, mount, [account.user for account in accounts.values()])
        return
    if mount.driver == "s3":
        yield from bucket_checks.inspect(name, mount, [account.user for account in accounts.values()])
        return
    try:
        (rule,) = rules_of({name: mount}, settings.data).values()
    except ClawgateError as error:
        yield Finding(Level.FAILURE, str(error), "docs/namespace.md lists the fields")
        return
    missing: list[str] = []
    roots: list[str] = []
    homeless: list[User] = []
    for user in [account.user for account in accounts.values()]:
        grants: list[Grant] = []
        try:
            grants = list(rule.grants(user))
        except ClawgateError as error:
            yield Finding(Level.FAILURE, f"{what}: {error}", f"see 'clawgate explain {user.id}'")
        for root in {grant.space.root for grant in grants}.difference(missing, roots):
            (roots if os.path.isdir(root) else missing).append(root)
        if any(grant.space.root in missing for grant in grants):
            homeless.append(user)
    if mount.creators:
        yield _making(settings, what, mount)
        above = homes.above(mount.root, settings.data)
        roots = [above] if os.path.isdir(above) else []
    elif mount.kind == "project":
        if "{" not in mount.root:
            missing = sorted({*missing, *([] if os.path.isdir(rule.root) else [rule.root])})
            # Those who may use it need not be in the file of users.
            roots = sorted({*roots, *([rule.root] if os.path.isdir(rule.root) else [])})
        for root in missing:
            yield Finding(Level.FAILURE, f"{what}: {root} is no directory", "make or mount it")
        missing = []
    if mount.kind == "personal":
        yield from _homes(settings, what, mount, homeless)
    if missing and not mount.create:
        yield Finding(
            Level.FAILURE, f"{what}: {len(missing)} users have no directory, e.g. {missing[0]}", "make them, or set create = true"
        )
    elif missing:
        yield _can_be_made(settings, what, mount, missing[0])
    if mount.act_as == "user":
        people = [account.user for account in accounts.values()]
        yield from acting_checks.inspect(name, mount, people, roots or [one for one in (rule.root,) if os.path.isdir(one)])
    elif roots:
        # One stands for all that are on the same file system.
        for root in {os.stat(root).st_dev: root for root in roots}.values():
            yield from _root(what, mount, root, settings.outside)


def _eos(name: str, mount: Mount, people: Sequence[User]) -> Iterator[Finding]:
    try:
        eos.check({name: mount})
    except SettingsError as error:
        yield Finding(Level.FAILURE, str(error), "the gateway does not start with it")
        return
    yield from eos_checks.inspect(name, mount, people, eos.options_of(mount.eos))


def _homes(settings: Settings, what: str, mount: Mount, homeless: Sequence[User]) -> Iterator[Finding]:
    above = homes.above(mount.root, settings.data)
    yield from home_inspection.inspect(what, mount, above, ours=homes.is_within(above, settings.data))
    if homes.gives_away(mount):
        try:
            for user in homeless:
                numbers(user)
        except Forbidden as error:
            yield Finding(Level.FAILURE, f"{what}: no home can be made: {error}", "say uid and gid, or make the home")


def _making(settings: Settings, what: str, mount: Mount) -> Finding:
    above = homes.above(mount.root, settings.data)
    if os.path.isdir(above) and os.access(above, os.W_OK | os.X_OK):
        return Finding(Level.OK, f"{what}: people can make spaces in {above}")
    if not os.path.exists(above) and homes.is_within(above, settings.data):
        return Finding(Level.OK, f"{what}: {above} is made with the first space")
    return Finding(
        Level.FAILURE,
        f"{what}: people cannot make spaces in {above}",
        f"make {above}, writable for the user that the gateway runs as",
    )


def _can_be_made(settings: Settings, what: str, mount: Mount, root: str) -> Finding:
    above, top = os.path.dirname(root), homes.above(mount.root, settings.data)
    while mount.create_parents and above != top and not os.path.lexists(above):
        above = os.path.dirname(above)
    if os.path.isdir(above) and os.access(above, os.W_OK | os.X_OK):
        return Finding(Level.OK, f"{what}: {root} is made at the first login")
    if not os.path.exists(above) and above.startswith(settings.data + os.sep):
        return Finding(Level.OK, f"{what}: {root} is made at the first login")
    return Finding(
        Level.FAILURE, f"{what}: {root} cannot be made", f"make {above}, writable for the user that the gateway runs as"
    )


def _root(what: str, mount: Mount, root: str, outside: Outside) -> Iterator[Finding]:
    if not os.path.isdir(root):
        yield Finding(Level.FAILURE, f"{what}: {root} is no directory", "make or mount it")
        return
    if not os.access(root, os.R_OK | os.X_OK):
        yield Finding(Level.FAILURE, f"{what}: {root} cannot be listed", "give the user that the gateway runs as the right to")
        return
    if not mount.read_only:
        yield from _writing(what, root)
    if not kernel.has_openat2():
        yield Finding(Level.WARNING, f"{what}: the kernel has no openat2", "paths are resolved step by step, which is slower")
    if mount.vouched_folders:
        yield from _vouching(what, mount)
    yield from _outside(what, mount, root, outside)
    yield _free(f"{what}: {root}", root)


def _writing(what: str, root: str) -> Iterator[Finding]:
    path = os.path.join(root, f".clawgate-check-{os.getpid()}")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        remedy = "give the user that the gateway runs as the right to, or set read_only = true"
        yield Finding(Level.FAILURE, f"{what}: {root} cannot be written to: {error.strerror}", remedy)
        return
    try:
        skew = os.fstat(descriptor).st_mtime - time.time()
        if abs(skew) > SKEW_SECONDS:
            yield Finding(
                Level.WARNING, f"{what}: the clock of {root} is {skew:+.0f} s off ours", "synchronise both (chrony, ntpd)"
            )
        try:
            os.setxattr(path, "user.clawgate.check", b"1")
            yield Finding(Level.OK, f"{what}: {root} takes extended attributes")
        except OSError:
            yield Finding(
                Level.WARNING,
                f"{what}: {root} takes no extended attributes",
                "ids then rest on inodes: a file replaced by other programs looks like a new one",
            )
        handle = None
        with suppress(OSError):
            handle = kernel.handle(descriptor, b"")
        if handle is None:
            yield Finding(
                Level.WARNING, f"{what}: {root} has no file handles", "an inode number that is used again is recognised late"
            )
    finally:
        os.close(descriptor)
        os.unlink(path)


def _outside(what: str, mount: Mount, root: str, outside: Outside) -> Iterator[Finding]:
    if mount.follows == "none":
        yield Finding(Level.OK, f"{what}: others' changes are found when somebody lists the folder (outside_changes = none)")
        return
    most = f", in up to {outside.scan_rate * SHARE * mount.staleness_max:.0f} folders of a space" if outside.scan_rate else ""
    if mount.follows == "scan":
        yield Finding(Level.OK, f"{what}: others' changes are found by walking, within {mount.staleness_max:g} s{most}")
    else:
        longest = outside.event_seconds + outside.debounce_seconds + outside.busy_seconds
        if longest >= mount.staleness_max:
            yield Finding(
                Level.WARNING,
                f"{what}: what the kernel tells may wait {longest:g} s, staleness_max is {mount.staleness_max:g} s",
                "lower event_seconds, debounce_seconds or busy_seconds of [outside], or raise staleness_max",
            )
        for seen in notify.inspect(root, cast(notify.Kind, mount.watch_by), mount.watch_folders):
            yield seen._replace(text=f"{what}: {seen.text}")


def _vouching(what: str, mount: Mount) -> Iterator[Finding]:
    try:
        os.close(kernel.inotify_init())
        with open("/proc/sys/fs/inotify/max_user_watches", encoding="ascii") as stream:
            limit = int(stream.read())
    except (OSError, ValueError) as error:
        yield Finding(
            Level.WARNING,
            f"{what}: the kernel watches no folders: {error}",
            "set vouched_folders = 0, or raise the inotify limits",
        )
        return
    if limit < mount.vouched_folders:
        yield Finding(
            Level.WARNING,
            f"{what}: the kernel watches {limit} folders, vouched_folders = {mount.vouched_folders}",
            f"sysctl fs.inotify.max_user_watches={mount.vouched_folders * 2}",
        )


def _host(settings: Settings) -> Iterator[Finding]:
    if time.time() < 1_700_000_000:
        yield Finding(Level.FAILURE, f"the clock says {time.ctime()}", "set it: clients compare times")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.http.connections + _RESERVED_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        yield Finding(
            Level.WARNING,
            f"http.connections: {settings.http.connections} are allowed, the process may have {soft} files open (at most {hard})",
            f"LimitNOFILE={wanted} in the systemd unit, or ulimit -n {wanted}",
        )


def _endpoint(key: str, endpoint: str, listen: Listen) -> Iterator[Finding]:
    if endpoint.startswith("systemd:"):
        yield Finding(Level.OK, f"{key}: {endpoint} is passed by systemd to its unit, and was not tried")
        return
    faults = list(endpoints.faults(endpoint))
    for fault in faults:
        level = Level.WARNING if fault.later else Level.FAILURE
        yield Finding(level, f"{key}: {endpoint}: {fault.text}", fault.remedy)
    if any(fault.grave for fault in faults):
        return
    wrong = listen(endpoint)
    if wrong:
        yield Finding(Level.FAILURE, f"{key}: {endpoint}: {wrong}", endpoints.remedy(wrong))
    else:
        yield Finding(Level.OK, f"{key}: {endpoint} is free")

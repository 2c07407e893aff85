"""``clawgate check`` for mounts with the driver eos: managers, identities, clocks, redirects, and what homes must be set to."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from . import eos_grpc_checks
from .errors import ClawgateError, Forbidden, StorageBroken
from .gateway import template
from .gateway.rules import Grant, rules_of
from .model.finding import Finding, Level
from .model.people import User
from .model.space import SpaceKind
from .settings import Eos, Mount, id_ranges
from .storage.eos.accounts import check_name, see
from .storage.eos.facts import Container, container
from .storage.eos.metadata import Account
from .storage.eos.names import STAGING
from .storage.eos.options import EosOptions
from .storage.eos.probing import Probe, Told, meet
from .storage.eos.recycled import probe_command, reply
from .storage.eos.redirects import NotThisManager, hosts_of, target
from .storage.eos.releases import release

PEOPLE = 20
"""So many people are looked at."""
SKEW_SECONDS = 5.0
OLDEST = (5, 1, 15)
"""The first release with a key for gateways."""
_LOCAL = ("127.0.0.1", "::1", "localhost")
_FAILED = (OSError, http.client.HTTPException, ValueError)
_ODD = "clawgate probe %41"
_NO_PROC = "before 5.3.21 /proc has to be asked at the libmicrohttpd port: set proc_urls"


def inspect(name: str, mount: Mount, people: Sequence[User], options: EosOptions) -> Iterator[Finding]:
    """All that can be seen from here. Blocks; changes nothing."""
    what = f"mounts.{name}"
    yield from _settings(what, mount.eos)
    proc = [Probe(options, url, "mhd" if options.proc_urls else options.door) for url in options.proc_urls or options.urls]
    working: Probe | None = None
    names = _names(mount, people)
    for url in options.urls:
        probe = Probe(options, url, options.door)
        yield from _manager(what, probe, next(iter(names), "clawgate-check"))
    if mount.eos.by_grpc:
        yield from eos_grpc_checks.managers(what, mount.eos)
    for probe in proc:
        found = list(_release(what, probe, next(iter(names), "clawgate-check")))
        if mount.eos.grpc_uids and any(seen.level == Level.FAILURE and seen.remedy == _NO_PROC for seen in found):
            # Of other failures the gateway makes no such exception.
            yield Finding(Level.OK, f"{what}: {probe.url} has no /proc, so the directory's uid and gid are believed (grpc_uids)")
            continue
        yield from found
        if working is None and all(seen.level != Level.FAILURE for seen in found):
            working = probe
    if working is None:
        if mount.eos.grpc_uids:
            for who, user in list(names.items())[:PEOPLE]:
                yield from _believed(what, mount, options, who, user)
        return
    if not names:
        yield Finding(
            Level.WARNING, f"{what}: nobody is in the file of users who could be looked up on EOS", "clawgate explain NAME"
        )
    for who, user in list(names.items())[:PEOPLE]:
        yield from _person(what, mount, options, working, who, user)


def _names(mount: Mount, people: Sequence[User]) -> dict[str, User]:
    found = {}
    for user in people:
        try:
            found[template.title(mount.eos.user, user)] = user
        except Forbidden:
            continue
    return found


def _settings(what: str, eos: Eos) -> Iterator[Finding]:
    for url in (*eos.urls, *eos.proc_urls):
        if url.startswith("http:") and urlsplit(url).hostname not in _LOCAL:
            yield Finding(
                Level.WARNING, f"{what}.eos: {url} is asked in the clear, also for the key", "use https, or a network of its own"
            )
    if eos.door == "mhd" or eos.proc_urls:
        text = f"{what}.eos: whoever reaches the libmicrohttpd port from a trusted host is anybody on EOS"
        yield Finding(Level.WARNING, text, "let nobody but the gateway reach it")
    elif not eos.key:
        text = f"{what}.eos.key: is not set; EOS has to trust this host, and everybody on it"
        yield Finding(Level.WARNING, text, "vid set map -https key:KEY vuid:2 vgid:2")
    if eos.clear_redirects:
        yield Finding(
            Level.WARNING, f"{what}.eos.clear_redirects: content may go over the network in the clear", "redirect-to-https=1"
        )


def _manager(what: str, probe: Probe, who: str) -> Iterator[Finding]:
    try:
        told = probe.ask(who, "HEAD", "/")
    except _FAILED as error:
        text = f"{what}.eos.urls: {probe.url} does not answer: {error}"
        yield Finding(Level.FAILURE, text, "is it up, and its certificate right (ca_file)?")
        return
    if (skew := told.skew) is not None and abs(skew) > SKEW_SECONDS:
        yield Finding(
            Level.WARNING, f"{what}: the clock of {probe.url} is {skew:+.0f} s off ours", "synchronise both (chrony, ntpd)"
        )
    yield Finding(Level.OK, f"{what}: {probe.url} answers")


def _release(what: str, probe: Probe, who: str) -> Iterator[Finding]:
    try:
        told = probe.command(who, {"mgm.cmd": "version", "mgm.option": "m"})
        if told.status == 403:
            yield Finding(
                Level.FAILURE, f"{what}: {probe.url} refuses /proc", "an authorisation library closes it; the gateway needs it"
            )
            return
        text = str(told.json()["version"][0]["eos"]["instance"]["version"])
    except (OSError, http.client.HTTPException) as error:
        text = f"{what}: {probe.url} cannot be asked for /proc: {error}"
        yield Finding(Level.FAILURE, text, "is it up, and its certificate right (ca_file)?")
        return
    except (ValueError, KeyError, IndexError, TypeError):
        yield Finding(Level.FAILURE, f"{what}: {probe.url} does not tell its version", _NO_PROC)
        return
    known = release(text)
    if known is None or known.number < OLDEST:
        yield Finding(Level.FAILURE, f"{what}: EOS {text} is older than 5.1.15", "it knows no gateway keys")
        return
    yield Finding(Level.OK, f"{what}: {probe.url} is EOS {text}")
    if not known.ranges:
        yield Finding(Level.WARNING, f"{what}: EOS {text} may frame ranges wrongly, so files are read from their beginning", "")


def _person(what: str, mount: Mount, options: EosOptions, probe: Probe, who: str, user: User) -> Iterator[Finding]:
    try:
        check_name(who)
        account = _whoami(probe, who)
        _see(mount, who, account, user)
    except Forbidden as error:
        remedy = "vid set map -https key:KEY vuid:2 vgid:2; vid set membership 2 +sudo; getent passwd NAME on the manager"
        yield Finding(Level.FAILURE, f"{what}: {user.id}: {error}", remedy)
        return
    except (*_FAILED, KeyError, IndexError, TypeError) as error:
        yield Finding(Level.FAILURE, f"{what}: {user.id}: EOS does not say who {who} is: {type(error).__name__}", "see its log")
        return
    yield Finding(Level.OK, f"{what}: {user.id} is {who} on EOS, uid {account.uid}")
    if mount.eos.grpc_uids and (user.uid, user.gid) != (account.uid, account.gid):
        text = f"{what}: {who} has uid {account.uid} and gid {account.gid} on EOS, and {user.uid} and {user.gid} in the directory"
        yield Finding(Level.WARNING, text, "the latter are believed while EOS cannot be asked (grpc_uids): make them the same")
    try:
        grants = _grants(mount, user)
    except ClawgateError as error:
        yield Finding(Level.FAILURE, f"{what}: {error}", f"see 'clawgate explain {user.id}'")
        return
    for grant in grants:
        if mount.eos.by_grpc:
            yield from eos_grpc_checks.root(what, mount.eos, who, account, grant.space.root)
        yield from _root(what, mount, options, probe, who, grant.space.root, personal=grant.space.kind is SpaceKind.PERSONAL)


def _believed(what: str, mount: Mount, options: EosOptions, who: str, user: User) -> Iterator[Finding]:
    """Somebody of whom EOS cannot be asked who it is."""
    if user.uid is None or user.gid is None:
        text = f"{what}: the directory knows no uid and gid of {user.id}, who is refused therefore"
        yield Finding(Level.FAILURE, text, "they are believed with grpc_uids, so it has to have them")
        return
    account = Account(user.uid, user.gid, (user.gid,), sudoer=False)
    try:
        check_name(who)
        _see(mount, who, account, user)
        roots = [grant.space.root for grant in _grants(mount, user)]
    except ClawgateError as error:
        yield Finding(Level.FAILURE, f"{what}: {user.id}: {error}", f"see 'clawgate explain {user.id}'")
        return
    data = Probe(options, options.urls[0], options.door)
    for root in roots:
        try:
            status = data.ask(who, "HEAD", root).status
        except _FAILED as error:
            yield Finding(Level.FAILURE, f"{what}: {data.url} does not answer: {error}", "see its log")
            return
        yield from eos_grpc_checks.believed(what, mount.eos, who, account, root, status == 200)


def _see(mount: Mount, who: str, account: Account, user: User) -> None:
    """Raise `Forbidden` for an account that nobody may have who works on this mount."""
    ranges = id_ranges(mount.act_as_uids)
    see(who, account, user.uid, lambda uid: uid > 0 and any(low <= uid <= high for low, high in ranges))


def _grants(mount: Mount, user: User) -> Sequence[Grant]:
    """The spaces that somebody has on a mount. Raises `ClawgateError`."""
    (rule,) = rules_of({"mount": mount}, "/").values()
    return list(rule.grants(user))


def _whoami(probe: Probe, who: str) -> Account:
    one = probe.command(who, {"mgm.cmd": "whoami", "mgm.option": "m"}).json()["whoami"][0]
    return Account(int(one["uid"]), int(one["gid"]), (), one.get("sudo") == "true")


def _root(
    what: str, mount: Mount, options: EosOptions, probe: Probe, who: str, root: str, *, personal: bool
) -> Iterator[Finding]:
    data = Probe(options, options.urls[0], options.door)
    try:
        told = data.ask(who, "HEAD", root)
        if told.status == 404:
            can = personal and mount.eos.home_command
            yield Finding(
                Level.WARNING if can else Level.FAILURE,
                f"{what}: there is no {root}",
                "" if can else "make it, or set home_command",
            )
            return
        if told.status != 200:
            text = f"{what}: {who} may not read {root} ({told.status})"
            yield Finding(Level.FAILURE, text, "is the mapping of the key right also at urls? Else its mode and ACL")
            return
        found = probe.command(who, {"mgm.cmd": "fileinfo"}, {"mgm.path": root}).json()
        listed = container(found)
        quota = probe.command(
            who, {"mgm.cmd": "quota", "mgm.subcmd": "lsuser", "mgm.quota.format": "m"}, {"mgm.quota.space": root}
        ).json()
        odd = probe.command(who, {"mgm.cmd": "fileinfo"}, {"mgm.path": f"{root}/{_ODD}"}).json()
    except (*_FAILED, StorageBroken) as error:
        yield Finding(Level.FAILURE, f"{what}: {root} cannot be looked at: {error}", "see the log of EOS")
        return
    yield from _attributes(what, root, {"sys.recycle": mount.eos.recycle_bin, **(found.get("xattr") or {})})
    yield from _staging(what, root, found)
    if not (quota.get("quota") or {}).get("lsuser"):
        text = f"{what}: {who} has no quota at {root}"
        yield Finding(Level.WARNING, text, "where there is a quota node above, every upload is refused (507): eos quota set")
    said = str(odd.get("errormsg", ""))
    if "clawgate" in said and _ODD not in said:
        yield Finding(
            Level.FAILURE, f"{what}: EOS reads names in queries in another way", "set encoding to once or to encodepath"
        )
    if mount.trash and (mount.eos.recycle_bin or (found.get("xattr") or {}).get("sys.recycle")):
        yield from _bin(what, probe, who)
    yield from _redirect(what, options, data, who, listed)


def _attributes(what: str, root: str, found: Mapping[str, Any]) -> Iterator[Finding]:
    if not found.get("sys.mtime.propagation"):
        text = f"{what}: changes below folders in {root} do not move its etag, so clients do not see what others change"
        yield Finding(Level.FAILURE, text, f"eos attr -r set sys.mtime.propagation=1 {root}, and on all folders above")
    if str(found.get("sys.forced.atomic", "1")) == "0":
        yield Finding(Level.FAILURE, f"{what}: {root} forbids atomic uploads", f"eos attr set sys.forced.atomic=1 {root}")
    if not found.get("sys.versioning"):
        yield Finding(Level.WARNING, f"{what}: {root} keeps no versions", f"eos attr -r set sys.versioning=10 {root}")
    if not found.get("sys.recycle"):
        yield Finding(
            Level.WARNING, f"{what}: what is deleted in {root} is gone at once", f"eos attr -r set sys.recycle=BIN {root}"
        )
    else:
        yield Finding(Level.OK, f"{what}: {root} is set up")


def _staging(what: str, root: str, found: Mapping[str, Any]) -> Iterator[Finding]:
    folder = next((one for one in found.get("children") or () if one.get("name") == STAGING), None)
    if folder is not None and (folder.get("xattr") or {}).get("sys.mtime.propagation"):
        text = f"{what}: uploads under way move the etag of {root}, though there is a folder for them"
        yield Finding(Level.WARNING, text, f"eos attr rm sys.mtime.propagation '{root}/{STAGING}'")


def _bin(what: str, probe: Probe, who: str) -> Iterator[Finding]:
    try:
        number = reply(probe.command(who, {"mgm.cmd.proto": probe_command()}).body).number
    except _FAILED as error:
        yield Finding(Level.FAILURE, f"{what}: {probe.url} does not answer: {error}", "see its log")
        return
    except StorageBroken:
        number = -1
    if number:
        text = f"{what}: the recycle bin cannot be asked for, so people do not see their trash"
        yield Finding(Level.WARNING, text, "EOS has to answer to mgm.cmd.proto at /proc/user; see its log")
        return
    yield Finding(Level.OK, f"{what}: what is removed can be brought back from the recycle bin")


def _redirect(what: str, options: EosOptions, data: Probe, who: str, listed: Container) -> Iterator[Finding]:
    """Where a download would go; uploads are not tried, because they leave something behind."""
    file = next((one for one in listed.children if not one.is_folder and one.size and not one.is_link), None)
    if file is None:
        yield Finding(Level.OK, f"{what}: no file in {listed.folder.path} to see where content goes; see redirect_hosts")
        return
    hosts = options.redirect_hosts or hosts_of(options.urls)
    secure = data.url.startswith("https:") and not options.clear_redirects
    told: Told | None = None
    try:
        told = data.ask(who, "GET", f"{listed.folder.path}/{file.name}")
        url = target(told.headers.get("location", ""), b"/", hosts, secure=secure)
    except StorageBroken as error:
        yield Finding(
            Level.FAILURE, f"{what}: {error}", "name its disk servers in redirect_hosts, with the port after EOS_FST_HTTP_PORT"
        )
    except NotThisManager:
        status = told.status if told is not None else 0
        yield Finding(Level.FAILURE, f"{what}: {data.url} sends nobody to a disk server ({status})", "is it the master?")
    except _FAILED as error:
        yield Finding(Level.FAILURE, f"{what}: {data.url}: {error}", "see its log")
    else:
        parts = urlsplit(url.decode("ascii"))
        server = f"{parts.scheme}://{parts.netloc}"
        try:
            meet(options, server)
        except _FAILED as error:
            text = f"{what}: the disk server {server} cannot be reached: {error}"
            yield Finding(Level.FAILURE, text, "is it up, and its certificate right (ca_file)?")
        else:
            yield Finding(Level.OK, f"{what}: content comes from {server}")

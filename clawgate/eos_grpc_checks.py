"""``clawgate check`` for mounts on EOS that are asked for metadata by gRPC: ports, the key, and what people see."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from .errors import ClawgateError, Forbidden, NotFound, SettingsError, StorageUnavailable
from .model.finding import Finding, Level
from .settings import Eos
from .storage.eos.facts import Entry
from .storage.eos.metadata import Account

_LOCAL = ("127.0.0.1", "::1", "localhost")


def managers(what: str, eos: Eos) -> Iterator[Finding]:
    """All that can be seen of the ports. Blocks; changes nothing."""
    from .storage.eos.grpc.options import options_of
    from .storage.eos.grpc.probing import GrpcProbe

    options = options_of(eos)
    level = Level.FAILURE if eos.metadata == "grpc" else Level.WARNING
    for url in options.urls:
        if url.startswith("grpc:") and urlsplit(url).hostname not in _LOCAL:
            text = f"{what}.eos: {url} is asked in the clear, also for the key"
            yield Finding(Level.WARNING, text, "grpcs://, with EOS_MGM_GRPC_SSL_CERT, _KEY and _CA set on the manager")
        try:
            with GrpcProbe(options, url) as probe:
                probe.ping()
                yield Finding(Level.OK, f"{what}: {url} answers")
                probe.see_key()
                yield Finding(Level.OK, f"{what}: {url} takes the key")
        except SettingsError as error:
            yield Finding(Level.FAILURE, f"{what}.eos: {error}", "the gateway does not start with it")
            return
        except StorageUnavailable as error:
            remedy = "is EOS_MGM_GRPC_PORT right, and grpc_ca_file, and the gateway's certificate, if it is asked for one?"
            if "key" in str(error):
                remedy = "vid add gateway HOST grpc; vid set map -grpc key:KEY vuid:2 vgid:2; vid set membership 2 +sudo"
            yield Finding(level, f"{what}.eos.grpc_urls: {url}: {error}", remedy)
        except ClawgateError as error:
            yield Finding(level, f"{what}.eos.grpc_urls: {url}: {error}", "see its log")


def believed(what: str, eos: Eos, who: str, account: Account, path: str, seen: bool) -> Iterator[Finding]:
    """Whether a name, by which content is moved, and the uid that the directory has for it are the same person on EOS, as far as
    that can be seen without asking who they are. `seen`: over HTTP, by name, `path` can be looked into. Blocks, and changes
    nothing."""
    they, remedy = f"{who} and uid {account.uid}", "the uid and gid of the directory have to be those that EOS has for the name"
    try:
        found = _look(eos, account, path)
    except NotFound:
        yield Finding(Level.FAILURE, f"{what}: there is no {path}", "make it")
        return
    except Forbidden:
        if seen:
            text = f"{what}: {they} are not the same on EOS: by name, {path} can be seen, and by uid it cannot"
            yield Finding(Level.FAILURE, text, f"{remedy}; or it is one of their further groups that counts")
        else:
            yield Finding(Level.FAILURE, f"{what}: {who} may not read {path}", "see its mode and ACL")
        return
    except ClawgateError as error:
        yield Finding(Level.FAILURE, f"{what}: {path} cannot be looked at by gRPC: {error}", "see the log of EOS")
        return
    if found is None:
        return
    if not seen:
        yield Finding(
            Level.FAILURE, f"{what}: {they} are not the same on EOS: by uid, {path} can be seen, and by name it cannot", remedy
        )
    elif found.uid == account.uid and not found.mode & 0o077 and not found.acl:
        yield Finding(Level.OK, f"{what}: {they} are the same on EOS: both see {path}, which nobody else does")
    else:
        yield Finding(Level.OK, f"{what}: {they} both see {path}; others may as well, so that they may be two")


def root(what: str, eos: Eos, who: str, account: Account, path: str) -> Iterator[Finding]:
    """Whether somebody sees the root of a space of theirs. Blocks; changes nothing."""
    try:
        found = _look(eos, account, path)
    except ClawgateError as error:
        text = f"{what}: {who} (uid {account.uid}, gid {account.gid}) does not see {path} by gRPC: {error}"
        yield Finding(
            Level.WARNING, text, "gRPC knows one group of a person; HTTP is asked where it says no, which costs a call more"
        )
        return
    if found is not None:
        yield Finding(Level.OK, f"{what}: {who} sees {path} by gRPC, inode {found.inode}")


def _look(eos: Eos, account: Account, path: str) -> Entry | None:
    """What the first manager that answers shows somebody; None: none does, which `managers` tells. Raises what it says."""
    from .storage.eos.grpc.options import options_of
    from .storage.eos.grpc.probing import GrpcProbe

    options = options_of(eos)
    for url in options.urls:
        try:
            with GrpcProbe(options, url) as probe:
                return probe.look(account.uid, account.gid, path)
        except StorageUnavailable:
            continue
    return None

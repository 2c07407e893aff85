"""``clawgate check`` for mounts on EOS that are asked for metadata by gRPC: ports, the key, and what people see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from .errors import ClawgateError, SettingsError, StorageUnavailable
from .settings import Eos
from .storage.eos.metadata import Account

_LOCAL = ("127.0.0.1", "::1", "localhost")


class Seen(NamedTuple):
    """One thing that was looked at."""

    level: str
    """``ok``, ``warn`` or ``FAIL``."""
    text: str
    remedy: str = ""


def managers(what: str, eos: Eos) -> Iterator[Seen]:
    """All that can be seen of the ports. Blocks; changes nothing."""
    from .storage.eos.grpc.options import options_of
    from .storage.eos.grpc.probing import GrpcProbe

    options = options_of(eos)
    level = "FAIL" if eos.metadata == "grpc" else "warn"
    for url in options.urls:
        if url.startswith("grpc:") and urlsplit(url).hostname not in _LOCAL:
            text = f"{what}.eos: {url} is asked in the clear, also for the key"
            yield Seen("warn", text, "grpcs://, with EOS_MGM_GRPC_SSL_CERT, _KEY and _CA set on the manager")
        try:
            with GrpcProbe(options, url) as probe:
                probe.ping()
                yield Seen("ok", f"{what}: {url} answers")
                probe.see_key()
                yield Seen("ok", f"{what}: {url} takes the key")
        except SettingsError as error:
            yield Seen("FAIL", f"{what}.eos: {error}", "the gateway does not start with it")
            return
        except StorageUnavailable as error:
            remedy = "is EOS_MGM_GRPC_PORT right, and grpc_ca_file, and the gateway's certificate, if it is asked for one?"
            if "key" in str(error):
                remedy = "vid add gateway HOST grpc; vid set map -grpc key:KEY vuid:2 vgid:2; vid set membership 2 +sudo"
            yield Seen(level, f"{what}.eos.grpc_urls: {url}: {error}", remedy)
        except ClawgateError as error:
            yield Seen(level, f"{what}.eos.grpc_urls: {url}: {error}", "see its log")


def root(what: str, eos: Eos, who: str, account: Account, path: str) -> Iterator[Seen]:
    """Whether somebody sees the root of a space of theirs. Blocks; changes nothing."""
    from .storage.eos.grpc.options import options_of
    from .storage.eos.grpc.probing import GrpcProbe

    options = options_of(eos)
    for url in options.urls:
        try:
            with GrpcProbe(options, url) as probe:
                found = probe.look(account.uid, account.gid, path)
        except StorageUnavailable:
            # It was said above.
            continue
        except ClawgateError as error:
            text = f"{what}: {who} (uid {account.uid}, gid {account.gid}) does not see {path} by gRPC: {error}"
            yield Seen("warn", text, "gRPC knows one group of a person; HTTP is asked where it says no, which costs a call more")
            return
        yield Seen("ok", f"{what}: {who} sees {path} by gRPC, inode {found.inode}")
        return

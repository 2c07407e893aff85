"""The part of mounts on EOS that speaks gRPC: what its settings must be, and what is made of them.

What talks is imported only when there are ``grpc_urls``: the library is large, and need not be installed for others.
"""

from __future__ import annotations

from collections import OrderedDict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..errors import SettingsError
from ..settings import Eos
from ..workers import Workers

if TYPE_CHECKING:
    from ..storage.eos.grpc.grpc_metadata import GrpcMetadata
    from ..storage.eos.instance import Instance

_MOST = 10_000


class Numbers:
    """Uid and gid of people by their names on EOS, as the directory of users has them."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def note(self, name: str, uid: int | None, gid: int | None) -> None:
        """The directory says so now."""
        self._known.pop(name, None)
        if uid is not None and gid is not None:
            self._known[name] = (uid, gid)
            if len(self._known) > _MOST:
                self._known.popitem(last=False)

    def __call__(self, name: str) -> tuple[int, int] | None:
        """What it says of a name."""
        return self._known.get(name)


def check(key: str, eos: Eos) -> None:
    """Raises `SettingsError` if the settings of a mount do not go together; `key` is what they stand below."""
    if eos.metadata == "grpc" and not eos.grpc_urls:
        raise SettingsError(f"{key}.grpc_urls: metadata = 'grpc' needs the address of a manager's gRPC port")
    if bool(eos.grpc_certificate) != bool(eos.grpc_certificate_key):
        raise SettingsError(f"{key}.grpc_certificate: it and grpc_certificate_key go together")
    if eos.grpc_uids and eos.metadata != "grpc":
        raise SettingsError(f"{key}.grpc_uids: needs metadata = 'grpc'; over HTTP EOS works by names")
    if not eos.by_grpc:
        return
    if not eos.grpc_key:
        raise SettingsError(f"{key}.grpc_key: EOS knows by it that it is the gateway that asks")
    # `find_spec` itself fails where there is no package around what is looked for.
    if find_spec("grpc") is None or find_spec("google") is None or find_spec("google.protobuf") is None:
        raise SettingsError(f"{key}.grpc_urls: needs grpcio and protobuf; install 'clawgate[grpc]'")


def pool(reactor: Any, mount: str, eos: Eos) -> Workers:
    """Threads for calls: each waits in one."""
    return Workers(reactor, f"eos-grpc-{mount}", eos.requests, eos.queue)


def metadata(reactor: Any, eos: Eos, instance: Instance, workers: Workers, numbers: Numbers) -> GrpcMetadata:
    """What asks the instance of a mount. Raises `SettingsError`."""
    from ..storage.eos.grpc.channels import Channels
    from ..storage.eos.grpc.grpc_metadata import GrpcMetadata
    from ..storage.eos.grpc.options import options_of

    channels = Channels(reactor, options_of(eos), workers)
    believed = numbers if eos.grpc_uids else None
    return GrpcMetadata(instance, channels, detect=eos.metadata == "auto", numbers=believed)

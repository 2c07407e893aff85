"""Single questions to a manager by gRPC, asked by blocking: for ``clawgate check``, which has no reactor."""

from __future__ import annotations

from typing import Any

import attrs
import grpc  # type: ignore[import-untyped]

from ....errors import NotFound
from ..facts import Entry
from .channels import connect, credentials, failure
from .failures import Lost, of_command
from .options import GrpcOptions
from .proto import MESSAGES, SERVICE, STAT
from .translation import entry


class GrpcProbe:
    """Asks one manager. All methods raise `ClawgateError`."""

    def __init__(self, options: GrpcOptions, url: str) -> None:
        """Raises `SettingsError` if a file cannot be read."""
        self._options = attrs.evolve(options, timeout=options.connect_timeout)
        self._channel = connect(url, self._options, credentials(options))

    def __enter__(self) -> GrpcProbe:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def ping(self) -> None:
        """Whether anybody answers."""
        self._ask("Ping", MESSAGES["PingRequest"](message=b"clawgate"), "PingReply")

    def see_key(self) -> None:
        """Whether the key is taken, and whoever has it may become others."""
        told = self._ask("NsStat", MESSAGES["NsStatRequest"](authkey=self._options.key), "NsStatResponse")
        if (error := of_command(told.code, told.emsg)) is not None:
            raise error

    def look(self, uid: int, gid: int, path: str) -> Entry:
        """What somebody sees of a file or folder."""
        id, role = MESSAGES["MDId"](path=path.encode()), MESSAGES["RoleId"](uid=uid, gid=gid)
        request = MESSAGES["MDRequest"](type=STAT, id=id, authkey=self._options.key, role=role)
        call = self._channel.unary_stream(
            f"{SERVICE}MD",
            request_serializer=type(request).SerializeToString,
            response_deserializer=MESSAGES["MDResponse"].FromString,
        )
        try:
            found = [entry(told) for told in call(request, timeout=self._options.timeout)]
        except grpc.RpcError as error:
            raise _domain(error) from None
        if not found:
            raise NotFound("there is no such file or folder")
        return found[0]

    def _ask(self, method: str, request: Any, answer: str) -> Any:
        call = self._channel.unary_unary(
            SERVICE + method,
            request_serializer=type(request).SerializeToString,
            response_deserializer=MESSAGES[answer].FromString,
        )
        try:
            return call(request, timeout=self._options.timeout)
        except grpc.RpcError as error:
            raise _domain(error) from None


def _domain(error: Any) -> Exception:
    found = failure(error)
    return found.error if isinstance(found, Lost) else found

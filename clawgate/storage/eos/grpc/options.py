"""How the managers of one instance of EOS are reached by gRPC."""

from __future__ import annotations

import attrs

from ....settings import Eos


@attrs.frozen
class GrpcOptions:
    """Options of `channels.Channels`. Times are in seconds."""

    urls: tuple[str, ...]
    """``grpc://HOST:PORT``, or ``grpcs://`` for TLS, in the order in which they are tried."""
    key: str = attrs.field(default="", repr=False)
    ca_file: str = ""
    """Empty: the public authorities that come with gRPC."""
    certificate: str = ""
    """PEM file of our own certificate, which EOS asks for unless it is told not to; empty: none."""
    certificate_key: str = ""
    timeout: float = 30.0
    """For an answer."""
    connect_timeout: float = 10.0
    attempts: int = 3
    """How often what can be repeated is tried."""
    down_seconds: float = 10.0
    """How long a manager that failed is asked last."""
    answer_bytes: int = 128 << 20
    """Longest listing."""


def options_of(eos: Eos) -> GrpcOptions:
    """What the settings of a mount say."""
    return GrpcOptions(
        urls=tuple(url.rstrip("/") for url in eos.grpc_urls),
        key=eos.grpc_key,
        ca_file=eos.grpc_ca_file or eos.ca_file,
        certificate=eos.grpc_certificate,
        certificate_key=eos.grpc_certificate_key,
        timeout=eos.timeout,
        connect_timeout=eos.connect_timeout,
        attempts=eos.attempts,
        down_seconds=eos.down_seconds,
        answer_bytes=eos.answer_bytes,
    )

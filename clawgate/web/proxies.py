"""Who the client is and how it calls us, behind proxies that may be believed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from ..errors import SettingsError

_HOST = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PAIR = re.compile(r'[ \t]*([A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]+))[ \t]*([;,]|\Z)|[ \t]*([;,])')
_NODE = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)|([0-9A-Fa-f:]+:[0-9A-Fa-f:.]*))(?::[0-9]{1,5})?")

LOCAL = "unix"
"""The name under which peers on a Unix socket can be trusted."""


class Origin(NamedTuple):
    """Where a request comes from and what it was sent to."""

    client_ip: str
    secure: bool
    """The client used https."""
    host: str
    """Host and port as in the address bar."""


def valid_host(host: str | None) -> str | None:
    """`host` if it can be part of a URL, else None."""
    return host if host and len(host) <= 255 and _HOST.fullmatch(host) else None


def _address(node: str) -> str | None:
    found = _NODE.fullmatch(node)
    if found is None:
        return None
    try:
        return str(ip_address(found[1] or found[2] or found[3]))
    except ValueError:
        return None


def parse_forwarded(value: str) -> tuple[dict[str, str], ...]:
    """The elements of a Forwarded header (RFC 7239), nearest proxy last; parameter names in lower case. Empty if it is
    malformed."""
    elements: list[dict[str, str]] = [{}]
    at = 0
    while at < len(value):
        found = _PAIR.match(value, at)
        if found is None or found.end() == at:
            return ()
        if found[1] is not None:
            text = re.sub(r"\\(.)", r"\1", found[2]) if found[2] is not None else found[3]
            elements[-1][found[1].lower()] = text
        if "," in (found[4], found[5]):
            elements.append({})
        at = found.end()
    return tuple(element for element in elements if element)


class Proxies:
    """The proxies whose word about the client counts."""

    def __init__(self, networks: Sequence[str]) -> None:
        """`networks` are addresses, networks in CIDR form, or ``unix``. Raises `SettingsError`."""
        self._local = LOCAL in networks
        try:
            self._networks = [ip_network(network, strict=False) for network in networks if network != LOCAL]
        except ValueError as error:
            raise SettingsError(f"http.trusted_proxies: {error}") from None
        self.any = bool(networks)
        """There are trusted proxies at all."""
        self.trusts = lru_cache(1024)(self._trusts)

    def _trusts(self, ip: str) -> bool:
        """Whether the peer with this address is a trusted proxy."""
        if ip == LOCAL:
            return self._local
        try:
            address = ip_address(ip)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        if mapped is not None:
            address = mapped
        return any(address in network for network in self._networks if network.version == address.version)

    def origin(self, peer: str, secure: bool, host: str, header: Callable[[str], str | None]) -> Origin:
        """Judge what the connection says (`peer`, `secure`, the Host header) together with the headers of proxies.

        ``Forwarded`` is taken if it is there, else ``X-Forwarded-For``, ``-Proto``, ``-Host`` and ``-Port``. The client is the
        last address that is not a trusted proxy itself: what stands further left, anybody could have written.
        """
        if not self.any or not self.trusts(peer):
            return Origin(peer, secure, host)
        forwarded = header("forwarded")
        if forwarded is not None:
            return self._by_forwarded(peer, secure, host, parse_forwarded(forwarded))
        client = peer
        chain = header("x-forwarded-for")
        if chain is not None:
            for part in reversed(chain.split(",")):
                found = _address(part.strip(" \t"))
                if found is None:
                    break
                client = found
                if not self.trusts(found):
                    break
        scheme = _last(header("x-forwarded-proto"))
        if scheme:
            secure = scheme.lower() in ("https", "wss")
        named = valid_host(_last(header("x-forwarded-host")))
        if named is not None:
            host = named
        port = _last(header("x-forwarded-port"))
        if port and port.isascii() and port.isdigit() and not re.search(r":[0-9]+\Z", host):
            host = host if port == ("443" if secure else "80") else f"{host}:{port}"
        return Origin(client, secure, host)

    def _by_forwarded(self, peer: str, secure: bool, host: str, elements: Sequence[dict[str, str]]) -> Origin:
        client = peer
        for element in reversed(elements):
            if "proto" in element:
                secure = element["proto"].lower() == "https"
            named = valid_host(element.get("host"))
            if named is not None:
                host = named
            found = _address(element.get("for", ""))
            if found is None:
                break
            client = found
            if not self.trusts(found):
                break
        return Origin(client, secure, host)


def _last(value: str | None) -> str | None:
    return value.rpartition(",")[2].strip(" \t") if value is not None else None

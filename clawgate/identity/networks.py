"""Whom the brake takes for one: addresses of one network, spellings of one name."""

from __future__ import annotations

import ipaddress
import unicodedata
from functools import lru_cache
from hashlib import blake2b


@lru_cache(4096)
def network_of(address: str, ipv4_prefix: int, ipv6_prefix: int) -> str:
    """The network of an address, e.g. ``192.0.2.7/32``; what is no address (``unix``) is a network of its own.

    IPv4 addresses that are written as IPv6 are IPv4.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    prefix = ipv4_prefix if found.version == 4 else ipv6_prefix
    return str(ipaddress.ip_network((found, prefix), strict=False))


def person(name: str) -> str:
    """32 letters that stand for a typed name: names can be long, and people type their password there.

    Spellings that a directory may take for the same name have the same: else each of them would have its own free tries.
    """
    spelled = unicodedata.normalize("NFKC", name).casefold().strip()
    return blake2b(spelled.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

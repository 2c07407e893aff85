"""Which certificates of the service are believed."""

from __future__ import annotations

from typing import Any

from twisted.internet.ssl import CertificateOptions
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from ... import certificates


def policy(ca_file: str = "", *, verify: bool = True) -> Any:
    """For an agent. Blocks. Raises `SettingsError` if `ca_file` cannot be used."""
    return certificates.policy(ca_file) if verify else _Anybody()


@implementer(IPolicyForHTTPS)
class _Anybody:
    """Encrypts, and asks for no proof."""

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:
        """See `IPolicyForHTTPS`."""
        return CertificateOptions()

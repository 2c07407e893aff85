"""Which certificates of the service are believed."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.internet.ssl import Certificate, CertificateOptions, trustRootFromCertificates
from twisted.web.client import BrowserLikePolicyForHTTPS
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from ...errors import SettingsError


def policy(ca_file: str = "", *, verify: bool = True) -> Any:
    """For an agent. Blocks. Raises `SettingsError` if `ca_file` cannot be used."""
    if not verify:
        return _Anybody()
    return BrowserLikePolicyForHTTPS(_authorities(ca_file) if ca_file else None)  # type: ignore[no-untyped-call]


@implementer(IPolicyForHTTPS)
class _Anybody:
    """Encrypts, and asks for no proof."""

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:
        """See `IPolicyForHTTPS`."""
        return CertificateOptions()


def _authorities(file: str) -> Any:
    try:
        with open(file, "rb") as stream:
            text = stream.read()
        end = b"-----END CERTIFICATE-----"
        found = [Certificate.loadPEM(part + end) for part in text.split(end)[:-1]]
    except (OSError, ValueError, SSL.Error) as error:
        raise SettingsError(f"{file}: the certificates cannot be read: {error}") from error
    if not found:
        raise SettingsError(f"{file}: there is no certificate in it")
    return trustRootFromCertificates(found)  # type: ignore[no-untyped-call]

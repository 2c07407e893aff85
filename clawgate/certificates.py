"""Which certificates of servers are believed."""

from __future__ import annotations

from OpenSSL import SSL
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.web.client import BrowserLikePolicyForHTTPS

from .errors import SettingsError

_END = b"-----END CERTIFICATE-----"


def policy(ca_file: str) -> BrowserLikePolicyForHTTPS:
    """Believes what the authorities in a PEM file have signed; an empty name stands for those of the system. Reads the file, and
    raises `SettingsError` if it cannot, or if there is no certificate in it."""
    if not ca_file:
        return BrowserLikePolicyForHTTPS()  # type: ignore[no-untyped-call]
    try:
        with open(ca_file, "rb") as stream:
            parts = stream.read().split(_END)[:-1]
        found = [Certificate.loadPEM(part + _END) for part in parts]
    except (OSError, ValueError, SSL.Error) as error:
        raise SettingsError(f"{ca_file}: the certificates cannot be read: {error}") from error
    if not found:
        raise SettingsError(f"{ca_file}: there is no certificate in it")
    return BrowserLikePolicyForHTTPS(trustRootFromCertificates(found))  # type: ignore[no-untyped-call]

"""How servers prove who they are."""

from __future__ import annotations

import ssl

from ...errors import SettingsError
from ...settings import Ldap


def context(settings: Ldap) -> ssl.SSLContext:
    """What every connection of a directory is encrypted with. Raises `SettingsError` if `ca_file` cannot be used."""
    try:
        made = ssl.create_default_context(cafile=settings.ca_file or None)
    except OSError as error:
        raise SettingsError(f"{settings.ca_file}: {error.strerror or error}") from error
    if not settings.verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made

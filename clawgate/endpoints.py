"""What is wrong with a server endpoint of the settings, in words that help: Twisted takes a folder without certificates for one
with them, and one with the authority's own certificate it reads for ever (``twisted.protocols._sni`` of 26.4)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

SOON = timedelta(days=7)
"""A certificate that ends within this time is worth a word."""
_PLACES = "docs/running.md tells how addresses are written"
_BINDING = (
    ("Address already in use", "use another one, or stop who listens there"),
    ("Cannot assign requested address", "the machine has no such address; mend what follows 'interface='"),
    ("Permission denied", "for ports below 1024 take the socket unit or twistd --uid (docs/running.md)"),
)


@attrs.frozen
class Fault:
    """Something about an endpoint that clients will notice."""

    text: str
    remedy: str
    grave: bool = True
    """Nobody could be served."""
    later: bool = False
    """Nobody has noticed it yet."""


@attrs.frozen
class _Pem:
    file: str
    certificates: Sequence[x509.Certificate]
    keys: Sequence[bytes]
    """Public halves."""


def faults(description: str, now: datetime | None = None) -> Iterator[Fault]:
    """Look at what `description` names, without binding it. Blocking."""
    kind, *arguments = re.split(r"(?<!\\):", description.removeprefix("haproxy:"))
    path = _argument(arguments, {"tls": "path", "unix": "address"}.get(kind, ""))
    if kind == "tls":
        yield from _certificates(path, now or datetime.now(UTC))
    elif kind == "unix" and not os.path.isdir(folder := os.path.dirname(os.path.abspath(path))):
        yield Fault(f"there is no folder {folder}", "make it, writable for the user that the gateway runs as")


def unusable(description: str, error: Exception) -> str:
    """What to say when Twisted makes no endpoint of `description`, because of `error`."""
    if description.startswith("systemd:") and isinstance(error, LookupError):
        return "systemd has passed no such socket; start it by its socket unit, conf/clawgate.service has one"
    return f"is not a server endpoint: {error}"


def remedy(wrong: str) -> str:
    """What to do when binding an endpoint says `wrong`."""
    return next((mend for sign, mend in _BINDING if sign in wrong), _PLACES)


def _argument(arguments: Sequence[str], name: str) -> str:
    named = [one for one in arguments if one.startswith(f"{name}=")]
    value: str = next(iter([*named, *arguments]), "")
    return value.removeprefix(f"{name}=").replace("\\:", ":")


def _certificates(folder: str, now: datetime) -> Iterator[Fault]:
    files = [os.path.join(above, name) for above, _, names in os.walk(folder) for name in sorted(names) if name.endswith(".pem")]
    if not files:
        what = "has no file *.pem" if os.path.isdir(folder) else "is no folder"
        yield Fault(f"{folder} {what}", "put a file NAME.pem there, with a key and its chain of certificates")
        return
    pems: list[_Pem] = []
    for file in files:
        try:
            pems.append(_read(file))
        except (OSError, ValueError, TypeError) as error:
            yield Fault(f"{file} cannot be used: {error}", "it must hold a key without a passphrase, and certificates, as PEM")
            return
    keys = {key for pem in pems for key in pem.keys}
    others = {certificate.subject for pem in pems for certificate in pem.certificates if _public(certificate) not in keys}
    served = False
    for pem in pems:
        for certificate in pem.certificates:
            who = certificate.subject.rfc4514_string()
            if _public(certificate) in keys:
                found = _pair(pem.file, certificate, now)
                served = served or found is None or not found.grave
                if found is not None:
                    yield found
            elif certificate.subject == certificate.issuer and certificate.issuer in others:
                yield Fault(f"{pem.file} holds the authority itself, {who}", "take it out; clients know it or do not believe it")
                return
    if not served:
        yield Fault(f"{folder} has no certificate with its key that could be served", "put both into a file NAME.pem there")


def _pair(file: str, certificate: x509.Certificate, now: datetime) -> Fault | None:
    renew = "put a new one there, and start the gateway anew"
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        hosts = names.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        hosts = []
    if not hosts:
        return Fault(f"the certificate in {file} names no host", "it needs the host in subjectAltName, as a DNS name")
    end = certificate.not_valid_after_utc
    if end <= now:
        return Fault(f"the certificate for {hosts[0]} in {file} has expired on {end:%Y-%m-%d}", renew, grave=False)
    if certificate.not_valid_before_utc > now:
        begin = certificate.not_valid_before_utc
        return Fault(
            f"the certificate for {hosts[0]} in {file} is not valid before {begin:%Y-%m-%d %H:%M} UTC", renew, grave=False
        )
    if end - now < SOON:
        return Fault(f"the certificate for {hosts[0]} in {file} expires on {end:%Y-%m-%d}", renew, grave=False, later=True)
    return None


def _read(file: str) -> _Pem:
    with open(file, "rb") as stream:
        parts = re.split(rb"(?m)^(?=-----BEGIN)", stream.read())[1:]
    certificates = [x509.load_pem_x509_certificate(part) for part in parts if b"CERTIFICATE" in part.partition(b"\n")[0]]
    keys = [part for part in parts if b"CERTIFICATE" not in part.partition(b"\n")[0]]
    publics = [_bytes(serialization.load_pem_private_key(part, None).public_key()) for part in keys]
    return _Pem(file, certificates, publics)


def _public(certificate: x509.Certificate) -> bytes:
    return _bytes(certificate.public_key())


def _bytes(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

"""Makes keys and tokens as a provider does, and as an attacker would."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import ipaddress
import json
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

NOW = 1_800_000_000.0
ISSUER = "https://idp.example.org/realms/lab"
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": "files",
    "sub": "4711",
    "exp": NOW + 300,
    "iat": NOW,
    "preferred_username": "alice",
    "scope": "openid files",
}


def encode(data: bytes | dict[str, Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Forge:
    def __init__(self) -> None:
        self.private: dict[str, Any] = {
            "rsa": rsa.generate_private_key(65537, 2048),
            "ec": ec.generate_private_key(ec.SECP256R1()),
            "ed": ed25519.Ed25519PrivateKey.generate(),
            "foreign": rsa.generate_private_key(65537, 2048),
            "short": rsa.generate_private_key(65537, 1024),
        }

    def jwk(self, name: str, **members: Any) -> dict[str, Any]:
        """The public key as a provider shows it."""
        public = self.private[name].public_key()
        make: Any = {"ec": jwt.algorithms.ECAlgorithm, "ed": jwt.algorithms.OKPAlgorithm}.get(name, jwt.algorithms.RSAAlgorithm)
        return {**make.to_jwk(public, as_dict=True), "kid": name, "use": "sig", **members}

    def token(self, algorithm: str = "RS256", key: str = "rsa", header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Signed with one of our keys; a claim or header that is None is left out."""
        body = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
        head = {name: value for name, value in {"typ": "at+jwt", "kid": key, **(header or {})}.items() if value is not None}
        # Not through PyJWT as a whole: it refuses to make some that an attacker can.
        signed = f"{encode({'alg': algorithm, **head})}.{encode(body)}"
        maker = jwt.algorithms.get_default_algorithms()[algorithm]
        return f"{signed}.{encode(maker.sign(signed.encode(), self.private[key]))}"

    def unsigned(self, algorithm: str = "none") -> str:
        return f"{encode({'alg': algorithm, 'kid': 'rsa'})}.{encode(CLAIMS)}."

    def with_public_key_as_secret(self, *, pem: bool) -> str:
        """HS256 whose secret is the public key, which everybody knows."""
        public = self.private["rsa"].public_key()
        secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        if not pem:
            secret = json.dumps(self.jwk("rsa")).encode()
        signed = f"{encode({'alg': 'HS256', 'kid': 'rsa', 'typ': 'at+jwt'})}.{encode(CLAIMS)}"
        return f"{signed}.{encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"

    def certificate(self) -> tuple[bytes, bytes]:
        """An authority, and a certificate of 127.0.0.1 with its key; PEM."""
        now = datetime.datetime.now(datetime.UTC)
        authority, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        serial = x509.random_serial_number()
        name, host = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (f"authority {serial}", "127.0.0.1"))

        def make(subject: x509.Name, public: Any, extension: Any, critical: bool) -> bytes:
            built = (
                x509.CertificateBuilder(name, subject, public, x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(hours=1))
                .not_valid_after(now + datetime.timedelta(hours=1))
                .add_extension(extension, critical)
                .sign(authority, SHA256())
            )
            return built.public_bytes(Encoding.PEM)

        root = make(name, authority.public_key(), x509.BasicConstraints(True, None), True)
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        leaf = make(host, server.public_key(), names, False)
        key = server.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return root, leaf + key

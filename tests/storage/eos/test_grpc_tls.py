"""gRPC over TLS, with a certificate of the gateway's own, as EOS wants it unless it is told otherwise."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

import attrs
import grpc
import pytest
import pytest_twisted
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clawgate.errors import SettingsError, StorageUnavailable
from clawgate.storage.eos.grpc.channels import Channels
from clawgate.storage.eos.grpc.options import GrpcOptions

from .grpc_mounted import grpc_mounted

HOME = "/eos/user/a/alice"


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    """The paths of a certificate that vouches for itself, as that of a server at 127.0.0.1 and of its client, and of its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "eos")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("pem")
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return certificate, private


@pytest_twisted.ensureDeferred
async def test_tls(tmp_path, pem):
    certificate, private = pem
    pair = (private.read_bytes(), certificate.read_bytes())
    tls = grpc.ssl_server_credentials([pair], root_certificates=pair[1], require_client_auth=True)
    ours = {"ca_file": str(certificate), "certificate": str(certificate), "certificate_key": str(private)}
    async with grpc_mounted(tmp_path / "eos", tls=tls, grpc=ours) as mounted:
        assert mounted.ports[0].url.startswith("grpcs:")
        assert (await mounted.metadata.look("alice", HOME)).is_folder
        right = attrs.evolve(mounted.channels.options, attempts=1)
        wrong = [
            attrs.evolve(right, certificate="", certificate_key=""),
            attrs.evolve(right, ca_file=""),
            attrs.evolve(right, urls=(right.urls[0].replace("grpcs", "grpc"),)),
        ]
        good = mounted.metadata._channels
        for options in wrong:
            mounted.metadata._channels = Channels(mounted.instance.reactor, options, mounted.threads)
            with pytest.raises(StorageUnavailable):
                await mounted.metadata.look("alice", HOME)
            mounted.metadata.close()
        mounted.metadata._channels = good
        assert [one.command for one in mounted.double.record.of(server="grpc")] == ["STAT"]


def test_files_that_cannot_be_read(tmp_path, pem):
    certificate, _ = pem
    for name in ("ca_file", "certificate", "certificate_key"):
        options = attrs.evolve(GrpcOptions(("grpcs://a:1",), ca_file=str(certificate)), **{name: str(tmp_path / "missing")})
        with pytest.raises(SettingsError, match="missing: cannot be read"):
            Channels(None, options, None)

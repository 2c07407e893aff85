"""Who the gateway is for the service: keys, profiles, roles; and what requests say."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from twisted.internet import reactor

from clawgate.errors import SettingsError, StorageUnavailable
from clawgate.model.content import Intent
from clawgate.model.path import Path
from clawgate.storage.s3.accounts import Account, Address, connect, is_virtual, session_name
from clawgate.storage.s3.control import Control
from clawgate.storage.s3.driver import S3Storage
from clawgate.storage.s3.exchange import Exchange
from clawgate.storage.s3.options import S3Options
from clawgate.storage.s3.trust import policy
from clawgate.testing.tools import body_of, get, put

from . import servers

OWN = Account(servers.KEY, servers.SECRET)
LONG = bytes(range(256)) * 1000


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


def test_nobody(nothing_around):
    with pytest.raises(StorageUnavailable, match="no credentials"):
        connect(Address("b", "http://127.0.0.1:1"), Account())
    with pytest.raises(SettingsError, match="no profile 'lab'"):
        connect(Address("b", "http://127.0.0.1:1"), Account(profile="lab"))
    (nothing_around / "credentials").write_text("[lab]\naws_access_key_id = one\naws_secret_access_key = two\n")
    way = connect(Address("b", "http://127.0.0.1:1"), Account(profile="lab"))
    assert way.signer.credentials.access_key == "one"
    assert "two" not in repr(Account("one", "two"))


def test_the_style_of_addresses():
    assert is_virtual("auto", "", "bucket")
    assert is_virtual("auto", "https://s3.eu-west-1.amazonaws.com", "bucket")
    assert not is_virtual("auto", "", "with.dots")
    assert not is_virtual("auto", "https://s3.example.org", "bucket")
    assert is_virtual("virtual", "https://s3.example.org", "bucket")
    assert not is_virtual("path", "", "bucket")


def test_names_of_sessions():
    assert session_name("alice@example.org") == "alice@example.org"
    odd = [session_name(name) for name in ("a", "ä", "ö", "x" * 100, "a b", "a/b")]
    assert len(set(odd)) == len(odd)
    assert all(2 <= len(name) <= 64 and name.isascii() and " " not in name for name in odd)


def test_a_role_is_taken_on_and_renewed_before_it_ends(moto):
    role = Account(
        servers.KEY,
        servers.SECRET,
        role="arn:aws:iam::123456789012:role/home-alice",
        session="alice",
        external_id="external",
        seconds=900,
    )
    way = connect(Address(servers.BUCKET, moto.endpoint), role)
    credentials = way.signer.credentials
    first = credentials.get_frozen_credentials()
    assert first.token and first.access_key != servers.KEY
    assert credentials.get_frozen_credentials() == first or credentials.refresh_needed()
    credentials._expiry_time = datetime.now(UTC) + timedelta(minutes=1)
    assert credentials.get_frozen_credentials().access_key != first.access_key
    way.client.list_objects_v2(Bucket=servers.BUCKET, MaxKeys=1)


async def opened(address, workers, account=OWN, **options):
    way = connect(address, account)
    control = Control(way.client, workers, address.bucket)
    trust = policy(address.ca_file, verify=address.verify)
    exchange = Exchange(reactor, control, way.signer, 60.0, every=address.every(), objects=address.objects(), policy=trust)
    storage = S3Storage(control, exchange, S3Options(address.bucket, small_bytes=1000, put_bytes=150_000, **options))
    await storage.start()
    return storage, exchange, way.client


async def test_what_is_written_is_encrypted(moto, s3_workers):
    address = Address(servers.BUCKET, moto.endpoint, sse="aws:kms", sse_key="a-key", requester_pays=True)
    storage, exchange, client = await opened(address, s3_workers, prefix="sse/", part_bytes=5 << 20)
    try:
        await put(storage, "small", b"1")
        await storage.write(Path("streamed"), body_of(LONG[:100_000]), Intent(size=100_000))
        await storage.write(Path("parts"), body_of(LONG), Intent())
        await storage.make_folder(Path("folder"))
        await storage.move(Path("small"), Path("moved"), replace=False)
        for key in ("streamed", "parts", "folder/", "moved"):
            found = client.head_object(Bucket=address.bucket, Key=f"sse/{key}")
            assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", "a-key"), key
        assert await get(storage, "streamed") == LONG[:100_000]
    finally:
        await exchange.close()


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """moto with TLS, and the certificate of an authority of our own."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    make += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(make, check=True, capture_output=True)
    port = servers.free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    command += ["-c", str(certificate), "-k", str(key)]
    endpoint = f"https://localhost:{port}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        client = connect(Address(servers.BUCKET, endpoint, ca_file=str(certificate)), OWN).client
        until = time.monotonic() + 60
        while True:
            try:
                client.create_bucket(Bucket=servers.BUCKET)
                break
            except (ClientError, BotoCoreError):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < until
                time.sleep(0.1)
        yield endpoint, str(certificate)
    finally:
        process.terminate()
        process.wait()


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("how", ["authority", "anybody", "system"])
async def test_certificates(tls, s3_workers, how):
    endpoint, certificate = tls
    address = Address(
        servers.BUCKET, endpoint, ca_file=certificate if how == "authority" else "", verify=how != "anybody", timeout=30.0
    )
    if how == "system":
        with pytest.raises(StorageUnavailable):
            await opened(address, s3_workers)
        return
    storage, exchange, _ = await opened(address, s3_workers, prefix=f"{how}/")
    try:
        await storage.write(Path("file"), body_of(LONG[:100_000]), Intent(size=100_000))
        assert await get(storage, "file") == LONG[:100_000]
    finally:
        await exchange.close()


def test_a_file_without_certificates(tmp_path):
    (tmp_path / "empty.pem").write_text("")
    for name in ("empty.pem", "gone.pem"):
        with pytest.raises(SettingsError, match=name):
            policy(str(tmp_path / name))

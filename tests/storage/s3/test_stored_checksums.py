"""Checksums that the service compares and keeps."""

from __future__ import annotations

import base64
import hashlib

import pytest

from clawgate.model.content import Checksum, Intent
from clawgate.model.path import Path
from clawgate.storage.s3.facts import service_checksums
from clawgate.storage.s3.publishing import checksum_header
from clawgate.testing.tools import body_of, put

MIB = 1 << 20
CONTENT = bytes(range(256)) * (2 * MIB // 256) + b"the end"


def encoded(content, algorithm="sha1"):
    return base64.b64encode(hashlib.new(algorithm, content).digest()).decode()


def test_the_strongest_goes_along():
    assert checksum_header("MD5:00 ADLER32:00000001") == checksum_header("") == {}
    assert checksum_header("MD5:00 CRC32C:00000001 SHA1:0102") == {"x-amz-checksum-sha1": "AQI="}
    assert checksum_header("SHA1:0102 SHA256:0304") == {"x-amz-checksum-sha256": "AwQ="}


def test_checksums_of_parts_are_none_of_the_content():
    one = encoded(b"x")
    assert service_checksums({"ChecksumSHA1": one, "ChecksumType": "FULL_OBJECT"}) == f"SHA1:{hashlib.sha1(b'x').hexdigest()}"
    assert service_checksums({"ChecksumSHA1": one, "ChecksumType": "COMPOSITE"}) == ""
    assert service_checksums({"ChecksumSHA1": f"{one}-3"}) == ""
    assert service_checksums({"ChecksumCRC64NVME": "AAAAAAAAAAA="}) == service_checksums({}) == ""


def test_what_the_services_can_do(on_seaweed, on_moto):
    assert on_seaweed.storage._ground.service.verifying
    assert not on_moto.storage._ground.service.verifying


@pytest.mark.parametrize("content", [b"", b"short", CONTENT], ids=["empty", "held", "streamed"])
async def test_the_service_keeps_what_the_client_announced(on_seaweed, content):
    sum = Checksum("SHA1", hashlib.sha1(content).hexdigest())
    await on_seaweed.storage.write(Path("file"), body_of(content), Intent(size=len(content), checksums=(sum,)))
    key = on_seaweed.options.prefix + "file"
    there = on_seaweed.client.head_object(Bucket=on_seaweed.bucket, Key=key, ChecksumMode="ENABLED")
    assert there["ChecksumSHA1"] == encoded(content)


async def test_the_service_refuses_what_changed_on_the_way(on_seaweed, monkeypatch):
    """As if a byte had been turned over behind our back."""
    wrong = {"x-amz-checksum-sha1": encoded(b"other")}
    monkeypatch.setattr("clawgate.storage.s3.publishing.checksum_header", lambda checksums: wrong)
    with pytest.raises(Exception, match="changed on its way"):
        await put(on_seaweed.storage, "file", b"content")
    assert on_seaweed.keys(on_seaweed.options.prefix + "file") == []


async def test_checksums_of_what_others_wrote(on_seaweed):
    key = on_seaweed.options.prefix + "file"
    on_seaweed.client.put_object(Bucket=on_seaweed.bucket, Key=key, Body=b"content", ChecksumSHA256=encoded(b"content", "sha256"))
    on_seaweed.calls.clear()
    node = await on_seaweed.storage.stat(Path("file"))
    assert node.checksums == f"SHA256:{hashlib.sha256(b'content').hexdigest()}"
    assert on_seaweed.calls == {"head_object": 1}
    on_seaweed.client.put_object(Bucket=on_seaweed.bucket, Key=key, Body=b"other content")
    assert (await on_seaweed.storage.stat(Path("file"))).checksums == ""

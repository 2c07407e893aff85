from __future__ import annotations

import pytest

from clawgate.errors import InvalidRequest
from clawgate.model.node import Kind, Node
from clawgate.protocols.webdav.media import content_type
from clawgate.protocols.webdav.transfer_headers import checksums_of, file_headers
from clawgate.protocols.webdav.verbs.lock import timeout_of

SHA1 = "3f786850e387550fdab836ed7e6dc881de23001b"


@pytest.mark.parametrize(
    ("value", "checksums"),
    [
        (None, []),
        ("", []),
        (f"SHA1:{SHA1}", [f"SHA1:{SHA1}"]),
        (f"sha1:{SHA1.upper()}", [f"SHA1:{SHA1}"]),
        (f"SHA-1:{SHA1}", [f"SHA1:{SHA1}"]),
        ("ADLER32:29f0096", ["ADLER32:029f0096"]),
        (f"SHA3-256:00 SHA1:{SHA1} MD5:{'0' * 32}", [f"SHA1:{SHA1}", f"MD5:{'0' * 32}"]),
        ("XYZ:1", []),
        ("nonsense", []),
    ],
)
def test_checksums(value, checksums):
    assert [str(checksum) for checksum in checksums_of(value)] == checksums


@pytest.mark.parametrize("value", ["SHA1:abc", f"MD5:{SHA1}", "SHA1:" + "x" * 40, "SHA1:"])
def test_malformed_checksums(value):
    with pytest.raises(InvalidRequest):
        checksums_of(value)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.txt", "text/plain"),
        ("A.JPG", "image/jpeg"),
        ("a.tar.gz", "application/gzip"),
        ("a.md", "text/markdown"),
        ("a", "application/octet-stream"),
        (".hidden", "application/octet-stream"),
        ("a.b c/d", "application/octet-stream"),
        ("x." + "y" * 40, "application/octet-stream"),
    ],
)
def test_types(name, kind):
    assert content_type(name) == kind


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("Infinite", None),
        ("Second-100", 100),
        ("Infinite, Second-4100000000", None),
        ("Extend-5, second-7", 7),
        ("Second-99999999999999999999", 9999999999),
        ("Second-x", None),
    ],
)
def test_timeouts(value, seconds):
    assert timeout_of(value) == seconds


@pytest.mark.parametrize(
    ("checksums", "size", "told"),
    [
        ("SHA1:abc MD5:def", 1, b"SHA1:abc MD5:def"),
        ("ADLER32:0a0b0c0d", 1, b"Adler32:a0b0c0d"),
        ("SHA1:abc ADLER32:00000001", 0, b"SHA1:abc"),
        ("CRC32C:00000000", 1, None),
        ("", 1, None),
    ],
)
def test_a_download_has_checksums_that_clients_verify(checksums, size, told):
    node = Node("file", Kind.FILE, size, 0, "seen", "id", "etag", checksums)
    assert dict(file_headers(node)).get(b"OC-Checksum") == told

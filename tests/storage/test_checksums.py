from __future__ import annotations

import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.errors import ChecksumMismatch, InvalidRequest
from clawgate.model.content import Checksum
from clawgate.storage.checksums import ALGORITHMS, Digests


@given(st.lists(st.binary(min_size=1)))
def test_chunks_make_no_difference(chunks):
    whole = b"".join(chunks)
    digests = Digests(ALGORITHMS)
    for chunk in chunks:
        digests.update(chunk)
    once = Digests(ALGORITHMS)
    once.update(whole)
    assert digests.text() == once.text()
    assert digests.text().split()[:4] == [
        f"SHA1:{hashlib.sha1(whole).hexdigest()}",
        f"MD5:{hashlib.md5(whole).hexdigest()}",
        f"ADLER32:{zlib.adler32(whole):08x}",
        f"SHA256:{hashlib.sha256(whole).hexdigest()}",
    ]


def test_crc32c_of_rfc_3720():
    for data, value in ((bytes(32), "8a9136aa"), (b"\xff" * 32, "62a8ab43"), (b"123456789", "e3069283")):
        digests = Digests(["CRC32C"])
        digests.update(data)
        assert digests.text() == f"CRC32C:{value}"


def test_leading_zeros_do_not_count():
    digests = Digests(["ADLER32"])
    digests.update(b"a")
    assert digests.text() == "ADLER32:00620062"
    digests.verify([Checksum("ADLER32", "620062"), Checksum("ADLER32", "00620062")])
    with pytest.raises(ChecksumMismatch):
        digests.verify([Checksum("ADLER32", "620063")])


def test_an_unknown_algorithm_is_refused():
    with pytest.raises(InvalidRequest):
        Digests(["SHA1", "WHIRLPOOL"])


def test_none_asked_for():
    digests = Digests([])
    digests.update(b"x")
    digests.verify([])
    assert not digests
    assert digests.text() == ""

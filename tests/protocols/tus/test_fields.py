from __future__ import annotations

import base64
import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.errors import InvalidRequest, TooLarge
from clawgate.model.content import Checksum
from clawgate.protocols.tus.fields import (
    Concat,
    UnknownVersion,
    check_content_type,
    check_version,
    checksum,
    checksum_follows,
    concat,
    number,
    size,
)
from clawgate.protocols.tus.offer import EXTENSIONS, Offer
from clawgate.protocols.webdav.errors import Refused
from clawgate.storage.checksums import ALGORITHMS

SHA1 = hashlib.sha1(b"hello world")


@pytest.mark.parametrize("said", [None, "0.2.2", "1.0", "", "1.0.0, 0.2.2"])
def test_other_versions(said: str | None) -> None:
    header = {"tus-resumable": said}.get
    for verb in ("POST", "PATCH", "DELETE", "PUT"):
        with pytest.raises(UnknownVersion):
            check_version(header, verb)
    check_version(header, "OPTIONS")
    if said is None:
        check_version(header, "HEAD")
    else:
        with pytest.raises(UnknownVersion):
            check_version(header, "HEAD")


def test_our_version() -> None:
    for verb in ("POST", "PATCH", "DELETE", "HEAD", "OPTIONS"):
        check_version({"tus-resumable": "1.0.0"}.get, verb)


def test_content_types() -> None:
    for good in ("application/offset+octet-stream", "Application/Offset+Octet-Stream", "application/offset+octet-stream; a=b"):
        check_content_type({"content-type": good}.get)
    for bad in (None, "", "application/octet-stream"):
        with pytest.raises(Refused):
            check_content_type({"content-type": bad}.get)


@given(st.integers(0, 2**63 - 1))
def test_numbers(value: int) -> None:
    assert number({"upload-offset": str(value)}.get, "Upload-Offset") == value
    assert number({"upload-offset": f"000{value}"}.get, "Upload-Offset") == value


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "1e3", "0x10", "ten", "1 2", "1,2", "²", "٣", "1\n"])
def test_not_numbers(text: str) -> None:
    with pytest.raises(InvalidRequest):
        number({"upload-offset": text}.get, "Upload-Offset")


def test_absurd_numbers() -> None:
    for text in ("1" * 20, "9" * 60_000):
        with pytest.raises(TooLarge):
            number({"upload-length": text}.get, "Upload-Length")


@pytest.mark.parametrize(("length", "deferred", "expected"), [("100", None, 100), ("0", None, 0), (None, "1", None)])
def test_sizes(length: str | None, deferred: str | None, expected: int | None) -> None:
    assert size({"upload-length": length, "upload-defer-length": deferred}.get) == expected


@pytest.mark.parametrize(("length", "deferred"), [(None, None), ("1", "1"), (None, "0"), (None, "2"), (None, "true"), ("1", "0")])
def test_not_sizes(length: str | None, deferred: str | None) -> None:
    with pytest.raises(InvalidRequest):
        size({"upload-length": length, "upload-defer-length": deferred}.get)


@pytest.mark.parametrize("name", ["sha1", "SHA1", "Sha1"])
def test_checksums(name: str) -> None:
    text = f"{name} {base64.b64encode(SHA1.digest()).decode()}"
    assert checksum(text, ALGORITHMS) == Checksum("SHA1", SHA1.hexdigest())


@pytest.mark.parametrize(
    "text",
    ["", "sha1", "sha1 ", "sha1 !", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0", "sha1 AAAA", "whirlpool AAAA", "md5 AAAA=", "sha1  AAAA"],
)
def test_not_checksums(text: str) -> None:
    with pytest.raises(InvalidRequest):
        checksum(text, ALGORITHMS)
    with pytest.raises(InvalidRequest):
        checksum(f"sha1 {base64.b64encode(SHA1.digest()).decode()}", ("MD5",))


@given(st.text(max_size=60))
def test_no_checksum_breaks_anything(text: str) -> None:
    with suppress(InvalidRequest):
        checksum(text, ALGORITHMS)


def test_trailers_that_are_announced() -> None:
    assert checksum_follows({"trailer": "Expires, upload-CHECKSUM"}.get)
    assert not checksum_follows({"trailer": "X-Upload-Checksum"}.get)
    assert not checksum_follows({}.get)


BASE = "https://cloud.example.org/remote.php/dav/files/alan/"


def test_parts_in_a_concatenation() -> None:
    assert concat(None) == Concat()
    assert concat("partial") == Concat(partial=True)
    final = concat("final;/tus/a-_1 https://cloud.example.org/tus/B https://inside:9280/tus/c")
    assert not final.partial
    assert final.keys(BASE) == ["a-_1", "B", "c"]
    assert concat("final;a ../tus/b ./c").keys("https://cloud.example.org/tus/") == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["", "Partial", "final", "final;", "final; ", "final /tus/a", "partial;/tus/a", "finals;/tus/a"])
def test_not_a_concatenation(text: str) -> None:
    with pytest.raises(InvalidRequest):
        concat(text)


@pytest.mark.parametrize(
    "url", ["/files/a", "/tus/", "/tus", "/tus/a/b", "/tus/../a", "/tus/%61", "a", "http://[", "/tusa/b", ";"]
)
def test_urls_that_are_no_uploads(url: str) -> None:
    with pytest.raises(InvalidRequest):
        concat(f"final;/tus/a {url}").keys(BASE)


def test_the_offer() -> None:
    headers = dict(Offer(("SHA1", "MD5"), 0).headers())
    assert headers == {
        b"Tus-Resumable": b"1.0.0",
        b"Tus-Version": b"1.0.0",
        b"Tus-Extension": ",".join(EXTENSIONS).encode(),
        b"Tus-Checksum-Algorithm": b"sha1,md5",
    }
    assert dict(Offer(("SHA1",), 1000).headers())[b"Tus-Max-Size"] == b"1000"

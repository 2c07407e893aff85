from __future__ import annotations

from urllib.parse import quote as full_quote
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.errors import InvalidRequest, NotFound
from clawgate.protocols.webdav.address import Address, ForeignAddress, Realm, parse, parse_url, quote, quote_all

names = (
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0\\"), min_size=1, max_size=60)
    .filter(lambda name: name not in (".", ".."))
    .filter(lambda name: len(name.encode()) <= 255)
)
prefixes = st.sampled_from(
    [
        ("/remote.php/webdav", Realm.HOME, ""),
        ("/webdav", Realm.HOME, ""),
        ("/remote.php/dav/files/alan", Realm.USER, "alan"),
        ("/dav/files/a%6can", Realm.USER, "alan"),
        ("/dav/files/alan%40cern.ch", Realm.USER, "alan@cern.ch"),
        ("/remote.php/dav/spaces/home$alan", Realm.SPACE, "home$alan"),
        ("/dav/spaces/home%24alan", Realm.SPACE, "home$alan"),
    ]
)


@given(prefixes, st.lists(names, max_size=6), st.booleans(), st.booleans())
def test_every_path_comes_back(prefix, segments, slash, bare):
    front, realm, owner = prefix
    encode = quote if bare else lambda name: full_quote(name, safe="")
    raw = "/".join([front, *map(encode, segments)]) + ("/" if slash else "")

    found = parse(raw.encode())

    assert found == Address(front, realm, owner, "/".join(segments), slash)
    href = found.href(found.path, False)
    assert href == front + "".join("/" + quote(name) for name in segments)
    assert unquote(href) == unquote(front) + "".join("/" + name for name in segments)
    assert all(" " < c <= "~" and c not in '<>"&' for c in href)


@given(st.lists(names, min_size=1, max_size=20))
def test_quoting_together_is_quoting_alone(segments):
    assert quote_all(segments) == [quote(name) for name in segments]


@pytest.mark.parametrize(
    "raw",
    [
        b"/webdav/a//b",
        b"/webdav//",
        b"//webdav/a",
        b"/webdav/../secret",
        b"/webdav/%2e%2e/secret",
        b"/webdav/a/.",
        b"/webdav/%2E",
        b"/webdav/a%2Fb",
        b"/webdav/a%2fb",
        b"/webdav/a%00b",
        b"/webdav/a%",
        b"/webdav/a%2",
        b"/webdav/a%zz",
        b"/webdav/%ff",
        b"/webdav/a#b",
        b"/webdav/" + b"x" * 256,
        b"/webdav/" + b"%C3%BC" * 128,
        b"/dav/files/../x",
        b"webdav/a",
        b"*",
        b"",
    ],
)
def test_refused(raw):
    with pytest.raises(InvalidRequest):
        parse(raw)


@pytest.mark.parametrize("raw", [b"/webdavx", b"/remote.php/dav/uploads/a/b", b"/ocs", b"/dav/files2/a", b"/status.php"])
def test_outside(raw):
    with pytest.raises(NotFound):
        parse(raw)


def test_decoded_exactly_once():
    assert parse(b"/webdav/a%252Fb+c%2B").path == "a%2Fb+c+"


def test_utf8_may_come_raw():
    found = parse("/webdav/ü".encode())
    assert (found.path, found.href(found.path, True)) == ("ü", "/webdav/%C3%BC/")


@pytest.mark.parametrize(
    "raw", [b"/", b"/dav", b"/dav/", b"/remote.php", b"/remote.php/dav/", b"/dav/files", b"/remote.php/dav/spaces/"]
)
def test_above_the_trees(raw):
    assert parse(raw).realm is Realm.ABOVE


def test_root():
    found = parse(b"/remote.php/webdav")
    assert (found.path, found.slash, found.href(found.path, True)) == ("", False, "/remote.php/webdav/")


def test_long_paths_are_not_remembered():
    raw = b"/webdav/" + b"/".join([b"x" * 200] * 20)
    assert parse(raw) == parse(raw)
    assert parse(raw) is not parse(raw)
    assert parse(b"/webdav/short") is parse(b"/webdav/short")


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("/webdav/a%20b", "a b"),
        ("http://here:8080/webdav/a", "a"),
        ("http://HERE:8080/webdav/a/", "a"),
        ("https://public.example.org/webdav/a", "a"),
        ("https://public.example.org:443/webdav/a", "a"),
        ("http://user@here:8080/webdav/a", "a"),
    ],
)
def test_urls(value, path):
    assert parse_url(value, frozenset(["here:8080", "public.example.org"])).path == path


@pytest.mark.parametrize(
    "value", ["http://there/webdav/a", "http://here/webdav/a", "https://here:8081/webdav/a", "/elsewhere/a", "http://here:8080/x"]
)
def test_foreign_urls(value):
    with pytest.raises(ForeignAddress):
        parse_url(value, frozenset(["here:8080"]))


@pytest.mark.parametrize(
    "value", ["", "webdav/a", "ftp://here:8080/webdav/a", "http://[/webdav/a", "http:///webdav/a", "/webdav/\u0100"]
)
def test_broken_urls(value):
    with pytest.raises(InvalidRequest):
        parse_url(value, frozenset(["here:8080"]))


def test_any_host():
    assert parse_url("https://cloud.example.org/webdav/x", None).path == "x"


@given(st.binary(max_size=80))
def test_any_bytes_are_an_address_or_refused(raw):
    try:
        found = parse(b"/webdav/" + raw)
    except (InvalidRequest, NotFound):
        return
    assert ".." not in found.path.split("/")
    assert "\0" not in found.path

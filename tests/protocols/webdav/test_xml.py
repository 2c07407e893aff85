from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.errors import InvalidRequest
from clawgate.protocols.webdav import xml

LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(10))
    + b"]><lolz>&k;</lolz>"
)


@pytest.mark.parametrize(
    "body",
    [
        LAUGHS,
        LAUGHS.decode().replace('version="1.0"', 'version="1.0" encoding="utf-16"').encode("utf-16"),
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b"<!DOCTYPE a><a/>",
        b"<a>&x;</a>",
        b"<a></b>",
        b"<a/>x",
        b"",
        b"\0",
        b"<a>\xff</a>",
        b"<a><b:c/></a>",
        b'<a><b:c xmlns:b=""/></a>',
        b'<a b="1" b="2"/>',
        b"<a>&#0;</a>",
        b"<a>" * 33 + b"</a>" * 33,
        b"<a>" * 5000 + b"</a>" * 5000,
        b'<?xml version="1.0" encoding="nonsense"?><a/>',
    ],
)
def test_refused(body):
    with pytest.raises(InvalidRequest):
        xml.parse(body, depth=32)


def test_stray_text_comments_and_instructions_are_passed_over():
    root = xml.parse(b'<?x y?><D:a xmlns:D="DAV:">M<!-- c --><D:b/>N<?p q?><c xmlns="u">t</c>M</D:a>\n', depth=32)
    assert xml.name_of(root) == ("DAV:", "a")
    assert [xml.name_of(child) for child in xml.children(root)] == [("DAV:", "b"), ("u", "c")]


def test_utf16_is_understood():
    root = xml.parse('<?xml version="1.0" encoding="utf-16"?><a>ü</a>'.encode("utf-16"), depth=32)
    assert xml.text_of(root) == "ü"


def test_what_is_cut_out_stands_alone():
    root = xml.parse(b'<D:a xmlns:D="DAV:" xmlns:x="u" xml:lang="de"><D:b><x:c>D:q &amp; "</x:c></D:b>tail</D:a>', depth=32)
    text = xml.serialize(xml.children(root)[0])
    again = xml.parse(text.encode(), depth=32)
    assert xml.name_of(again) == ("DAV:", "b")
    assert again.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
    assert xml.children(again)[0].text == 'D:q & "'
    assert "tail" not in text


@given(st.binary(max_size=200) | st.text(st.sampled_from('<>/&;!DOCTYPE[]"=ab \n'), max_size=60).map(str.encode))
def test_any_bytes_are_parsed_or_refused(body):
    try:
        root = xml.parse(body, depth=8)
    except InvalidRequest:
        return
    assert xml.name_of(root)[1]

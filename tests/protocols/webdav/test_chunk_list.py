from __future__ import annotations

import pytest
from lxml import etree

from clawgate.model.upload import Part
from clawgate.protocols.webdav.chunk_list import chunk_list
from clawgate.protocols.webdav.requests import propfind

from .conftest import Answer

HREF = "/remote.php/dav/uploads/alan/4711"
PARTS = [Part("0000000000000000", 0, 10), Part("0000000000000010", 10, 10)]
DESKTOP = b"""<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:"><d:prop><d:resourcetype/><d:getcontentlength/></d:prop></d:propfind>"""


def entries(body: bytes, parts=PARTS, *, folder=True):
    return Answer(207, {}, chunk_list(propfind(body, depth=32), HREF, parts, folder=folder)).entries


def test_what_the_desktop_asks():
    found = entries(DESKTOP)
    assert list(found) == [f"{HREF}/", f"{HREF}/0000000000000000", f"{HREF}/0000000000000010"]
    folder, first, second = found.values()
    assert folder.found["d:resourcetype"][0].tag == "{DAV:}collection"
    assert folder.missing == {"d:getcontentlength"}
    assert len(first.found["d:resourcetype"]) == 0
    assert (first.text("d:getcontentlength"), second.text("d:getcontentlength")) == ("10", "0")
    assert first.missing == set()
    assert all(entry.statuses[0] == "HTTP/1.1 200 OK" for entry in found.values())


def test_what_a_chunk_does_not_have_is_missing():
    (chunk,) = entries(DESKTOP.replace(b"getcontentlength", b"getetag"), PARTS[:1], folder=False).values()
    assert (set(chunk.found), chunk.missing) == ({"d:resourcetype"}, {"d:getetag"})
    (chunk,) = entries(b'<propfind xmlns="DAV:"><prop><getlastmodified/></prop></propfind>', PARTS[:1], folder=False).values()
    assert (chunk.statuses, chunk.missing) == (["HTTP/1.1 404 Not Found"], {"d:getlastmodified"})


@pytest.mark.parametrize("body", [b"", b'<propfind xmlns="DAV:"><allprop/></propfind>'])
def test_all(body):
    folder, chunk = entries(body, PARTS[:1]).values()
    assert set(folder.found) == {"d:resourcetype"}
    assert {name: chunk.text(name) for name in chunk.found} == {
        "d:resourcetype": "",
        "d:getcontentlength": "10",
        "d:getcontenttype": "application/octet-stream",
    }


def test_names():
    folder, chunk = entries(b'<propfind xmlns="DAV:"><propname/></propfind>', PARTS[:1]).values()
    assert len(folder.found["d:resourcetype"]) == 0
    assert set(chunk.found) == {"d:resourcetype", "d:getcontentlength", "d:getcontenttype"}
    assert chunk.text("d:getcontentlength") == ""


def test_it_is_xml_whatever_is_asked():
    body = chunk_list(propfind(b'<propfind xmlns="DAV:"><prop/></propfind>', depth=32), HREF, PARTS, folder=True)
    assert len(etree.fromstring(body)) == 3

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from clawgate.interfaces import Room
from clawgate.model.node import Kind, Node
from clawgate.model.path import Path
from clawgate.model.permissions import READ_WRITE, Permissions
from clawgate.protocols.webdav.elements import DAV, NC, OC, OCS
from clawgate.protocols.webdav.multistatus import HEAD, TAIL, Sight, body, many, one, plan
from clawgate.protocols.webdav.properties import TABLE, Scene
from clawgate.protocols.webdav.requests import Mode, property_set

FILE = Node("a b.txt", Kind.FILE, 5, 1795231696 * 10**9, "seen", "home$alan!1", "e1", "SHA1:ab MD5:cd")
BARE = FILE._replace(name="c&d", id="home$alan!2", etag="e2", checksums="")
FOLDER = Node("föld", Kind.FOLDER, 10, 1795231696 * 10**9, "seen", "home$alan!3", "e3")
SCENE = Scene(permissions=READ_WRITE | Permissions.SHARE, space="home$alan")


def some(*names):
    return plan(property_set(Mode.SOME, names))


def listing(needs, nodes, scene=SCENE, sight=None):
    return many(needs, scene, nodes, "/webdav/x/", Path("x"), sight or Sight())


def test_file_and_folder_literally():
    needs = some(
        (OC, "checksums"), (DAV, "getetag"), (DAV, "resourcetype"), (OC, "id"), (OC, "permissions"), (DAV, "getlastmodified")
    )
    ok = "<d:status>HTTP/1.1 200 OK</d:status></d:propstat>"
    assert listing(needs, [FILE, FOLDER]).splitlines() == [
        "<d:response><d:href>/webdav/x/f%C3%B6ld/</d:href><d:propstat><d:prop><d:resourcetype><d:collection/></d:resourcetype>"
        "<d:getlastmodified>Sat, 21 Nov 2026 03:28:16 GMT</d:getlastmodified>"
        '<d:getetag>"e3"</d:getetag><oc:id>home$alan!3</oc:id>'
        f"<oc:permissions>RDNVCK</oc:permissions></d:prop>{ok}"
        "<d:propstat><d:prop><oc:checksums/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>",
        "<d:response><d:href>/webdav/x/a%20b.txt</d:href><d:propstat><d:prop><d:resourcetype/>"
        "<d:getlastmodified>Sat, 21 Nov 2026 03:28:16 GMT</d:getlastmodified>"
        '<d:getetag>"e1"</d:getetag><oc:id>home$alan!1</oc:id>'
        "<oc:permissions>RDNVW</oc:permissions><oc:checksums><oc:checksum>SHA1:ab MD5:cd</oc:checksum></oc:checksums></d:prop>"
        f"{ok}</d:response>",
    ]


def test_minimal_leaves_out_what_is_missing():
    needs = some((OC, "checksums"), (DAV, "getcontentlength"), (OC, "downloadURL"))
    assert listing(needs, [BARE], SCENE._replace(minimal=True)) == (
        "<d:response><d:href>/webdav/x/c%26d</d:href><d:propstat><d:prop><d:getcontentlength>5</d:getcontentlength></d:prop>"
        "<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>\n"
    )
    assert listing(needs, [FOLDER], SCENE._replace(minimal=True)) == (
        "<d:response><d:href>/webdav/x/f%C3%B6ld/</d:href><d:propstat><d:prop></d:prop>"
        "<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>\n"
    )


def test_nothing_found():
    assert listing(some(("urn:x", "y"), ("", "z")), [BARE]) == (
        '<d:response><d:href>/webdav/x/c%26d</d:href><d:propstat><d:prop><x:y xmlns:x="urn:x"/><z xmlns=""/></d:prop>'
        "<d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>\n"
    )


@pytest.mark.parametrize(
    ("name", "file", "folder"),
    [
        ((DAV, "getcontenttype"), "text/plain", "httpd/unix-directory"),
        ((DAV, "displayname"), "a b.txt", "föld"),
        ((OC, "name"), "a b.txt", "föld"),
        ((OC, "fileid"), "home$alan!1", "home$alan!3"),
        ((OC, "size"), "5", "10"),
        ((OC, "favorite"), "1", "0"),
        ((OC, "share-types"), "", ""),
        ((OC, "tags"), "", ""),
        ((OC, "data-fingerprint"), "", ""),
        ((OC, "privatelink"), "https://h/f/home$alan!1", "https://h/f/home$alan!3"),
        ((OC, "owner-id"), "al&an", "al&an"),
        ((OC, "owner-display-name"), "A<T", "A<T"),
        ((OC, "spaceid"), "home$alan", "home$alan"),
        ((OC, "file-parent"), "home$alan!9", "home$alan!9"),
        ((OCS, "share-permissions"), "19", "31"),
        ((NC, "is-encrypted"), "0", "0"),
        ((NC, "has-preview"), "false", "false"),
        ((DAV, "quota-available-bytes"), None, "70"),
        ((DAV, "quota-used-bytes"), None, "30"),
        ((DAV, "getcontentlength"), "5", None),
        ((DAV, "creationdate"), None, None),
        ((OC, "downloadURL"), None, None),
        ((OC, "dDC"), None, None),
    ],
)
def test_values(name, file, folder):
    scene = SCENE._replace(base_url="https://h", owner="al&an", owner_name="A<T", room=Room(30, 70), parent="home$alan!9")
    text = HEAD + listing(some(name), [FILE, FOLDER], scene, Sight(frozenset(["home$alan!1"]))) + TAIL
    for response in etree.fromstring(text.encode()):
        value = folder if response[0].text.endswith("/") else file
        prop, status = response[1]
        assert etree.QName(prop[0]).localname == name[1]
        assert (status.text == "HTTP/1.1 200 OK") == (value is not None)
        assert (prop[0].text or "") == (value or "")


def test_unknown_room_and_owner_are_missing():
    text = listing(some((DAV, "quota-used-bytes"), (OC, "owner-id")), [FOLDER])
    assert "200 OK" not in text


def test_all_and_names():
    text = listing(plan(property_set(Mode.ALL, ((OC, "tags"), ("u", "v")))), [FILE])
    assert "<oc:tags></oc:tags>" in text or "<oc:tags/>" in text
    assert "<d:getetag>" in text
    assert "quota" not in text
    assert 'xmlns:x="u"/></d:prop><d:status>HTTP/1.1 404' in text
    named = listing(plan(property_set(Mode.NAMES, ())), [BARE], sight=Sight(dead={BARE.id: {("u", "v"): "<v xmlns='u'>1</v>"}}))
    assert "<d:getetag/>" in named
    assert "<oc:checksums/>" not in named
    assert '<x:v xmlns:x="u"/>' in named
    assert "404" not in named


def test_dead_properties_only_where_asked():
    sight = Sight(dead={BARE.id: {("u", "v"): '<v xmlns="u">100%s %</v>', ("u", "w"): '<w xmlns="u"/>'}})
    text = listing(some((DAV, "getetag"), ("u", "v")), [FILE, BARE], sight=sight)
    with_it, without = text.splitlines()
    assert '<d:getetag>"e2"</d:getetag><v xmlns="u">100%s %</v></d:prop>' in with_it
    assert "w" not in with_it.partition("<d:prop>")[2].partition("xmlns")[0]
    assert "404 Not Found" in without


def test_one_with_a_name_to_show():
    text = one(some((DAV, "displayname")), SCENE, FOLDER, "/webdav/", "Alan's \x01 place", Path(""), Sight())
    assert "<d:href>/webdav/</d:href>" in text
    assert "<d:displayname>Alan's \ufffd place</d:displayname>" in text


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=20), max_size=30),
    st.booleans(),
)
def test_any_names_give_well_formed_xml(names, folders):
    nodes = [FILE._replace(name=name, kind=Kind.FOLDER if folders and i % 3 else Kind.FILE) for i, name in enumerate(names)]
    text = listing(plan(property_set(Mode.ALL, tuple(TABLE))), nodes, sight=Sight(locks=lambda path: "<d:x/>"))
    root = etree.fromstring(body([text]))
    assert len(root) == len(names)


def test_no_two_properties_of_one_local_name_in_allprop():
    names = [live.name[1] for live in plan(property_set(Mode.ALL, ())).live]
    assert len(names) == len(set(names))

from __future__ import annotations

import pytest

from clawgate.errors import InvalidRequest, TooLarge
from clawgate.protocols.webdav import requests
from clawgate.protocols.webdav.elements import DAV, OC
from clawgate.protocols.webdav.requests import Change, LockRequest, Mode, property_set

# As owncloudcmd 2.11 sends it, stray text and default namespaces included.
OC211 = b"""<?xml version="1.0" ?>
<d:propfind xmlns:d="DAV:">
  <d:prop>
    <d:resourcetype/>
    <d:getetag/>
    <id xmlns="http://owncloud.org/ns"/>
    <d:getetag/>
  </d:prop>M
</d:propfind>
"""


@pytest.mark.parametrize(
    ("body", "mode", "names"),
    [
        (b"", Mode.ALL, ()),
        (b" \r\n", Mode.ALL, ()),
        (OC211, Mode.SOME, ((DAV, "resourcetype"), (DAV, "getetag"), (OC, "id"))),
        (b'<propfind xmlns="DAV:"><prop/></propfind>', Mode.SOME, ()),
        (b'<propfind xmlns="DAV:"><prop><x xmlns=""/></prop></propfind>', Mode.SOME, (("", "x"),)),
        (b'<propfind xmlns="DAV:"><propname/></propfind>', Mode.NAMES, ()),
        (b'<propfind xmlns="DAV:"><allprop/></propfind>', Mode.ALL, ()),
        (b'<propfind xmlns="DAV:"><allprop/><include><acl/></include></propfind>', Mode.ALL, ((DAV, "acl"),)),
        (b'<propfind xmlns="DAV:"><new xmlns="u"/><propname/></propfind>', Mode.NAMES, ()),
    ],
)
def test_propfind(body, mode, names):
    found = requests.propfind(body, depth=32)
    assert found is property_set(mode, names)
    large = requests.propfind(body + b" " * 5000, depth=32)
    assert (large.mode, large.names, large.common) == (mode, names, False)


@pytest.mark.parametrize(
    "body",
    [
        b"<propfind/>",
        b'<propfind xmlns="DAV:"/>',
        b'<prop xmlns="DAV:"/>',
        b"<propfind",
        b'<propfind xmlns="DAV:"><acl/></propfind>',
    ],
)
def test_propfind_refused(body):
    with pytest.raises(InvalidRequest):
        requests.propfind(body, depth=32)


def test_too_many_properties():
    body = b'<propfind xmlns="DAV:"><prop>%s</prop></propfind>' % b"".join(b"<p%d/>" % i for i in range(600))
    with pytest.raises(TooLarge):
        requests.propfind(body, depth=32)


def test_too_long_a_name():
    with pytest.raises(InvalidRequest):
        requests.propfind(b'<propfind xmlns="DAV:"><prop><x xmlns="%s"/></prop></propfind>' % (b"u" * 1000), depth=32)


def test_proppatch_keeps_the_order():
    body = (
        b'<D:propertyupdate xmlns:D="DAV:" xmlns:Z="u"><D:set><D:prop><Z:a>1</Z:a><Z:b><Z:c/></Z:b></D:prop></D:set>x'
        b"<D:remove><D:prop><Z:a/></D:prop></D:remove><D:set><D:prop><Z:a>2</Z:a></D:prop></D:set></D:propertyupdate>"
    )
    changes = requests.proppatch(body, depth=32)
    assert [(change.name, change.xml is not None, change.text) for change in changes] == [
        (("u", "a"), True, "1"),
        (("u", "b"), True, ""),
        (("u", "a"), False, ""),
        (("u", "a"), True, "2"),
    ]
    assert changes[2] == Change(("u", "a"), None, "")


@pytest.mark.parametrize(
    "body", [b'<x xmlns="DAV:"/>', b'<propertyupdate xmlns="DAV:"/>', b'<propertyupdate xmlns="DAV:"><set/></propertyupdate>']
)
def test_proppatch_refused(body):
    with pytest.raises(InvalidRequest):
        requests.proppatch(body, depth=32)


LOCK = '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:%s/></D:lockscope><D:locktype><D:%s/></D:locktype>%s</D:lockinfo>'


def test_lockinfo():
    assert requests.lockinfo((LOCK % ("shared", "write", "")).encode(), depth=32) == LockRequest(False, "")
    found = requests.lockinfo(
        (LOCK % ("exclusive", "write", "<D:owner>me<D:href>http://x</D:href></D:owner>")).encode(), depth=32
    )
    assert found.exclusive
    assert found.owner_xml == '<D:owner xmlns:D="DAV:">me<D:href>http://x</D:href></D:owner>'


@pytest.mark.parametrize(
    "body",
    [
        LOCK % ("exclusive", "read", ""),
        LOCK % ("both", "write", ""),
        LOCK % ("shared/><D:exclusive", "write", ""),
        '<lockinfo xmlns="DAV:"/>',
        "<x/>",
    ],
)
def test_lockinfo_refused(body):
    with pytest.raises(InvalidRequest):
        requests.lockinfo(body.encode(), depth=32)


@pytest.mark.parametrize(
    ("text", "yes"), [("1", True), ("true", True), (" TRUE ", True), ("0", False), ("", False), ("false", False)]
)
def test_flags(text, yes):
    assert requests.is_true(text) is yes

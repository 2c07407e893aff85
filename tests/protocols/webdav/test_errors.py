from __future__ import annotations

import pytest
from lxml import etree

from clawgate import errors
from clawgate.protocols.webdav.address import ForeignAddress, parse
from clawgate.protocols.webdav.errors import UNAVAILABLE, Refused, render

SABRE = "Sabre\\DAV\\Exception\\"


@pytest.mark.parametrize(
    ("error", "status", "exception"),
    [
        (errors.InvalidRequest("x"), 400, SABRE + "BadRequest"),
        (errors.ChecksumMismatch("x"), 400, SABRE + "BadRequest"),
        (errors.Unauthenticated("x"), 401, SABRE + "NotAuthenticated"),
        (errors.Forbidden("x"), 403, SABRE + "Forbidden"),
        (errors.NotFound("x"), 404, SABRE + "NotFound"),
        (errors.ParentMissing("x"), 409, SABRE + "Conflict"),
        (errors.LockMismatch("x"), 409, SABRE + "Conflict"),
        (errors.PreconditionFailed("x"), 412, SABRE + "PreconditionFailed"),
        (errors.TooLarge("x"), 413, "OCA\\DAV\\Connector\\Sabre\\Exception\\EntityTooLarge"),
        (errors.RangeNotSatisfiable(5), 416, SABRE + "RequestedRangeNotSatisfiable"),
        (errors.Locked("x", "a"), 423, SABRE + "Locked"),
        (errors.TooManyAttempts("x", 7), 429, "Sabre\\DAV\\Exception"),
        (errors.NotSupported("x"), 501, SABRE + "NotImplemented"),
        (ForeignAddress("x"), 502, "Sabre\\DAV\\Exception"),
        (errors.Overloaded("x"), 503, SABRE + "ServiceUnavailable"),
        (errors.StorageUnavailable("x"), 503, SABRE + "ServiceUnavailable"),
        (errors.StorageTimeout("x"), 504, "Sabre\\DAV\\Exception"),
        (errors.QuotaExceeded("x"), 507, SABRE + "InsufficientStorage"),
        (Refused(415, "x"), 415, SABRE + "UnsupportedMediaType"),
    ],
)
def test_rendered(error, status, exception):
    response = render(error)
    root = etree.fromstring(response.body)
    assert response.status == status
    assert response.headers[0] == (b"Content-Type", b"application/xml; charset=utf-8")
    assert root.tag == "{DAV:}error"
    assert root.findtext("{http://sabredav.org/ns}exception") == exception
    message = root.findtext("{http://sabredav.org/ns}message")
    # Without these words the desktops take a 503 for maintenance and stop everything.
    assert message == (f"{UNAVAILABLE}: x" if status in (503, 504) else str(error))
    assert b"<d:error" in response.body
    assert b"<s:message>" in response.body


def test_headers_come_along():
    assert (b"Retry-After", b"9") in render(errors.Overloaded("x", 9)).headers
    assert (b"Content-Range", b"bytes */5") in render(errors.RangeNotSatisfiable(5)).headers
    assert (b"Allow", b"PUT") in render(Refused(405, "x", allow="PUT")).headers


def test_the_lock_is_named_as_the_client_addresses_it():
    address = parse(b"/dav/files/alan/a/b")
    assert b"<d:lock-token-submitted><d:href>/dav/files/alan/a%20b</d:href>" in render(errors.Locked("x", "a b"), address).body
    assert b"<d:lock-token-submitted/>" in render(errors.Locked("x", "a")).body


def test_messages_are_always_well_formed():
    message = etree.fromstring(render(errors.NotFound("<a> & \x01\ud800")).body).findtext("{http://sabredav.org/ns}message")
    assert message == "<a> & \ufffd\ufffd"

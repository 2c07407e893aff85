from __future__ import annotations

import pytest

from clawgate.errors import InvalidRequest
from clawgate.model.upload import Part
from clawgate.protocols.webdav.chunk_names import start_of

COUNTED = (Part("00001", 0, 10), Part("00002", 10, 25))


@pytest.mark.parametrize(
    ("name", "offset", "parts", "expected"),
    [
        ("0000000010000000", "10000000", (), 10000000),  # ownCloud desktop
        ("0000000010000000", None, (), 10000000),
        ("0000000000000001", "10000000", (), 10000000),  # Nextcloud desktop 3.7
        ("000000010485760-000000020971519", None, (), 10485760),  # rclone
        ("0", None, (), 0),  # Android
        ("00001", None, (), 0),
        ("00003", None, COUNTED, 25),
        ("00002", None, COUNTED, 10),  # sent again
    ],
)
def test_start_of(name, offset, parts, expected):
    assert start_of(name, offset, parts) == expected


@pytest.mark.parametrize(
    ("name", "offset", "parts"),
    [(".zsync", None, ()), ("00005", None, COUNTED), ("7", None, ()), ("0000000000000001", "-1", ()), ("x", "nan", ())],
)
def test_refused(name, offset, parts):
    with pytest.raises(InvalidRequest):
        start_of(name, offset, parts)

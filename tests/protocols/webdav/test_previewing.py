from __future__ import annotations

from urllib.parse import parse_qs

import pytest

from clawgate.errors import InvalidRequest
from clawgate.model.preview import Wish
from clawgate.protocols.webdav.previewing import wish_of


@pytest.mark.parametrize(
    ("query", "wish"),
    [
        # ownCloud Web, oCIS' default, ownCloud's Android, Nextcloud's Android and iOS
        ("scalingup=0&preview=1&a=1&c=12&x=36&y=36&processor=fit", Wish(36, 36, "fit")),
        ("preview=1", Wish(32, 32, "fill")),
        ("x=240&y=240&c=12&preview=1", Wish(240, 240, "fill")),
        ("fileId=7&x=512&y=512&a=1&mode=cover&forceIcon=0&mimeFallback=0", Wish(512, 512, "cover")),
        ("fileId=7&x=-1&y=512&a=true", Wish(512, 512, "fit")),
        ("x=10&y=20&processor=Thumbnail&a=1", Wish(10, 20, "fill")),
        ("x=10&y=20&processor=resize&scalingup=1", Wish(10, 20, "resize", True)),
        ("x=10&y=20&processor=unknown&a=0", Wish(10, 20, "fill")),
        ("x=&y=20", Wish(32, 20, "fill")),
        ("x=99999999999&y=1", Wish(65536, 1, "fill")),
    ],
)
def test_wishes(query: str, wish: Wish) -> None:
    assert wish_of(parse_qs(query, keep_blank_values=True)) == wish


@pytest.mark.parametrize("query", ["x=0", "y=0", "x=-2", "x=a", "x=1.5", "x=-1&y=-1", "x=" + "9" * 5000])
def test_sides_that_are_none(query: str) -> None:
    with pytest.raises(InvalidRequest):
        wish_of(parse_qs(query))

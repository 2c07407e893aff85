"""Previews of what is in a bucket."""

from __future__ import annotations

from ...pictures import image, opened
from ..bucket import BucketGateway


def test_previews(gateway: BucketGateway) -> None:
    with gateway.client() as client:
        # Several blocks of what comes from the bucket.
        client.put("sky.bmp", image((900, 600), "BMP"))
        target = client.href("sky.bmp") + "?preview=1&a=1&x=30&y=30"
        answer = client.raw("GET", target)
        assert (answer.status, opened(answer.body).size) == (200, (30, 20))
        assert client.raw("GET", target, None, {"If-None-Match": answer.headers["ETag"]}).status == 304
        client.put("sky.bmp", image((600, 900), "BMP"))
        assert opened(client.raw("GET", target).body).size == (20, 30)
        client.put("none.bmp", b"BM")
        assert client.raw("GET", client.href("none.bmp") + "?preview=1").status == 404
        # What was opened for a picture that had been kept is closed again.
        for _ in range(30):
            assert client.raw("GET", target).status == 200
        assert client.get("sky.bmp") == image((600, 900), "BMP")

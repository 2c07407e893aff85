"""Previews of what is on an EOS."""

from __future__ import annotations

from pathlib import Path

from ..pictures import image, opened
from .eos_site import Site
from .gateway import Gateway


def test_previews(tmp_path: Path) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    site, gateway = Site(tmp_path / "eos", "5.4"), Gateway(folder)
    gateway.configure(**site.settings())
    gateway.start()
    try:
        with gateway.client() as client:
            client.put("sky.bmp", image((900, 600), "BMP"))
            target = client.href("sky.bmp") + "?preview=1&a=1&x=30&y=30"
            answer = client.raw("GET", target)
            assert (answer.status, opened(answer.body).size) == (200, (30, 20))
            assert client.raw("GET", target).body == answer.body
            for _ in range(30):
                assert client.raw("GET", target, None, {"If-None-Match": answer.headers["ETag"]}).status == 304
            with gateway.client("bob", client.root) as bob:
                assert bob.raw("GET", target).status in (403, 404)
            assert client.get("sky.bmp") == image((900, 600), "BMP")
    finally:
        gateway.close()
        site.close()

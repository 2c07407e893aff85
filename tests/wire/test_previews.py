"""Previews end to end: what clients ask for, from the process that makes them to the answer."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from ..pictures import bomb, image, opened, png
from . import dav
from .gateway import Gateway

WEB = "preview=1&a=1&scalingup=0&processor=fit"
HAS_PREVIEW = b"""<d:propfind xmlns:d="DAV:" xmlns:nc="http://nextcloud.org/ns"><d:prop><nc:has-preview/></d:prop></d:propfind>"""


def preview(client: dav.Client, path: str, query: str = WEB + "&x=64&y=64", verb: str = "GET", **headers: str) -> dav.Answer:
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.raw(verb, f"{client.href(path)}?{query}", None, more)


def children(gateway: Gateway) -> list[int]:
    """The processes that the gateway has started."""
    assert gateway.process is not None
    threads = Path(f"/proc/{gateway.process.pid}/task").iterdir()
    return [int(pid) for thread in threads for pid in (thread / "children").read_text().split()]


def test_pictures_for_all_clients(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.put("sky.jpg", image((1200, 800), "JPEG"))
        client.put("glass ü.png", image((300, 200), mode="RGBA", colour=(255, 0, 0, 80)))
        client.put("notes.txt", "Hällo\nworld\n".encode() * 50)
        client.put("data.bin", b"x")
        answer = preview(client, "sky.jpg")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
        assert opened(answer.body).size == (64, 43)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "private, no-cache"
        # ownCloud Web says which version it knows; then it need not ask again.
        etag = client.list("sky.jpg", "0")["sky.jpg"].etag.strip('"')
        assert "max-age" in preview(client, "sky.jpg", f"{WEB}&x=64&y=64&c={etag}").headers["Cache-Control"]
        same = preview(client, "sky.jpg", If_None_Match=answer.headers["ETag"])
        assert (same.status, same.body) == (304, b"")
        # A time says too little: content that is older than the picture may have taken its place.
        later = preview(client, "sky.jpg", If_Modified_Since="Fri, 01 Jan 2094 00:00:00 GMT")
        assert (later.status, later.body) == (200, answer.body)
        assert preview(client, "sky.jpg", verb="HEAD").status == 200
        filled = opened(preview(client, "glass ü.png", "preview=1&x=32&y=32").body)
        assert (filled.size, filled.mode, filled.format) == ((32, 32), "RGBA", "PNG")
        assert opened(preview(client, "notes.txt").body).size == (64, 64)

        # By other ways to the same file.
        id = client.list("sky.jpg", "0")["sky.jpg"].id
        for target in (
            f"/index.php/core/preview?fileId={quote(id, safe='')}&x=64&y=64&a=1",
            "/index.php/core/preview.png?file=%2Fsky.jpg&x=64&y=64&a=true&forceIcon=0",
            f"/remote.php/dav/spaces/{quote(id, safe='')}?{WEB}&x=64&y=64",
            f"/dav/spaces/home$alice/sky.jpg?{WEB}&x=64&y=64",
            f"/remote.php/webdav/sky.jpg?{WEB}&x=64&y=64",
        ):
            assert opened(client.raw("GET", target).body).size == (64, 43), target
        small = client.raw("GET", f"/index.php/apps/files/api/v1/thumbnail/16/16/{quote('glass ü.png')}")
        assert opened(small.body).size == (16, 16)
        metrics = gateway.metrics()
        assert metrics["clawgate_preview_processes_total"] == 1

        # What there is none of is never the file itself.
        for path in ("data.bin", "none.png", ""):
            assert preview(client, path).status == 404
        assert preview(client, "sky.jpg", "preview=1&x=0&y=4").status == 400
        assert client.get("data.bin") == b"x"
        with gateway.client("bob", "/remote.php/dav/files/alice") as bob:
            assert preview(bob, "sky.jpg").status in (403, 404)
            assert bob.raw("GET", f"/index.php/core/preview?fileId={quote(id, safe='')}&x=64&y=64").status == 404
        nobody = dav.Client(gateway.port, "alice", "wrong", client.root)
        assert preview(nobody, "sky.jpg").status == 401
        nobody.close()

        # New content, new picture.
        client.put("sky.jpg", image((100, 100), "JPEG", colour=(0, 0, 255)))
        after = opened(preview(client, "sky.jpg").body)
        pixel = after.getpixel((32, 32))
        assert isinstance(pixel, tuple) and pixel[2] > 200
        assert preview(client, "sky.jpg", If_None_Match=answer.headers["ETag"]).status == 200

        listed = client.ask("PROPFIND", "", HAS_PREVIEW, {"Depth": "1"}).body
        assert (listed.count(b">true<"), listed.count(b">false<")) == (3, 2)
        told = json.loads(client.raw("GET", "/ocs/v1.php/cloud/capabilities?format=json").body)["ocs"]["data"]["capabilities"]
        assert "image/jpeg" in told["files"]["thumbnail"]["supportedMimeTypes"]


def test_pictures_are_kept_over_restarts(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.put("a.png", image())
        first = preview(client, "a.png")
    gateway.restart()
    with gateway.client() as client:
        assert preview(client, "a.png").body == first.body
        assert "clawgate_preview_processes_total" not in gateway.metrics() or not children(gateway)
        # A file that a crash left half is none.
        (kept,) = (gateway.data / "previews").iterdir()
        kept.write_bytes(kept.read_bytes()[:-10])
        assert preview(client, "a.png").body == first.body
        assert len(children(gateway)) == 1
    gateway.stop()


def test_hostile_images_harm_nobody(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    gateway.configure(
        preview={"memory_bytes": 300 << 20, "cpu_seconds": 2, "seconds": 20, "pixels": 400_000_000, "input_bytes": 1 << 20}
    )
    gateway.start()
    hostile = {
        "huge.png": png(50_000, 50_000),
        "memory.png": png(15_000, 15_000),
        "cut.jpg": image((400, 400), "JPEG")[:-300],
        "page.png": b"<html><script>alert(1)</script>" * 10,
        "script.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "large.bmp": image((800, 600), "BMP"),
        "nothing.png": b"",
        "bytes.gif": b"GIF89a" + random.Random(1).randbytes(2000),
        "bytes.tiff": b"II*\0" + random.Random(2).randbytes(2000),
        "work.png": bomb(9_000),
    }
    with gateway.client() as client:
        client.put("good.png", image())
        assert preview(client, "good.png", "preview=1&x=10&y=10").status == 200
        before = gateway.memory()
        for name, content in hostile.items():
            client.put(name, content)
            answer = preview(client, name)
            assert (answer.status, len(answer.body) < 1000) == (404, True), (name, answer)
            # Another picture is made as if nothing had been.
            size = len(name)
            assert preview(client, "good.png", f"preview=1&x={size}&y={size}").status == 200, name
        # Whoever asks again is told at once: nothing is tried.
        worked = gateway.metrics()
        assert preview(client, "work.png").status == 404
        assert gateway.metrics()["clawgate_preview_processes_total"] == worked["clawgate_preview_processes_total"] == 1
        assert gateway.memory() - before < 16 << 20
        assert len(children(gateway)) == 1
        # A file that is an image, and something else behind it, comes as nothing but a picture.
        client.put("both.png", image() + b"<script>alert(1)</script>")
        answer = preview(client, "both.png")
        assert answer.status == 200 and b"script" not in answer.body


def test_a_process_that_is_killed_is_replaced(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.put("a.png", image())
        assert preview(client, "a.png").status == 200
        (process,) = children(gateway)
        os.kill(process, 9)
        deadline = time.monotonic() + 60
        while process in children(gateway):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert preview(client, "a.png", "preview=1&x=9&y=9").status == 200
        (process,) = children(gateway)
        gateway.kill()
        # It ends with the gateway, whatever that died of.
        while Path(f"/proc/{process}").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        gateway.start()


@pytest.mark.parametrize("missing", [True, False])
def test_without_previews_there_are_none(stopped_gateway: Gateway, missing: bool) -> None:
    """Where the extra is not installed, and where they are not wanted."""
    gateway = stopped_gateway
    if missing:
        # What Python runs first forbids Pillow, as if it had never been installed.
        (gateway.folder / "site").mkdir()
        (gateway.folder / "site" / "sitecustomize.py").write_text("import sys\nsys.modules['PIL'] = None\n")
        gateway.environment["PYTHONPATH"] = str(gateway.folder / "site")
    else:
        gateway.configure(preview={"enabled": False})
    gateway.start()
    with gateway.client() as client:
        client.put("a.png", image())
        assert preview(client, "a.png").status == 404
        assert client.raw("GET", "/index.php/core/preview.png?file=a.png&x=9&y=9").status == 404
        assert b">true<" not in client.ask("PROPFIND", "", HAS_PREVIEW, {"Depth": "1"}).body
        told = json.loads(client.raw("GET", "/ocs/v1.php/cloud/capabilities?format=json").body)["ocs"]["data"]["capabilities"]
        assert "thumbnail" not in told["files"]
        assert not (gateway.data / "previews").exists()
        assert client.get("a.png") == image()

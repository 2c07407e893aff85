"""Uploads in every dialect to an EOS, and SIGKILL in the middle of them: offsets are true, files are old or new."""

from __future__ import annotations

import base64
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import test_upload_kill as kills
from .eos_site import Site
from .gateway import Gateway
from .upload_content import Content
from .upload_dialects import Wrong
from .upload_tus import Tus

KILLS = {"5.1": 3, "5.3": 6, "5.4": 3}
WRITERS = 2
HOME = "/eos/user/a/alice"


@pytest.fixture(params=["5.1", "5.3", "5.4"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def site(tmp_path: Path, version: str) -> Iterator[Site]:
    site = Site(tmp_path / "eos", version)
    yield site
    site.close()


@pytest.fixture
def gateway(site: Site, quick_gateway: Gateway) -> Iterator[Gateway]:
    settings: dict[str, Any] = site.settings()
    settings["mounts__home__eos"]["part_bytes"] = 131072
    quick_gateway.configure(uploads={"checkpoint_bytes": 65536}, **settings)
    quick_gateway.start()
    yield quick_gateway
    assert not site.leaked(quick_gateway.log())


def content_of(site: Site, path: str) -> bytes | None:
    folder, _, name = path.rpartition("/")
    if name not in site.call("names", path=f"{HOME}/{folder}".rstrip("/")):
        return None
    return base64.b64decode(site.call("content", path=f"{HOME}/{path}").removeprefix("base64:"))


def hidden(site: Site, path: str = HOME) -> list[str]:
    return [name for name in site.call("names", path=path) if name.startswith(".sys.reva#.")]


def test_a_tus_upload_over_kills(site: Site, gateway: Gateway) -> None:
    content = Content(1_000_000, 3)
    with gateway.client() as client:
        upload = Tus(client, "file", content, checksum=True)
        upload.create(1000)
        upload.append(299_000)
        gateway.kill()
        client.close()
        gateway.start()
        upload.resume()
        assert upload.acknowledged == 300_000
        upload.append(500_000)
        assert content_of(site, "file") is None
        client.close()
        gateway.restart()
        upload.resume()
        upload.append(200_000)
        assert upload.done
        assert client.list("file", "0")["file"].size == content.size
    assert content_of(site, "file") == content.bytes()
    assert hidden(site) == []


class Writer(kills.Writer):
    """Takes it for the end of a connection when the one from the gateway to EOS breaks, and is told so: clients go on later."""

    def step(self, file: kills.File) -> None:
        try:
            super().step(file)
        except Wrong as error:
            if "the connection to the storage broke" not in str(error):
                raise
            raise ConnectionError(str(error)) from error


# An interrupted PUT makes http.client's generator and sockets end in unusual ways, none of them the gateway's.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_nothing_is_lost(site: Site, gateway: Gateway, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def on_disk(_: Gateway, file: kills.File, content: Content | None) -> bool:
        there = content_of(site, file.path)
        return there == (None if content is None else content.bytes())

    monkeypatch.setattr(kills, "on_disk", on_disk)
    chance = random.Random(7)
    crews = [[kills.File(f"w{number}/{name}") for name in "ab"] for number in range(WRITERS)]
    for number in range(WRITERS):
        site.call("mkdir", path=f"{HOME}/w{number}", owner="alice")
    requests = done = 0
    # Where the machine is so busy that kills come before the first request, more of them are needed.
    while done < KILLS[version] or (requests <= KILLS[version] and done < 10 * KILLS[version]):
        done += 1
        finishing = threading.Event()
        writers = [Writer(gateway.client(), files, random.Random(chance.getrandbits(32)), finishing) for files in crews]
        for writer in writers:
            writer.start()
        finishing.wait(1.5)
        time.sleep(chance.uniform(0, 0.05))
        gateway.kill()
        for writer in writers:
            writer.join(120)
            assert not writer.is_alive()
            assert writer.fault is None, writer.fault
        gateway.start()
        with gateway.client() as client:
            client.list()
            for writer in writers:
                requests += writer.requests
                for file in writer.files:
                    kills.check(gateway, client, file)
    files = [file for files in crews for file in files]
    kills.drain(gateway, files, chance)
    gateway.stop()
    assert gateway.tool("uploads", "purge", "--all").returncode == 0
    gateway.start()
    with gateway.client() as client:
        for number, crew in enumerate(crews):
            there = {path: item.size for path, item in client.list(f"w{number}").items() if not item.folder}
            assert there == {file.path: file.standing.size for file in crew if file.standing is not None}
            assert hidden(site, f"{HOME}/w{number}") == []
            folders = [name for name in site.call("names", path=f"{HOME}/w{number}") if name.startswith(".sys.v#.")]
            kept = [name for folder in folders for name in site.call("names", path=f"{HOME}/w{number}/{folder}")]
            assert [name for name in kept if len(name.partition(".")[2]) != 8] == []
    assert hidden(site) == []
    assert requests > KILLS[version]


@pytest.mark.parametrize("version", ["5.3"], indirect=True)
def test_memory_does_not_grow_with_content(site: Site, gateway: Gateway) -> None:
    content = Content(200_000_000, 5)
    with gateway.client() as client:
        for path in ("warm up", "file"):
            size = content.size if path == "file" else 3_000_000
            before = gateway.memory()
            gateway.forget_peak()
            assert client.ask("PUT", path, content.pieces(0, size), {"Content-Length": str(size)}).status == 201
            connection = client.raw("GET", client.href(path))
            assert len(connection.body) == size
        assert gateway.memory("VmHWM") - before < 40 << 20

"""Two gateways, each with a state of its own, on one EOS: neither clears up what the other is at."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator

import pytest

from .eos_site import Site
from .gateway import Gateway
from .upload_content import Content
from .upload_tus import Tus

HOME = "/eos/user/a/alice"
STAGING = ".sys.reva#.clawgate-uploads"
WAIT = 60.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("eos"), "5.4")
    yield site
    site.close()


@pytest.fixture(scope="module")
def pair(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Gateway]]:
    settings = site.settings()
    # What is asked of one is how it is on EOS now.
    settings["mounts__home__eos"]["cache_seconds"] = 0.0
    made = []
    for _ in range(2):
        gateway = Gateway(tmp_path_factory.mktemp("gateway"))
        gateway.configure(**settings)
        gateway.start()
        made.append(gateway)
    yield made
    for gateway in made:
        gateway.close()


def names(site: Site, path: str = HOME) -> list[str]:
    found: list[str] = site.call("names", path=path)
    return found


def content_of(site: Site, path: str) -> bytes:
    return base64.b64decode(site.call("content", path=f"{HOME}/{path}").removeprefix("base64:"))


def test_an_upload_outlives_the_start_of_the_other(site: Site, pair: list[Gateway]) -> None:
    """That opens the space for the first time since, and knows nothing of the session."""
    first, second = pair
    content = Content(300_000, 5)
    with first.client() as client:
        upload = Tus(client, "file", content, checksum=True)
        upload.create(1000)
        upload.append(99_000)
        second.restart()
        with second.client() as other:
            assert other.list("", "1")
        upload.append(200_000)
        assert upload.done
    assert content_of(site, "file") == content.bytes()
    assert [name for name in names(site) if name.startswith(".sys.reva#.")] == []


def test_a_folder_is_never_gone_while_it_is_replaced(site: Site, pair: list[Gateway]) -> None:
    """For a moment nothing has its name on EOS; the other gateway waits, or says that it cannot tell now."""
    first, second = pair
    for folder in ("new", "target"):
        site.call("mkdir", path=f"{HOME}/{folder}", owner="alice")
        site.call("put", path=f"{HOME}/{folder}/in {folder}", content="x", owner="alice")
    site.fault(server="mgm", method="MOVE", path=f"{HOME}/new", delay=2.0)
    said: list[int] = []

    def replace() -> None:
        with first.client() as client:
            said.append(client.move("new", "target").status)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        until = time.monotonic() + WAIT
        while "target" in names(site) and thread.is_alive() and time.monotonic() < until:
            time.sleep(0.02)
        with second.client() as client:
            answer = client.ask("PROPFIND", "", headers={"Depth": "1"})
        assert answer.status == 503 or b"/target/" in answer.body
    finally:
        thread.join(WAIT)
    assert said == [204]
    assert names(site, f"{HOME}/target") == ["in new"]
    with second.client() as client:
        assert set(client.list("target")) == {"target", "target/in new"}


def test_the_etag_of_the_root_moves_once(site: Site, pair: list[Gateway]) -> None:
    """Where those who run EOS have made a folder for uploads."""
    first, second = pair
    site.call("mkdir", path=f"{HOME}/{STAGING}", owner="alice")
    site.call("set_attribute", path=f"{HOME}/{STAGING}", key="sys.mtime.propagation", value=None)
    site.call("settle")
    first.restart()
    content = Content(200_000, 6)
    with first.client() as client, second.client() as other:
        before = other.list("", "0")[""].etag
        upload = Tus(client, "staged", content)
        upload.create(1000)
        upload.append(99_000)
        site.call("settle")
        assert other.list("", "0")[""].etag == before
        upload.append(100_000)
        assert upload.done
        site.call("settle")
        assert other.list("", "0")[""].etag != before
    assert content_of(site, "staged") == content.bytes()
    assert names(site, f"{HOME}/{STAGING}") == []

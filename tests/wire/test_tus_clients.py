"""tuspy and tus-js-client, the TUS clients of Python and of web browsers, through a network that breaks."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed
from tusclient.uploader import Uploader

from . import trees
from .cutting_proxy import CuttingProxy, Then
from .gateway import USERS, Gateway
from .programs import Started
from .recorded import begun, repeated, sent

MIB = 1 << 20
SCRIPT = Path(__file__).parent / "tusjs" / "upload.mjs"
LOGIN = {"Authorization": "Basic " + base64.b64encode(f"alice:{USERS['alice']}".encode()).decode()}
HOME = "/remote.php/dav/files/alice/"
PLAIN = "/tus/"
CONTENT = os.urandom(8 * MIB + 12345)
SIZE = len(CONTENT)
CHUNK = 1_000_003


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One for all that do not kill it."""
    gateway = Gateway(tmp_path_factory.mktemp("gateway"))
    # Who comes back waits until all that was sent before the cut is put away: so long may a busy machine take.
    gateway.configure(uploads={"lock_seconds": 5})
    gateway.start()
    yield gateway
    gateway.close()


@pytest.fixture
def proxy(gateway: Gateway) -> Iterator[CuttingProxy]:
    with CuttingProxy(gateway.port) as proxy:
        yield proxy


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A file name for each test, with something to encode."""
    return f"{request.node.name}: Grüße.bin".replace("/", "_")


def arrived(gateway: Gateway, name: str, content: bytes = CONTENT) -> Path:
    """The file is there, whole, and nothing else."""
    path = gateway.disk() / name
    assert path.read_bytes() == content
    gateway.assert_tidy()
    return path


def keep_up(gateway: Gateway, proxy: CuttingProxy, behind: int) -> None:
    """Wait until the storage has all but `behind` bytes of what the proxy has forwarded: the rest may still be in the sockets."""
    deadline = time.monotonic() + 60
    while sum((gateway.disk() / path).stat().st_blocks * 512 for path in gateway.leftovers()) < proxy.forwarded - behind:
        assert time.monotonic() < deadline, "the bytes do not arrive"
        time.sleep(0.01)


# tuspy


def tuspy(proxy: CuttingProxy, name: str, endpoint: str = HOME, url: str | None = None, **options: Any) -> Uploader:
    client = TusClient(proxy.url(endpoint), dict(LOGIN))
    metadata = {"filename": name, **options.pop("metadata", {})}
    return Uploader(file_stream=io.BytesIO(CONTENT), client=client, url=url, metadata=metadata, **options)


@pytest.mark.parametrize("endpoint", [HOME, "/remote.php/webdav/", PLAIN])
def test_tuspy_in_chunks(gateway: Gateway, proxy: CuttingProxy, name: str, endpoint: str) -> None:
    whole = {"mtime": "1600000000.5", "checksum": f"SHA1 {hashlib.sha1(CONTENT).hexdigest()}"}
    uploader = tuspy(proxy, name, endpoint, chunk_size=CHUNK, metadata=whole)
    uploader.upload()
    assert uploader.url.startswith(proxy.url(PLAIN)), "the address leads past the proxy"
    assert arrived(gateway, name).stat().st_mtime == 1600000000.5
    assert uploader.get_offset() == SIZE
    assert len([one for one in proxy.exchanges if one.method == "PATCH"]) == SIZE // CHUNK + 1
    assert sent(proxy.exchanges) == SIZE and not repeated(proxy.exchanges)


def test_tuspy_with_the_wrong_checksum(gateway: Gateway, proxy: CuttingProxy, name: str) -> None:
    wrong = {"checksum": f"SHA1 {hashlib.sha1(CONTENT[:-1]).hexdigest()}"}
    with pytest.raises(TusCommunicationError):
        tuspy(proxy, name, chunk_size=4 * MIB, metadata=wrong).upload()
    assert [one.status for one in proxy.exchanges] == [201, 204, 204, 400]
    assert not (gateway.disk() / name).exists()
    gateway.assert_tidy()


@pytest.mark.parametrize("endpoint", [HOME, PLAIN])
def test_tuspy_goes_on_after_a_cut(gateway: Gateway, proxy: CuttingProxy, name: str, endpoint: str) -> None:
    """What came before the cut is kept to the last byte."""
    at = 5 * CHUNK + 54321
    proxy.stop_after(at, Then.CUT)
    first = tuspy(proxy, name, endpoint, chunk_size=2 * CHUNK)
    with pytest.raises(TusUploadFailed):
        first.upload()
    assert not (gateway.disk() / name).exists()
    second = tuspy(proxy, name, endpoint, first.url, chunk_size=2 * CHUNK)
    assert second.offset == at
    second.upload()
    arrived(gateway, name)
    assert sent(proxy.exchanges) == SIZE and len(begun(proxy.exchanges)) == 1


def test_tuspy_with_checksums_of_chunks(gateway: Gateway, proxy: CuttingProxy, name: str) -> None:
    """A chunk that cannot be verified, because not all of it came, does not count."""
    proxy.stop_after(2 * CHUNK + 54321, Then.CUT)
    first = tuspy(proxy, name, chunk_size=CHUNK, upload_checksum=True)
    with pytest.raises(TusUploadFailed):
        first.upload()
    second = tuspy(proxy, name, url=first.url, chunk_size=CHUNK, upload_checksum=True)
    assert second.offset == 2 * CHUNK
    second.upload()
    arrived(gateway, name)
    assert not repeated(proxy.exchanges) and sent(proxy.exchanges) == SIZE + 54321


def test_tuspy_with_a_wrong_chunk(gateway: Gateway, proxy: CuttingProxy, name: str) -> None:
    """A chunk that is not what its checksum says is refused, the upload stands where it was before it."""
    uploader = tuspy(proxy, name, chunk_size=CHUNK, upload_checksum=True)
    uploader.upload(stop_at=3 * CHUNK)
    uploader.CHECKSUM_ALGORITHM_PAIR = ("sha1", hashlib.md5)
    lying = tuspy(proxy, name, url=uploader.url, chunk_size=CHUNK)
    lying.client.set_headers({"Upload-Checksum": "sha1 " + base64.b64encode(hashlib.sha1(b"else").digest()).decode()})
    with pytest.raises(TusUploadFailed) as refused:
        lying.upload()
    assert refused.value.status_code == 460
    assert uploader.get_offset() == 3 * CHUNK
    uploader.upload()
    arrived(gateway, name)


def test_tuspy_tries_again(gateway: Gateway, proxy: CuttingProxy, name: str) -> None:
    for _ in range(4):
        proxy.stop_after(SIZE // 5, Then.CUT)
    tuspy(proxy, name, retries=5, retry_delay=0).upload()
    arrived(gateway, name)
    # What a cut connection still held when it was reset never reached the gateway, and was not acknowledged either.
    assert not repeated(proxy.exchanges) and SIZE <= sent(proxy.exchanges) < 2 * SIZE
    assert len([one for one in proxy.exchanges if one.body and not one.status]) == 4


# tus-js-client


def tusjs(proxy: CuttingProxy, folder: Path, name: str, options: dict[str, Any], *, endpoint: str = HOME, **more: Any) -> Started:
    """Start it with a file of its own; `more` are what the script takes besides the library's options."""
    file = folder / "content"
    if not file.exists():
        trees.write(file, CONTENT)
    common = {
        "endpoint": proxy.url(endpoint),
        "headers": LOGIN,
        "metadata": {"filename": name, "mtime": "1500000000"},
        "retryDelays": [0, 100, 200, 400, 800, 1600],
    }
    order = {"file": str(file), "options": {**common, **options}, **more}
    return Started(["node", str(SCRIPT), json.dumps(order)], folder / "home")


def outcome(started: Started) -> str:
    with started:
        return str(json.loads(started.end())["outcome"])


WAYS: dict[str, dict[str, Any]] = {
    "one PATCH": {},
    "chunks": {"chunkSize": CHUNK},
    "all with the creation": {"uploadDataDuringCreation": True},
    "the first chunk with the creation": {"uploadDataDuringCreation": True, "chunkSize": CHUNK},
    "POST instead of PATCH": {"overridePatchMethod": True, "chunkSize": CHUNK},
    "in parallel": {"parallelUploads": 3},
    "chunks in parallel": {"parallelUploads": 4, "chunkSize": CHUNK},
}


@pytest.mark.parametrize("endpoint", [HOME, PLAIN])
@pytest.mark.parametrize("way", WAYS)
def test_tusjs(gateway: Gateway, proxy: CuttingProxy, tmp_path: Path, name: str, way: str, endpoint: str) -> None:
    assert outcome(tusjs(proxy, tmp_path, name, WAYS[way], endpoint=endpoint)) == "success"
    assert arrived(gateway, name).stat().st_mtime == 1500000000
    assert sent(proxy.exchanges) == SIZE and not repeated(proxy.exchanges)
    if way == "POST instead of PATCH":
        assert "PATCH" in {one.headers.get("x-http-method-override") for one in proxy.exchanges}


def test_tusjs_with_checksums_of_chunks(gateway: Gateway, proxy: CuttingProxy, tmp_path: Path, name: str) -> None:
    proxy.stop_after(2 * CHUNK + 54321, Then.CUT)
    options = {"chunkSize": CHUNK, "uploadDataDuringCreation": True}
    assert outcome(tusjs(proxy, tmp_path, name, options, checksum="sha256")) == "success"
    arrived(gateway, name)
    assert not repeated(proxy.exchanges) and sent(proxy.exchanges) == SIZE + 54321
    assert all("upload-checksum" in one.headers for one in proxy.exchanges if one.body)


def test_tusjs_does_not_know_the_length(gateway: Gateway, proxy: CuttingProxy, tmp_path: Path, name: str) -> None:
    """A stream: the length comes with a PATCH that has no content any more."""
    options = {"chunkSize": CHUNK, "uploadLengthDeferred": True}
    assert outcome(tusjs(proxy, tmp_path, name, options, stream=True)) == "success"
    arrived(gateway, name)
    assert proxy.exchanges[0].headers["upload-defer-length"] == "1"
    assert [one.headers["upload-length"] for one in proxy.exchanges if "upload-length" in one.headers] == [str(SIZE)]


def test_tusjs_is_aborted_and_goes_on(gateway: Gateway, proxy: CuttingProxy, tmp_path: Path, name: str) -> None:
    """In the middle of a PATCH; another process finds the upload in the client's storage and sends what is missing."""
    stop = proxy.stop_after(SIZE // 2)
    with tusjs(proxy, tmp_path, name, {}, storage=str(tmp_path / "storage")) as first:
        stop.wait()
        first.tell("abort")
        assert json.loads(first.end())["outcome"] == "aborted"
    stop.decide(Then.CUT)
    assert outcome(tusjs(proxy, tmp_path, name, {}, storage=str(tmp_path / "storage"))) == "success"
    arrived(gateway, name)
    assert [one.method for one in proxy.exchanges] == ["POST", "PATCH", "HEAD", "PATCH"]
    assert proxy.exchanges[-1].headers["upload-offset"] == str(SIZE // 2)
    assert sent(proxy.exchanges) == SIZE


def test_tusjs_is_aborted_in_parallel_and_goes_on(gateway: Gateway, proxy: CuttingProxy, tmp_path: Path, name: str) -> None:
    options = {"parallelUploads": 3, "chunkSize": CHUNK}
    assert outcome(tusjs(proxy, tmp_path, name, options, pauseAt=CHUNK)) == "success"
    arrived(gateway, name)
    assert not repeated(proxy.exchanges) and len(begun(proxy.exchanges)) == 4
    assert len([one for one in proxy.exchanges if one.method == "HEAD"]) == 3


@pytest.mark.parametrize("options", [{}, {"parallelUploads": 3}], ids=["one", "parallel"])
def test_tusjs_through_cuts(gateway: Gateway, proxy: CuttingProxy, tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    """Cut again and again, nothing that was acknowledged is sent again."""
    for _ in range(6):
        proxy.stop_after(SIZE // 7, Then.CUT)
    assert outcome(tusjs(proxy, tmp_path, name, options)) == "success"
    arrived(gateway, name)
    assert not repeated(proxy.exchanges) and SIZE <= sent(proxy.exchanges) < 2 * SIZE
    assert len([one for one in proxy.exchanges if one.body and not one.status]) == 6


def test_tusjs_comes_back_while_its_old_connection_is_open(
    gateway: Gateway, proxy: CuttingProxy, tmp_path: Path, name: str
) -> None:
    """The gateway did not hear that the client is gone: it is let in all the same, after a moment of silence."""
    proxy.stop_after(SIZE // 2, Then.HALF_OPEN)
    assert outcome(tusjs(proxy, tmp_path, name, {})) == "success"
    arrived(gateway, name)
    assert not repeated(proxy.exchanges)
    assert proxy.exchanges[-1].headers["upload-offset"] == str(SIZE // 2), "what the old connection brought was lost"


@pytest.mark.parametrize("options", [{}, {"chunkSize": CHUNK}, {"parallelUploads": 2}], ids=["one", "chunks", "parallel"])
def test_tusjs_outlives_the_gateway(quick_gateway: Gateway, tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    """SIGKILL and a new start on the same port: all but the last moment is still there."""
    count = options.get("parallelUploads", 1)
    quick_gateway.configure(uploads={"checkpoint_bytes": MIB})
    quick_gateway.start()
    with CuttingProxy(quick_gateway.port) as proxy:
        # The next byte of another connection stops that too.
        stops = [proxy.stop_after(SIZE // 2), *(proxy.stop_after(1) for _ in range(count - 1))]
        with tusjs(proxy, tmp_path, name, options) as client:
            for stop in stops:
                stop.wait()
            keep_up(quick_gateway, proxy, count * MIB // 2)
            quick_gateway.kill()
            quick_gateway.start()
            for stop in stops:
                stop.decide(Then.GO_ON)
            assert json.loads(client.end())["outcome"] == "success"
        arrived(quick_gateway, name)
        assert [one for one in proxy.exchanges if one.body and not one.status], "the kill did not hit anything"
        assert not repeated(proxy.exchanges)
        again = sent(proxy.exchanges) - SIZE
        assert again <= count * 2 * MIB, f"{again} bytes were lost"

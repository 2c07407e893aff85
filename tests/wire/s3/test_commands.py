"""The operator's commands for a mount in a bucket, and settings that do not go together."""

from __future__ import annotations

import pytest

from ...storage.s3 import servers
from .. import trees
from ..bucket import BucketGateway

TUS = {"Tus-Resumable": "1.0.0", "Upload-Length": "12", "Upload-Metadata": "filename YQ=="}


def test_check_says_what_the_service_can_do(stopped_gateway: BucketGateway) -> None:
    said = stopped_gateway.tool("check")
    assert said.returncode == 0, said.stdout + said.stderr
    for words in (
        "can be listed",
        "can be read, written, copied and deleted",
        "knows conditional writes",
        "versions are not kept",
    ):
        assert words in said.stdout, said.stdout
    assert list(stopped_gateway.disk().keys()) == []


@pytest.mark.parametrize(
    ("settings", "words", "remedy"),
    [
        ({"bucket": "not-there"}, "NoSuchBucket", "make the bucket"),
        ({"secret_key": "wrong"}, "SignatureDoesNotMatch", "mend s3.secret_key"),
        ({"access_key": "wrong"}, "InvalidAccessKeyId", "mend s3.access_key"),
        ({"endpoint": "http://127.0.0.1:1"}, "cannot be listed", "look at s3.endpoint"),
        ({"access_key": ""}, "access_key and secret_key go together", ""),
        ({"access_key": "{user.key}"}, "does not tell alice's key", "clawgate explain alice"),
        ({"bucket": ""}, "needs a bucket", ""),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_check_says_how_to_mend_it(stopped_gateway: BucketGateway, settings: dict[str, str], words: str, remedy: str) -> None:
    stopped_gateway.configure(mounts__home__s3={"timeout": 20, **settings})
    said = stopped_gateway.tool("check")
    assert said.returncode != 0
    assert "FAIL" in said.stdout
    assert words in said.stdout, said.stdout
    assert remedy in said.stdout, said.stdout
    assert servers.SECRET not in said.stdout


def test_explain_index_and_uploads(gateway: BucketGateway) -> None:
    explained = gateway.tool("explain", "alice", "/a b/c").stdout
    assert f"s3://{servers.BUCKET}/{gateway.prefix}alice/a b/c" in explained
    assert "root template" in explained
    with gateway.client() as client:
        client.ask("MKCOL", "folder")
        client.put("folder/file", b"content")
        assert client.ask("POST", "", b"abc", {**TUS, "Content-Type": "application/offset+octet-stream"}).status == 201
        trees.write(gateway.disk() / "by others", b"1", trees.TIME)
        before = client.walk()
    assert gateway.leftovers() != []
    gateway.stop()
    listed = gateway.tool("uploads", "list").stdout
    assert "3 of 12 bytes" in listed, listed
    for command in (("index", "verify"), ("index", "rebuild"), ("index", "verify"), ("uploads", "purge", "--all")):
        said = gateway.tool(*command)
        assert said.returncode == 0, said.stdout + said.stderr
    assert gateway.leftovers() == []
    gateway.start()
    with gateway.client() as client:
        after = client.walk()
    assert {path: item.id for path, item in after.items()} == {path: item.id for path, item in before.items()}
    for path, item in after.items():
        assert item.folder or item.etag == before[path].etag, path

"""Real clients as they are for a disk, with homes in a bucket; and a bucket that others have filled."""

from __future__ import annotations

import email.utils
from pathlib import Path

import pytest

from ...storage.s3 import servers
from .. import trees
from ..bucket import BucketGateway
from ..programs import SyncClient, rclone, run
from ..test_rclone import same
from ..test_rclone import test_copy_keeps_times_and_does_nothing_the_second_time as test_rclone_copy  # noqa: F401

KEYS = {
    "plain.txt": b"1",
    "with space/and more.txt": b"2",
    "Grüße/Zürich & 100%.txt": b"3",
    "日本語/写真.jpg": b"4" * 70_000,
    "deep/er/and/deeper/file": b"5",
    "marked/": b"",
    "plus+sign/a=b;c,d.txt": b"6",
}
"""What every service can hold."""
BY_AWS = {key: KEYS[key] for key in ("plain.txt", "with space/and more.txt", "Grüße/Zürich & 100%.txt", "日本語/写真.jpg")}
"""What Amazon's own program has put there."""
ODD = {
    "two//slashes": b"1",
    "both": b"8",
    "both/below": b"9",
    "trailing/slash/": b"",
    "not empty/": b"10",
    "dots/./file": b"11",
}
"""What only services hold whose keys are no paths."""
SHOWN = {
    "two/\u201b2f/slashes": b"1",
    "both": b"8",
    "both\u201b2f/below": b"9",
    "dots/\u201b2e/file": b"11",
}


def aws(server: servers.Server, home: Path, *arguments: str) -> None:
    """Amazon's command line: ``aws s3 ...``."""
    settings = {"AWS_ACCESS_KEY_ID": servers.KEY, "AWS_SECRET_ACCESS_KEY": servers.SECRET, "AWS_DEFAULT_REGION": "us-east-1"}
    run([servers.program("aws"), "--endpoint-url", server.endpoint, "s3", *arguments], home, environment=settings)


def content(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not any(map(trees.own, path.relative_to(root).parts))
    }


@pytest.mark.parametrize("service", ["seaweed", "moto"])
def test_a_bucket_that_others_have_filled(service: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """By rclone, by `aws s3 cp`, and by bare PutObjects; nothing in it is renamed or written anew."""
    server: servers.Server = request.getfixturevalue(service)
    folder, local = tmp_path / "gateway", tmp_path / "local"
    folder.mkdir()
    gateway = BucketGateway(folder, server)
    disk = gateway.disk()
    trees.write(local / "by rclone/näu & 50%.txt", b"from rclone", trees.TIME)
    trees.write(local / "by rclone/empty", b"", trees.TIME + 1)
    settings = {"TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": server.endpoint, "ACCESS_KEY_ID": servers.KEY}
    settings |= {"SECRET_ACCESS_KEY": servers.SECRET, "REGION": "us-east-1"}
    more = {f"RCLONE_CONFIG_BUCKET_{name}": value for name, value in settings.items()}
    target = f"bucket:{servers.BUCKET}/{disk.root}"
    run(
        ["rclone", "--config", "/dev/null", "--s3-no-check-bucket", "copy", str(local), target],
        tmp_path / "home",
        environment=more,
    )
    for key, body in BY_AWS.items():
        trees.write(tmp_path / "aws" / key, body, trees.TIME)
    aws(server, tmp_path / "home", "cp", "--recursive", str(tmp_path / "aws"), f"s3://{servers.BUCKET}/{disk.root}")
    if service == "moto":
        odd = f"s3://{servers.BUCKET}/{disk.root}two//slashes"
        aws(server, tmp_path / "home", "cp", str(tmp_path / "aws/plain.txt"), odd)
    put = {key: body for key, body in (KEYS | (ODD if service == "moto" else {})).items() if key not in BY_AWS}
    put.pop("two//slashes", None)
    for key, body in put.items():
        disk.client.put_object(Bucket=servers.BUCKET, Key=disk.root + key, Body=body)
    before = disk.snapshot()
    assert before.keys() >= put.keys() | BY_AWS.keys()
    wanted = {key: body for key, body in KEYS.items() if not key.endswith("/")} | (SHOWN if service == "moto" else {})
    wanted |= {"by rclone/näu & 50%.txt": b"from rclone", "by rclone/empty": b""}

    gateway.start()
    try:
        one = SyncClient("owncloudcmd", gateway, tmp_path / "one")
        one.sync()
        assert content(one.folder) == wanted
        assert (one.folder / "marked").is_dir()
        kept = trees.inodes(one.folder)
        one.sync()
        assert trees.inodes(one.folder) == kept, "something was downloaded twice"
        assert ours(disk.snapshot()) == before, "looking has changed the bucket"

        trees.write(one.folder / "deep/er/new.txt", b"new", trees.TIME + 2)
        trees.write(one.folder / "plain.txt", b"changed by the client", trees.TIME + 3)
        (one.folder / "with space/and more.txt").unlink()
        one.sync()
        after = ours(disk.snapshot())
        assert after.keys() - before.keys() - {"with space/", "deep/er/", "deep/"} == {"deep/er/new.txt"}
        assert before.keys() - after.keys() == {"with space/and more.txt"}
        assert {key for key in before.keys() & after.keys() if before[key] != after[key]} == {"plain.txt"}
        assert after["plain.txt"][2]["mtime"].startswith(str(trees.TIME + 3))
    finally:
        gateway.close()


def ours(found: dict[str, object]) -> dict[str, object]:
    return {key: fact for key, fact in found.items() if not key.startswith(".clawgate/")}


@pytest.mark.parametrize("vendor", ["owncloud", "other"])
def test_rclone_syncs_in_both_directions(gateway: BucketGateway, tmp_path: Path, vendor: str) -> None:
    """What the gateway has written shows the times that it was given."""
    local, back, home = tmp_path / "local", tmp_path / "back", tmp_path / "home"
    trees.make(local, 60)
    rclone(gateway, home, vendor, "sync", str(local), "gw:there", "--create-empty-src-dirs")
    rclone(gateway, home, vendor, "check", "gw:there", str(local), "--download")
    same(gateway.disk() / "there", local, times=vendor != "other")
    rclone(gateway, home, vendor, "sync", "gw:there", str(back), "--create-empty-src-dirs")
    same(back, local, times=vendor != "other")
    rclone(gateway, home, vendor, "moveto", "gw:there/docs", "gw:elsewhere/docs moved")
    rclone(gateway, home, vendor, "purge", "gw:there")
    assert not (gateway.disk() / "there").exists()
    assert (gateway.disk() / "elsewhere/docs moved").is_dir()
    gateway.assert_tidy()


def test_times_and_ids_of_what_others_write(gateway: BucketGateway) -> None:
    """A listing tells the time of the upload until the file is opened; the etag stays. A folder that others rename is new."""
    stored = email.utils.formatdate(trees.TIME, usegmt=True)
    with gateway.client() as client:
        client.list()
        for number in range(3):
            trees.write(gateway.disk() / f"folder/{number}", b"content" * number, trees.TIME)
        before = client.walk()
        assert stored.encode() not in client.ask("PROPFIND", "folder", None, {"Depth": "1"}).body
        answer = client.ask("GET", "folder/1")
        assert answer.headers["Last-Modified"] == stored
        assert client.ask("PROPFIND", "folder", None, {"Depth": "1"}).body.count(stored.encode()) == 1
        assert client.walk() == before
        (gateway.disk() / "folder").rename(gateway.disk() / "renamed")
        client.walk()
        after = client.walk()
    assert after.keys() >= {"renamed", "renamed/1"}
    assert after["renamed"].id != before["folder"].id
    assert after["renamed/1"].etag == before["folder/1"].etag

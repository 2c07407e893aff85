"""What others do to a bucket, with a real gateway: found by listing it, and brought back from its versions."""

from __future__ import annotations

import http.client
import json
import re
from contextlib import closing
from typing import Any
from urllib.parse import quote

from ...storage.s3 import servers
from ..bucket import BucketGateway
from ..kept import BIN
from ..test_following import fresh, moved, rest

SECRET = "not-for-the-logs"


def test_scanning_finds_it(stopped_gateway: BucketGateway) -> None:
    """Files are written, overwritten, renamed and removed while nobody lists anything; what was renamed keeps its id."""
    gateway = stopped_gateway
    disk: Any = gateway.disk()
    for path in ("a/b/file", "a/other", "c/file"):
        (disk / path).put(path.encode())
    gateway.configure(mounts__home={"outside_changes": "scan", "staleness_max": 1.0})
    gateway.start()
    with gateway.client() as client:
        client.walk()
        fresh(gateway, 1.0)
        etag = rest(client)
        before = client.walk()
        for change in (
            lambda: (disk / "a/b/file").put(b"more than before"),
            lambda: (disk / "a/b/new").put(b"new"),
            lambda: (disk / "a/other").rename(disk / "c/renamed"),
            lambda: (disk / "c/file").unlink(),
        ):
            change()
            moved(client, etag)
            after = client.walk()
            etag = rest(client)
        assert {"a/b/file", "a/b/new", "c/renamed"} <= after.keys()
        assert "c/file" not in after
        assert "a/other" not in after
        assert "a/other" in before
        assert after["c/renamed"].id == before["a/other"].id
        assert after["a/b/file"].id == before["a/b/file"].id


def test_the_service_tells(stopped_gateway: BucketGateway) -> None:
    """As MinIO's webhook does; no walk but the first can be what finds something."""
    gateway = stopped_gateway
    disk: Any = gateway.disk()
    (disk / "a/b/file").put(b"first")
    (disk / "a/one").put(b"first")
    gateway.configure(
        mounts__home={"outside_changes": "events", "staleness_max": 3600.0}, mounts__home__s3={"events_secret": SECRET}
    )
    gateway.start()

    def tell(path: str, event: str = "s3:ObjectCreated:Put") -> None:
        record = {"eventName": event, "s3": {"bucket": {"name": servers.BUCKET}, "object": {"key": quote((disk / path).key)}}}
        assert send({"Records": [record]}, "/home", f"Bearer {SECRET}") == 204

    def send(message: Any, address: str, secret: str = "") -> int:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=120)
        headers = {"Authorization": secret} if secret else {}
        connection.request("POST", f"/bucket-events{address}", json.dumps(message), headers)
        with closing(connection):
            return connection.getresponse().status

    with gateway.client() as client:
        client.walk()
        fresh(gateway, 3600.0)
        etag = rest(client)
        (disk / "a/b/file").put(b"second time")
        assert rest(client) == etag
        tell("a/b/file")
        etag = moved(client, etag)
        (disk / "a/new folder/deep/file").put(b"new")
        tell("a/new folder/deep/file")
        moved(client, etag)
        etag = rest(client)
        (disk / "a/one").unlink()
        tell("a/one", "s3:ObjectRemoved:Delete")
        moved(client, etag)
        assert {"a/new folder/deep/file", "a/b/file"} <= client.walk().keys()
        assert "a/one" not in client.walk()
        etag = rest(client)
        # What we write ourselves is told, too.
        assert client.put("a/own", b"own").status == 201
        etag = moved(client, etag)
        tell("a/own")
        assert rest(client) == etag
    assert send({}, f"/home/{SECRET}") == 204
    assert [send({}, address) for address in ("/home", "/home/wrong", f"/other/{SECRET}", "", f"/home/x/{SECRET}")] == [
        401,
        401,
        401,
        404,
        401,
    ]
    assert send([], f"/home/{SECRET}") == 400
    gateway.stop()
    assert SECRET not in gateway.log()


def test_trash_and_versions(stopped_gateway: BucketGateway) -> None:
    """What a client deletes comes back from the trash; the bucket keeps it. The quota counts what is there, whoever wrote it, and
    nothing of what is kept."""
    gateway = stopped_gateway
    client3 = gateway.disk().client
    bucket = "wire-versioned"
    client3.create_bucket(Bucket=bucket)
    client3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    gateway.configure(mounts__home={"quota": 20}, mounts__home__s3={"bucket": bucket, "versioned": True})
    gateway.start()
    with gateway.client() as client:
        assert client.put("file", b"first").status == 201
        id = client.walk()["file"].id
        assert client.put("file", b"second").status == 204
        assert client.ask("DELETE", "file").status == 204
        answer = client.raw("PROPFIND", BIN, headers={"Depth": "1"})
        assert answer.status == 207
        found = [href for href in re.findall(rb"href>([^<]+)</", answer.body) if not href.rstrip(b"/").endswith(BIN.encode())]
        assert len(found) == 1
        assert client.raw("MOVE", found[0].decode(), headers={"Destination": client.href("file")}).status == 201
        item = client.walk()["file"]
        assert (item.id, item.size) == (id, 6)
        assert client.get("file") == b"second"
        capabilities = client.raw("GET", "/ocs/v1.php/cloud/capabilities?format=json").body
        assert json.loads(capabilities)["ocs"]["data"]["capabilities"]["files"]["undelete"] is True
        client3.put_object(Bucket=bucket, Key=f"{gateway.disk().root}theirs", Body=b"0123456789")
        client.walk()
        assert client.put("large", b"x" * 5).status == 507
        assert client.put("small", b"x" * 4).status == 201

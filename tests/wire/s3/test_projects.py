"""Project spaces that people make, in a bucket."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import urlsplit

from ...storage.s3 import servers
from ..bucket import BucketGateway, BucketPath


def test_made_used_removed(stopped_gateway: BucketGateway) -> None:
    s3 = {**stopped_gateway.settings["mounts.home.s3"], "prefix": stopped_gateway.prefix + "projects/{space.name}"}
    mount = {"driver": "s3", "kind": "project", "creators": ["alice"]}
    stopped_gateway.configure(mounts__projects=mount, mounts__projects__s3=s3)
    bucket = BucketPath(stopped_gateway.server.client(), stopped_gateway.prefix + "projects/")
    (bucket / "optics/foreign.txt").write_bytes(b"not theirs")
    stopped_gateway.start()
    with stopped_gateway.client() as client:
        answer = client.raw("POST", "/graph/v1.0/drives", json.dumps({"name": "Optics", "quota": {"total": 5000}}).encode())
        assert answer.status == 201, answer.body
        id = json.loads(answer.body)["id"]
        root = f"/dav/spaces/{id}"
        assert client.raw("GET", f"{root}/foreign.txt").status == 404
        assert client.raw("MKCOL", f"{root}/d").status == 201
        assert client.raw("PUT", f"{root}/d/a.txt", b"hello").status == 201
        assert (bucket / "optics-2/d/a.txt").read_bytes() == b"hello"
        assert client.raw("PUT", f"{root}/b", b"x" * 5000).status == 507
        # Somebody asks for another one of its name, which must not harm what is going on in this one.
        tus = {"Tus-Resumable": "1.0.0"}
        begun = {**tus, "Upload-Length": "10", "Upload-Metadata": f"filename {base64.b64encode(b'up').decode()}"}
        upload = urlsplit(client.raw("POST", root, b"", begun).headers["Location"]).path
        piece = {**tus, "Content-Type": "application/offset+octet-stream"}
        assert client.raw("PATCH", upload, b"01234", {**piece, "Upload-Offset": "0"}).status == 204
        for name, status in (("Optics", 409), ("optics!", 201)):
            assert client.raw("POST", "/graph/v1.0/drives", json.dumps({"name": name}).encode()).status == status
        assert client.raw("PATCH", upload, b"56789", {**piece, "Upload-Offset": "5"}).status == 204
        assert (bucket / "optics-2/up").read_bytes() == b"0123456789"
        ask = b'<d:propfind xmlns:d="DAV:"><d:prop><d:displayname/></d:prop></d:propfind>'
        for name in ("Optics", "Light"):
            assert client.raw("PATCH", f"/graph/v1.0/drives/{id}", json.dumps({"name": name}).encode()).status == 200
            assert name.encode() in client.raw("PROPFIND", root, ask, {"Depth": "1"}).body
        assert client.raw("DELETE", f"/graph/v1.0/drives/{id}").status == 204
        assert client.raw("GET", f"{root}/d/a.txt").status == 404
        assert client.raw("PATCH", f"/graph/v1.0/drives/{id}", b"", {"Restore": "T"}).status == 200
        assert client.raw("GET", f"{root}/d/a.txt").body == b"hello"
        assert client.raw("DELETE", f"/graph/v1.0/drives/{id}").status == 204
        assert client.raw("DELETE", f"/graph/v1.0/drives/{id}", headers={"Purge": "T"}).status == 204
    deadline = time.monotonic() + 60
    while list(bucket.keys(f"{bucket.root}optics-2/")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (bucket / "optics/foreign.txt").read_bytes() == b"not theirs"
    versions = bucket.client.list_object_versions(Bucket=servers.BUCKET, Prefix=f"{bucket.root}optics-2/")
    assert not versions.get("Versions")

"""Downloads that the bucket itself answers, for programs that are named."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from ..bucket import BucketGateway
from ..dav import Answer, Client

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}


def get(client: Client, path: str, **more: str) -> Answer:
    return client.ask("GET", path, None, {**BROWSER, **{name.replace("_", "-"): value for name, value in more.items()}})


def test_the_bucket_answers_those_who_are_named(stopped_gateway: BucketGateway) -> None:
    gateway = stopped_gateway
    gateway.configure(mounts__home__s3={"redirect": ["mozilla/"]})
    gateway.start()
    content = bytes(range(256)) * 1000
    with gateway.client() as client:
        assert client.put("a b ä.html", content).status == 201
        assert client.get("a b ä.html") == content, "others get it from the gateway"
        answer = get(client, "a b ä.html")
        assert answer.status == 302
        assert answer.headers["Cache-Control"] == "no-store"
        where = answer.headers["Location"]
        url = urlsplit(where)
        assert url.port != gateway.port
        there = http.client.HTTPConnection(url.hostname or "", url.port or 0, timeout=120)
        there.request("GET", f"{url.path}?{url.query}", headers={"Range": "bytes=5-9"})
        found = there.getresponse()
        assert (found.status, found.read()) == (206, content[5:10])
        assert found.headers["Content-Disposition"].startswith("attachment")
        # It is good for this file alone, and for reading it.
        for verb, path in (("GET", url.path.replace(".html", ".txt")), ("PUT", url.path)):
            there.request(verb, f"{path}?{url.query}", b"x" if verb == "PUT" else None)
            refused = there.getresponse()
            refused.read()
            assert refused.status == 403
        there.close()
        etag = client.ask("HEAD", "a b ä.html", None, BROWSER).headers["ETag"]
        assert get(client, "a b ä.html", If_None_Match=etag).status == 304
        assert get(client, "a b ä.html", If_Match='"other"').status == 412
        assert get(client, "nothing").status == 404
    assert "X-Amz-Signature" not in gateway.log()

"""What ``sync-collection`` tells over kills, changes on the disk and lost indexes."""

from __future__ import annotations

import re
import time

from .gateway import Gateway

BODY = (
    '<d:sync-collection xmlns:d="DAV:"><d:sync-token>{}</d:sync-token><d:sync-level>infinite</d:sync-level>'
    "<d:prop><d:getetag/></d:prop></d:sync-collection>"
)


def changes(gateway: Gateway, token: str) -> tuple[int, set[str], set[str], str]:
    """Status, what is there, what is gone, and the next token."""
    with gateway.client() as client:
        answer = client.ask("REPORT", "", BODY.format(token).encode())
        text = answer.body.decode()
        there: set[str] = set()
        gone: set[str] = set()
        for href, rest in re.findall(r"<d:response><d:href>([^<]*)</d:href>(.*?)</d:response>", text, re.DOTALL):
            (gone if rest.startswith("<d:status>HTTP/1.1 404") else there).add(href.removeprefix(f"{client.root}/"))
    found = re.search(r"<d:sync-token>([^<]*)</d:sync-token>", text)
    if answer.status == 403:
        assert "<d:valid-sync-token/>" in text
    return answer.status, there, gone, found[1] if found else ""


def test_kills_and_changes_on_the_disk(quick_gateway: Gateway) -> None:
    gateway = quick_gateway
    home = gateway.make_home()
    for path in ("a/b/file", "c/file", "top"):
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(b"1")
    gateway.start()
    status, there, gone, token = changes(gateway, "")
    assert (status, there, gone) == (207, {"a/", "a/b/", "a/b/file", "c/", "c/file", "top"}, set())
    with gateway.client() as client:
        assert client.put("a/new", b"1").status == 201
        assert client.ask("DELETE", "c").status == 204
        assert client.move("top", "a/top").status == 201
    gateway.kill()
    gateway.start()
    assert changes(gateway, token)[1:3] == ({"a/new", "a/top"}, {"c/", "top"})
    gateway.kill()
    (home / "a/b").rename(home / "moved")
    (home / "a/new").unlink()
    (home / "outside").write_bytes(b"1")
    gateway.start()
    expected = ({"moved/", "moved/file", "outside", "a/top"}, {"a/b/", "a/new", "c/", "top"})
    deadline = time.monotonic() + 60
    while (found := changes(gateway, token))[1:3] != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    token = found[3]
    assert changes(gateway, token) == (207, set(), set(), token)

    gateway.stop()
    assert gateway.tool("index", "rebuild").returncode == 0
    gateway.start()
    assert changes(gateway, token)[0] == 403
    status, there, gone, token = changes(gateway, "")
    assert (status, there, gone) == (207, {"a/", "a/top", "moved/", "moved/file", "outside"}, set())
    gateway.stop()
    for path in gateway.data.glob("index.db*"):
        path.unlink()
    gateway.start()
    assert changes(gateway, token)[0] == 403

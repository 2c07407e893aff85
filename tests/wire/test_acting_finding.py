"""Searches, changes and archives on a tree where people work as themselves: everybody is shown what they may see."""

from __future__ import annotations

import io
import re
import zipfile

from .test_acting import GROUP, SPACE, Place, place  # noqa: F401 - a fixture

SEARCH = (
    '<oc:search-files xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop/><oc:search><oc:pattern>{}</oc:pattern>'
    "</oc:search></oc:search-files>"
)
CHANGES = (
    '<d:sync-collection xmlns:d="DAV:"><d:sync-token>{}</d:sync-token><d:sync-level>infinite</d:sync-level><d:prop/>'
    "</d:sync-collection>"
)


def hrefs(body: bytes) -> set[str]:
    return {href.removeprefix(f"{SPACE}/") for href in re.findall(r"<d:href>([^<]*)</d:href>", body.decode())}


def test_what_others_have_is_not_shown(place: Place) -> None:  # noqa: F811
    place.prepare()
    place.put("open", 3001, GROUP, 0o2775, None)
    place.put("open/report.txt", 3001, GROUP, 0o664)
    place.put("open/private report.txt", 3001, GROUP, 0o600)
    place.put("shut", 3001, GROUP, 0o2700, None)
    place.put("shut/secret report.txt", 3001, GROUP, 0o664)
    place.gateway.start()
    with place.client("ann") as ann, place.client("bob") as bob:

        def search(client, text: str) -> tuple[set[str], str]:
            answer = client.ask("REPORT", "", SEARCH.format(text).encode())
            assert answer.status == 207, answer
            return hrefs(answer.body), answer.headers["Content-Range"] or ""

        def changes(client, token: str) -> tuple[set[str], str, bytes]:
            answer = client.ask("REPORT", "", CHANGES.format(token).encode())
            assert answer.status == 207, answer
            (found,) = re.findall(r"<d:sync-token>([^<]*)</d:sync-token>", answer.body.decode())
            return hrefs(answer.body), found, answer.body

        everything = {"open/", "open/report.txt", "open/private%20report.txt", "shut/", "shut/secret%20report.txt"}
        shown, ann_token, _ = changes(ann, "")
        assert shown == everything
        shown, bob_token, body = changes(bob, "")
        assert shown == everything - {"shut/secret%20report.txt"}
        assert b"<d:sync-traversal-supported/>" in body
        assert search(ann, "report") == ({path for path in everything if "report" in path}, "rows 0-2/3")
        assert search(bob, "report") == ({"open/report.txt", "open/private%20report.txt"}, "rows 0-1/2")
        assert search(bob, "secret") == (set(), "")

        assert ann.put("shut/new report.txt", b"new").status == 201
        assert ann.ask("DELETE", "shut/secret report.txt").status == 204
        assert ann.put("open/new.txt", b"new").status == 201
        assert changes(ann, ann_token)[0] == {"shut/new%20report.txt", "shut/secret%20report.txt", "open/new.txt"}
        assert changes(bob, bob_token)[0] == {"open/new.txt"}

        id = bob.list("", "0")[""].id
        answer = bob.raw("GET", f"/archiver?id={id}")
        assert answer.status == 200
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            assert archive.testzip() is None
            assert {name.partition("/")[2] for name in archive.namelist()} == {
                "",
                "open/",
                "open/report.txt",
                "open/new.txt",
                "shut/",
            }

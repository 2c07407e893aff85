"""REPORT ``oc:search-files``, as ownCloud 10's clients and ownCloud Web send it."""

from __future__ import annotations

import attrs
import pytest
import pytest_twisted

ROOTED = "/remote.php/webdav"


def asking(pattern: str, limit: int | None = None, offset: int | None = None, prop: str = "<oc:fileid/><oc:name/>") -> str:
    more = f"<oc:limit>{limit}</oc:limit>" if limit is not None else ""
    more += f"<oc:offset>{offset}</oc:offset>" if offset is not None else ""
    pattern = pattern.replace("<", "&lt;").replace(">", "&gt;")
    search = f"<oc:search><oc:pattern>{pattern}</oc:pattern>{more}</oc:search>"
    return f'<oc:search-files xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop>{prop}</d:prop>{search}</oc:search-files>'


async def find(client, pattern: str, path: str = "/", **how) -> set[str]:
    answer = await client("REPORT", path, asking(pattern, **how))
    assert answer.status == 207, answer.body
    root = path.removeprefix("=") if path.startswith("=") else client.root
    return {href.removeprefix(root) for href in answer.entries}


async def some(client) -> None:
    for folder in ("/d", "/d/Reports", "/d/Reports/old"):
        await client("MKCOL", folder)
    for path, size in (
        ("/report.pdf", 10),
        ("/d/Reports/REPORT%202.PDF", 2000),
        ("/d/Reports/old/r%C3%A9sum%C3%A9.txt", 5),
        ("/d/Reports/old/STRASSE.jpg", 1),
        ("/d/100%25_sure.txt", 3),
        ("/d/100xxsure.txt", 3),
    ):
        await client("PUT", path, b"x" * size)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("report", {"/report.pdf", "/d/Reports/", "/d/Reports/REPORT%202.PDF"}),
        ("RÉSUMÉ", {"/d/Reports/old/r%C3%A9sum%C3%A9.txt"}),
        ("re\u0301sume\u0301", {"/d/Reports/old/r%C3%A9sum%C3%A9.txt"}),
        ("straße", {"/d/Reports/old/STRASSE.jpg"}),
        ('name:"report*"', {"/report.pdf", "/d/Reports/", "/d/Reports/REPORT%202.PDF"}),
        ('name:"report"', set()),
        ('name:"report.pdf"', {"/report.pdf"}),
        ('name:"report.p?f"', {"/report.pdf"}),
        ('name:"100%_*"', {"/d/100%25_sure.txt"}),
        ('name:"*report*" AND mediatype:pdf', {"/report.pdf", "/d/Reports/REPORT%202.PDF"}),
        ('name:"*report*" mediatype:folder', {"/d/Reports/"}),
        ('name:"*report*" AND NOT mediatype:("pdf" OR "image")', {"/d/Reports/"}),
        ('(name:"*sure*" OR content:"sure") AND size>2', {"/d/100%25_sure.txt", "/d/100xxsure.txt"}),
        (
            "mediatype:image OR mediatype:document",
            {"/d/Reports/old/STRASSE.jpg", "/d/100%25_sure.txt", "/d/100xxsure.txt"} | {"/d/Reports/old/r%C3%A9sum%C3%A9.txt"},
        ),
        ("size>=2000 type:1", {"/d/Reports/REPORT%202.PDF"}),
        ('name:"*pdf" mtime:"last 7 days"', set()),
        ('name:"*pdf" mtime>2001-01-01', {"/report.pdf", "/d/Reports/REPORT%202.PDF"}),
        ('name:"*pdf" mtime<"2001-01-01T00:00:00Z"', set()),
        ("tag:x", set()),
        ("nothing like it", set()),
        ('"unbalanced', set()),
    ],
)
@pytest_twisted.ensureDeferred
async def test_patterns(client, pattern, expected):
    await some(client)
    assert await find(client, pattern) == expected


@pytest_twisted.ensureDeferred
async def test_places(client):
    await some(client)
    shared = "/remote.php/dav/spaces/shared$shared"
    await client("PUT", f"={shared}/report.txt", b"1")
    grace = attrs.evolve(client, user="grace")
    await grace("PUT", "/report%20of%20grace", b"1")
    inside = {"/d/Reports/", "/d/Reports/REPORT%202.PDF"}
    assert await find(client, "report", "/d") == inside
    assert await find(client, "report", "/d/Reports") == {"/d/Reports/REPORT%202.PDF"}
    for front in ("/remote.php/dav/spaces", "/dav/spaces"):
        for path in (front, f"{front}/"):
            answer = await client("REPORT", f"={path}", asking("report"))
            home = f"{front}/home$alan"
            assert set(answer.entries) == {f"{home}{path}" for path in (*inside, "/report.pdf")} | {
                f"{front}/shared$shared/report.txt"
            }
            assert answer.header("content-range") == "rows 0-3/4"
    found = await find(client, f"report scope:{await file_id(client, '/d')}", "=/dav/spaces")
    assert found == {f"/home$alan{path}" for path in inside}
    assert await find(client, "report scope:shared$shared", "=/dav/spaces") == {"/shared$shared/report.txt"}
    assert await find(client, f"report scope:{await file_id(client, '/d')}", "/") == inside
    for scope in ("home$grace", "home$grace!x", "home$alan!none", "x"):
        assert await find(client, f"report scope:{scope}", "=/dav/spaces") == set()
    assert (await client("REPORT", "=/remote.php/dav/files", asking("x"))).status == 405
    assert (await client("REPORT", "=/dav/spaces/home$grace", asking("x"))).status == 404
    assert (await client("REPORT", "/report.pdf", asking("x"))).status == 403
    assert (await client("REPORT", "/none", asking("x"))).status == 404


async def file_id(client, path: str) -> str:
    return (await client.propfind(path, "oc:fileid")).popitem()[1].text("oc:fileid")


@pytest_twisted.ensureDeferred
async def test_limits(client):
    await client("MKCOL", "/d")
    names = {f"/d/n{number}.txt" for number in range(12)}
    for name in names:
        await client("PUT", name, b"")
    assert await find(client, "n", "/d") == names
    seen: set[str] = set()
    for offset in (0, 5, 10):
        answer = await client("REPORT", "/d", asking("n*", limit=5, offset=offset))
        some = {href.removeprefix(ROOTED) for href in answer.entries}
        assert answer.header("content-range") == f"rows {offset}-{offset + len(some) - 1}/12"
        assert not seen & some
        seen |= some
    assert seen == names
    assert await find(client, "n", "/d", limit=0) == names
    answer = await client("REPORT", "/d", asking("n*", offset=12))
    assert (answer.status, answer.entries, answer.header("content-range")) == (207, {}, None)
    assert (await client("REPORT", "/", asking(""))).status == 400
    assert (await client("REPORT", "/", asking("x" * 2000))).status == 400
    assert (await client("REPORT", "/", asking("(" * 50 + "x" + ")" * 50))).status == 400


@pytest_twisted.ensureDeferred
async def test_what_is_shown(client):
    await some(client)
    prop = "<oc:fileid/><oc:file-parent/><d:getetag/><oc:permissions/><oc:score/>"
    answer = await client("REPORT", "/", asking("report.pdf", prop=prop))
    entry = answer.entries[f"{ROOTED}/report.pdf"]
    shown = (await client.propfind("/report.pdf", "oc:fileid", "oc:file-parent", "d:getetag", "oc:permissions")).popitem()[1]
    for name in shown.found:
        assert entry.text(name) == shown.text(name)
    assert entry.missing == {"oc:score"}
    await client("DELETE", "/report.pdf")
    assert await find(client, "report.pdf") == set()

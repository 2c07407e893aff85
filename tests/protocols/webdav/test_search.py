"""SEARCH, as Nextcloud's clients send it."""

from __future__ import annotations

import attrs
import pytest
import pytest_twisted

FILES = "/remote.php/dav/files/alan"
NAMESPACES = (
    'xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns" xmlns:nc="http://nextcloud.org/ns" '
    'xmlns:ns="https://github.com/icewind1991/SearchDAV/ns"'
)
NAME, TYPE, TIME, SIZE, STAR = "d:displayname", "d:getcontenttype", "d:getlastmodified", "oc:size", "oc:favorite"


def term(how: str, name: str, literal: str) -> str:
    return f"<d:{how}><d:prop><{name}/></d:prop><d:literal>{literal}</d:literal></d:{how}>"


def asking(where: str, scope: str = "/files/alan", depth: str = "infinity", order: str = "", limit: str = "") -> str:
    select = "<d:select><d:prop><d:displayname/><oc:fileid/><d:getetag/></d:prop></d:select>"
    source = f"<d:from><d:scope><d:href>{scope}</d:href><d:depth>{depth}</d:depth></d:scope></d:from>"
    inside = f"{select}{source}<d:where>{where}</d:where><d:orderby>{order}</d:orderby>{limit}"
    return f"<d:searchrequest {NAMESPACES}><d:basicsearch>{inside}</d:basicsearch></d:searchrequest>"


def by(name: str, way: str = "ascending") -> str:
    return f"<d:order><d:prop><{name}/></d:prop><d:{way}/></d:order>"


async def find(client, where: str, target: str = "=/remote.php/dav/", **how) -> list[str]:
    answer = await client("SEARCH", target, asking(where, **how))
    assert answer.status == 207, answer.body
    return [href.removeprefix(FILES) for href in answer.entries]


async def some(client) -> None:
    for folder in ("/Photos", "/Photos/2024", "/Travel%20docs"):
        await client("MKCOL", folder)
    for number, (path, size) in enumerate(
        (
            ("/Photos/a.jpg", 30),
            ("/Photos/2024/B.JPG", 20),
            ("/Photos/2024/c.png", 10),
            ("/Travel%20docs/Ticket.md", 40),
            ("/notes.txt", 50),
        )
    ):
        await client("PUT", path, b"x" * size, X_OC_Mtime=str(1_700_000_000 + 100 * number))
    star = (
        '<d:propertyupdate xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:set><d:prop><oc:favorite>1</oc:favorite></d:prop>'
    )
    for path in ("/notes.txt", "/Photos"):
        await client("PROPPATCH", path, f"{star}</d:set></d:propertyupdate>")


ALL = {"/Photos/", "/Photos/2024/", "/Travel%20docs/", "/Photos/a.jpg", "/Photos/2024/B.JPG", "/Photos/2024/c.png"} | {
    "/Travel%20docs/Ticket.md",
    "/notes.txt",
}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("", ALL),
        (term("like", NAME, "%.jpg"), {"/Photos/a.jpg", "/Photos/2024/B.JPG"}),
        (term("like", NAME, "_.jpg"), {"/Photos/a.jpg", "/Photos/2024/B.JPG"}),
        (term("like", TYPE, "image/%"), {"/Photos/a.jpg", "/Photos/2024/B.JPG", "/Photos/2024/c.png"}),
        (term("eq", TYPE, "image/png"), {"/Photos/2024/c.png"}),
        (term("gt", SIZE, "30") + "", {"/Photos/", "/Travel%20docs/Ticket.md", "/Travel%20docs/", "/notes.txt"}),
        (
            f"<d:and>{term('gte', SIZE, '30')}{term('lte', SIZE, '40')}<d:not><d:is-collection/></d:not></d:and>",
            {"/Photos/a.jpg", "/Travel%20docs/Ticket.md"},
        ),
        ("<d:is-collection/>", {"/Photos/", "/Photos/2024/", "/Travel%20docs/"}),
        (
            f"<d:and>{term('gte', TIME, '2023-11-14T22:15:00Z')}{term('lt', TIME, '1700000300')}</d:and>",
            {"/Photos/2024/B.JPG", "/Photos/2024/c.png"},
        ),
        (f"<d:and>{term('eq', 'oc:owner-id', 'alan')}{term('like', TYPE, 'image/png')}</d:and>", {"/Photos/2024/c.png"}),
        (term("eq", "oc:owner-id", "grace"), set()),
        (term("eq", STAR, "yes"), {"/notes.txt", "/Photos/"}),
        (
            f"<d:or>{term('eq', NAME, 'NOTES.txt')}{term('like', NAME, 'tick%')}</d:or>",
            {"/notes.txt", "/Travel%20docs/Ticket.md"},
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_conditions(client, where, expected):
    await some(client)
    assert set(await find(client, where)) == expected


@pytest_twisted.ensureDeferred
async def test_scopes(client):
    await some(client)
    below = {"/Photos/2024/B.JPG", "/Photos/2024/c.png"}
    where = term("like", TYPE, "image/%")
    home = "/files/alan/Photos/2024"
    for scope in (home, home[1:], f"{FILES}/Photos/2024", f"{client.base}{FILES}/Photos/2024/"):
        assert set(await find(client, where, scope=scope)) == below, scope
    assert set(await find(client, where, scope=".", target=f"={FILES}/Photos")) == below | {"/Photos/a.jpg"}
    assert await find(client, where, scope="/files/alan/Photos", depth="1") == ["/Photos/a.jpg"]
    assert await find(client, where, scope="/files/alan/Photos/a.jpg", depth="0") == ["/Photos/a.jpg"]
    for scope in ("/files/alan/Travel docs", "/files/alan/Travel%20docs"):
        assert await find(client, term("like", NAME, "%"), scope=scope) == ["/Travel%20docs/Ticket.md"]
    grace = attrs.evolve(client, user="grace")
    assert (await grace("SEARCH", "=/remote.php/dav/", asking(where))).status == 403
    assert (await client("SEARCH", "=/remote.php/dav/", asking(where, scope="/files/alan/none"))).status == 404
    assert (await client("SEARCH", "=/remote.php/dav/", asking(where, scope="/elsewhere"))).status == 404


@pytest_twisted.ensureDeferred
async def test_orders_and_pages(client):
    await some(client)
    files = "<d:not><d:is-collection/></d:not>"
    in_time = ["/Photos/a.jpg", "/Photos/2024/B.JPG", "/Photos/2024/c.png", "/Travel%20docs/Ticket.md", "/notes.txt"]
    assert await find(client, files, order=by(TIME)) == in_time
    assert await find(client, files, order=by(TIME, "descending")) == in_time[::-1]
    assert (await find(client, files, order=by(SIZE)))[:3] == ["/Photos/2024/c.png", "/Photos/2024/B.JPG", "/Photos/a.jpg"]
    assert (await find(client, files, order=by(TYPE) + by(NAME, "descending")))[:2] == ["/Photos/2024/B.JPG", "/Photos/a.jpg"]

    def page(size: int, first: int) -> str:
        return f"<d:limit><d:nresults>{size}</d:nresults><ns:firstresult>{first}</ns:firstresult></d:limit>"

    assert await find(client, files, order=by(TIME), limit=page(2, 0)) == in_time[:2]
    assert await find(client, files, order=by(TIME), limit=page(2, 2)) == in_time[2:4]
    assert await find(client, files, order=by(TIME), limit=page(2, 4)) == in_time[4:]
    found = [path for first in (0, 2, 4) for path in await find(client, files, limit=page(2, first))]
    assert sorted(found) == sorted(in_time)
    assert (await client("SEARCH", "=/remote.php/dav/", asking(files, order=by(TIME), limit=page(2, 10_000)))).status == 400


@pytest_twisted.ensureDeferred
async def test_told_and_refused(client):
    await some(client)
    told = await client("OPTIONS", "=/remote.php/dav/")
    assert told.header("dasl") == "<DAV:basicsearch>"
    assert "SEARCH" in told.header("allow")
    for where in (
        term("eq", "oc:nothing", "alan"),
        term("like", SIZE, "1%"),
        term("gt", SIZE, "much"),
        term("gt", TIME, "some day"),
        "<d:contains>x</d:contains>",
        "<d:eq/>",
        "<d:is-collection/><d:is-collection/>",
        f"<d:or>{'<d:is-collection/>' * 1000}</d:or>",
    ):
        assert (await client("SEARCH", "=/remote.php/dav/", asking(where))).status == 400, where
    assert (await client("SEARCH", "=/remote.php/dav/", "<x/>")).status == 400
    other = f"<d:searchrequest {NAMESPACES}><d:sql/></d:searchrequest>"
    assert (await client("SEARCH", "=/remote.php/dav/", other)).status == 501

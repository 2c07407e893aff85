"""PUT, GET, HEAD, DELETE, MKCOL, MOVE, COPY, OPTIONS against a real stack."""

from __future__ import annotations

import hashlib
import zlib

import pytest
import pytest_twisted

CONTENT = b"hello, world"
SHA1 = hashlib.sha1(CONTENT).hexdigest()


def both(*cases):
    return pytest.mark.parametrize("root", cases)


@pytest_twisted.ensureDeferred
async def test_put_then_get(client):
    new = await client("PUT", "/a%20b.txt", CONTENT, OC_Checksum=f"SHA1:{SHA1}", X_OC_Mtime="1577836800.5", OC_Total_Length="12")
    assert (new.status, new.body) == (201, b"")
    assert new.header("etag") == new.header("oc-etag") == await client.etag("/a%20b.txt")
    assert new.header("x-oc-mtime") == "accepted"
    assert new.header("oc-perm") == "DNVW"
    (entry,) = (await client.propfind("/a%20b.txt", "oc:id", "oc:checksums", "d:getlastmodified", "oc:size")).values()
    assert entry.text("oc:id") == new.header("oc-fileid")
    assert f"SHA1:{SHA1}" in entry.found["oc:checksums"][0].text

    got = await client("GET", "/a%20b.txt")
    assert (got.status, got.body) == (200, CONTENT)
    assert got.header("etag") == got.header("oc-etag") == new.header("etag")
    assert got.header("last-modified") == entry.text("d:getlastmodified") == "Wed, 01 Jan 2020 00:00:00 GMT"
    assert got.header("accept-ranges") == "bytes"
    assert got.header("content-length") == "12"
    assert got.header("content-type") == "text/plain"
    assert got.header("oc-fileid") == entry.text("oc:id")
    assert f"SHA1:{SHA1}" in got.header("oc-checksum").split()
    assert got.header("content-disposition") == "attachment; filename*=UTF-8''a%20b.txt"
    head = await client("HEAD", "/a%20b.txt")
    for name in ("etag", "content-type", "last-modified", "oc-checksum"):
        assert head.header(name) == got.header(name)

    again = await client("PUT", "/a%20b.txt", b"x")
    assert again.status == 204
    assert again.header("oc-fileid") == new.header("oc-fileid")
    assert again.header("etag") != new.header("etag")
    assert again.header("x-oc-mtime") is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"OC_Checksum": f"SHA1:{'0' * 40}"}, 400),
        ({"OC_Checksum": "SHA1:xyz"}, 400),
        ({"OC_Checksum": f"ADLER32:{zlib.adler32(CONTENT):x}"}, 201),
        ({"OC_Checksum": "BLAKE9:0"}, 201),
        ({"OC_Total_Length": "13"}, 400),
        ({"OC_Total_Length": "many"}, 201),
        ({"Content_Range": "bytes 0-11/20"}, 400),
        ({"If_Match": "*"}, 412),
        ({"If_Match": '"x"'}, 412),
        ({"If_None_Match": "*"}, 201),
        ({"If_Unmodified_Since": "Sat, 21 Nov 2020 03:28:16 GMT"}, 201),
        ({"If": "(<opaquelocktoken:none>)"}, 412),
        ({"If": "(Not <DAV:no-lock>)"}, 201),
        ({"If": "nonsense"}, 400),
        ({"X_OC_Mtime": "garbage"}, 201),
        ({"Expect": "100-continue"}, 201),
        ({"Content_Type": "application/xml"}, 201),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 201),
    ],
)
@pytest_twisted.ensureDeferred
async def test_put_of_a_new_file(client, headers, status):
    done = await client("PUT", "/f", CONTENT, **headers)
    assert done.status == status, done.body
    assert (await client("GET", "/f")).status == (200 if status == 201 else 404)
    if status >= 400:
        assert done.message


@pytest_twisted.ensureDeferred
async def test_preconditions_on_overwrite(client):
    etag = (await client("PUT", "/f", b"1")).header("etag")
    for headers in (
        {"If_Match": '"other"'},
        {"If_None_Match": "*"},
        {"If_None_Match": etag},
        {"If_Unmodified_Since": "Sat, 21 Nov 2009 03:28:16 GMT"},
        {"If": '(["other"])'},
        {"If": f'<{client.base}{client.root}/f> (["other"])'},
        {"If": f"<{client.root}/missing> ([{etag}])"},
    ):
        for verb in ("PUT", "DELETE", "MOVE", "COPY", "PROPPATCH", "LOCK"):
            body = (
                '<propertyupdate xmlns="DAV:"><set><prop><a xmlns="u"/></prop></set></propertyupdate>'
                if verb == "PROPPATCH"
                else b""
            )
            if verb == "LOCK":
                body = '<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>'
            done = await client(verb, "/f", body, Destination=client.root + "/g", **headers)
            assert done.status == 412, (verb, headers)
            assert done.exception == "Sabre\\DAV\\Exception\\PreconditionFailed"
    assert (await client("GET", "/f")).body == b"1"
    assert await client.etag("/f") == etag
    for value in ("([%s])", f"</nowhere> ([%s]) <{client.root}/f> ([%s])"):
        done = await client("PUT", "/f", b"2", If=value.replace("%s", etag))
        assert done.status == 204
        etag = done.header("etag")
    assert (await client("DELETE", "/f", If_Match=etag)).status == 204


@pytest_twisted.ensureDeferred
async def test_put_refused_places(client):
    await client("MKCOL", "/d")
    assert (await client("PUT", "/d", b"x")).status == 405
    assert (await client("PUT", "/new/", b"x")).status == 405
    assert (await client("PUT", "/", b"x")).status == 405
    missing = await client("PUT", "/none/f", b"x")
    assert (missing.status, missing.exception) == (409, "Sabre\\DAV\\Exception\\Conflict")
    for path in ("/a%2Fb", "/../x", "/%2e%2e/x", "/a%00", "/a//b", "/" + "n" * 256, "/%ff", "/a\\b"):
        assert (await client("PUT", path, b"x")).status == 400, path


@pytest_twisted.ensureDeferred
async def test_get_conditions_and_ranges(client):
    etag = (await client("PUT", "/f", CONTENT, X_OC_Mtime="1577836800")).header("etag")
    unchanged = await client("GET", "/f", If_None_Match=etag)
    assert (unchanged.status, unchanged.body, unchanged.header("etag")) == (304, b"", etag)
    assert (await client("HEAD", "/f", If_None_Match=etag)).status == 304
    assert (await client("GET", "/f", If_Modified_Since="Wed, 01 Jan 2020 00:00:00 GMT")).status == 304
    assert (await client("GET", "/f", If_Match='"x"')).status == 412
    assert (await client("HEAD", "/f", If_Match='"x"')).status == 412
    assert (await client("GET", "/f", If='(["x"])')).status == 412

    # As the desktops resume, with a request header that is none.
    part = await client("GET", "/f", Range="bytes=7-", Accept_Ranges="bytes")
    assert (part.status, part.body, part.header("content-range")) == (206, b"world", "bytes 7-11/12")
    assert part.header("etag") == etag
    assert part.header("content-length") == "5"
    assert (await client("GET", "/f", Range="bytes=-5", If_Range=etag)).body == b"world"
    assert (await client("GET", "/f", Range="bytes=-5", If_Range='"x"')).status == 200
    beyond = await client("GET", "/f", Range="bytes=12-")
    assert (beyond.status, beyond.header("content-range")) == (416, "bytes */12")
    several = await client("GET", "/f", Range="bytes=0-1,7-8")
    assert several.status == 206
    boundary = several.header("content-type").partition("boundary=")[2]
    assert several.body.count(boundary.encode()) == 3
    assert b"\r\n\r\nhe\r\n" in several.body
    assert len(several.body) == int(several.header("content-length"))


@pytest_twisted.ensureDeferred
async def test_get_of_folders_previews_and_nothing(client):
    await client("MKCOL", "/d")
    await client("PUT", "/d/e.png", b"")
    assert (await client("GET", "/d")).status == 501
    head = await client("HEAD", "/d/")
    assert (head.status, head.header("etag")) == (200, await client.etag("/d"))
    assert (await client("GET", "/none")).status == 404
    assert (await client("HEAD", "/none")).status == 404
    assert (await client("GET", "/d/e.png?preview=1&x=36&y=36")).status == 404
    assert (await client("HEAD", "/d/e.png?x=36&preview=1")).status == 404
    empty = await client("GET", "/d/e.png?preview=0")
    assert (empty.status, empty.header("content-length"), empty.body) == (200, "0", b"")


@pytest_twisted.ensureDeferred
async def test_mkcol(client):
    made = await client("MKCOL", "/d/")
    (entry,) = (await client.propfind("/d", "oc:id")).values()
    assert (made.status, made.header("oc-fileid")) == (201, entry.text("oc:id"))
    for path in ("/d", "/d/", "/"):
        exists = await client("MKCOL", path)
        assert (exists.status, exists.exception) == (405, "Sabre\\DAV\\Exception\\MethodNotAllowed")
        assert "PROPFIND" in exists.header("allow")
    assert (await client("MKCOL", "/none/d")).status == 409
    assert (await client("MKCOL", "/e", "<x/>")).status == 415
    assert (await client("MKCOL", "/e", If_Match="*")).status == 412
    await client("PUT", "/f", b"")
    assert (await client("MKCOL", "/f")).status == 405
    assert (await client("MKCOL", "/f/d")).status == 409


@pytest_twisted.ensureDeferred
async def test_delete(client):
    await client("MKCOL", "/d")
    await client("PUT", "/d/f", b"1")
    assert (await client("DELETE", "/d", Depth="0")).status == 400
    assert (await client("DELETE", "/d", If_Match='"x"')).status == 412
    assert (await client("DELETE", "/")).status == 403
    assert (await client("DELETE", "/d")).status == 204
    gone = await client("DELETE", "/d")
    assert (gone.status, gone.exception) == (404, "Sabre\\DAV\\Exception\\NotFound")


@pytest_twisted.ensureDeferred
async def test_move(client):
    new = await client("PUT", "/f", CONTENT, X_OC_Mtime="1577836800")
    await client("MKCOL", "/d")
    moved = await client("MOVE", "/f", Destination=client.root + "/d/%C3%BC%20x")
    assert moved.status == 201
    for name in ("oc-fileid", "etag"):
        assert moved.header(name) == new.header(name)
    assert (await client("GET", "/f")).status == 404
    assert (await client("GET", "/d/%C3%BC%20x")).body == CONTENT

    await client("PUT", "/g", b"old")
    taken = await client("MOVE", "/d/%C3%BC%20x", Destination=client.base + client.root + "/g", overwrite="F")
    assert taken.status == 412
    replaced = await client("MOVE", "/d/%C3%BC%20x", Destination=client.base + client.root + "/g", Overwrite="T")
    assert (replaced.status, replaced.header("oc-fileid")) == (204, new.header("oc-fileid"))

    folder = await client("MOVE", "/d/", Destination=f"{client.base}{client.root}/e/", Depth="infinity")
    assert folder.status == 201


@pytest.mark.parametrize("verb", ["MOVE", "COPY"])
@pytest_twisted.ensureDeferred
async def test_destinations(client, verb):
    await client("MKCOL", "/d")
    await client("PUT", "/d/f", b"1")
    root = client.root
    for destination, status in (
        (None, 400),
        (f"{root}/d", 403),
        (f"{root}/d/", 403),
        (f"{root}/d/sub", 409),
        (f"{root}/none/x", 409),
        (f"{root}/", 409),
        ("http://elsewhere.example.org/remote.php/webdav/x", 502),
        ("/somewhere/else", 502),
        (f"{root}/a%2Fb", 400),
        (f"{root}/../x", 400),
        ("relative", 400),
    ):
        headers = {} if destination is None else {"Destination": destination}
        done = await client(verb, "/d", **headers)
        assert done.status == status, (destination, done.body)
        assert done.message
    assert (await client(verb, "/d/f", Destination=f"{root}/d")).status == 409
    assert (await client(verb, "/none", Destination=f"{root}/x")).status == 404
    assert (await client(verb, "/d", Destination=f"{root}/x", Overwrite="maybe")).status == 400
    assert (await client(verb, "/d", Destination=f"{root}/x", Depth="1")).status == 400
    # A proxy may call us by another name.
    proxied = await client(verb, "/d", Destination=f"https://cloud.example.org{root}/x", X_Forwarded_For="1.2.3.4")
    assert proxied.status == 201


@pytest_twisted.ensureDeferred
async def test_copy(client):
    source = await client("PUT", "/f", CONTENT, X_OC_Mtime="1577836800")
    copied = await client("COPY", "/f", Destination=client.root + "/g", X_OC_Mtime="1577836900")
    assert (copied.status, copied.header("x-oc-mtime")) == (201, "accepted")
    assert copied.header("oc-fileid") != source.header("oc-fileid")
    assert copied.header("etag") == await client.etag("/g")
    got = await client("GET", "/g")
    assert (got.body, got.header("last-modified")) == (CONTENT, "Wed, 01 Jan 2020 00:01:40 GMT")
    assert (await client("COPY", "/f", Destination=client.root + "/g")).status == 204
    assert (await client("COPY", "/f", Destination=client.root + "/g", Overwrite="F")).status == 412

    await client("MKCOL", "/d")
    await client("PUT", "/d/x", b"x")
    assert (await client("COPY", "/d", Destination=client.root + "/shallow", Depth="0")).status == 201
    assert len(await client.propfind("/shallow", "d:getetag", depth="1")) == 1
    assert (await client("COPY", "/d/", Destination=client.root + "/deep/")).status == 201
    assert len(await client.propfind("/deep", "d:getetag", depth="1")) == 2


@pytest_twisted.ensureDeferred
async def test_from_one_space_to_another(client):
    await client("PUT", "/f", CONTENT)
    target = "/dav/spaces/shared%24shared"
    assert (await client("COPY", "/f", Destination=f"{target}/f")).status == 201
    assert (await client("MOVE", "/f", Destination=f"{client.base}{target}/f")).status == 204
    assert (await client("GET", f"={target}/f")).body == CONTENT
    assert (await client("GET", "/f")).status == 404


@pytest_twisted.ensureDeferred
async def test_read_only_spaces(client):
    client.root = "/dav/spaces/frozen$frozen"
    for verb in ("PUT", "DELETE", "MKCOL", "MOVE", "COPY"):
        done = await client(verb, "/f", Destination=client.root + "/g")
        assert done.status in (403, 404), verb
    (entry,) = (await client.propfind("/", "oc:permissions", "d:displayname")).values()
    assert (entry.text("oc:permissions"), entry.text("d:displayname")) == ("", "frozen")


@both(
    "/remote.php/webdav",
    "/webdav",
    "/remote.php/dav/files/alan",
    "/dav/files/alan",
    "/remote.php/dav/spaces/home$alan",
    "/dav/spaces/home%24alan",
)
@pytest_twisted.ensureDeferred
async def test_all_prefixes_show_the_same(client, root):
    await client("PUT", "/f", CONTENT)
    client.root = root
    assert (await client("GET", "/f")).body == CONTENT
    assert list(await client.propfind("", "d:getetag", depth="1")) == [f"{root}/", f"{root}/f"]


@pytest_twisted.ensureDeferred
async def test_other_peoples_trees(client):
    assert (await client("PROPFIND", "=/remote.php/dav/files/grace/")).status == 403
    assert (await client("PROPFIND", "=/dav/spaces/home$grace/")).status == 404
    assert (await client("PROPFIND", "=/dav/spaces/none/")).status == 404


@pytest_twisted.ensureDeferred
async def test_options_needs_no_login(client):
    client.user = ""
    for path in ("/", "=/", "=/remote.php/dav/files/alan/x"):
        done = await client("OPTIONS", path)
        assert done.status == 200
        assert done.header("dav") == "1, 2, 3"
        assert done.header("ms-author-via") == "DAV"
        assert "PROPFIND" in done.header("allow")


@pytest_twisted.ensureDeferred
async def test_login_is_asked_for(client):
    client.user = ""
    for verb, path in (("PROPFIND", "/"), ("GET", "/x"), ("PUT", "/x"), ("BREW", "/x"), ("GET", "/../x")):
        done = await client(verb, path)
        assert (done.status, done.exception) == (401, "Sabre\\DAV\\Exception\\NotAuthenticated")
        assert [value.split()[0] for value in done.headers["www-authenticate"]] == ["Bearer", "Basic"]
        assert done.header("content-type") == "application/xml; charset=utf-8"


@pytest_twisted.ensureDeferred
async def test_unknown_verbs(client):
    for verb in ("POST", "PATCH", "BREW"):
        done = await client(verb, "/")
        assert (done.status, done.exception) == (405, "Sabre\\DAV\\Exception\\MethodNotAllowed")
        assert done.header("allow").startswith("OPTIONS, GET, HEAD, PUT")


@pytest_twisted.ensureDeferred
async def test_reports(client):
    other = await client("REPORT", "/", '<d:version-tree xmlns:d="DAV:"/>')
    assert other.status == 403
    assert b"<d:supported-report/>" in other.body
    assert (await client("REPORT", "/", "<x")).status == 400
    assert (await client("REPORT", "/none", "<x/>")).status == 404

"""What ownCloud's clients send as TUS beyond its text, and what must be refused, each with an exchange that shows it."""

from __future__ import annotations

import hashlib

from .tus_exchange import ANY, FILES, ask, create, head, metadata, patch
from .tus_rules import ANNOUNCED, FINAL, HELLO, LARGEST, NOT_YET, partial, row

SHA1 = hashlib.sha1(HELLO).hexdigest()
ROOTS = (
    FILES,
    "/remote.php/webdav/",
    "/dav/files/alice/",
    "/dav/spaces/home$alice/",
    "/remote.php/dav/spaces/home$alice/",
    "/webdav/",
    "/tus/",
)
SUB = ask("MKCOL", FILES + "sub", 201, has={})


def whole(status: int = 201, /, *, target: str = FILES, has: dict[str, object] | None = None, **values: str | bytes):  # type: ignore[no-untyped-def]
    """Everything in the POST, as the desktop clients send small files."""
    return create("", status, target=target, Upload_Length="11", Upload_Metadata=metadata(**values), body=HELLO, has=has)


OWNCLOUD = [
    *(
        row(
            "roots",
            f"uploads can be created at {root}",
            create("f", target=root, Upload_Length="11", body=HELLO, has=FINAL),
            create("g", target=root, keep="b", Upload_Length="11", body=b"hello ", has=NOT_YET),
            patch(6, b"world", target="{b}", has=FINAL),
            create("h", target=root.rstrip("/"), keep="c", Upload_Length="0", has=FINAL),
            leaves={"f": HELLO, "g": HELLO, "h": b""},
        )
        for root in ROOTS
    ),
    row(
        "discovery",
        "on PROPFIND of collections",
        SUB,
        whole(filename="f"),
        ask("PROPFIND", FILES, 207, Depth="0", has=ANNOUNCED),
        ask("PROPFIND", FILES, 207, Depth="1", has=ANNOUNCED),
        ask("PROPFIND", FILES + "sub/", 207, Depth="1", has=ANNOUNCED),
        leaves={"f": HELLO},
    ),
    row(
        "filename",
        "a path relative to the URL, with folders or not, with a slash in front or not",
        SUB,
        whole(filename="a"),
        whole(filename="/b"),
        whole(filename="sub/c"),
        whole(filename="/sub/d"),
        whole(filename="e", target=FILES + "sub/"),
        whole(filename="ü ß%20.txt", target=FILES + "sub"),
        whole(name="g"),
        whole(name="other", filename="h", relativePath="x/y", filetype="text/plain", uploadId="1"),
        leaves=dict.fromkeys(("a", "b", "g", "h", "sub/c", "sub/d", "sub/e", "sub/ü ß%20.txt"), HELLO),
    ),
    row(
        "checksum",
        "of the whole, in the metadata: a mismatch is 400 and nothing remains",
        whole(filename="f", checksum=f"SHA1 {SHA1}"),
        whole(400, filename="g", checksum="SHA1 " + "0" * 40),
        whole(filename="h", checksum=""),
        whole(filename="i", checksum="WHIRLPOOL 00"),
        whole(400, filename="j", checksum="SHA1 00"),
        create(
            "", keep="b", Upload_Length="11", Upload_Metadata=metadata(filename="k", checksum="MD5 " + "0" * 32), body=b"hello "
        ),
        patch(6, b"world", 400, target="{b}", says="checksum"),
        head(404, target="{b}"),
        create("", 400, Upload_Length="11", Upload_Metadata=metadata(filename="l", checksum=f"SHA1 {'0' * 40}"), body=[HELLO]),
        create("", keep="c", Upload_Length="11", Upload_Metadata=metadata(filename="m", checksum=f"sha1 {SHA1}")),
        patch(0, b"hello ", target="{c}"),
        patch(6, b"world", target="{c}", has=FINAL),
        *partial("d", b"hello "),
        *partial("e", b"world"),
        create("", 400, Upload_Concat="final;{d} {e}", Upload_Metadata=metadata(filename="n", checksum=f"SHA1 {'0' * 40}")),
        create("", Upload_Concat="final;{d} {e}", Upload_Metadata=metadata(filename="n", checksum=f"SHA1 {SHA1}")),
        leaves=dict.fromkeys(("f", "h", "i", "m", "n"), HELLO),
    ),
    row(
        "no TUS",
        "a POST that does not say Tus-Resumable is none: 405",
        create("f", 405, tus=None, Upload_Length="11", body=HELLO, has={"Allow": ANY}),
        create("f", 405, tus=None, target="/webdav/"),
    ),
    row(
        "log in",
        "401 before anything else",
        ask("POST", FILES, 401, user="", has={"WWW-Authenticate": ANY}),
        ask("POST", "/tus/", 401, user="", has={"WWW-Authenticate": ANY}),
        ask("HEAD", "/tus/x", 401, user="", has={"WWW-Authenticate": ANY}),
    ),
    row(
        "resume",
        "the desktop's HEAD does not say Tus-Resumable",
        create("f", Upload_Length="11", body=b"hello "),
        ask("HEAD", "{a}", 200, tus=None, has={"Upload-Offset": "6", "Upload-Length": "11"}),
        ask("HEAD", "/tus/unknown", 404, tus=None),
    ),
    row(
        "empty PATCH",
        "refused below the length, or the desktop 2.11 would go on for ever",
        create("f", Upload_Length="11", body=b"hello "),
        patch(6, b"", 400, says="content"),
        patch(5, b"", 409, has={"Upload-Offset": "6"}),
        patch(6, b"world"),
        patch(11, b"", has={"Upload-Offset": "11"}),
        leaves={"f": HELLO},
    ),
    row(
        "If-Match",
        "judged at the POST",
        whole(filename="f"),
        create("f", 412, Upload_Length="11", If_Match='"other"'),
        create("f", 412, Upload_Length="11", body=HELLO, If_Match='"other"'),
        create("g", 412, Upload_Length="11", body=HELLO, If_Match="*"),
        create("f", 412, Upload_Length="11", body=HELLO, If_None_Match="*"),
        create("g", Upload_Length="11", body=HELLO, If_None_Match="*"),
        leaves={"f": HELLO, "g": HELLO},
    ),
    row(
        "If-Match",
        "judged again at the end, also if only the POST said it; the last byte can be sent again",
        create("f", Upload_Length="11", body=b"hello ", If_None_Match="*"),
        ask("PUT", FILES + "f", 201, tus=None, body=b"meanwhile"),
        patch(6, b"world", 412),
        head(Upload_Offset="10", Upload_Length="11"),
        ask("DELETE", FILES + "f", 204),
        patch(10, b"d", has={"Upload-Offset": "11", **FINAL}),
        leaves={"f": HELLO},
    ),
    row(
        "If-Match",
        "a GET that stands for a PATCH is no excuse",
        create("f", Upload_Length="11", body=b"hello "),
        ask("PUT", FILES + "f", 201, tus=None, body=b"meanwhile"),
        ask(
            "GET",
            "{a}",
            412,
            body=b"world",
            X_HTTP_Method_Override="PATCH",
            Content_Type="application/offset+octet-stream",
            Upload_Offset="6",
            If_None_Match="*",
        ),
        leaves={"f": b"meanwhile"},
    ),
    row(
        "folders",
        "one that is not there, or has gone, is 409; a folder is not overwritten",
        SUB,
        whole(409, filename="nowhere/f"),
        whole(409, filename="f", target=FILES + "nowhere/"),
        create("nowhere/f", 409, Upload_Length="11"),
        whole(405, filename="sub"),
        create("sub", 405, Upload_Length="11"),
        create("sub/f", Upload_Length="11", body=b"hello "),
        ask("DELETE", FILES + "sub", 204),
        patch(6, b"world", 409),
        head(Upload_Offset="10"),
        SUB,
        patch(10, b"d", has=FINAL),
        leaves={"sub/f": HELLO},
    ),
    row(
        "overwriting",
        "keeps the id; the answer is the same as for a new file",
        whole(filename="f", has=FINAL),
        whole(filename="f", has=FINAL),
        create("f", keep="b", Upload_Length="3", body=b"new", has=FINAL),
        leaves={"f": b"new"},
    ),
]

ESCAPES = (
    "..", "../x", "/../x", "sub/../../x", "a/./b", "a//b", "//etc/passwd", "x/", "/", "..\\x", "..\\..\\x", "a\0b", b"\xff\xfe",
    "n" * 256, "ü" * 128, "../bob/x", "../../users.toml",
)  # fmt: skip

REFUSED = [
    *(
        row(
            "names that escape",
            repr(name)[:40],
            SUB,
            whole(400, filename=name),
            whole(400, filename=name, target="/tus/"),
            create("", 400, Upload_Length="11", Upload_Metadata=metadata(filename=name)),
            *partial("a", b"x"),
            create("", 400, Upload_Concat="final;{a}", Upload_Metadata=metadata(filename=name)),
        )
        for name in ESCAPES
    ),
    row(
        "too many bytes",
        "413, and not more than was announced is kept",
        create("f", Upload_Length="11", body=b"hello "),
        patch(6, b"world!", 413),
        head(Upload_Offset="6"),
        patch(6, [b"world", b"!"], 413),
        head(Upload_Offset="10"),
        patch(10, b"d"),
        patch(11, b"!", 413),
        leaves={"f": HELLO},
    ),
    row(
        "too many bytes",
        "413 above the limit, whatever is announced",
        create("f", Upload_Defer_Length="1"),
        patch(0, [b"x" * 1_000_000] * 3),
        patch(3_000_000, b"x" * (LARGEST - 2_999_999), 413),
        patch(3_000_000, [b"x" * 1_000_000] * 3, 413),
        *(create("", keep=name, Upload_Length="3000000", Upload_Concat="partial", body=b"x" * 3_000_000) for name in "bc"),
        create("g", 413, Upload_Concat="final;{b} {c}"),
    ),
    row(
        "uploads of others",
        "are not there",
        create("f", Upload_Length="11", body=b"hello "),
        *partial("b", b"x"),
        ask("HEAD", "{a}", 404, user="bob", has={"Upload-Offset": None}),
        patch(6, b"world", 404, user="bob"),
        ask("DELETE", "{a}", 404, user="bob"),
        create("f", 404, target="/tus/", user="bob", Upload_Concat="final;{b}"),
        create("f", 403, user="bob", Upload_Length="1"),
        create("f", 404, target="/dav/spaces/home$alice/", user="bob", Upload_Length="1"),
        head(Upload_Offset="6"),
        head(target="{b}", Upload_Offset="1"),
    ),
    row(
        "another protocol's name",
        "an upload of chunking NG is none of TUS",
        ask("MKCOL", "/remote.php/dav/uploads/alice/my-upload", 201),
        head(404, target="/tus/my-upload"),
        ask("DELETE", "/remote.php/dav/uploads/alice/my-upload", 204),
    ),
]

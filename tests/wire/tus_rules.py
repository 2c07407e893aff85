"""The rules of TUS 1.0.0 (https://tus.io/protocols/resumable-upload), each with an exchange that shows it."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Mapping

import attrs
import google_crc32c

from .tus_exchange import ANY, CONTENT_TYPE, DATE, FILES, LOCATION, Ask, ask, checksum, create, head, metadata, patch

EXTENSIONS = "creation,creation-with-upload,creation-defer-length,checksum,checksum-trailer,concatenation,expiration,termination"
LARGEST = 5_000_000
"""``http.max_body_bytes`` of the gateway that is asked."""
ANNOUNCED = {
    "Tus-Resumable": "1.0.0",
    "Tus-Version": "1.0.0",
    "Tus-Extension": EXTENSIONS,
    "Tus-Max-Size": str(LARGEST),
    "Tus-Checksum-Algorithm": "sha1,md5,adler32,sha256,crc32c",
}
HELLO = b"hello world"
FINAL = {"ETag": ANY, "OC-ETag": ANY, "OC-FileId": ANY, "OC-Perm": re.compile("R?DNVW"), "Upload-Expires": None}
"""What stands in the answer that says: the file is there."""
NOT_YET = {"ETag": None, "OC-FileId": None, "Upload-Expires": DATE}


@attrs.frozen
class Row:
    """A rule, and the exchange that shows it."""

    section: str
    rule: str
    asks: tuple[Ask, ...]
    leaves: Mapping[str, bytes]
    """The files in alice's home afterwards."""


def row(section: str, rule: str, *asks: Ask, leaves: Mapping[str, bytes] | None = None) -> Row:
    return Row(section, rule, asks, leaves or {})


def partial(name: str, content: bytes) -> tuple[Ask, ...]:
    """A complete partial upload."""
    return (
        create("", keep=name, Upload_Length=str(len(content)), Upload_Concat="partial"),
        patch(0, content, target=f"{{{name}}}"),
    )


CORE = [
    row(
        "Upload-Offset",
        "the value MUST be a non-negative integer",
        create("f", Upload_Length="11"),
        patch("-1", b"x", 400),
        patch("+0", b"x", 400),
        patch("0.0", b"x", 400),
        patch("zero", b"x", 400),
        patch("", b"x", 400),
        patch("9" * 30, b"x", 413),
        ask("PATCH", "{a}", 400, body=b"x", Content_Type=CONTENT_TYPE, says="Upload-Offset"),
        head(Upload_Offset="0"),
    ),
    row(
        "Upload-Length",
        "the value MUST be a non-negative integer",
        create("f", 400, Upload_Length="-1"),
        create("f", 400, Upload_Length="1.5"),
        create("f", 400, Upload_Length="eleven"),
        create("f", 400, Upload_Length=""),
        create("f", 400, Upload_Length="0x10"),
    ),
    row(
        "Tus-Version, Tus-Extension, Tus-Max-Size, OPTIONS",
        "the answer to OPTIONS MUST contain Tus-Version; Tus-Resumable in the request MUST be ignored",
        ask("OPTIONS", "/tus/", 204, tus=None, has=ANNOUNCED),
        ask("OPTIONS", "/tus/", 204, tus="0.1", has=ANNOUNCED),
        ask("OPTIONS", "/tus", 204, tus=None, has=ANNOUNCED),
        ask("OPTIONS", FILES, 200, tus=None, has=ANNOUNCED),
        ask("OPTIONS", FILES, 200, tus="99", has=ANNOUNCED),
        create("f", Upload_Length="11"),
        ask("OPTIONS", "{a}", 204, tus=None, has=ANNOUNCED),
    ),
    row(
        "Tus-Resumable",
        "a version that is not supported MUST be answered with 412 and Tus-Version, and MUST NOT be processed",
        create("f", 412, tus="0.2.2", Upload_Length="0", has={"Tus-Version": "1.0.0"}, says="1.0.0"),
        create("f", 412, tus="0.2.2", target="/tus/", Upload_Length="0", has={"Tus-Version": "1.0.0"}),
        create("f", 412, tus=None, target="/tus/", Upload_Length="0", has={"Tus-Version": "1.0.0"}),
        create("f", Upload_Length="11"),
        patch(0, HELLO, 412, tus="1.1.0", has={"Tus-Version": "1.0.0"}),
        patch(0, HELLO, 412, tus=None, has={"Tus-Version": "1.0.0"}),
        ask("DELETE", "{a}", 412, tus="2", has={"Tus-Version": "1.0.0"}),
        ask("DELETE", "{a}", 412, tus=None, has={"Tus-Version": "1.0.0"}),
        ask("HEAD", "{a}", 412, tus="2", has={"Tus-Version": "1.0.0", "Upload-Offset": None}),
        head(Upload_Offset="0"),
    ),
    row(
        "Tus-Resumable",
        "MUST be included in every response: also where nothing is or may be done",
        ask("PUT", "/tus/", 405, has={"Allow": "OPTIONS, POST"}),
        ask("HEAD", "/tus/", 405),
        ask("POST", "/tus/nothing", 405, has={"Allow": "OPTIONS, HEAD, PATCH, DELETE"}),
        ask("GET", "/tus/nothing", 405),
        ask("PATCH", "/tus/nothing/more", 404),
        create("f", 404, target="/remote.php/dav/elsewhere/", Upload_Length="1"),
    ),
    row(
        "X-HTTP-Method-Override",
        "MUST be interpreted as the method; the actual method MUST be ignored",
        ask(
            "GET",
            "/tus/",
            201,
            X_HTTP_Method_Override="POST",
            Upload_Length="11",
            Upload_Metadata=metadata(filename="f"),
            keep="a",
        ),
        ask(
            "POST",
            "{a}",
            204,
            body=b"hello ",
            X_HTTP_Method_Override="PATCH",
            Content_Type=CONTENT_TYPE,
            Upload_Offset="0",
            has={"Upload-Offset": "6"},
        ),
        ask("POST", "{a}", 200, X_HTTP_Method_Override="HEAD", has={"Upload-Offset": "6", "Upload-Length": "11"}),
        ask("PUT", "{a}", 204, tus=None, X_HTTP_Method_Override="OPTIONS", has=ANNOUNCED),
        ask("PATCH", "{a}", 204, X_HTTP_Method_Override="DELETE"),
        head(404),
    ),
    row(
        "HEAD",
        "Upload-Offset MUST always be there, Upload-Length if it is known, and Cache-Control: no-store",
        create("f", Upload_Length="11"),
        head(Upload_Offset="0", Upload_Length="11", Cache_Control="no-store", Upload_Defer_Length=None, Upload_Concat=None),
        patch(0, b"hello "),
        head(Upload_Offset="6", Upload_Length="11", Cache_Control="no-store"),
        patch(6, b"world"),
        head(Upload_Offset="11", Upload_Length="11", Cache_Control="no-store", Upload_Expires=None),
        head(404, target="/tus/unknown", Upload_Offset=None),
        leaves={"f": HELLO},
    ),
    row(
        "PATCH",
        "the media type MUST be application/offset+octet-stream, else 415",
        create("f", Upload_Length="11"),
        ask("PATCH", "{a}", 415, body=HELLO, Upload_Offset="0"),
        patch(0, HELLO, 415, Content_Type="application/octet-stream"),
        patch(0, HELLO, 415, Content_Type="application/x-www-form-urlencoded"),
        head(Upload_Offset="0"),
        patch(0, HELLO, Content_Type="application/offset+octet-stream; charset=utf-8", has=FINAL),
        leaves={"f": HELLO},
    ),
    row(
        "PATCH",
        "an offset that does not match MUST be answered with 409, and the upload MUST NOT be modified",
        create("f", Upload_Length="11"),
        patch(1, b"x", 409, has={"Upload-Offset": "0"}),
        patch(11, b"", 409, has={"Upload-Offset": "0"}),
        patch(2**62, b"x", 409, has={"Upload-Offset": "0"}),
        patch(0, b"hello "),
        patch(0, b"HELLO ", 409, has={"Upload-Offset": "6"}),
        patch(5, b" world", 409, has={"Upload-Offset": "6"}),
        head(Upload_Offset="6"),
        patch(6, b"world"),
        patch(0, b"HELLO", 409, has={"Upload-Offset": "11"}),
        leaves={"f": HELLO},
    ),
    row(
        "PATCH",
        "MUST be acknowledged with 204 and the new offset: the sum of the old one and the bytes received",
        create("f", Upload_Length="11"),
        patch(0, b"h", has={"Upload-Offset": "1", **NOT_YET}),
        patch(1, [b"el", b"lo "], has={"Upload-Offset": "6", **NOT_YET}),
        patch(6, b"world", has={"Upload-Offset": "11", **FINAL}),
        leaves={"f": HELLO},
    ),
    row(
        "PATCH",
        "against what is not there: 404",
        patch(0, b"x", 404, target="/tus/unknown", has={"Upload-Offset": None}),
        patch(0, b"x", 404, target="/tus/..%2f..%2fetc"),
        ask("DELETE", "/tus/unknown", 404),
    ),
]

CREATION = [
    row(
        "Creation, POST",
        "MUST be acknowledged with 201 and a Location",
        create("f", Upload_Length="11", has={"Location": LOCATION, "Upload-Offset": "0", **NOT_YET}),
        create("g", target="/tus/", keep="b", Upload_Length="11", has={"Upload-Offset": "0", **NOT_YET}),
    ),
    row(
        "Creation, POST",
        "MUST include Upload-Length or Upload-Defer-Length: 1, and one of them only",
        create("f", 400),
        create("f", 400, Upload_Length="1", Upload_Defer_Length="1"),
        create("f", 400, Upload_Defer_Length="0"),
        create("f", 400, Upload_Defer_Length="2"),
        create("f", 400, Upload_Defer_Length="yes"),
    ),
    row(
        "Creation, POST",
        "a length above Tus-Max-Size MUST be answered with 413",
        create("f", 413, Upload_Length=str(LARGEST + 1)),
        create("f", 413, Upload_Length=str(2**63 - 1)),
        create("f", 413, Upload_Length=str(2**63)),
        create("f", 413, Upload_Length="9" * 1000),
        create("f", Upload_Length=str(LARGEST)),
        create("g", keep="b", Upload_Defer_Length="1"),
        patch(0, b"x", 413, target="{b}", Upload_Length=str(LARGEST + 1)),
        head(target="{b}", Upload_Offset="0", Upload_Defer_Length="1"),
    ),
    row(
        "Creation, Upload-Defer-Length",
        "MUST be in all answers to HEAD while the length is not known, and MUST be omitted after; a length MUST NOT be changed",
        create("f", Upload_Defer_Length="1"),
        head(Upload_Offset="0", Upload_Defer_Length="1", Upload_Length=None),
        patch(0, b"hello ", has={"Upload-Offset": "6", **NOT_YET}),
        head(Upload_Offset="6", Upload_Defer_Length="1", Upload_Length=None),
        patch(6, b"wor", 400, Upload_Length="5"),
        patch(5, b"wor", 409, Upload_Length="11"),
        head(Upload_Offset="6", Upload_Defer_Length="1"),
        patch(6, b"wor", Upload_Length="11", has={"Upload-Offset": "9", **NOT_YET}),
        head(Upload_Offset="9", Upload_Defer_Length=None, Upload_Length="11"),
        patch(9, b"l", 400, Upload_Length="12"),
        patch(9, b"ld", Upload_Length="11", has={"Upload-Offset": "11", **FINAL}),
        leaves={"f": HELLO},
    ),
    row(
        "Creation, Upload-Defer-Length",
        "the length may be said when nothing is left to send",
        create("f", Upload_Defer_Length="1"),
        patch(0, HELLO, has={"Upload-Offset": "11", **NOT_YET}),
        head(Upload_Offset="11", Upload_Defer_Length="1", Upload_Length=None),
        patch(11, b"", 400, Upload_Length="10"),
        patch(11, b"", Upload_Length="11", has={"Upload-Offset": "11", **FINAL}),
        head(Upload_Offset="11", Upload_Defer_Length=None, Upload_Length="11"),
        leaves={"f": HELLO},
    ),
    row(
        "Creation, Upload-Metadata",
        "keys MUST be unique and not empty, values MUST be Base64",
        create("f", 400, Upload_Length="1", Upload_Metadata="filename Zg==,filename Zw==", says="twice"),
        create("f", 400, Upload_Length="1", Upload_Metadata="filename Zg==,,a Zw==", says="without a key"),
        create("f", 400, Upload_Length="1", Upload_Metadata="filename Zg==,a *", says="not Base64"),
        create("f", 400, Upload_Length="1", Upload_Metadata="filename Zg", says="not Base64"),
        create("f", 400, Upload_Length="1", Upload_Metadata="filename Zg== Zg==", says="not Base64"),
        create("f", 400, Upload_Length="1", Upload_Metadata="filename", says="must say the filename"),
        create("f", 400, Upload_Length="1", Upload_Metadata="filename " + "A" * 17000, says="at most"),
        create("f", 400, Upload_Length="1", Upload_Metadata=",".join(f"k{number}" for number in range(100)), says="at most"),
    ),
    row(
        "Creation, Upload-Metadata",
        "MUST be in answers to HEAD as they were sent",
        create("", Upload_Length="11", Upload_Metadata="filename Zg==,is_confidential, other ZsO8"),
        head(Upload_Metadata="filename Zg==,is_confidential, other ZsO8"),
        patch(0, HELLO),
        head(Upload_Metadata="filename Zg==,is_confidential, other ZsO8"),
        create("", keep="b", Upload_Length="0", Upload_Metadata="filename Zw==,empty "),
        head(target="{b}", Upload_Metadata="filename Zw==,empty"),
        leaves={"f": HELLO, "g": b""},
    ),
    row(
        "Creation With Upload",
        "Upload-Offset MUST be the offset after applying the accepted bytes",
        create("f", Upload_Length="11", body=b"hello ", has={"Upload-Offset": "6", **NOT_YET}),
        head(Upload_Offset="6"),
        patch(6, b"world", has={"Upload-Offset": "11", **FINAL}),
        create("g", keep="b", Upload_Length="11", body=HELLO, has={"Upload-Offset": "11", **FINAL}),
        head(target="{b}", Upload_Offset="11", Upload_Length="11"),
        create("h", keep="c", Upload_Length="11", body=[b"hello ", b"world"], has={"Upload-Offset": "11", **FINAL}),
        create("i", keep="d", Upload_Defer_Length="1", body=b"hello ", has={"Upload-Offset": "6", **NOT_YET}),
        create("j", keep="e", Upload_Length="0", has={"Upload-Offset": "0", **FINAL}),
        leaves={"f": HELLO, "g": HELLO, "h": HELLO, "j": b""},
    ),
    row(
        "Creation With Upload",
        "the media type MUST be application/offset+octet-stream",
        create("f", 415, Upload_Length="11", body=b"hello ", Content_Type="text/plain"),
        create("f", 415, Upload_Length="11", body=HELLO, Content_Type="application/octet-stream"),
    ),
    row(
        "Creation With Upload",
        "similar rules as for PATCH apply: not more than announced, checksums",
        create("f", 413, Upload_Length="5", body=b"hello "),
        create("f", 413, Upload_Length="5", body=[b"hel", b"lo "]),
        create("f", 413, Upload_Length="0", body=b"hello "),
        create("f", 460, Upload_Length="11", body=b"hello ", Upload_Checksum=checksum(b"other")),
        create("f", 460, Upload_Length="11", body=HELLO, Upload_Checksum=checksum(b"other")),
        create("f", 400, Upload_Length="11", body=HELLO, Upload_Checksum="crc64 AAAA"),
        create("f", Upload_Length="11", body=HELLO, Upload_Checksum=checksum(HELLO)),
        create("g", keep="b", Upload_Length="11", body=b"hello ", Upload_Checksum=checksum(b"hello ")),
        leaves={"f": HELLO},
    ),
]

EXPIRATION = [
    row(
        "Expiration",
        "Upload-Expires MUST be in the answer to POST and to every PATCH while the upload is going to expire",
        create("f", Upload_Length="11", has={"Upload-Expires": DATE}),
        patch(0, b"hello ", has={"Upload-Expires": DATE}),
        head(Upload_Expires=DATE),
        patch(6, b"world", has={"Upload-Expires": None}),
        leaves={"f": HELLO},
    ),
]

DIGESTS = {
    "sha1": lambda data: hashlib.sha1(data).digest(),
    "md5": lambda data: hashlib.md5(data).digest(),
    "sha256": lambda data: hashlib.sha256(data).digest(),
    "adler32": lambda data: zlib.adler32(data).to_bytes(4, "big"),
    "crc32c": lambda data: google_crc32c.value(data).to_bytes(4, "big"),
}

CHECKSUM = [
    row(
        "Checksum",
        "the piece MUST be verified: 204",
        create("f", Upload_Length="11"),
        patch(0, b"hello ", Upload_Checksum=checksum(b"hello "), has={"Upload-Offset": "6"}),
        patch(6, b"world", Upload_Checksum=checksum(b"world"), has={"Upload-Offset": "11", **FINAL}),
        leaves={"f": HELLO},
    ),
    row(
        "Checksum",
        "a mismatch is 460, an unknown algorithm 400: the piece MUST be discarded, the offset MUST NOT be updated",
        create("f", Upload_Length="11"),
        patch(0, b"hello ", 460, Upload_Checksum=checksum(b"Hello ")),
        patch(0, HELLO, 460, Upload_Checksum=checksum(b"Hello world")),
        patch(0, HELLO, 400, Upload_Checksum="sha3 AAAA"),
        patch(0, HELLO, 400, Upload_Checksum="sha1 not-base64"),
        patch(0, HELLO, 400, Upload_Checksum="sha1 AAAA"),
        patch(0, HELLO, 400, Upload_Checksum="sha1"),
        head(Upload_Offset="0"),
        patch(0, b"hello "),
        patch(6, b"World", 460, Upload_Checksum=checksum(b"world")),
        head(Upload_Offset="6"),
        patch(6, b"world", Upload_Checksum=checksum(b"world")),
        leaves={"f": HELLO},
    ),
    *(
        row(
            "Checksum, Tus-Checksum-Algorithm",
            f"{name} is announced and supported (sha1 MUST be)",
            create("f", Upload_Length="11"),
            patch(0, HELLO, 460, Upload_Checksum=checksum(b"other", name, digest)),
            patch(0, HELLO, Upload_Checksum=checksum(HELLO, name, digest)),
            leaves={"f": HELLO},
        )
        for name, digest in DIGESTS.items()
    ),
]

TERMINATION = [
    row(
        "Termination",
        "DELETE MUST be answered with 204; later requests with 404",
        create("f", Upload_Length="11", body=b"hello "),
        ask("DELETE", "{a}", 204),
        head(404, Upload_Offset=None),
        patch(6, b"world", 404),
        ask("DELETE", "{a}", 404),
    ),
    row(
        "Termination",
        "completed uploads too; the file stays",
        create("f", Upload_Length="11", body=HELLO),
        ask("DELETE", "{a}", 204),
        head(404),
        leaves={"f": HELLO},
    ),
]

CONCATENATION = [
    row(
        "Concatenation",
        "partial uploads MUST be concatenated in the order of the list; the length MUST be the sum of theirs",
        *partial("a", b"world"),
        *partial("b", b"hello "),
        head(target="{a}", Upload_Offset="5", Upload_Length="5", Upload_Concat="partial"),
        create(
            "f",
            keep="c",
            Upload_Concat="final;{b} {a}",
            has={"Upload-Offset": "11", "Upload-Concat": "final;{b} {a}", **FINAL},
        ),
        head(target="{c}", Upload_Offset="11", Upload_Length="11", Upload_Concat="final;{b} {a}"),
        leaves={"f": HELLO},
    ),
    row(
        "Concatenation",
        "the same partial upload several times, one that is empty, one with deferred length, one created with its content",
        create("", keep="a", Upload_Length="3", Upload_Concat="partial", body=b"ab "),
        create("", keep="b", Upload_Length="0", Upload_Concat="partial"),
        create("", keep="c", Upload_Defer_Length="1", Upload_Concat="partial"),
        patch(0, b"cd", target="{c}"),
        patch(2, b"", target="{c}", Upload_Length="2"),
        head(target="{c}", Upload_Offset="2", Upload_Length="2", Upload_Concat="partial"),
        create("f", keep="d", Upload_Concat="final;{a} {b} {a} {c}", has={"Upload-Offset": "8"}),
        leaves={"f": b"ab ab cd"},
    ),
    row(
        "Concatenation",
        "Upload-Length MUST NOT be in the creation of a final upload, and neither is there content",
        *partial("a", b"x"),
        create("f", 400, Upload_Concat="final;{a}", Upload_Length="1"),
        create("f", 400, Upload_Concat="final;{a}", body=b"x"),
        head(target="{a}", Upload_Offset="1"),
    ),
    row(
        "Concatenation",
        "only complete, partial, known uploads; the list MUST be URLs",
        *partial("a", b"x"),
        create("", keep="b", Upload_Length="2", Upload_Concat="partial", body=b"x"),
        create("g", keep="c", Upload_Length="1", body=b"x"),
        create("f", 400, Upload_Concat="final;{a} {b}", says="not complete"),
        create("f", 400, Upload_Concat="final;{a} {c}", says="only partial"),
        create("f", 404, Upload_Concat="final;{a} /tus/unknown"),
        create("f", 400, Upload_Concat="final;{a} /elsewhere/x"),
        create("f", 400, Upload_Concat="final;"),
        create("f", 400, Upload_Concat="final"),
        create("f", 400, Upload_Concat="whole", Upload_Length="1"),
        create("", 400, Upload_Concat="final;{a}", says="filename"),
        head(target="{a}", Upload_Offset="1"),
        head(target="{b}", Upload_Offset="1"),
        leaves={"g": b"x"},
    ),
    row(
        "Concatenation",
        "PATCH against a final upload MUST be answered with 403",
        *partial("a", b"x"),
        create("f", keep="b", Upload_Concat="final;{a}"),
        patch(1, b"y", 403, target="{b}"),
        patch(0, b"y", 403, target="{b}"),
        patch(1, b"", 403, target="{b}"),
        head(target="{b}", Upload_Offset="1", Upload_Length="1"),
        leaves={"f": b"x"},
    ),
    row(
        "Concatenation",
        "metadata of partial uploads SHALL NOT be transferred",
        create(
            "",
            keep="a",
            Upload_Length="1",
            Upload_Concat="partial",
            Upload_Metadata=metadata(filename="p", mtime="1000"),
            body=b"x",
        ),
        head(target="{a}", Upload_Metadata=metadata(filename="p", mtime="1000")),
        create("f", keep="b", Upload_Concat="final;{a}", has={"X-OC-MTime": None}),
        head(target="{b}", Upload_Metadata=metadata(filename="f")),
        leaves={"f": b"x"},
    ),
    row(
        "Concatenation",
        "URLs MAY be relative; a final upload may be terminated",
        *partial("a", b"x"),
        ask("POST", "/tus/", 201, keep="b", Upload_Metadata=metadata(filename="f"), Upload_Concat="final;{a}"),
        ask("DELETE", "{b}", 204),
        leaves={"f": b"x"},
    ),
]

RULES = [*CORE, *CREATION, *EXPIRATION, *CHECKSUM, *TERMINATION, *CONCATENATION]

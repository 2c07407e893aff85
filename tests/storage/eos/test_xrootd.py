"""The double's MGM and FST beside the real thing: a redirector and a data server of XRootD get the same requests.

What is EOS' own is not compared: 201 instead of 200, 307 for GET too, etags, what is beyond the end of a file, ranges without a
first or last byte (XRootD 5.5.3 answers those with the whole file).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import attrs
import pytest
import pytest_twisted

from clawgate.testing.eos import EosDouble

from ...testing.plain import Answer, Connection, ask, follow, sendable, threaded
from .xrootd import Xrootd, xrootd

CONTENT = bytes(range(256)) * 8


@attrs.frozen
class Place:
    """Where requests go first, and what they need to be somebody."""

    url: str
    folder: str
    headers: dict[str, str]
    there: Callable[[str], bool]
    """Whether a file is there, seen from behind."""

    def located(self, method: str, name: str) -> Answer:
        extra = {"Content-Length": "0"} if method == "PUT" else {}
        return ask(self.url, method, f"{self.folder}/{name}", {**self.headers, **extra})

    def location(self, method: str, name: str) -> str:
        return self.located(method, name).header("Location") or ""

    def put(self, name: str, content: bytes) -> Answer:
        return follow(self.location("PUT", name), "PUT", {"Content-Length": str(len(content))}, content)

    def get(self, name: str, headers: dict[str, str] | None = None) -> Answer:
        return follow(self.location("GET", name), "GET", headers)


@pytest.fixture(scope="module")
def real() -> Iterator[Xrootd]:
    with xrootd() as server:
        yield server


@pytest_twisted.async_yield_fixture
async def double(tmp_path: Path) -> AsyncIterator[EosDouble]:
    # Its `Location` as XRootD still writes it.
    async with EosDouble(tmp_path / "eos", version="5.3.21", propagation=0) as eos:
        yield eos
        assert [one for one in eos.record.violations if "victim" not in one and "carrier" not in one] == []


@pytest.fixture(params=["xrootd", "double"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "xrootd":
        server: Xrootd = request.getfixturevalue("real")
        return Place(server.redirector, "", {}, lambda name: (server.data / name).exists())
    eos: EosDouble = request.getfixturevalue("double")
    identity = {"x-forwarded-for": "dummy", "x-gateway-authorization": eos.key, "remote-user": "alice"}
    home = eos.make_home("alice")
    return Place(eos.mgm_url, home, identity, lambda name: name in eos.names(home))


@threaded
def test_a_redirect_has_no_body_and_a_path_that_is_not_encoded(place: Place) -> None:
    answer = place.located("PUT", "two%20words%20%231%25.txt")

    assert (answer.status, answer.header("Content-Length"), answer.header("Connection")) == (307, "0", "Keep-Alive")
    assert f"{place.folder}/two words #1%.txt" in (answer.header("Location") or "")


@threaded
def test_names_survive_the_redirect_when_only_illegal_bytes_are_escaped(place: Place) -> None:
    assert place.put("two%20words%20%231.txt", b"found").status in (200, 201)

    assert place.get("two%20words%20%231.txt").body == b"found"


@threaded
def test_a_whole_file_has_a_length(place: Place) -> None:
    place.put("whole", CONTENT)

    answer = place.get("whole")

    assert (answer.status, answer.header("Content-Length"), answer.header("Transfer-Encoding")) == (200, "2048", None)
    assert answer.body == CONTENT


@threaded
def test_a_body_in_chunks(place: Place) -> None:
    body = b"3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n"

    answer = follow(place.location("PUT", "chunks"), "PUT", {"Transfer-Encoding": "chunked"}, body)

    assert answer.status in (200, 201)
    assert place.get("chunks").body == b"abcdefgh"


@threaded
def test_expecting_to_continue_is_answered_before_the_body(place: Place) -> None:
    url, target = sendable(place.location("PUT", "expecting"))
    with Connection(url) as connection:
        connection.send("PUT", target, {"Content-Length": "5", "Expect": "100-continue"})
        connection.socket.sendall(b"abcde")
        answer = connection.answer()

    assert answer.status in (200, 201)
    assert len(answer.interim) == 1 and "connection: close" in answer.interim[0].lower()
    assert place.get("expecting").body == b"abcde"


@pytest.mark.parametrize(
    "header, first, last", [("bytes=0-3", 0, 3), ("bytes=100-199", 100, 199), ("bytes=2047-2047", 2047, 2047)]
)
@threaded
def test_one_range(place: Place, header: str, first: int, last: int) -> None:
    place.put("ranges", CONTENT)

    answer = place.get("ranges", {"Range": header})

    assert (answer.status, answer.header("Content-Range")) == (206, f"bytes {first}-{last}/2048")
    assert answer.header("Content-Length") == str(last - first + 1)
    assert answer.body == CONTENT[first : last + 1]


@threaded
def test_several_ranges(place: Place) -> None:
    place.put("parts", CONTENT)

    answer = place.get("parts", {"Range": "bytes=0-3,100-103"})

    assert answer.status == 206
    kind, _, boundary = (answer.header("Content-Type") or "").partition("boundary=")
    assert kind.startswith("multipart/byteranges")
    found = [
        (re.search(rb"(?i)content-range: bytes (\d+)-(\d+)/2048", part), part)
        for part in answer.body.split(b"--" + boundary.strip('"').encode())
    ]
    ranges = [
        (int(match[1]), int(match[2]), CONTENT[int(match[1]) : int(match[2]) + 1] in part) for match, part in found if match
    ]
    assert ranges == [(0, 3, True), (100, 103, True)]


@threaded
def test_what_is_written_again_is_replaced(place: Place) -> None:
    place.put("again", CONTENT)
    place.put("again", b"short")

    assert place.get("again").body == b"short"


@threaded
def test_a_connection_serves_many_requests(place: Place) -> None:
    place.put("many", CONTENT)
    url, target = sendable(place.location("GET", "many"))
    with Connection(url) as connection:
        answers = [connection.ask("GET", target, {"Range": f"bytes={one}-{one}"}) for one in range(3)]

    assert [one.body for one in answers] == [b"\x00", b"\x01", b"\x02"]
    assert {one.header("Connection") for one in answers} == {"Keep-Alive"}


@threaded
def test_of_two_requests_at_once_the_second_waits_for_more_bytes(place: Place) -> None:
    place.put("two", CONTENT)
    url, target = sendable(place.location("GET", "two"))

    def head(byte: int) -> bytes:
        return f"GET {target} HTTP/1.1\r\nHost: {url.partition('//')[2]}\r\nRange: bytes={byte}-{byte}\r\n\r\n".encode()

    with Connection(url) as connection:
        connection.socket.sendall(head(0) + head(1))
        first = connection.answer()
        connection.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.socket.recv(1)
        connection.socket.settimeout(20)
        connection.socket.sendall(head(2))
        second = connection.answer()

    assert (first.body, second.body) == (b"\x00", b"\x01")


@pytest.mark.parametrize("method", ["MKCOL", "GET"])
@threaded
def test_a_body_that_nobody_reads_is_the_next_request(place: Place, method: str) -> None:
    place.put("victim", b"content")
    lines = "".join(f"{name}: {value}\r\n" for name, value in place.headers.items())
    body = f"DELETE {place.folder}/victim HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode()
    with Connection(place.url) as connection:
        connection.ask(method, f"{place.folder}/carrier", {**place.headers, "Content-Length": str(len(body))}, body)
        assert place.there("victim")
        connection.send("HEAD", f"{place.folder}/", place.headers)
        answer = connection.answer()

    # The honest request got the answer to the other.
    assert answer.status in (200, 204)
    assert not place.there("victim")

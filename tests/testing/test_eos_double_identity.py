"""Who a request is to the double, and what it makes of paths and queries: sections 0, 2, 2.1, 2.2 of the reference."""

from __future__ import annotations

import json
import unicodedata
from typing import Any
from urllib.parse import quote

import pytest

from .conftest import Eos
from .plain import Connection, ask, threaded

KEY = {"x-gateway-authorization": "gateway-key"}
FORWARDED = {"x-forwarded-for": "dummy"}
REAL = {"x-real-ip": "10.0.0.1"}
WHOAMI = "/proc/user/?mgm.cmd=whoami&mgm.option=m&mgm.format=json"

WHO: dict[str, tuple[str, dict[str, str], int]] = {
    # the port, the headers, the uid
    "2.1-all-three-headers": ("mgm", {**FORWARDED, **KEY, "remote-user": "alice"}, 1001),
    "2.1-an-empty-forwarded-for-does": ("mgm", {"x-forwarded-for": "", **KEY, "remote-user": "alice"}, 1001),
    "2.1-no-forwarded-for": ("mgm", {**KEY, "remote-user": "alice"}, 99),
    "2.1-wrong-key": ("mgm", {**FORWARDED, "x-gateway-authorization": "wrong", "remote-user": "alice"}, 99),
    "2.1-no-key": ("mgm", {**FORWARDED, "remote-user": "alice"}, 99),
    "2.1-no-user": ("mgm", {**FORWARDED, **KEY}, 99),
    "2.1-unknown-user": ("mgm", {**FORWARDED, **KEY, "remote-user": "mallory"}, 99),
    "2.1-a-number-is-nobody": ("mgm", {**FORWARDED, **KEY, "remote-user": "1001"}, 99),
    "2.1-what-follows-an-at-is-cut": ("mgm", {**FORWARDED, **KEY, "remote-user": "alice@example.org"}, 1001),
    "2.1-real-ip-means-nothing-here": ("mgm", {**REAL, **KEY, "remote-user": "alice"}, 99),
    "2.1-mhd-real-ip": ("mhd", {**REAL, "remote-user": "alice"}, 1001),
    "2.1-mhd-no-real-ip": ("mhd", {**FORWARDED, **KEY, "remote-user": "alice"}, 99),
    "2.1-mhd-no-user": ("mhd", REAL, 65534),
    "2.1-mhd-unknown-user": ("mhd", {**REAL, "remote-user": "mallory"}, 99),
    "2.1-mhd-a-number-is-nobody": ("mhd", {**REAL, "remote-user": "1001"}, 99),
}


@pytest.mark.parametrize("port, headers, uid", WHO.values(), ids=WHO)
@threaded
def test_identity(eos: Eos, port: str, headers: dict[str, str], uid: int) -> None:
    answer = ask(eos.double.mgm_url if port == "mgm" else eos.double.mhd_url, "GET", WHOAMI, headers)

    said = json.loads(answer.body)
    assert (answer.status, said["retc"], said["whoami"][0]["uid"]) == (200, "0", float(uid))
    assert [one.who for one in eos.double.record.of(command="whoami")] == [uid]


@threaded
def test_2_1_a_key_without_sudo_is_nobody(eos: Eos) -> None:
    eos.double.identities.sudoers.clear()

    assert eos.proc("mgm.cmd=whoami&mgm.option=m")["whoami"][0]["uid"] == 99.0


@threaded
def test_2_1_a_trusted_host_needs_no_key(eos: Eos) -> None:
    eos.double.identities.trusted_hosts = True

    answer = ask(eos.double.mgm_url, "GET", WHOAMI, {**FORWARDED, "remote-user": "bob"})

    assert json.loads(answer.body)["whoami"][0]["uid"] == 1002.0


@threaded
def test_2_1_a_certificate_beats_the_header(eos: Eos) -> None:
    eos.double.identities.certificate = "bob"

    assert eos.proc("mgm.cmd=whoami&mgm.option=m", who="alice")["whoami"][0]["uid"] == 1002.0


@threaded
def test_2_1_root_is_possible_and_noted(eos: Eos) -> None:
    assert eos.proc("mgm.cmd=whoami&mgm.option=m", who="root")["whoami"][0]["uid"] == 0.0

    eos.accept("asked to work as root")


@pytest.mark.parametrize(
    "method, depth, status", [("HEAD", "", 403), ("GET", "", 403), ("PROPFIND", "1", 403), ("PROPFIND", "0", 207)]
)
@threaded
def test_2_1_what_nobody_may_look_at(eos: Eos, method: str, depth: str, status: int) -> None:
    eos.run(eos.double.put, f"{eos.home}/private", b"secret", owner="alice")
    path = "" if method == "PROPFIND" else "private"

    answer = eos.mgm(method, path, {"Depth": depth} if depth else {}, who="mallory")

    assert answer.status == status


@threaded
def test_2_1_fileinfo_checks_nothing(eos: Eos) -> None:
    eos.run(eos.double.put, f"{eos.home}/private", b"secret", owner="alice")

    assert eos.info("private", who="mallory")["size"] == 6


@pytest.mark.parametrize(
    "version, port, works",
    [
        ("5.1.30", "mgm", False),
        ("5.1.30", "mhd", True),
        ("5.3.20", "mgm", False),
        ("5.3.21", "mgm", True),
        ("5.4.0", "mgm", True),
    ],
    ids=lambda value: str(value),
)
@threaded
def test_0_the_query_in_gateway_mode(makes: dict[str, Eos], version: str, port: str, works: bool) -> None:
    eos = makes[version]
    url = eos.double.mhd_url if port == "mhd" else eos.double.mgm_url

    answer = ask(url, "GET", WHOAMI, eos.identity(mhd=port == "mhd"))

    assert answer.status == 200 and answer.header("Content-Type") is None
    assert (b'"uid": 1001.0' in answer.body) is works
    assert (b"no such user command ''" in answer.body and b"retc=95" in answer.body) is not works


PHRASES = {
    "2-enum-307": ("mgm", "PUT", 307, "TEMPORARY_REDIRECT"),
    "2-standard-307": ("mhd", "PUT", 307, "Temporary Redirect"),
    "2-enum-201": ("mgm", "MKCOL", 201, "CREATED"),
    "2-enum-207": ("mgm", "PROPFIND", 207, "MULTI_STATUS"),
}


@pytest.mark.parametrize("port, method, status, phrase", PHRASES.values(), ids=PHRASES)
@threaded
def test_phrases(eos: Eos, port: str, method: str, status: int, phrase: str) -> None:
    answer = eos.mgm(method, "" if method == "PROPFIND" else "new", {"Depth": "0"}, mhd=port == "mhd")

    assert (answer.status, answer.phrase) == (status, phrase)
    assert {"Date", "Content-Length", "Connection", "Server"} <= {name for name, _ in answer.headers}


AWKWARD = (
    *(
        "two words",
        "100%",
        "%20",
        "%26",
        "a&b",
        "a+b",
        "a#b",
        'a"b',
        "a;b",
        "a?b",
        "it's",
        "[1]",
        "{2}",
        "<3>",
        "back\\slash",
        "a|b",
    ),
    *(
        "a=b",
        "a\tb",
        unicodedata.normalize("NFC", "Ünï"),
        unicodedata.normalize("NFD", "Ünï"),
        "😀",
        "x" * 250,
        " trailing ",
        "...",
    ),
    "\udcff",
)


@pytest.mark.parametrize("name", AWKWARD, ids=ascii)
@threaded
def test_2_2_urls_are_exact(eos: Eos, name: str) -> None:
    assert eos.mgm("MKCOL", name).status == 201
    target = quote(f"{eos.home}/{name}2", safe="/", errors="surrogateescape")
    assert eos.mgm("MOVE", name, {"Destination": target, "Overwrite": "F"}).status == 201
    assert eos.upload(f"{name}2/{name}", b"content").status == 201
    assert eos.mgm("HEAD", f"{name}2/{name}").status == 200
    assert eos.download(f"{name}2/{name}").body == b"content"
    listed = eos.mgm("PROPFIND", f"{name}2", {"Depth": "1"}).body.decode()
    assert f"<d:href>{quote(f'{eos.home}/{name}2/{name}', errors='surrogateescape')}</d:href>" in listed
    # 4.2: the name is encoded, too.
    assert f"<d:displayname>{quote(name, safe='', errors='surrogateescape')}</d:displayname>" in listed
    assert eos.double.content(f"{eos.home}/{name}2/{name}") == b"content"


@pytest.mark.parametrize("name", [name for name in AWKWARD if name != "\udcff"], ids=ascii)
@threaded
def test_2_2_paths_in_proc(makes: dict[str, Eos], name: str) -> None:
    old, new = makes["5.1.30"], makes["5.3.21"]
    for eos in (old, new):
        eos.run(eos.double.put, f"{eos.home}/{name}", b"content")

    once = old.proc(f"mgm.cmd=fileinfo&mgm.path={quote(f'{old.home}/{name}', safe='')}", mhd=True)

    assert once["name"] == name
    assert new.info(name)["name"] == name


@threaded
def test_2_2_what_encodepath_breaks_where(makes: dict[str, Eos]) -> None:
    old, new = makes["5.1.30"], makes["5.3.21"]
    for eos in (old, new):
        eos.run(eos.double.put, f"{eos.home}/a&b c", b"content")
    command = "mgm.cmd=fileinfo&mgm.path="
    single, double = quote(f"{old.home}/a&b c", safe=""), quote(quote(f"{old.home}/a&b c", safe=""), safe="")

    assert old.proc(command + single + "&eos.encodepath=1", mhd=True)["retc"] == "2"
    assert old.proc(command + double + "&eos.encodepath=1", mhd=True)["retc"] == "2"
    assert new.proc(command + single)["retc"] == "2"
    assert new.proc(command + f"{new.home}/a#AND#b c".replace(" ", "%20"))["retc"] == "2"


@threaded
def test_2_2_encodepath_does_not_decode_the_target_of_a_rename(makes: dict[str, Eos]) -> None:
    old, new = makes["5.1.30"], makes["5.3.21"]
    for eos, mhd in ((old, True), (new, False)):
        eos.run(eos.double.put, f"{eos.home}/a", b"content")
        paths = f"mgm.path={eos.home}/a&mgm.file.source={eos.home}/a&mgm.file.target={eos.home}/b%20c"
        assert eos.proc(f"mgm.cmd=file&mgm.subcmd=rename&{'' if mhd else 'eos.encodepath=1&'}{paths}", mhd=mhd)["retc"] == "0"

    assert (old.names(), new.names()) == (["b c"], ["b%20c"])


@threaded
def test_2_2_a_path_can_inject_keys_on_mhd(makes: dict[str, Eos]) -> None:
    eos = makes["5.1.30"]
    eos.run(eos.double.put, f"{eos.home}/other", b"content")
    path = quote(f"{eos.home}/x&mgm.path={eos.home}/other", safe="")

    assert eos.proc(f"mgm.cmd=fileinfo&mgm.path={path}", mhd=True)["name"] == "other"


NAMES = {
    "7.9-cr": ("5.3.21", {}, "a\rb", 422),
    "7.9-lf": ("5.3.21", {}, "a\nb", 422),
    "0-percent-without-utf8": ("5.1.30", {"utf8": False}, "100%", 422),
    "0-umlaut-without-utf8": ("5.1.30", {"utf8": False}, "ü", 422),
    "0-hash-without-utf8": ("5.1.30", {"utf8": False}, "a#b ~", 201),
    "0-any-from-5.3": ("5.3.0", {"utf8": False}, "100% ü", 201),
    "7.9-too-deep": ("5.3.21", {}, "x/" * 254 + "x", 500),
}


@pytest.mark.parametrize("name", NAMES)
@threaded
def test_names_that_are_refused(makes: Any, name: str) -> None:
    version, flags, path, status = NAMES[name]
    eos = makes[version, tuple(flags.items())]

    assert eos.mgm("MKCOL", path).status == status


@threaded
def test_0_a_refused_name_looks_like_a_directory_at_depth_0(makes: Any) -> None:
    eos = makes["5.1.30", (("utf8", False),)]

    answer = eos.mgm("PROPFIND", "ü", {"Depth": "0"})

    assert answer.status == 207 and b"<d:collection/>" in answer.body and b"getetag" not in answer.body


@threaded
def test_2_slashes_collapse_and_prefixes_are_stripped(eos: Eos) -> None:
    eos.run(eos.double.put, f"{eos.home}/a", b"content")

    for path in ("//eos///user/a/alice//a", f"/remote.php/webdav{eos.home}/a"):
        assert eos.mgm("HEAD", path).header("Content-Length") == "7"


@threaded
def test_8_no_answer_while_it_boots(eos: Eos) -> None:
    eos.run(setattr, eos.double, "booting", True)
    with Connection(eos.double.mgm_url) as connection:
        connection.send("HEAD", eos.home, eos.identity())
        connection.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.socket.recv(1)
        connection.socket.settimeout(20)
        eos.run(setattr, eos.double, "booting", False)
        answer = connection.answer("HEAD")

    assert answer.status == 200


@threaded
def test_8_it_says_that_it_shuts_down(eos: Eos) -> None:
    eos.double.stopping = True

    answer = eos.mgm("HEAD", "")
    spoken = eos.mgm("PROPFIND", "", {"Depth": "0"})

    assert (answer.status, spoken.status, spoken.body) == (500, 500, b"MGM daemon is shutting down")

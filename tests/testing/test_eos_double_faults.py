"""What tests do with the double: faults, redirects that lead elsewhere, its record, and the double as a process of its own."""

from __future__ import annotations

import errno
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from clawgate.testing.eos import profile_of
from clawgate.testing.eos.failures import status_of

from .conftest import Eos
from .eos_process import eos_process
from .plain import Connection, Cut, ask, follow, sendable, threaded


def run_coroutine(eos: Eos, function: Callable[[], Any]) -> None:
    eos.run(lambda: Deferred.fromCoroutine(function()))


# Faults.


@threaded
def test_a_status_instead_of_doing_anything(eos: Eos) -> None:
    eos.double.fault(server="mgm", method="MKCOL", path=".*/new", status=503, body=b"later", headers={"X-Why": "test"})

    first, second = eos.mgm("MKCOL", "new"), eos.mgm("MKCOL", "new")

    assert (first.status, first.body, first.header("X-Why"), second.status) == (503, b"later", "test", 201)


@threaded
def test_what_a_fault_is_about(eos: Eos) -> None:
    eos.double.fault(command="fileinfo", skip=1, times=2, status=500)

    answers = [eos.mgm("HEAD", "").status]
    for _ in range(4):
        answers.append(ask(eos.double.mgm_url, "GET", f"/proc/user/?mgm.cmd=fileinfo&mgm.path={eos.home}", eos.identity()).status)

    assert answers == [200, 200, 500, 500, 200]


@pytest.mark.parametrize("fault, there", [({"drop": True}, False), ({"lose": True}, True)])
@threaded
def test_no_answer(eos: Eos, fault: dict[str, Any], there: bool) -> None:
    eos.double.fault(method="MKCOL", **fault)

    with pytest.raises(Cut):
        eos.mgm("MKCOL", "new")
    assert ("new" in eos.names()) is there


@threaded
def test_a_lost_answer_of_an_fst(eos: Eos) -> None:
    eos.double.fault(server="fst", lose=True)

    with pytest.raises(Cut):
        eos.upload("file", b"abc")
    assert eos.double.content(f"{eos.home}/file") == b"abc"


@threaded
def test_it_hangs_until_the_client_goes(eos: Eos) -> None:
    eos.double.fault(hang=True)
    with Connection(eos.double.mgm_url) as connection:
        connection.send("HEAD", eos.home, eos.identity())
        connection.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.socket.recv(1)

    assert eos.double.record.exchanges[0].status == 0


@threaded
def test_delays_and_rates_end(eos: Eos) -> None:
    eos.double.fault(server="mgm", method="PUT", delay=0.05)
    eos.double.fault(server="fst", rate=20_000)

    assert eos.upload("file", b"x" * 1000).status == 201


@threaded
def test_an_fst_that_dies_in_the_middle_of_an_upload(eos: Eos) -> None:
    eos.upload("file", b"old")
    eos.double.fault(server="fst", method="PUT", receive=4)

    with pytest.raises(Cut):
        eos.upload("file", b"new content")
    assert (eos.names(), eos.double.content(f"{eos.home}/file")) == (["file"], b"old")


@threaded
def test_8_a_stall(eos: Eos) -> None:
    eos.double.fault(method="GET", stall=True)

    answer = eos.mgm("GET", "file")

    assert (answer.status, answer.phrase, answer.body) == (501, "NOT_IMPLEMENTED", b"Unexpected result from file open")


@threaded
def test_3_1_a_connection_that_closes_after_keep_alive(eos: Eos) -> None:
    eos.double.fault(method="HEAD", close=True)
    with Connection(eos.double.mgm_url) as connection:
        answer = connection.ask("HEAD", eos.home, eos.identity())

        assert (answer.status, answer.header("Connection"), connection.ended()) == (200, "Keep-Alive", True)


# 3.1 item 8.


@pytest.mark.parametrize(
    "location, wanted",
    [
        ("http://other.example.org:8443{path}", "http://other.example.org:8443/eos/user/a/alice/file"),
        ("http://root://mgm:1094/{path}", "http://root://mgm:1094//eos/user/a/alice/file"),
        (lambda right: right.replace("http://", "ftp://"), "ftp://"),
    ],
)
@threaded
def test_redirects_elsewhere(eos: Eos, location: Any, wanted: str) -> None:
    eos.double.fault(method="PUT", location=location)

    assert eos.located("file", 1).startswith(wanted)


@threaded
def test_3_1_a_follower_redirects_writes_to_where_http_cannot_go(makes: Any) -> None:
    eos = makes["5.3.21", (("mgms", 2),)]
    follower = eos.double.mgms[1]
    follower.follower = True

    answers = {method: ask(follower.url, method, eos.home, {**eos.identity(), "Depth": "0"}) for method in ("PUT", "PROPFIND")}

    assert (answers["PUT"].status, answers["PROPFIND"].status) == (307, 207)
    assert (answers["PUT"].header("Location") or "").startswith("http://root://")


@threaded
def test_8_one_mgm_of_two_is_dead(makes: Any) -> None:
    eos = makes["5.3.21", (("mgms", 2),)]
    eos.upload("file", b"abc")
    run_coroutine(eos, eos.double.kill_mgm)

    with pytest.raises(ConnectionRefusedError):
        eos.mgm("HEAD", "file")
    assert ask(eos.double.mgms[1].url, "HEAD", f"{eos.home}/file", eos.identity()).header("Content-Length") == "3"
    run_coroutine(eos, eos.double.start_mgm)
    assert eos.mgm("HEAD", "file").status == 200


@threaded
def test_an_fst_that_is_dead_and_back(eos: Eos) -> None:
    location = eos.located("file", 3)
    run_coroutine(eos, eos.double.kill_fst)
    with pytest.raises(ConnectionRefusedError):
        follow(location, "PUT", {"Content-Length": "3"}, b"abc")
    run_coroutine(eos, eos.double.start_fst)

    assert follow(location, "PUT", {"Content-Length": "3"}, b"abc").status == 201


@threaded
def test_eos_killed_and_there_again(eos: Eos) -> None:
    eos.upload("file", b"abc")
    url, target = sendable(eos.located("file", 10))
    with Connection(url) as transfer, Connection(eos.double.mgm_url) as idle:
        transfer.send("PUT", target, {"Content-Length": "10"}, b"x")
        idle.ask("HEAD", eos.home, eos.identity())
        run_coroutine(eos, eos.double.restart)
        assert transfer.ended() and idle.ended()

    assert eos.download("file").body == b"abc"
    assert ask(url, "PUT", target, {"Content-Length": "1"}, b"x").status == 500
    eos.accept("capability")


# The record.


@threaded
def test_the_record(eos: Eos) -> None:
    eos.double.record.clear()
    eos.upload("a b", b"abc", {"X-Extra": "1"})
    eos.info("a b")

    put, data, info = eos.double.record.exchanges
    assert eos.double.record.calls() == ["mgm PUT", "fst PUT", "mgm fileinfo"]
    assert (put.path, put.target, put.who, put.status) == (f"{eos.home}/a b", f"{eos.home}/a%20b", 1001, 307)
    assert (data.received, data.status, data.who, data.header("X-Extra")) == (3, 201, None, "1")
    assert info.query_keys == ["mgm.format", "mgm.cmd", "eos.encodepath", "mgm.path"]
    assert eos.double.record.of(server="fst", method="PUT") == [data]


@threaded
def test_headers_and_queries_that_nobody_named(eos: Eos) -> None:
    named = {"host", "x-forwarded-for", "x-gateway-authorization", "remote-user"}
    eos.info("")
    eos.double.record.check(headers=named, query={"mgm.cmd", "mgm.format", "mgm.path", "eos.encodepath"})

    with pytest.raises(AssertionError, match=r"query \['mgm.path'\]"):
        eos.double.record.check(query={"mgm.cmd", "mgm.format", "eos.encodepath"})
    eos.mgm("HEAD", "", {"Cookie": "secret"})
    with pytest.raises(AssertionError, match=r"headers \['cookie'\]"):
        eos.double.record.check(headers=named)
    ask(eos.double.fst.url, "GET", "/x", {"Cookie": "secret"})
    with pytest.raises(AssertionError, match="sent to an FST: cookie"):
        eos.double.record.check()
    eos.double.record.clear()


@threaded
def test_the_double_says_when_it_fails_itself(eos: Eos) -> None:
    eos.double.mgms[0].namespace.mkdir = None  # type: ignore[method-assign]

    with pytest.raises(Cut):
        eos.mgm("MKCOL", "new")
    eos.accept("the double failed")


@threaded
def test_slow_takers_hold_up_the_sender(eos: Eos) -> None:
    content = bytes(range(256)) * 4096 * 16
    eos.run(eos.double.put, f"{eos.home}/large", content)
    url, target = sendable(eos.mgm("GET", "large").header("Location") or "")
    with Connection(url) as connection:
        connection.send("GET", target)
        connection.rest = connection.socket.recv(10)
        (exchange,) = eos.run(eos.double.record.of, server="fst")
        assert not exchange.done
        assert connection.answer().body == content


# A process.


def test_as_a_process(tmp_path: Path) -> None:
    home, identity = "/eos/user/a/alice", {"x-real-ip": "10.0.0.1", "remote-user": "alice"}
    options = ("--version", "5.1", "--home", "alice", "--user", "dave:1004", "--propagation", "0", "--flag", "new_inodes=true")
    with eos_process(tmp_path / "eos", *options) as eos:
        eos.put(f"{home}/file", b"abc", owner="alice")
        assert eos.content(f"{home}/file") == b"abc"
        assert eos.call("make_home", name="dave") == "/eos/user/d/dave"
        eos.fault(method="HEAD", status=503)
        statuses = [ask(eos.mhd, "HEAD", home, identity).status for _ in range(2)]
        answer = ask(eos.mhd, "GET", f"{home}/file", identity)
        assert (eos.calls(), statuses, eos.violations()) == (["mhd HEAD", "mhd HEAD", "mhd GET"], [503, 200], [])
        assert len(eos.leaked(answer.header("Location") or "")) == 1
        ask(eos.mgm, "PUT", home, {"Content-Length": "2"}, b"xx")
        assert ["a body sent to the MGM" in one for one in eos.violations()] == [True]
        eos.clear()
        assert (eos.calls(), eos.violations()) == ([], [])

        assert eos.call("restart") is None
        assert eos.content(f"{home}/file") == b"abc"
        eos.state(fst=False, stopping=True)
        assert ask(eos.mhd, "HEAD", home, identity).status == 500
        with pytest.raises(ConnectionRefusedError):
            ask(f"http://{eos.fsts[0]}", "GET", "/")
        assert ask(eos.admin, "GET", "/nothing").status == 404
        assert ask(eos.admin, "POST", "/call", {"Content-Length": "14"}, b'{"name": "x1"}').status == 400


# Section 8.

STATUS: dict[str, tuple[int, str, tuple[int, int, int]]] = {
    # the errno, the verb, the status on 5.1.30, 5.3.10 and 5.3.21
    "8-ENOENT": (errno.ENOENT, "GET", (404, 404, 404)),
    "8-ENOENT-PUT": (errno.ENOENT, "PUT", (409, 409, 409)),
    "8-ENOENT-MKCOL": (errno.ENOENT, "MKCOL", (409, 409, 409)),
    "8-ENOENT-MOVE": (errno.ENOENT, "MOVE", (409, 409, 409)),
    "8-EPERM": (errno.EPERM, "GET", (403, 403, 403)),
    "8-EACCES": (errno.EACCES, "PUT", (403, 403, 403)),
    "8-EEXIST-MOVE": (errno.EEXIST, "MOVE", (412, 412, 412)),
    "8-EEXIST": (errno.EEXIST, "MKCOL", (500, 500, 500)),
    "8-EDQUOT": (errno.EDQUOT, "PUT", (507, 507, 507)),
    "8-ENOSPC": (errno.ENOSPC, "PUT", (507, 507, 507)),
    "8-EOPNOTSUPP": (errno.EOPNOTSUPP, "GET", (501, 501, 501)),
    "8-EILSEQ": (errno.EILSEQ, "PUT", (422, 422, 422)),
    "8-ETXTBSY": (errno.ETXTBSY, "PUT", (503, 503, 503)),
    "8-EAGAIN": (errno.EAGAIN, "PUT", (500, 500, 409)),
    "8-EBUSY": (errno.EBUSY, "PUT", (403, 409, 500)),
    "8-EINVAL": (errno.EINVAL, "GET", (500, 500, 500)),
    "8-EIO": (errno.EIO, "GET", (500, 500, 500)),
    "8-EREMCHG": (errno.EREMCHG, "PUT", (500, 500, 500)),
    "8-ENAMETOOLONG": (errno.ENAMETOOLONG, "PUT", (500, 500, 500)),
    "8-ENETUNREACH": (errno.ENETUNREACH, "GET", (500, 500, 500)),
}


@pytest.mark.parametrize("number, method, statuses", STATUS.values(), ids=STATUS)
def test_errors(number: int, method: str, statuses: tuple[int, int, int]) -> None:
    assert tuple(status_of(profile_of(version), number, method) for version in ("5.1.30", "5.3.10", "5.3.21")) == statuses


def test_0_what_a_version_is() -> None:
    assert [profile_of(version).version for version in ("5.1", "5.4", "5.4.2")] == ["5.1.30", "5.4.11", "5.4.2"]
    assert profile_of("5.4.2", utf8=False).utf8 is False
    with pytest.raises(ValueError, match="newest"):
        profile_of("newest")
    with pytest.raises(TypeError):
        profile_of("5.4", unknown=1)


@threaded
def test_a_clock_that_is_wrong(eos: Eos) -> None:
    before = parsedate_to_datetime(eos.mgm("HEAD", "").header("Date") or "")
    eos.double.skew = 3600.0

    assert (parsedate_to_datetime(eos.mgm("HEAD", "").header("Date") or "") - before).total_seconds() >= 3600

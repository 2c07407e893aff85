"""Server-sent events: who waits hears of every change at once, and finds what it is told."""

from __future__ import annotations

import base64
import http.client
import json
import os
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from . import dav, launch
from .crowd import Crowd, crowd
from .gateway import USERS, Gateway

PATH = "/ocs/v2.php/apps/notifications/api/v1/notifications/sse"
KIB = 1 << 10
ROLE_OF_EDITORS = "58c63c02-1d89-4572-916a-870abc5a1b7d"


def login(user: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{USERS[user]}".encode()).decode()}


class Stream:
    """One client that waits."""

    def __init__(self, gateway: Gateway, user: str = "alice") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=120)
        self.connection.request("GET", PATH, headers=login(user))
        self.answer = self.connection.getresponse()
        self.lines = self._lines()
        if self.answer.status == 200:
            assert next(self.lines) == ": still here"
            assert next(self.lines) == ""

    def _lines(self) -> Iterator[str]:
        while line := self.answer.readline():
            yield line.decode().rstrip("\n")

    def next(self) -> tuple[str, dict[str, Any]]:
        name = data = ""
        deadline = time.monotonic() + 120
        for line in self.lines:
            assert time.monotonic() < deadline, "nothing is told but that the gateway lives"
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                data = value
            elif not line and name:
                return name, json.loads(data)
        raise AssertionError("the stream ended")

    def close(self) -> None:
        self.connection.close()


def facts(client: dav.Client, path: str) -> dav.Item:
    return client.list(path, "0")[path]


def test_everything_is_told_when_it_can_be_seen(gateway: Gateway) -> None:
    with gateway.client() as client, closing(Stream(gateway)) as stream, closing(Stream(gateway, "bob")) as other:
        home = facts(client, "")

        def told(name: str, path: str | None, parent: str = "") -> dict[str, Any]:
            nonlocal home
            event, data = stream.next()
            assert event == name, data
            assert data["spaceid"] == "home$alice"
            now = facts(client, "")
            assert now.etag != home.etag
            home = now
            assert data["parentitemid"] == facts(client, parent).id
            if path is not None:
                item = facts(client, path)
                assert (data["itemid"], data["etag"]) == (item.id, item.etag.strip('"'))
            return data

        client.ask("MKCOL", "d")
        told("folder-created", "d")
        client.put("d/x", b"1")
        new = told("postprocessing-finished", "d/x", "d")
        client.put("d/x", b"22")
        assert told("postprocessing-finished", "d/x", "d")["itemid"] == new["itemid"]
        client.move("d/x", "d/y")
        assert told("item-renamed", "d/y", "d")["itemid"] == new["itemid"]
        client.move("d/y", "y")
        assert told("item-moved", "y")["itemid"] == new["itemid"]
        client.ask("DELETE", "y")
        gone = told("item-trashed", None)
        assert (gone["itemid"], gone["etag"]) == (new["itemid"], "")
        # Somebody else writes behind the gateway.
        (gateway.disk() / "d" / "job.txt").write_text("done")
        told("postprocessing-finished", "d/job.txt", "d")
        with gateway.client("bob") as bob:
            bob.put("mine", b"x")
            event, data = other.next()
        assert (event, data["spaceid"]) == ("postprocessing-finished", "home$bob")


def test_programs_know_their_own_changes(gateway: Gateway) -> None:
    """As ownCloud Web says which of its windows it is."""
    with gateway.client() as client, closing(Stream(gateway)) as stream:

        def told(initiator: str) -> None:
            assert stream.next()[1]["initiatorid"] == initiator

        client.list()
        mine = {"Initiator-ID": "window-7"}
        client.ask("PUT", "x", b"1", mine)
        told("window-7")
        client.ask("MOVE", "x", None, {"Destination": client.href("y"), **mine})
        told("window-7")
        client.put("y", b"22")
        told("")
        # What it finds is not what it has made.
        (gateway.disk() / "job.txt").write_text("done")
        client.ask("PROPFIND", "", dav.OWNCLOUD, {"Depth": "1", **mine})
        told("")
        client.ask("DELETE", "y", None, mine)
        told("window-7")


def test_many_changes_at_once_are_told_as_one(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    gateway.configure(events={"lines": 3, "gather_seconds": 2})
    gateway.start()
    with gateway.client() as client, closing(Stream(gateway)) as stream:
        root = facts(client, "").id
        for attempt in range(10):
            for number in range(10):
                client.put(f"{attempt}-{number}", b"x")
            last, etag = facts(client, f"{attempt}-9").id, facts(client, "").etag.strip('"')
            told = [stream.next()[1]]
            while told[-1]["etag"] != etag and told[-1]["itemid"] != last:
                told.append(stream.next()[1])
            if told[-1]["itemid"] == root:
                break
            # The machine was so busy that the last ones came so late that they were few, and each was told of.
        assert (told[-1]["itemid"], told[-1]["etag"]) == (root, etag)
        assert len(told) < 10


def test_who_may_wait(stopped_gateway: Gateway) -> None:
    gateway = stopped_gateway
    gateway.configure(events={"per_user": 2, "session_seconds": 10})
    gateway.start()
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=120)
    connection.request("GET", PATH)
    answer = connection.getresponse()
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"]
    connection.close()
    with closing(Stream(gateway)) as one, closing(Stream(gateway)):
        refused = Stream(gateway)
        assert refused.answer.status == 503
        assert refused.answer.headers["Retry-After"]
        refused.close()
        with closing(Stream(gateway, "bob")) as bob:
            assert bob.answer.status == 200
        # It ends properly, and there is room again.
        while next(one.lines, None) is not None:
            pass
    with closing(Stream(gateway)) as again:
        assert again.answer.status == 200


def test_who_is_put_out_of_a_space_is_sent_away(stopped_gateway: Gateway) -> None:
    """By a manager and by the operator; and hears no more of it when coming again."""
    gateway = stopped_gateway
    root = gateway.folder / "projects"
    root.mkdir()
    gateway.configure(mounts__projects={"kind": "project", "root": f"{root}/{{space.id}}", "creators": ["alice"]})
    gateway.start()

    def put_out_by_manager(id: str) -> None:
        assert alice.raw("DELETE", f"/graph/v1beta1/drives/{id}/root/permissions/u:bob").status == 204

    def put_out_by_operator(id: str) -> None:
        assert gateway.tool("space", "member", id, "bob", "none").returncode == 0

    with gateway.client() as alice, gateway.client("bob") as bob:
        made = alice.raw("POST", "/graph/v1.0/drives", json.dumps({"name": "Ours"}).encode())
        id = json.loads(made.body)["id"]

        def write(name: str) -> None:
            assert alice.raw("PUT", f"/dav/spaces/{id}/{name}", b"x").status == 201

        for number, put_out in enumerate((put_out_by_manager, put_out_by_operator)):
            invited = {"recipients": [{"objectId": "bob"}], "roles": [ROLE_OF_EDITORS]}
            assert alice.raw("POST", f"/graph/v1beta1/drives/{id}/root/invite", json.dumps(invited).encode()).status == 200
            with closing(Stream(gateway, "bob")) as stream:
                write(f"before-{number}")
                assert stream.next()[1]["spaceid"] == id
                put_out(id)
                # The answer ends as it should: a connection that breaks raises.
                assert [line for line in stream.lines if line.startswith("data")] == []
            with closing(Stream(gateway, "bob")) as again:
                write(f"after-{number}")
                bob.put(f"mine-{number}", b"x")
                assert again.next()[1]["spaceid"] == "home$bob"


def test_the_gateway_stops_at_once(gateway: Gateway) -> None:
    with closing(Stream(gateway)) as stream:
        gateway.stop()
        assert list(stream.lines) == []


def test_thousands_wait(stopped_gateway: Gateway) -> None:
    """20 KiB for each, with which 10,000 need less than 300 MiB, and a change reaches all of them."""
    gateway, count = stopped_gateway, 2_000
    gateway.launcher = launch.twistd
    gateway.configure(events={"per_user": count, "session_seconds": 3600})
    gateway.start()
    with gateway.client() as client:
        client.put("first", b"x")
    with closing(Stream(gateway)), crowd(gateway.port, 200) as few:
        told(few, gateway)
        before = gateway.memory()
        with crowd(gateway.port, count - 201) as many:
            told(many, gateway)
            assert gateway.memory() - before < count * 20 * KIB


def told(crowd: Crowd, gateway: Gateway) -> None:
    """Change something, and wait until all have heard of it."""
    with gateway.client() as client:
        client.put("x", os.urandom(8))
    crowd.hear(b"event: postprocessing-finished")

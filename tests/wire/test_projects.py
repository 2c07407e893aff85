"""Project spaces that people make: with ownCloud's own library, over kills, and the operator's commands beside a gateway."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .gateway import USERS, Gateway

FOLDER = Path(__file__).parent / "webclient"


def prepare(gateway: Gateway) -> Path:
    root = gateway.folder / "projects"
    root.mkdir()
    gateway.configure(mounts__projects={"kind": "project", "root": f"{root}/{{space.name}}", "creators": ["alice"]})
    return root


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def drives(gateway: Gateway, user: str = "alice") -> list[str]:
    with gateway.client(user) as client:
        found = client.raw("GET", "/graph/v1.0/me/drives")
    return [one["name"] for one in json.loads(found.body)["value"] if one["driveType"] == "project"]


def test_owncloud_webs_library(stopped_gateway: Gateway) -> None:
    root = prepare(stopped_gateway)
    stopped_gateway.start()
    asked = {"url": stopped_gateway.url(), "user": "alice", "password": USERS["alice"], "other": "bob"}
    ended = subprocess.run(
        ["node", "projects.mjs", json.dumps(asked)], cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    saw = json.loads(ended.stdout.strip().splitlines()[-1])
    assert saw["made"] == {
        "name": "Ideas & plans",
        "type": "project",
        "description": "For later",
        "members": ["alice"],
        "manages": True,
        "disabled": False,
    }
    assert saw["taken"] == [409, "nameAlreadyExists"]
    assert saw["listed"] == [["Ideas & plans", False]]
    assert saw["changed"] == {"name": "Plans", "description": "For now", "quota": 5000, "readme": "about.md", "text": "# Hello"}
    assert saw["members"] == [["alice", "Can manage"], ["bob", "Can view"]]
    assert saw["allowed"] == 3
    assert saw["editor"] == "Can edit"
    assert saw["alone"] == ["alice"]
    assert saw["tags"] == ["urgent", "ö & x"]
    assert saw["tagged"] == ["urgent", "ö & x"]
    assert sorted(saw["left"]) == [[".space", []], ["a.txt", ["ö & x"]]]
    assert saw["item"] == "a.txt"
    assert saw["disabled"] == [["Plans", True]]
    assert saw["hidden"] == 404
    assert saw["restored"] == [["Plans", False]]
    assert saw["still"] == "hello"
    assert saw["gone"] == []
    until(lambda: os.listdir(root) == [])


def create(gateway: Gateway, name: str) -> str | None:
    """The id of a new space; None: the gateway was killed meanwhile."""
    try:
        with gateway.client() as client:
            answer = client.raw("POST", "/graph/v1.0/drives", json.dumps({"name": name}).encode())
    except (OSError, http.client.HTTPException):
        return None
    assert answer.status == 201, answer.body
    return str(json.loads(answer.body)["id"])


def change(gateway: Gateway, verb: str, id: str, **headers: str) -> int:
    with gateway.client() as client:
        return client.raw(verb, f"/graph/v1.0/drives/{id}", b"{}", headers).status


def test_kills_leave_no_half_space(quick_gateway: Gateway) -> None:
    root = prepare(quick_gateway)
    made: dict[str, str | None] = {}
    # From before the request to after its answer, whatever the machine is doing.
    for number in range(8):
        quick_gateway.start()
        name = f"space {number}"
        asking = threading.Thread(target=lambda name=name: made.update({name: create(quick_gateway, name)}))
        asking.start()
        time.sleep(0.015 * number)
        quick_gateway.kill()
        asking.join()
    quick_gateway.start()
    until(lambda: not any("\tmaking\t" in line for line in quick_gateway.tool("space", "list").stdout.splitlines()))
    listed = drives(quick_gateway)
    # What was promised is there, and what is there works.
    assert {name for name, id in made.items() if id is not None} <= set(listed)
    assert sorted(os.listdir(root)) == sorted(name.replace(" ", "-") for name in listed)
    assert create(quick_gateway, "space 0 again") is not None


def test_removing_goes_on_after_a_kill(quick_gateway: Gateway) -> None:
    root = prepare(quick_gateway)
    quick_gateway.start()
    id = create(quick_gateway, "large")
    assert id is not None
    for number in range(40):
        (root / "large" / f"{number}" / "deep").mkdir(parents=True)
        for file in range(50):
            (root / "large" / f"{number}" / "deep" / f"{file}").write_bytes(b"x")
    (root / "large" / "link").symlink_to(quick_gateway.folder)
    assert change(quick_gateway, "DELETE", id) == 204
    assert change(quick_gateway, "DELETE", id, Purge="T") == 204
    quick_gateway.kill()
    quick_gateway.start()
    assert drives(quick_gateway) == []
    until(lambda: os.listdir(root) == [])
    until(lambda: quick_gateway.tool("space", "list").stdout == "")
    assert quick_gateway.config.exists()


def test_operators_beside_a_gateway(quick_gateway: Gateway) -> None:
    root = prepare(quick_gateway)
    quick_gateway.start()
    assert drives(quick_gateway, "bob") == []

    def tool(*arguments: str, fails: str = "") -> str:
        said = quick_gateway.tool("space", *arguments)
        assert (said.returncode != 0) is bool(fails), said.stderr
        assert fails in said.stderr
        return said.stdout

    id = tool("create", "projects", "By hand", "--manager", "bob", "--quota", "1 GiB").split()[0]
    assert (root / "by-hand").is_dir()
    until(lambda: drives(quick_gateway, "bob") == ["By hand"])
    assert "alice (viewer until 2" in tool("member", id, "alice", "viewer", "--days", "30")
    assert "alice (viewer until 2" in tool("list")
    tool("member", id, "alice", "viewer", "--days", "0", fails="--days")
    assert "alice (editor)" in tool("member", id, "alice", "editor")
    until(lambda: drives(quick_gateway) == ["By hand"])
    assert "alice is a member of «By hand», editor" in quick_gateway.tool("explain", "alice").stdout
    tool("remove", id, fails="disabled")
    tool("disable", id)
    until(lambda: change(quick_gateway, "GET", id) == 404)
    tool("remove", id)
    until(lambda: os.listdir(root) == [])

"""Random operations against a model tree: after each, exactly the etags of what changed and of its ancestors have moved."""

from __future__ import annotations

import random

from . import dav
from .gateway import Gateway

OPERATIONS = 300
NAMES = ["a", "b c", "d%20", "é", "#f"]


def ancestors(path: str) -> set[str]:
    """The folders above `path`; the root is the empty path."""
    found = set()
    while path:
        path = path.rpartition("/")[0]
        found.add(path)
    return found


def inside(tree: dict[str, dav.Item], path: str) -> set[str]:
    return {name for name in tree if name == path or name.startswith(path + "/") or not path}


class Model:
    """What the tree must look like, told by the requests that succeeded."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.clients = [
            gateway.client(),
            gateway.client(root="/remote.php/webdav"),
            gateway.client(root="/dav/files/alice"),
            gateway.client(root="/webdav"),
        ]
        self.chance = random.Random(20)
        self.tree = self.clients[0].walk()
        self.counter = 0

    def close(self) -> None:
        for client in self.clients:
            client.close()

    def any(self, folder: bool | None = None) -> str | None:
        """A path that exists."""
        paths = [path for path, item in self.tree.items() if path and folder in (None, item.folder)]
        return self.chance.choice(sorted(paths)) if paths else None

    def free(self) -> str:
        """A path in an existing folder; perhaps taken."""
        folders = sorted(path for path, item in self.tree.items() if item.folder and path.count("/") < 3)
        return f"{self.chance.choice(folders)}/{self.chance.choice(NAMES)}".lstrip("/")

    def step(self) -> str:
        """Do something, look at the whole tree, and compare with what may have changed; returns what was done."""
        kind = self.chance.choice(
            ["put"] * 4
            + ["mkcol"] * 3
            + ["move"] * 3
            + ["copy"] * 2
            + ["delete", "touch", "outside", "outside", "refused", "lock"]
        )
        client = self.chance.choice(self.clients)
        self.counter += 1
        said, changed, free = getattr(self, kind)(client)
        now = self.chance.choice(self.clients).walk()
        moved = {path for path in now.keys() | self.tree.keys() if etag(now, path) != etag(self.tree, path)}
        about = f"operation {self.counter}: {said}"
        assert moved - free == changed - free, (
            f"{about}: wrongly moved {moved - changed - free}, not moved {changed - moved - free}"
        )
        assert len({item.id for item in now.values()}) == len(now), f"{about}: an id stands for two nodes"
        self.tree = now
        return str(said)

    def put(self, client: dav.Client) -> tuple[str, set[str], set[str]]:
        path = self.free()
        old = self.tree.get(path)
        answer = client.put(path, b"x" * self.counter)
        if old and old.folder:
            assert answer.status in (405, 409), answer
            return f"PUT on the folder {path}", set(), set()
        assert answer.status == (204 if old else 201), (path, answer)
        item = client.list(path, "0")[path]
        assert item.etag == answer.headers["ETag"] == answer.headers["OC-ETag"], path
        assert item.id == answer.headers["OC-FileId"]
        assert not old or old.id == item.id, "an overwrite changed the id"
        return f"PUT {path}", {path} | ancestors(path), set()

    def mkcol(self, client: dav.Client) -> tuple[str, set[str], set[str]]:
        path = self.free()
        answer = client.ask("MKCOL", path)
        if path in self.tree:
            assert answer.status == 405, answer
            return f"MKCOL on {path}", set(), set()
        assert answer.status == 201, (path, answer)
        return f"MKCOL {path}", {path} | ancestors(path), set()

    def delete(self, client: dav.Client) -> tuple[str, set[str], set[str]]:
        path = self.any()
        if path is None:
            return "nothing to delete", set(), set()
        assert client.ask("DELETE", path).status == 204
        return f"DELETE {path}", inside(self.tree, path) | ancestors(path), set()

    def move(self, client: dav.Client) -> tuple[str, set[str], set[str]]:
        source, target = self.any(), self.free()
        if source is None or (target + "/").startswith(source + "/") or (source + "/").startswith(target + "/"):
            return "no move", set(), set()
        answer = client.move(source, target)
        assert answer.status == (204 if target in self.tree else 201), (source, target, answer)
        arrived = {target + path.removeprefix(source): path for path in inside(self.tree, source)}
        now = client.walk(target)
        assert {path: item.id for path, item in now.items()} == {path: self.tree[old].id for path, old in arrived.items()}, "ids"
        for path, old in arrived.items():
            # The folder that was renamed may count as changed itself; what lies in it may not.
            if path != target or not now[path].folder:
                assert now[path].etag == self.tree[old].etag, f"MOVE {source} {target} changed the etag of {path}"
        gone = inside(self.tree, source) | inside(self.tree, target)
        changed = ancestors(source) | ancestors(target) | (gone - arrived.keys())
        return f"MOVE {source} {target}", changed | arrived.keys(), set(arrived) & set(self.tree)

    def copy(self, client: dav.Client) -> tuple[str, set[str], set[str]]:
        source, target = self.any(), self.free()
        if source is None or (target + "/").startswith(source + "/") or (source + "/").startswith(target + "/"):
            return "no copy", set(), set()
        if len(self.tree) > 60:
            return "enough nodes", set(), set()
        answer = client.move(source, target, "COPY")
        assert answer.status == (204 if target in self.tree else 201), (source, target, answer)
        arrived = {target + path.removeprefix(source) for path in inside(self.tree, source)}
        known = {item.id for path, item in self.tree.items() if path not in inside(self.tree, target)}
        assert not known & {item.id for item in client.walk(target).values()}, "a copy has the id of its source"
        return f"COPY {source} {target}", arrived | inside(self.tree, target) | ancestors(target), set()

    def touch(self, client: dav.Client) -> tuple[str, set[str], set[str]]:
        path = self.any(folder=False)
        if path is None:
            return "nothing to touch", set(), set()
        time = f"<lastmodified>{10**9 + self.counter}</lastmodified>"
        body = f'<propertyupdate xmlns="DAV:"><set><prop>{time}</prop></set></propertyupdate>'
        answer = client.ask("PROPPATCH", path, body.encode(), {"Content-Type": "application/xml"})
        assert answer.status == 207 and b"200 OK" in answer.body, answer
        return f"touch {path}", {path} | ancestors(path), set()

    def outside(self, client: dav.Client) -> tuple[str, set[str], set[str]]:
        """A change on the disk counts once its folder is listed."""
        path = self.free()
        old, place = self.tree.get(path), self.gateway.disk() / path
        if old and old.folder:
            return "no change outside", set(), set()
        if old and self.chance.random() < 0.3:
            place.unlink()
        else:
            place.write_bytes(b"outside " * self.counter)
        client.list(path.rpartition("/")[0])
        return f"outside {path}", {path} | ancestors(path), set()

    def refused(self, client: dav.Client) -> tuple[str, set[str], set[str]]:
        """What fails changes nothing."""
        path = self.any(folder=False)
        if path is None:
            return "nothing to refuse", set(), set()
        assert client.put(path, b"never", If_Match='"other"').status == 412
        assert client.put(path, b"never", If_None_Match="*").status == 412
        assert client.put(path, b"never", OC_Checksum="SHA1:" + "0" * 40).status == 400
        assert client.move(path, "no such folder/x").status == 409
        assert client.move("no such file", path).status == 404
        assert client.put(path + "/x", b"").status in (409, 404)
        return f"refusals on {path}", set(), set()

    def lock(self, client: dav.Client) -> tuple[str, set[str], set[str]]:
        path = self.any()
        if path is None:
            return "nothing to lock", set(), set()
        body = (
            b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner>me</owner></lockinfo>'
        )
        answer = client.ask("LOCK", path, body, {"Content-Type": "application/xml", "Timeout": "Second-60"})
        assert answer.status == 200, answer
        token = answer.headers["Lock-Token"]
        assert client.ask("UNLOCK", path, None, {"Lock-Token": token}).status == 204
        return f"LOCK and UNLOCK {path}", set(), set()


def etag(tree: dict[str, dav.Item], path: str) -> str:
    return tree[path].etag if path in tree else ""


def test_exactly_what_changed_moves(gateway: Gateway) -> None:
    model = Model(gateway)
    try:
        for _ in range(OPERATIONS):
            model.step()
    finally:
        model.close()
    gateway.stop()
    said = gateway.tool("index", "verify")
    assert said.returncode == 0, said.stdout + said.stderr

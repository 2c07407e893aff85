"""A client that knows a tree by ``sync-collection`` alone, beside one that changes it at random."""

from __future__ import annotations

import random

import pytest
import pytest_twisted

from clawgate.model.path import ROOT, Path
from clawgate.model.people import Actor, User

from .conftest import NAMES
from .test_sync_collection import asking

NAME = ["a", "b", "c", "d"]


class Follower:
    """What a client knows: etags of files, nothing of folders but that they are there."""

    def __init__(self, client, path: str, level: str, limit: int | None) -> None:
        self.client = client
        self.path = path
        self.level = level
        self.limit = limit
        self.token = ""
        self.known: dict[str, str] = {}

    async def once(self) -> bool:
        """One answer; returns whether there is more."""
        answer = await self.client("REPORT", self.path, asking(self.token, level=self.level, limit=self.limit))
        assert answer.status == 207, answer.body
        more = False
        hrefs = []
        for response in answer.xml.iterfind("d:response", NAMES):
            href = response.findtext("d:href", namespaces=NAMES).removeprefix(self.client.root)
            hrefs.append(href)
            status = response.findtext("d:status", default="", namespaces=NAMES)
            if "507" in status:
                more = True
            elif "404" in status:
                base = href.rstrip("/")
                for path in [path for path in self.known if path.rstrip("/") == base or path.startswith(base + "/")]:
                    del self.known[path]
            else:
                etag = "" if href.endswith("/") else response.findtext(".//d:getetag", namespaces=NAMES)
                if href.endswith("/"):
                    self.known.pop(href[:-1], None)
                else:
                    for path in [path for path in self.known if path.startswith(href + "/")]:
                        del self.known[path]
                self.known[href] = etag
        assert len(hrefs) == len(set(hrefs)), hrefs
        assert self.limit is None or len(hrefs) <= self.limit + more
        self.token = answer.xml.findtext("d:sync-token", namespaces=NAMES)
        return more


async def truth(storage, folder: str, deep: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    waiting = [Path(folder.strip("/"))]
    while waiting:
        path = waiting.pop()
        listing = await storage.list(path)
        async for page in listing.pages:
            for node in page:
                href = f"/{path}/{node.name}".replace("//", "/")
                found[href + "/" if node.is_folder else href] = "" if node.is_folder else f'"{node.etag}"'
                if node.is_folder and deep:
                    waiting.append(Path(href.strip("/")))
    return found


@pytest.mark.parametrize("seed", range(8))
@pytest_twisted.ensureDeferred
async def test_knows_the_tree(client, seed):
    rng = random.Random(seed)
    dav = client.handler.dav
    home = await dav.namespace.home(Actor(User("alan")), ROOT)
    await dav.tree.stat(home)
    storage = await dav.tree._storages.of(home.space)
    await client("MKCOL", "/a")
    followers = [
        Follower(client, path, level, limit)
        for path, level, limit in (
            ("/", "infinite", None),
            ("/", "infinite", 1),
            ("/", "infinite", 3),
            ("/", "1", 2),
            ("/a", "1", None),
        )
    ]
    for follower in followers:
        await follower.once()

    def somewhere() -> str:
        return "/" + "/".join(rng.choice(NAME) for _ in range(rng.choice((1, 1, 2, 2, 3))))

    async def change() -> None:
        path, what = somewhere(), rng.random()
        if what < 0.3:
            await client("PUT", path, bytes(rng.randrange(1, 50)))
        elif what < 0.45:
            await client("MKCOL", path)
        elif what < 0.6 and path != "/a":
            await client("DELETE", path)
        elif what < 0.85 and path != "/a":
            target = somewhere()
            if target != "/a":
                await client("MOVE", path, Destination=client.base + client.root + target)
        elif what < 0.9 and path != "/a":
            await client("COPY", path, Destination=client.base + client.root + path + "x")
        elif path != "/a":
            # Somebody else, who is noticed when somebody looks.
            inner, below = storage.inner, Path(path.strip("/"))
            try:
                if rng.random() < 0.5:
                    await inner.remove(below)
                else:
                    await inner.make_folder(below)
            except Exception:
                return
            await truth(storage, path.rpartition("/")[0] or "/", True)

    for _ in range(60):
        for _ in range(rng.randrange(1, 6)):
            await change()
        for follower in followers:
            if rng.random() < 0.6:
                await follower.once()
            if rng.random() < 0.2:
                rounds = 0
                while await follower.once():
                    rounds += 1
                    assert rounds < 500
                expected = await truth(storage, follower.path, follower.level != "1")
                assert follower.known == expected, (follower.path, follower.level, follower.limit)

"""Clients of ownCloud's two ways to upload in chunks: NG and v1."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from lxml import etree

from . import dav
from .upload_content import Content
from .upload_dialects import Sender, must

UPLOADS = "/remote.php/dav/uploads/alice"


class Ng(Sender):
    """A folder, chunks in it, and a MOVE."""

    def __init__(
        self,
        client: dav.Client,
        path: str,
        content: Content,
        *,
        naming: str,
        cuts: Sequence[int],
        key: str,
        checksum: bool = False,
        match: str = "",
        announce: bool = True,
    ) -> None:
        """`cuts` are the bytes at which chunks begin, `naming` how they are called, see `chunk_name`; `key` is the folder's name.

        `announce`: say the length at the start.
        """
        super().__init__(client, path, content, checksum=checksum, match=match)
        self.naming = naming
        self.target = f"{UPLOADS}/{quote(key)}"
        bounds = [cut for cut in cuts if cut < content.size] + [content.size]
        self.chunks = {
            chunk_name(naming, index, start, stop): (start, stop)
            for index, (start, stop) in enumerate(itertools.pairwise(bounds))
        }
        if naming == "plain":
            # Android's last chunk is empty.
            self.chunks[str(len(self.chunks))] = (content.size, content.size)
        self.announce = announce
        self.begun = False
        self.acknowledged: set[str] = set()
        self.under_way: set[str] = set()
        """Chunks of which it is not known whether they have arrived."""

    def describe(self) -> str:
        return f"{super().describe()} in chunks named by {self.naming}: {self.chunks}, there: {sorted(self.acknowledged)}"

    def begin(self) -> None:
        total = {"OC-Total-Length": str(self.content.size)} if self.announce else {}
        answer = self.client.raw("MKCOL", self.target, None, {**total, **self.destination()})
        must(answer.status == 201, self.describe(), "MKCOL:", answer, answer.body)
        self.begun = True

    def destination(self) -> dict[str, str]:
        """Nextcloud's second version says with every request where it will end."""
        return {"Destination": self.client.href(self.path)} if self.naming == "number" else {}

    def put(self, name: str, client: dav.Client | None = None) -> None:
        """Send one chunk."""
        self.under_way.add(name)
        start, stop = self.chunks[name]
        headers = {**self.destination(), "Content-Length": str(stop - start)}
        if self.naming in ("offset", "index"):
            headers["OC-Chunk-Offset"] = str(start)
        body = self.body(start, stop) if stop > start else b""
        answer = (client or self.client).raw("PUT", f"{self.target}/{name}", body, headers)
        must(answer.status in (201, 204), self.describe(), "chunk", name, "->", answer, answer.body)
        self.acknowledged.add(name)
        self.under_way.discard(name)

    def move(self) -> dav.Answer:
        """Ask for the file to be published."""
        headers = {**self.promises(), "Destination": self.client.href(self.path)}
        if etag := headers.pop("If-Match", ""):
            headers["If"] = f"<{self.client.href(self.path)}> ([{etag}])"
        self.finish()
        return self.client.raw("MOVE", f"{self.target}/.file", None, headers)

    def listed(self) -> dict[str, int] | None:
        """Lengths of the chunks by name; None: there is no such upload."""
        answer = self.client.raw("PROPFIND", self.target, None, {"Depth": "1"})
        if answer.status == 404:
            return None
        must(answer.status == 207, self.describe(), "PROPFIND:", answer, answer.body)
        found = {}
        for response in etree.fromstring(answer.body).iterfind(f"{dav.DAV}response"):
            href = response.findtext(f"{dav.DAV}href") or ""
            must(href.startswith(self.target), "a strange href:", href)
            if name := href.removeprefix(self.target).strip("/"):
                found[name] = int(response.findtext(f".//{dav.DAV}getcontentlength") or 0)
        return found

    def step(self, chance: random.Random) -> None:
        missing = [name for name in self.chunks if name not in self.acknowledged]
        if not self.begun:
            self.begin()
        elif missing:
            # Those that only count send one after the other.
            some = missing[:1] if self.naming in ("number", "plain") else chance.sample(missing, min(len(missing), 2))
            if self.acknowledged and chance.random() < 0.1:
                some = [chance.choice(sorted(self.acknowledged))]
            self.put_together(some)
        else:
            self.published(self.move())

    def put_together(self, names: Sequence[str]) -> None:
        """Send chunks at the same time."""
        if len(names) == 1:
            self.put(names[0])
            return
        with ThreadPoolExecutor(len(names)) as pool:
            clients = [dav.Client(self.client.port, "", "", "") for _ in names]
            for client in clients:
                client.login = self.client.login
            results = [pool.submit(self.put, name, client) for name, client in zip(names, clients, strict=True)]
        for client in clients:
            client.close()
        for result in results:
            result.result()

    def resume(self) -> None:
        there = self.listed()
        if not there and self.finishing:
            return  # what is finished has no chunks
        if there is None:
            must(not self.begun, self.describe(), "is gone")
            return
        self.begun = True
        for name in self.acknowledged - self.under_way:
            must(name in there, self.describe(), "lacks acknowledged chunk", name, "- there are", there)
        for name, length in there.items():
            start, stop = self.chunks.get(name, (0, -1))
            must(length == stop - start, self.describe(), "chunk", name, "has", length, "bytes")
            must(name in self.acknowledged | self.under_way, self.describe(), "chunk", name, "was never sent")
        self.acknowledged = set(there)
        self.under_way = set()

    def abort(self) -> None:
        answer = self.client.raw("DELETE", self.target)
        must(answer.status in (204, 404), self.describe(), "aborted:", answer, answer.body)


class V1(Sender):
    """The chunk that completes the set publishes it."""

    def __init__(
        self,
        client: dav.Client,
        path: str,
        content: Content,
        *,
        count: int,
        transfer: int,
        checksum: bool = False,
        match: str = "",
        announce: bool = True,
    ) -> None:
        """`announce`: say with each chunk how many bytes they have together."""
        super().__init__(client, path, content, checksum=checksum, match=match)
        self.stride = max(1, -(-content.size // count))
        self.count = max(1, -(-content.size // self.stride))
        self.transfer = transfer
        self.announce = announce
        self.acknowledged: set[int] = set()
        self.under_way: int | None = None
        """The chunk of which it is not known whether it has arrived."""

    def describe(self) -> str:
        return f"{super().describe()} in {self.count} chunks, {sorted(self.acknowledged)} acknowledged, {self.under_way} sent"

    def put(self, index: int) -> None:
        """Send one chunk."""
        start = index * self.stride
        stop = min(start + self.stride, self.content.size)
        headers = {**self.promises(), "OC-Chunked": "1"}
        if not self.announce:
            del headers["OC-Total-Length"]
        if index != self.count - 1:
            headers.pop("OC-Checksum", None)
        self.under_way = index
        if completes := len(self.acknowledged | {index}) == self.count:
            self.finish()
        name = f"{self.path}-chunking-{self.transfer}-{self.count}-{index}"
        answer = self.send("PUT", self.client.href(name), start, stop, headers)
        if completes:
            self.published(answer)
        else:
            must(answer.status == 201, self.describe(), "->", answer, answer.body)
            must("ETag" not in answer.headers, self.describe(), "is not complete, but:", answer.headers)
        self.acknowledged.add(index)
        self.under_way = None

    def step(self, chance: random.Random) -> None:
        if self.under_way is not None:
            # There is no way to ask whether it has arrived.
            self.put(self.under_way)
        else:
            self.put(chance.choice(sorted(set(range(self.count)) - self.acknowledged)))

    def resume(self) -> None:
        pass

    def abort(self) -> None:
        pass


def chunk_name(naming: str, index: int, start: int, stop: int) -> str:
    """How clients call their chunks (clients.md 3.4).

    ``offset``: ownCloud's desktop; ``index``: Nextcloud's; ``number``: its newer ones; ``plain``: Android; ``range``: rclone.
    """
    return {
        "offset": f"{start:016}",
        "index": f"{index:016}",
        "number": f"{index + 1:05}",
        "plain": str(index),
        "range": f"{start:015}-{stop - 1:015}",
    }[naming]

"""A client of TUS 1.0, with its extensions creation-with-upload, checksum, concatenation and termination."""

from __future__ import annotations

import base64
import hashlib
import itertools
import random
from urllib.parse import urlsplit

from . import dav
from .upload_content import Content, Section
from .upload_dialects import Sender, must

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}


class Tus(Sender):
    """POST, then PATCHes."""

    piecewise = False
    """Each PATCH carries a checksum of its own: what does not come whole does not count."""

    def __init__(
        self, client: dav.Client, path: str, content: Content, *, checksum: bool = False, match: str = "", partial: bool = False
    ) -> None:
        """`partial`: it will be a part of others and is not published itself."""
        super().__init__(client, path, content, checksum=checksum, match=match)
        self.partial = partial
        self.target = ""
        """Where the upload is, once that is known."""
        self.acknowledged = 0
        self.sent = 0
        """The most that can have arrived."""

    @property
    def complete(self) -> bool:
        """There is nothing left to send."""
        return self.done or (self.partial and bool(self.target) and self.acknowledged == self.content.size)

    def describe(self) -> str:
        return f"{super().describe()}, {self.acknowledged} acknowledged, {self.sent} sent, {self.target or 'no address'}"

    def create(self, first: int = 0) -> None:
        """POST with the `first` bytes in it."""
        size = self.content.size
        headers = {**TUS, "Upload-Length": str(size)}
        if self.partial:
            headers["Upload-Concat"] = "partial"
        else:
            headers["Upload-Metadata"] = metadata(self.path, "SHA1 " + self.content.digest() if self.checksum else "")
            if self.match:
                headers["If-Match"] = self.match
        if first:
            headers |= BYTES
        again = self.finishing
        if first == size and not self.partial:
            self.finish()
        answer = self.send("POST", f"{self.client.root}/", 0, first, headers)
        if again and self.refused_again(answer):
            return
        must(answer.status == 201, self.describe(), "was begun with", answer, answer.body)
        must(bool(answer.headers["Location"]) or not size, "no Location:", answer.headers)
        self.target = urlsplit(answer.headers["Location"] or "").path
        if first or not size:
            self.moved(answer, first)

    def patch(self, length: int, *, sized: bool = True) -> dav.Answer:
        """The next `length` bytes; `sized`: say how many they are."""
        start, stop = self.acknowledged, self.acknowledged + length
        headers = {**TUS, **BYTES, "Upload-Offset": str(start)}
        if self.match:
            headers["If-Match"] = self.match
        if self.piecewise:
            headers["Upload-Checksum"] = (
                "sha1 " + base64.b64encode(hashlib.sha1(self.content.bytes(start, stop)).digest()).decode()
            )
        if stop == self.content.size and not self.partial:
            self.finish()
        self.sent = stop
        return self.send("PATCH", self.target, start, stop, headers, sized=sized)

    def append(self, length: int) -> None:
        """`patch`, which must succeed."""
        answer = self.patch(length)
        must(answer.status == 204, self.describe(), answer, answer.body)
        self.moved(answer, self.acknowledged + length)

    def moved(self, answer: dav.Answer, stop: int) -> None:
        """Take note of an answer that acknowledges all bytes up to `stop`."""
        must(answer.headers["Upload-Offset"] == str(stop), self.describe(), "should stand at", stop, "but:", answer.headers)
        if stop == self.content.size and not self.partial:
            self.published(answer)
        self.acknowledged = self.sent = stop

    def stands(self) -> int:
        """What HEAD says."""
        answer = self.client.raw("HEAD", self.target, None, TUS)
        must(answer.status == 200, self.describe(), "HEAD:", answer.status)
        must(answer.headers["Upload-Length"] == str(self.content.size), self.describe(), "HEAD:", answer.headers)
        return int(answer.headers["Upload-Offset"])

    def step(self, chance: random.Random) -> None:
        size = self.content.size
        if not self.target:
            self.create(chance.choice([0, 0, size, chance.randint(0, size)]))
            self.piecewise = chance.random() < 0.25
            return
        rest = size - self.acknowledged
        length = chance.choice([rest, min(rest, 1000), chance.randint(1, rest), chance.randint(1, rest)])
        again = self.finishing
        answer = self.patch(length, sized=chance.random() < 0.8)
        if again and answer.status == 409:
            # It was published before the gateway was killed, which the gateway notices only now.
            must(self.stands() == size, self.describe(), "is not finished, but does not go on")
            self.done = True
        else:
            must(answer.status == 204, self.describe(), "PATCH of", length, "->", answer, answer.body)
            self.moved(answer, self.acknowledged + length)

    def resume(self) -> None:
        if not self.target:
            return  # its address was never heard
        at = self.stands()
        if at == self.content.size and not self.partial:
            must(self.finishing, self.describe(), "is said to be finished")
            self.done = True
            return
        must(self.acknowledged <= at <= self.sent, self.describe(), "stands at", at)
        if self.piecewise:
            must(at in (self.acknowledged, self.sent), self.describe(), "half a piece counts:", at)
        self.acknowledged = self.sent = at

    def abort(self) -> None:
        if self.target:
            answer = self.client.raw("DELETE", self.target, None, TUS)
            must(answer.status in (204, 404, 410), self.describe(), "aborted:", answer, answer.body)


class Concat(Sender):
    """Partial uploads, in no order, then one that joins them."""

    def __init__(self, client: dav.Client, path: str, content: Content, *, match: str = "") -> None:
        super().__init__(client, path, content, match=match)
        cuts = [0, content.size // 3, content.size // 2, content.size]
        self.partials = [Tus(client, "", Section(content, *cut), partial=True) for cut in itertools.pairwise(cuts)]

    def step(self, chance: random.Random) -> None:
        if waiting := [partial for partial in self.alike() if not partial.complete]:
            chance.choice(waiting).step(chance)
            return
        again = self.finish()
        answer = self.join()
        if again and answer.status in (404, 410):
            # The partial uploads are used up. Of the one that joined them nobody knows the address, but its file is there.
            self.done = True
        else:
            self.published(answer, 201)

    def join(self) -> dav.Answer:
        headers = {
            **TUS,
            "Upload-Concat": "final;" + " ".join(partial.target for partial in self.partials),
            "Upload-Metadata": metadata(self.path),
        }
        if self.match:
            headers["If-Match"] = self.match
        return self.client.raw("POST", f"{self.client.root}/", b"", headers)

    def resume(self) -> None:
        for partial in self.alike():
            if not self.finishing or self.client.raw("HEAD", partial.target, None, TUS).status == 200:
                partial.resume()

    def abort(self) -> None:
        for partial in self.alike():
            partial.abort()

    def alike(self) -> list[Tus]:
        """The partial uploads, with our connection and our pace."""
        for partial in self.partials:
            partial.client, partial.pause = self.client, self.pause
        return self.partials


def metadata(path: str, checksum: str = "") -> str:
    """``Upload-Metadata``."""
    words = {"filename": path, "checksum": checksum}
    return ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in words.items() if text)

"""Small clients of every way to upload. Each takes one request at a time, and keeps what was acknowledged.

After a connection broke, `Sender.resume` asks the gateway where the upload stands and holds the answer against that. The plain
PUT is here; the others are in `upload_tus` and `upload_chunked`.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

from . import dav
from .upload_content import PIECE, Content


class Wrong(Exception):
    """The gateway said what it must not say."""


def must(holds: bool, *said: object) -> None:
    """An assertion that tells more, also in other threads."""
    if not holds:
        raise Wrong(" ".join(map(str, said)))


class Sender(ABC):
    """One upload of `content` to `path`, which is relative to the client's root."""

    piece = PIECE

    def __init__(self, client: dav.Client, path: str, content: Content, *, checksum: bool = False, match: str = "") -> None:
        """`checksum`: announce one of the whole. `match`: the etag that must stand there."""
        self.client = client
        self.path = path
        self.content = content
        self.checksum = checksum
        self.match = match
        self.pause: Callable[[], None] = lambda: None
        """Called before each piece of a body."""
        self.on_finish: Callable[[], None] = lambda: None
        """Called before a request that may publish."""
        self.finishing = False
        """Such a request is under way, or its answer was not heard."""
        self.done = False
        """The gateway has said that it is published."""
        self.etag = ""
        """Of the new version, if it was said."""

    @abstractmethod
    def step(self, chance: random.Random) -> None:
        """Make the next request, whichever a client of this kind may make next."""

    @abstractmethod
    def resume(self) -> None:
        """Ask where the upload stands after a connection broke, and go on from there."""

    @abstractmethod
    def abort(self) -> None:
        """Give up, and have what has arrived thrown away if the dialect has a word for that."""

    def describe(self) -> str:
        return f"{type(self).__name__} of {self.content.size} bytes to {self.path}"

    def body(self, start: int, stop: int) -> Iterator[memoryview]:
        for some in self.content.pieces(start, stop, self.piece):
            self.pause()
            yield some

    def send(self, verb: str, target: str, start: int, stop: int, headers: dict[str, str], *, sized: bool = True) -> dav.Answer:
        """A request with a range of the content as its body; `sized`: say how long it is."""
        length = {"Content-Length": str(stop - start)} if sized else {}
        return self.client.raw(verb, target, self.body(start, stop) if stop > start else b"", {**headers, **length})

    def finish(self) -> bool:
        """What follows may publish; returns whether something before it may have done so already."""
        again, self.finishing = self.finishing, True
        self.on_finish()
        return again

    def refused_again(self, answer: dav.Answer) -> bool:
        """Whether an answer to a second attempt says that the target has changed: by the first one, then."""
        self.done = answer.status == 412 and bool(self.match)
        return self.done

    def published(self, answer: dav.Answer, *statuses: int) -> None:
        """Take note of an answer that tells of success."""
        must(answer.status in (statuses or (201, 204)), self.describe(), "was finished with", answer, answer.body)
        must(bool(answer.headers["OC-FileId"]), self.describe(), "has no OC-FileId:", answer.headers)
        must(bool(answer.headers["ETag"]), self.describe(), "has no etag:", answer.headers)
        must(answer.headers["ETag"] == answer.headers["OC-ETag"], self.describe(), "has two etags:", answer.headers)
        self.done, self.finishing = True, False
        self.etag = answer.headers["ETag"]

    def promises(self) -> dict[str, str]:
        """Headers of the request that publishes, in the dialects that have no other words for it."""
        headers = {"OC-Total-Length": str(self.content.size)}
        if self.checksum:
            headers["OC-Checksum"] = "SHA1:" + self.content.digest()
        if self.match:
            headers["If-Match"] = self.match
        return headers


class Put(Sender):
    """A plain PUT; when it breaks there is nothing to go on with."""

    def step(self, chance: random.Random) -> None:
        again = self.finish()
        sized = chance.random() < 0.6
        answer = self.send("PUT", self.client.href(self.path), 0, self.content.size, self.promises(), sized=sized)
        if not (again and self.refused_again(answer)):
            self.published(answer)

    def resume(self) -> None:
        pass

    def abort(self) -> None:
        pass

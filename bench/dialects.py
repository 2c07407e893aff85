"""One file sent in each way that clients have, over one connection, one request after the other."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import attrs
from load import Answer, Connection
from peers import USER, Clawgate, Peer

PIECE = 10 << 20
TUS = {"Tus_Resumable": "1.0.0"}
OFFSETS = {**TUS, "Content_Type": "application/offset+octet-stream"}


class Source:
    """A file of random bytes to send, with the checksums that clients would send with it."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        whole = hashlib.sha1(usedforsecurity=False)
        self.pieces: list[str] = []
        """SHA1 of each piece of `PIECE` bytes, in base64."""
        with path.open("wb") as out:
            for start in range(0, size, PIECE):
                block = os.urandom(min(PIECE, size - start))
                out.write(block)
                whole.update(block)
                self.pieces.append(base64.b64encode(hashlib.sha1(block, usedforsecurity=False).digest()).decode())
        self.checksum = f"SHA1 {whole.hexdigest()}"
        self.fd = os.open(path, os.O_RDONLY)

    def split(self, piece: int) -> Iterator[tuple[int, int]]:
        """Offset and length of each piece."""
        for start in range(0, self.size, piece):
            yield start, min(piece, self.size - start)


@attrs.frozen
class Sender:
    """What is sent to whom."""

    peer: Peer
    connection: Connection
    source: Source

    def put(self, name: str, *, whole: bool = False) -> None:
        """One PUT; with a checksum of the `whole`."""
        headers = {"Content_Length": str(self.source.size), **self._checksum(whole)}
        self._send(self.peer.request("PUT", name, **headers), 0, self.source.size, 201)

    def tus(self, name: str, piece: int = PIECE, *, each: bool = False, whole: bool = False) -> None:
        """An upload made without content, then PATCHes of `piece` bytes; with a checksum for each of them, or of the `whole`."""
        source = self.source
        metadata = f"filename {encoded(name)}" + (f",checksum {encoded(source.checksum)}" if whole else "")
        headers = TUS | {"Content_Length": "0", "Upload_Length": str(source.size), "Upload_Metadata": metadata}
        made = self._ask(self.peer.request("POST", "", **headers))
        check(made, 201, self.peer)
        url = urlsplit(made.header("location")).path
        for number, (start, length) in enumerate(source.split(piece)):
            headers = OFFSETS | {"Upload_Offset": str(start), "Content_Length": str(length)}
            if each:
                headers["Upload_Checksum"] = f"sha1 {source.pieces[number]}"
            self._send(self.peer.absolute("PATCH", url, **headers), start, length, 204)

    def ng(self, name: str, piece: int = PIECE, *, whole: bool = False) -> None:
        """Chunking NG as ownCloud's clients do it; with a checksum of the `whole`."""
        folder = f"/remote.php/dav/uploads/{USER}/{int.from_bytes(os.urandom(4))}"
        total = {"OC_Total_Length": str(self.source.size)}
        check(self._ask(self.peer.absolute("MKCOL", folder, Content_Length="0", **total)), 201, self.peer)
        for start, length in self.source.split(piece):
            headers = {"OC_Chunk_Offset": str(start), "Content_Length": str(length)}
            self._send(self.peer.absolute("PUT", f"{folder}/{start:016}", **headers), start, length, 201)
        target = {"Destination": f"{self.peer.prefix}/{name}", **total, **self._checksum(whole)}
        check(self._ask(self.peer.absolute("MOVE", f"{folder}/.file", Content_Length="0", **target)), 201, self.peer)

    def v1(self, name: str, piece: int = PIECE) -> None:
        """Chunking as clients did it before NG."""
        id, pieces = int.from_bytes(os.urandom(4)), list(self.source.split(piece))
        for number, (start, length) in enumerate(pieces):
            headers = {"OC_Chunked": "1", "OC_Total_Length": str(self.source.size), "Content_Length": str(length)}
            self._send(self.peer.request("PUT", f"{name}-chunking-{id}-{len(pieces)}-{number}", **headers), start, length, 201)

    def _checksum(self, wanted: bool) -> dict[str, str]:
        return {"OC_Checksum": self.source.checksum.replace(" ", ":")} if wanted else {}

    def _ask(self, request: bytes) -> Answer:
        return self.connection.ask(request)

    def _send(self, request: bytes, offset: int, size: int, expected: int) -> None:
        check(self.connection.ask(request, file=self.source.fd, offset=offset, size=size), expected, self.peer)


def small(peer: Peer, name: str, body: bytes) -> bytes:
    """A whole file in the request that creates its upload."""
    headers = OFFSETS | {"Upload_Length": str(len(body)), "Upload_Metadata": f"filename {encoded(name)}"}
    return peer.request("POST", "", body, **headers)


def encoded(text: str) -> str:
    """As values in Upload-Metadata are."""
    return base64.b64encode(text.encode()).decode()


def check(answer: Answer, expected: int, peer: Peer) -> None:
    """Refuse to measure failures."""
    if answer.status != expected:
        raise SystemExit(f"{peer.name} answered {answer.status} where {expected} was expected")


def arrived(peer: Peer) -> list[Path]:
    """The files that uploads have left in the tree of `peer`, without what it keeps for itself."""
    if isinstance(peer, Clawgate):
        return [path for path in peer.tree.iterdir() if path.is_file()]
    return [path for path in peer.tree.iterdir() if path.suffix != ".json"]

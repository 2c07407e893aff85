"""What lies in a folder that was put into the trash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...errors import NotAFolder, NotFound
from ...model.node import Kind, Node
from ...model.path import Path, name, parent
from .control import Found, Page
from .facts import seen, wire_etag
from .keys import Keys
from .listing import Children
from .trash_notes import Piece

_KEYS = Keys("")


class Inside:
    """See the module. Paths begin at the folder."""

    def __init__(self, pieces: Mapping[str, Piece], *, folder: bool) -> None:
        """`pieces` as `Notes.pieces` gives them; `folder`: it is one."""
        self._pieces = pieces
        self._folder = folder

    def look(self, path: Path) -> Node:
        """Raises `NotFound`."""
        for node in self.children(parent(path)) if self._folder else ():
            if node.name == name(path):
                return node
        raise NotFound("there is nothing like this in the trash")

    def children(self, path: Path) -> Sequence[Node]:
        """Raises `NotFound`, `NotAFolder`."""
        prefix = _KEYS.folder(path)
        below = {key: piece for key, piece in self._pieces.items() if key.startswith(prefix)}
        if path and not below:
            if _KEYS.key(path)[0] in self._pieces:
                raise NotAFolder("this is not a folder")
            raise NotFound("there is nothing like this in the trash")
        direct = [
            Found(key, piece.etag, piece.size, piece.modified) for key, piece in below.items() if "/" not in key[len(prefix) :]
        ]
        deeper = {key[: key.index("/", len(prefix)) + 1] for key in below if "/" in key[len(prefix) :]}
        page = Page(direct, sorted(deeper), "")
        return [_node(label, one) for label, one in Children(prefix, root=False).of(page)]

    def piece(self, path: Path) -> tuple[str, Piece]:
        """The end of the key of a file, and its version. Raises `NotFound`."""
        key = _KEYS.key(path)[0] if path else ""
        if (path and not self._folder) or key not in self._pieces:
            raise NotFound("there is nothing like this in the trash")
        return key, self._pieces[key]


def _node(label: str, one: Found | None) -> Node:
    if one is None:
        return Node(label, Kind.FOLDER, 0, 0, "")
    mark, etag = seen(one.etag, one.size), wire_etag(one.etag, one.size)
    return Node(label, Kind.FILE, one.size, int(one.modified) * 10**9, mark, etag=etag)

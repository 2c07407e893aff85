"""What goes into an archive, in which order and under which names."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

import attrs

from ..errors import Forbidden, IsAFolder, NotFound
from ..interfaces import Reader
from ..model.node import Node
from ..model.path import Path
from ..model.space import Place
from .tree import Tree
from .walking import walk

_UNSAFE = re.compile("[\\\\\x00-\x1f\x7f]|^[A-Za-z]:")
"""What programs that unpack may take for a separator, a drive, or worse."""


class Packed(NamedTuple):
    """Something in an archive."""

    name: str
    """Segments with ``/`` between them: never empty, never ``.`` or ``..``, never beginning with ``/``."""
    node: Node
    reader: Reader | None
    """An opened file, whose node this is; the consumer closes it before it goes on. None: a folder."""


@attrs.frozen
class Chosen:
    """A file or folder that was asked for."""

    place: Place
    node: Node
    name: str
    """In the archive; see `choose`."""


def choose(wanted: Sequence[tuple[Place, Node]]) -> list[Chosen]:
    """What was asked for, each once, under names of which no two are alike."""
    taken: set[str] = set()
    found: dict[tuple[str, Path], Chosen] = {}
    for place, node in wanted:
        key = (place.space.id, place.path)
        if key in found:
            continue
        name = safe(node.name or place.space.name)
        stem, dot, suffix = name.rpartition(".") if not node.is_folder and "." in name[1:] else (name, "", "")
        number = 2
        while name.casefold() in taken:
            name = f"{stem} ({number}){dot}{suffix}"
            number += 1
        taken.add(name.casefold())
        found[key] = Chosen(place, node, name)
    return list(found.values())


def safe(name: str) -> str:
    """`name` as a name in an archive; what had to be replaced is told apart from others by a mark."""
    name = name.replace("/", "_") or "_"
    plain = _UNSAFE.sub("_", name)
    if plain in (".", ".."):
        plain = plain.replace(".", "_")
    return plain if plain == name else f"{plain}~{blake2b(name.encode(), digest_size=3).hexdigest()}"


async def pack(tree: Tree, chosen: Sequence[Chosen]) -> AsyncIterator[Packed]:
    """Each of `chosen` with all below it, folders before what is in them.

    What this person may not read is left out, and what vanishes meanwhile. Any other failure is raised: an archive that lacks
    something must not look complete.
    """
    for one in chosen:
        if not one.node.is_folder:
            packed = await _file(tree, one.place, one.name)
            if packed is not None:
                yield packed
            continue
        yield Packed(one.name, one.node, None)
        # Names of the folders on the way, as the archive has them.
        known: dict[str, str] = {one.place.path: one.name}
        async for met in walk(tree, one.place, deep=True):
            above, _, _ = met.path.rpartition("/")
            while next(reversed(known)) != above:
                known.popitem()
            name = f"{known[above]}/{safe(met.node.name)}"
            if met.node.is_folder:
                known[met.path] = name
                yield Packed(name, met.node, None)
                continue
            packed = await _file(tree, attrs.evolve(one.place, path=met.path), name)
            if packed is not None:
                yield packed


async def _file(tree: Tree, place: Place, name: str) -> Packed | None:
    try:
        reader = await tree.open(place)
    except (NotFound, IsAFolder, Forbidden):
        return None
    return Packed(name, reader.node, reader)

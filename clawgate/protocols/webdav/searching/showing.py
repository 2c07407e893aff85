"""What was found as a multistatus."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import groupby
from typing import NamedTuple

from ....errors import NotFound
from ....gateway.finding import Hit
from ....gateway.seeing import Seeing
from ....model.node import Node
from ....model.path import Path
from ....model.people import Actor
from ....model.space import Place
from ....web.request import Request
from ....web.response import Response
from ..address import Address
from ..dav import Dav
from ..look import Headers, Look, assembled
from ..requests import PropertySet


class Spot(NamedTuple):
    """Where was looked, and an address in the same tree: what is found has addresses like this one."""

    address: Address
    place: Place


async def shown(
    dav: Dav, request: Request, actor: Actor, spots: Sequence[Spot], hits: Sequence[Hit], wanted: PropertySet, headers: Headers
) -> Response:
    """207. What the storage does not have any more is left out."""

    async def pieces() -> AsyncIterator[str]:
        for number, some in groupby(hits, key=lambda hit: hit.region):
            spot = spots[number]
            look = await Look.at(dav, request, actor, spot.address, spot.place, wanted, False)
            async for piece in look.entries(_nodes(Seeing(dav.tree, spot.place), list(some))):
                yield piece

    return await assembled(pieces(), headers)


async def _nodes(seeing: Seeing, hits: Sequence[Hit]) -> AsyncIterator[tuple[Path, Node] | str]:
    for hit in hits:
        try:
            node = await seeing.node(hit.found.path)
        except NotFound:
            continue
        if node is not None:
            yield hit.found.path, node

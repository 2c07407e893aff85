"""What is found at one place and known at another: was it moved, or is it another name of the same file?"""

from __future__ import annotations

from enum import Enum
from hashlib import blake2b
from secrets import token_hex

from ...errors import Forbidden, NotAFolder, NotFound
from ...index.reconcile import Outcome
from ...index.space import Claimant, SpaceIndex
from ...interfaces import Ids
from ...model.node import ALIKE, Identity, Node
from ...model.path import Path, join, split


class _There(Enum):
    """What is at a place where a node was known to be."""

    ITSELF = 1
    ANOTHER = 2
    NOTHING = 3
    """As far as one can see."""


class Settler:
    """Of one storage and its index."""

    def __init__(self, ids: Ids, index: SpaceIndex, *, read_only: bool, guest: bool) -> None:
        """As for `Observer`."""
        self._ids = ids
        self._index = index
        self._read_only = read_only
        self._guest = guest

    async def settle(self, path: Path, outcome: Outcome) -> None:
        """Finish what `outcome` leaves open: nodes that are known at two places, ids to be kept by the storage; adds to its
        `suspects`. The caller holds the lock.

        A node that is known at another place was moved here if that place does not have it any more; else it is a second name
        (hard link) of that one and gets an id of its own.
        """
        for node, identity in outcome.clashes:
            claimants = await self._index.claimants(identity)
            for claimant in claimants:
                there = await self._look(claimant, node, identity, join(path, node.name))
                if there is not _There.ITSELF:
                    await self._transplant(path, node, claimant, identity, outcome)
                    if there is _There.ANOTHER and claimant.path:
                        # Which may look as this one did: in a bucket all folders do.
                        outcome.namesakes.append(Path(claimant.path))
                    break
            else:
                await self._twin(path, node, identity)
                # Somebody may have changed it by this name before anybody knew of it.
                places = [claimant.path for claimant in claimants if claimant.seen != node.seen]
                outcome.namesakes.extend([Path(place) for place in places if place is not None])
        for name, id in outcome.pins if not self._read_only else ():
            try:
                await self._ids.pin(join(path, name), id)
            except NotFound:
                continue

    async def _look(self, claimant: Claimant, node: Node, identity: Identity, found: Path) -> _There:
        """Whether the `node` that was `found` is still at the place of `claimant` as well.

        Where the folder of that place is gone, or is another one by now, nobody can say: the file may have been moved with it.
        One that has several names then counts as being there.
        """
        if claimant.gone or claimant.path == found:
            return _There.NOTHING
        if claimant.path is None:
            return await self._guess(node, found)
        folder, name = split(Path(claimant.path))
        try:
            identities = await self._ids.identify(folder, [name, ""])
        except (NotFound, NotAFolder):
            return await self._guess(node, found)
        except Forbidden:
            return _There.ITSELF if self._guest else _There.NOTHING
        there = identities.get(name)
        if self._guest:
            # What the person may not read has another id for them than it really has.
            return _There.NOTHING if there is None else _There.ITSELF
        if there is not None and (there.own == identity.own or there.id == claimant.id):
            return _There.ITSELF
        chain, names = await self._index.load(folder)
        if chain and not names and "" in identities and identities[""].own == chain[-1].own:
            return _There.NOTHING if there is None else _There.ANOTHER
        return await self._guess(node, found)

    async def _guess(self, node: Node, found: Path) -> _There:
        return _There.ITSELF if await self._has_names(node, found) else _There.NOTHING

    async def _has_names(self, node: Node, path: Path) -> bool:
        """Whether what is at `path` has further names."""
        if node.is_folder:
            return False
        try:
            return await self._ids.names(path) > 1
        except NotFound:
            return False

    async def _transplant(self, path: Path, node: Node, claimant: Claimant, identity: Identity, outcome: Outcome) -> None:
        moved = await self._index.transplant(path, node, claimant.id, identity)
        if moved is None:
            if claimant.path:
                # The folder here lies below it as far as the index knows: so a place above is not what it was.
                folder, name = split(Path(claimant.path))
                await self._index.enter(folder, (), [name])
            return
        if claimant.path:
            self._index.departures.tell(Path(claimant.path), join(path, node.name))
            self._index.misses.departed(Path(claimant.path), moved.no)
        if node.is_folder and claimant.learned:
            outcome.suspects.append(node.name)

    async def _twin(self, path: Path, node: Node, identity: Identity) -> None:
        twins = [blake2b(f"{path}/{node.name}{salt}".encode(), digest_size=4).hexdigest() for salt in ("", token_hex(4))]
        ids = [f"{identity.id}.{twin}" for twin in twins]
        # What is alike and no more has an id of its own already.
        for id in [identity.id, *ids] if identity.own.startswith(ALIKE) else ids:
            named = identity._replace(id=id)
            made = await self._index.enter(path, [(node, named)], further=True)
            if made is None or not made.clashes:
                return

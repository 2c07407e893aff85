"""What the verbs work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from ... import settings
from ...gateway.finding import Finding
from ...gateway.locks import Locks
from ...gateway.namespace import Namespace
from ...gateway.previews import Previews
from ...gateway.properties import Properties
from ...gateway.tree import Tree
from ...model.path import ROOT
from ...model.people import Actor
from ...model.space import Place
from ...web.request import Request
from ...web.response import Response
from .address import ITEM, Address, Realm
from .errors import Refused
from .listing_cache import ListingCache
from .transfer_headers import Headers

FILES = "OPTIONS, GET, HEAD, PUT, DELETE, MKCOL, MOVE, COPY, PROPFIND, PROPPATCH, LOCK, UNLOCK, REPORT, SEARCH"
"""What can be done with files and collections, as Allow says it."""


@attrs.frozen(eq=False)
class Dav:
    """The collaborators of all verbs."""

    tree: Tree
    namespace: Namespace
    locks: Locks
    properties: Properties
    settings: settings.Dav
    listings: ListingCache
    now: Callable[[], float]
    """Seconds since 1970."""
    chunked: Chunked | None
    """Takes a PUT that carries ``OC-Chunked``."""
    finding: Finding
    fingerprint: Callable[[str], str]
    """What is shown of the space with this id as ``oc:data-fingerprint``."""
    redirected: Callable[[str, str], int]
    """For how many seconds the address is good by which a program with some User-Agent gets a download from the storage of a
    mount itself; 0: it gets it from here."""
    previews: Previews | None = None
    """None: there are none."""
    announced: Headers = attrs.field(factory=list)
    """What is said of every collection besides its properties: the uploads that it takes by POST. Not to be changed."""

    async def place(self, actor: Actor, address: Address) -> Place:
        """Where an address is. Raises `NotFound`, `Forbidden`, `Refused` above the trees."""
        if address.realm is Realm.HOME:
            return await self.namespace.home(actor, address.path)
        if address.realm is Realm.USER:
            return await self.namespace.files_of(actor, address.owner, address.path)
        if address.realm is Realm.SPACE:
            address = await self.located(actor, address)
            return await self.namespace.in_space(actor, address.owner, address.path)
        raise Refused(405, "there are no files here, only the collections of them", allow="OPTIONS, PROPFIND")

    async def located(self, actor: Actor, address: Address) -> Address:
        """An address by the id of a file or folder as one by its place; others stay. Raises `NotFound`."""
        if not address.item:
            return address
        space = address.item.partition(ITEM)[0]
        root = await self.namespace.in_space(actor, space, ROOT)
        return address.found(space, (await self.tree.find(root, address.item)).path)


Verb = Callable[[Dav, Request, Actor, Address], Awaitable[Response]]
Chunked = Callable[[Dav, Request, Actor, Address, Place], Awaitable[Response]]

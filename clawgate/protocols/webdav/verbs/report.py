"""REPORT (RFC 3253 3.6): none is offered, and ``supported-report-set`` is empty; clients are told so in the form they know."""

from __future__ import annotations

from ....errors import NotSupported
from ....model.people import Actor
from ....web.request import Request
from ....web.response import Response
from .. import xml
from ..address import Address
from ..dav import Dav
from ..elements import DAV, OC
from ..errors import Refused

KNOWN = ((OC, "search-files"), (OC, "filter-files"), (DAV, "sync-collection"))
"""Reports that clients ask for where they are advertised (clients.md 5)."""


async def report(dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
    """501 for the reports that clients know, 403 with the precondition of RFC 3253 for all others."""
    await dav.tree.stat(await dav.place(actor, address))
    sent = await request.body.read_all(dav.settings.xml_bytes)
    kind = xml.name_of(xml.parse(sent, depth=dav.settings.xml_depth))
    if kind in KNOWN:
        raise NotSupported(f"the report {kind[1]} is not offered here")
    raise Refused(403, "this report is not offered here", "<d:supported-report/>")

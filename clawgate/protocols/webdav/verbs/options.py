"""OPTIONS: what can be done here. Needs no credentials: cadaver and davfs2 ask before they log in."""

from __future__ import annotations

from ....web.response import Response
from ..dav import FILES
from ..transfer_headers import Headers

CLASSES = (b"DAV", b"1, 2, 3")
DASL = (b"DASL", b"<DAV:basicsearch>")
"""RFC 5323 section 3.2."""


def answer(announced: Headers) -> Response:
    """200 with the DAV classes, the same for all resources; ``MS-Author-Via`` is for the Windows redirector and Office.

    `announced` says which uploads collections take by POST; empty: none.
    """
    allow = FILES + ", POST" if announced else FILES
    headers = [CLASSES, (b"Allow", allow.encode()), (b"MS-Author-Via", b"DAV"), (b"Accept-Ranges", b"bytes"), DASL]
    return Response(200, headers + announced)

"""On what terms the file may be written: what the request says, or else the one that created the upload."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import PreconditionFailed
from ...model.node import Node
from ...model.people import Actor
from ...model.space import Place
from ...web.conditions import Outcome, evaluate
from ...web.request import Request
from ..webdav.address import parse
from ..webdav.dav import Dav
from ..webdav.terms import Terms, terms

HOME = parse(b"/remote.php/webdav/")
"""The address of the plain endpoint's uploads."""

_NAMES = ("if-match", "if-none-match", "if-unmodified-since")


def stated(request: Request) -> dict[str, str]:
    """The conditions of a request other than If, by lower-case name."""
    return {name: value for name in _NAMES if (value := request.header(name)) is not None}


async def terms_of(dav: Dav, request: Request, actor: Actor, place: Place, remembered: Mapping[str, str]) -> Terms:
    """The terms of publishing at `place`; errors as `terms`.

    Conditions that only the creation stated (`remembered`) hold until the end: whoever said ``If-Match`` then must not overwrite
    a newer version because the last PATCH did not say it again. The method that a proxy made of PATCH does not count.
    """
    given = await terms(dav, request, actor, HOME, place)
    conditions = stated(request) or remembered
    if not conditions:
        return given

    def guard(node: Node | None) -> None:
        given.judge(node)
        etag, mtime = (None, None) if node is None else (node.etag, node.mtime_ns // 1_000_000_000)
        if evaluate(conditions.get, "PATCH", etag, mtime, node is not None) is Outcome.FAILED:
            raise PreconditionFailed("the file has been changed in the meantime")

    return Terms(given.tokens, guard)

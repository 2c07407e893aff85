"""MOVE and COPY (RFC 4918 9.8, 9.9; clients.md 5)."""

from __future__ import annotations

from ....errors import InvalidRequest
from ....model.content import Written
from ....model.path import is_within
from ....model.people import Actor
from ....model.space import Place
from ....web.request import Request
from ....web.response import Response
from ..address import Address, parse_url
from ..dav import Dav
from ..errors import Refused
from ..terms import hosts, terms
from ..transfer_headers import identity_of, mtime_of, overwrite_of


async def move(dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
    """201 for a new target, 204 for a replaced one; id and times stay."""
    if _depth(request) != "infinity":
        raise InvalidRequest("a folder can only be moved with all that is in it (Depth: infinity)")
    source, target = await _places(dav, request, actor, address)
    _refuse_overlap(source, target)
    tokens, guard = await terms(dav, request, actor, address, source)
    done = await dav.tree.move(actor, source, target, replace=overwrite_of(request), tokens=tokens, guard=guard)
    return _answer(done)


async def copy(dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
    """201 for a new target, 204 for a replaced one. ``X-OC-Mtime`` (rclone) sets the time of a copied file."""
    deep = _depth(request) == "infinity"
    source, target = await _places(dav, request, actor, address)
    _refuse_overlap(source, target)
    tokens, guard = await terms(dav, request, actor, address, source)
    done = await dav.tree.copy(actor, source, target, replace=overwrite_of(request), deep=deep, tokens=tokens, guard=guard)
    mtime = mtime_of(request)
    if mtime is None or done.node.is_folder or (await dav.tree.abilities(target.space)).times is None:
        return _answer(done)
    if done.node.mtime_ns != mtime:
        done = Written(await dav.tree.touch(actor, target, mtime, tokens=tokens), done.replaced)
    response = _answer(done)
    response.headers.append((b"X-OC-MTime", b"accepted"))
    return response


def _answer(done: Written) -> Response:
    return Response(204 if done.replaced else 201, identity_of(done.node))


async def _places(dav: Dav, request: Request, actor: Actor, address: Address) -> tuple[Place, Place]:
    value = request.header("destination")
    if value is None:
        raise InvalidRequest("a Destination header is needed")
    target = parse_url(value, hosts(request))
    return await dav.place(actor, address), await dav.place(actor, target)


def _refuse_overlap(source: Place, target: Place) -> None:
    if source.space.id != target.space.id:
        return
    if source.path == target.path:
        raise Refused(403, "source and destination are the same")
    if is_within(source.path, target.path):
        raise Refused(409, "a folder that holds the source cannot be replaced by it")
    if is_within(target.path, source.path):
        raise Refused(409, "a folder cannot go into itself")


def _depth(request: Request) -> str:
    value = (request.header("depth") or "infinity").strip().lower()
    if value not in ("0", "infinity"):
        raise InvalidRequest("Depth must be 0 or infinity here")
    return value

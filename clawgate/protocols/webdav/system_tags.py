"""Tags by their numbers: ``systemtags`` and ``systemtags-relations``, as ownCloud 10 and Nextcloud have them.

Checked with the code of ``apps/dav/lib/SystemTag`` of both servers, of ownCloud's SDK 3 and of Nextcloud's web interface. Every
tag can be assigned and changed by whoever sees it; there are no others.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence

import attrs

from ...errors import Forbidden, InvalidRequest, NotFound
from ...gateway.tagging import Tagging
from ...model.people import Actor
from ...web.request import Request
from ...web.response import Response
from . import multistatus, requests
from .address import quote_raw
from .beside import Beside, segments
from .depth import Depth
from .elements import CONTENT_TYPE, DAV, OC, Name, empty, escape
from .errors import Refused
from .facts import BATCH, Entry, Facts, asked, listed
from .handler import Authenticate, Challenges, DavHandler

TAGS = ("/remote.php/dav/systemtags", "/dav/systemtags")
"""``NUMBER``."""
RELATIONS = ("/remote.php/dav/systemtags-relations", "/dav/systemtags-relations")
"""``files/ID``, ``files/ID/NUMBER``."""
PREFIXES = (*RELATIONS, *TAGS)
NAME = (OC, "display-name")
FLAGS = ((OC, "user-visible"), (OC, "user-assignable"), (OC, "user-editable"))
"""What all tags are."""
LARGEST = 16384
"""Bytes that describe a tag."""
_COLLECTION: Facts = {(DAV, "resourcetype"): "<d:collection/>"}
_DEPENDENCY = "HTTP/1.1 424 Failed Dependency"


@attrs.frozen
class TagTarget:
    """What a request is about."""

    href: str
    """The collection as the client wrote it, without trailing slash."""
    item: str
    """The id of a file or folder; empty: all tags are meant."""
    number: int | None
    """None: the collection itself."""

    def entry(self, name: str, number: int, *, assignable: bool) -> Entry:
        """The facts on a tag in this collection."""
        facts = {
            (DAV, "resourcetype"): "",
            (OC, "id"): str(number),
            NAME: escape(name),
            **dict.fromkeys(FLAGS, "true"),
            (OC, "can-assign"): "true" if assignable else "false",
        }
        return f"{self.href}/{number}", facts


def target_of(request: Request) -> TagTarget:
    """The target of a request below `PREFIXES`. Raises `NotFound`, `InvalidRequest`."""
    front, written, names = segments(request.raw_path, PREFIXES)
    above, item = 0, ""
    if front in RELATIONS:
        if names[:1] != ["files"] or len(names) < 2:
            raise NotFound("there is nothing at this address")
        above, item = 2, names[1]
    if len(names) > above + 1:
        raise NotFound("there is nothing at this address")
    href = "/".join([front, *map(quote_raw, written[:above])])
    return TagTarget(href, item, number_of(names[above]) if len(names) > above else None)


def number_of(text: str) -> int:
    """The number of a tag. Raises `InvalidRequest`."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidRequest("the number of a tag has digits only")
    return int(text)


class SystemTags(Beside):
    """The handler of everything under `PREFIXES`."""

    def __init__(self, files: DavHandler, tagging: Tagging, authenticate: Authenticate, challenges: Challenges) -> None:
        verbs = {
            "PROPFIND": self._propfind,
            "PROPPATCH": self._proppatch,
            "POST": self._make,
            "PUT": self._assign,
            "DELETE": self._remove,
        }
        super().__init__(authenticate, challenges, verbs)
        self._files = files
        self._limits = files.dav.settings
        self._tagging = tagging

    async def _propfind(self, request: Request, actor: Actor) -> Response:
        target = target_of(request)
        wanted, depth = await asked(request, self._files)
        tags = await self._tagging.numbered(actor)
        if target.item:
            mine = await self._tagging.of(actor, target.item)
            tags = {name: tags[name] for name in mine if name in tags}
        if target.number is not None:
            tags = {name: number for name, number in tags.items() if number == target.number}
            if not tags:
                raise NotFound(f"there is no tag with the number {target.number} here")
        elif depth is Depth.ZERO:
            tags = {}
        return await listed(wanted, _pages(target, tags, assignable=not actor.scope.read_only))

    async def _make(self, request: Request, actor: Actor) -> Response:
        """201 with the address of a new tag, which a file or folder has if it was sent to its tags; 409 if there is one of this
        name."""
        target = target_of(request)
        if target.number is not None:
            raise _only("OPTIONS, PROPFIND, PROPPATCH, PUT, DELETE")
        name = _name(request.header("content-type") or "", await request.body.read_all(LARGEST))
        if target.item:
            # Whoever may not tag this is to leave no tag behind.
            await self._tagging.check(actor, target.item)
        number = await self._tagging.make(actor, name)
        if target.item:
            await self._tagging.assign(actor, target.item, [name])
        front = TAGS[RELATIONS.index(target.href.partition("/files/")[0])] if target.item else target.href
        return Response(201, [(b"Content-Location", f"{front}/{number}".encode())])

    async def _assign(self, request: Request, actor: Actor) -> Response:
        """201; 409 if the file or folder has the tag, 412 if there is no such tag."""
        target = target_of(request)
        if not target.item or target.number is None:
            raise _only("OPTIONS, PROPFIND, PROPPATCH, POST, DELETE")
        # Of a body nothing is wanted; programs send one.
        await request.body.read_all(self._limits.xml_bytes)
        try:
            name = await self._tagging.name(actor, target.number)
        except NotFound as error:
            raise Refused(412, str(error)) from error
        if name in await self._tagging.of(actor, target.item):
            raise Refused(409, "this file has the tag already")
        await self._tagging.keep(actor, target.number)
        await self._tagging.assign(actor, target.item, [name])
        return Response(201)

    async def _remove(self, request: Request, actor: Actor) -> Response:
        target = target_of(request)
        if target.number is None:
            raise Forbidden("tags can only be removed one by one")
        if not target.item:
            await self._tagging.rename(actor, target.number, None)
            return Response(204)
        name = await self._tagging.name(actor, target.number)
        if name not in await self._tagging.of(actor, target.item):
            raise NotFound("this file does not have the tag")
        await self._tagging.keep(actor, target.number)
        await self._tagging.unassign(actor, target.item, [name])
        return Response(204)

    async def _proppatch(self, request: Request, actor: Actor) -> Response:
        """207: another name, or nothing; 409 if there is a tag of that name."""
        target = target_of(request)
        changes = requests.proppatch(await request.body.read_all(self._limits.xml_bytes), depth=self._limits.xml_depth)
        if target.number is None or target.item:
            raise Forbidden("only tags themselves can be changed")
        await self._tagging.name(actor, target.number)
        refused = {change.name: None for change in changes if not _possible(change)}
        if not refused:
            names = [change.text for change in changes if change.name == NAME]
            if names:
                await self._tagging.rename(actor, target.number, names[-1])
        by_status: dict[str, dict[Name, None]] = {}
        for change in changes:
            failed = "HTTP/1.1 403 Forbidden" if change.name in refused else _DEPENDENCY
            by_status.setdefault(failed if refused else multistatus.OK, {})[change.name] = None
        parts = [multistatus.propstat(map(empty, names), status) for status, names in by_status.items()]
        body = multistatus.body([multistatus.response(f"{target.href}/{target.number}", parts)])
        return Response(207, [CONTENT_TYPE], body)


async def _pages(target: TagTarget, tags: Mapping[str, int], *, assignable: bool) -> AsyncGenerator[Sequence[Entry], None]:
    if target.number is None:
        yield [(f"{target.href}/", _COLLECTION)]
    found = sorted(tags.items(), key=lambda one: one[1])
    for start in range(0, len(found), BATCH):
        yield [target.entry(name, number, assignable=assignable) for name, number in found[start : start + BATCH]]


def _possible(change: requests.Change) -> bool:
    """There are only tags that everybody who sees them may use."""
    if change.xml is None:
        return False
    return change.name == NAME or (change.name in FLAGS and requests.is_true(change.text))


def _name(content_type: str, body: bytes) -> str:
    """The name of a tag that is to be made. Raises `InvalidRequest`, `Refused`."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "a tag is described as application/json")
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidRequest("the body is not JSON") from None
    if not isinstance(sent, dict) or not isinstance(sent.get("name"), str):
        raise InvalidRequest('the body must be an object with a "name"')
    if any(sent.get(flag, True) in (False, 0, "false", "0") for flag in ("userVisible", "userAssignable", "userEditable")):
        raise InvalidRequest("there are only tags that everybody may see, assign and change")
    if sent.get("groups"):
        raise InvalidRequest("tags belong to no groups here")
    name: str = sent["name"]
    return name


def _only(allow: str) -> Refused:
    return Refused(405, "this is not possible here", allow=allow)

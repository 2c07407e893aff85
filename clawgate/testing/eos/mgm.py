"""The MGM's ports: who asks, whether anybody is there, verbs and the door to `/proc` (sections 2, 2.1, 4.3)."""

from __future__ import annotations

import errno
from collections.abc import Callable

from twisted.internet.defer import Deferred

from . import names
from .console import Console
from .failures import EosError, Unmatched, body_of, status_of
from .faults import Fault, Faults
from .identity import Identity
from .namespace import Namespace
from .opening import Openings
from .proc import Proc
from .record import Exchange, Record
from .request import Request
from .verbs import VERBS, WRITES, Verbs

READS_BODY = "PROPFIND"
"""What the MGM asks a body of, by source; anything else leaves it to be the next request."""


class Mgm(Verbs):
    """One port of one MGM."""

    def __init__(
        self, name: str, namespace: Namespace, openings: Openings, record: Record, faults: Faults, *,
        mhd: bool, data_host: Callable[[], str],
    ) -> None:  # fmt: skip
        super().__init__(name, namespace, openings, record, faults, mhd=mhd, data_host=data_host)
        self.proc = Proc(namespace, openings)
        self.console = Console(namespace)
        self._waiting: list[Deferred[None]] = []
        self._booting = False
        self.stopping = False
        self.follower = False
        """Not the master: reads are answered, writes redirected to where HTTP cannot go (section 3.1 item 8)."""
        if self.profile.version_header:
            self.fixed.append(("X-Eos-Mgm-Version", self.profile.version))

    @property
    def booting(self) -> bool:
        """While the namespace boots requests wait, without an answer."""
        return self._booting

    @booting.setter
    def booting(self, value: bool) -> None:
        self._booting = value
        if not value:
            waiting, self._waiting = self._waiting, []
            for one in waiting:
                one.callback(None)

    def note(self, request: Request, one: Exchange) -> None:
        """A body that the MGM does not read, or a request made of one, is what must never be."""
        if request.smuggled:
            self.record.violated("a request that came as the body of another", one)
        if request.chunked or (request.has_body and request.method != READS_BODY):
            self.record.violated(f"a body sent to the MGM (Content-Length {request.length}, chunked {request.chunked})", one)
        if len([name for name, _ in request.headers if name == "content-length"]) > 1:
            self.record.violated("two Content-Length headers", one)
        if one.path.startswith(("/proc/user/", "/proc/admin/")):
            keys = names.proc_keys(self.profile, one.query, mhd=self.mhd)
            one.command = " ".join(filter(None, (keys.get("mgm.cmd", ""), keys.get("mgm.subcmd", ""))))
            if "mgm.cmd.proto" in keys:
                one.command = self.console.named(keys["mgm.cmd.proto"])

    async def handle(self, request: Request, one: Exchange, fault: Fault) -> None:
        """Answer one request as whoever it is."""
        if self._booting:
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            await waiting
        if self.stopping:
            await request.answer(500, [("Content-Type", "text/html")], b"MGM daemon is shutting down")
            return
        identities = self.namespace.identities
        who = (identities.of_mhd if self.mhd else identities.of_xrdhttp)(request.header)
        one.who = who.uid
        if who.root:
            self.record.violated("asked to work as root", one)
        if request.method == READS_BODY:
            one.body = await self._body(request, one)
        try:
            if one.path.startswith("/proc/"):
                await self._proc(request, one, who)
                return
            verb = getattr(self, f"_{request.method.lower()}", None)
            if request.method not in VERBS or verb is None:
                raise EosError(errno.EOPNOTSUPP, request.method, one.path)
            if request.has_body and self.mhd and request.method == "MKCOL":
                await self.plain(request, 415)
                return
            if self.follower and request.method in WRITES:
                await self.redirect(request, f"http://root://mgm-master.example.org:1094/{one.path}", "undef")
                return
            if request.method != "PROPFIND":
                names.check(self.profile, one.path, request.method.lower())
            await verb(request, one, who, fault)
        except EosError as error:
            status = 412 if isinstance(error, Unmatched) else status_of(self.profile, error.errno, request.method)
            await self.plain(request, status, body_of(self.profile, error))

    async def _body(self, request: Request, one: Exchange) -> bytes:
        if self.mhd or not self.profile.one_shot_bodies:
            return await request.whole_body(65536)
        body = await request.arrived_body()
        if not request.complete:
            self.record.violated("a body that came in more than one piece", one)
        return body

    async def _proc(self, request: Request, one: Exchange, who: Identity) -> None:
        if not self.profile.open_proc:
            raise EosError(errno.EPERM, "open", one.path)
        gateway = not self.mhd and request.header("x-forwarded-for") is not None
        query = "" if gateway and not self.profile.gateway_query else one.query
        keys = names.proc_keys(self.profile, query, mhd=self.mhd)
        if "mgm.cmd.proto" in keys:
            output = self.console.run(who, keys["mgm.cmd.proto"])
        else:
            output = self.proc.run(who, keys, mhd=self.mhd, admin=one.path.startswith("/proc/admin/"))
        await request.answer(200, (), output)

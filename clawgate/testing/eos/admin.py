"""A port for tests that have the double as a process of its own: JSON in, JSON out."""

from __future__ import annotations

import base64
import json
from typing import Any

import attrs

from .double import EosDouble
from .failures import EosError
from .faults import Fault, Faults
from .record import Exchange, Record
from .request import Request
from .server import Port

CALLS = frozenset(
    {"add_user", "content", "etag", "make_home", "mkdir", "names", "put", "remove", "remove_user", "rename", "restart", "restore"}
    | {"set_attribute", "set_quota", "settle"}
)


class Admin(Port):
    """`/record`, `/violations`, `/secrets`, `/faults`, `/state`, `/call`."""

    def __init__(self, double: EosDouble) -> None:
        super().__init__("admin", double.profile, Record(), Faults(), double.clock, mhd=True)
        self._double = double

    async def handle(self, request: Request, one: Exchange, fault: Fault) -> None:
        """Answer; 404 for what there is not, 400 with the reason for what cannot be done."""
        body = await request.whole_body(1 << 26)
        try:
            done = await self._do(request.method, one.path, json.loads(body) if body else {})
        except (EosError, TypeError, ValueError, KeyError) as error:
            await self._say(request, 400, {"error": str(error)})
            return
        if done is NotImplemented:
            await self._say(request, 404, {"error": f"no {request.method} {one.path}"})
        else:
            await self._say(request, 200, done)

    async def _say(self, request: Request, status: int, value: Any) -> None:
        await request.answer(status, [("Content-Type", "application/json")], json.dumps(value).encode())

    async def _do(self, method: str, path: str, given: Any) -> Any:
        double = self._double
        match method, path:
            case "GET", "/record":
                return double.record.plain()
            case "DELETE", "/record":
                return double.record.clear()
            case "GET", "/violations":
                return double.record.violations
            case "GET", "/secrets":
                return sorted(double.record.secrets)
            case "POST", "/faults":
                if "body" in given:
                    given["body"] = given["body"].encode()
                double.faults.add(Fault(**given))
                return None
            case "DELETE", "/faults":
                return double.faults.clear()
            case "POST", "/state":
                return await self._state(**given)
            case "POST", "/call":
                return await self._call(given["name"], given.get("arguments", {}))
        return NotImplemented

    async def _state(
        self, *, booting: bool | None = None, stopping: bool | None = None, fst: bool | None = None, follower: bool | None = None
    ) -> None:
        double = self._double
        if booting is not None:
            double.booting = booting
        if stopping is not None:
            double.stopping = stopping
        if follower is not None:
            double.mgms[0].follower = follower
        if fst is not None and fst != double.fst.listening:
            await (double.start_fst() if fst else double.kill_fst())

    async def _call(self, name: str, arguments: dict[str, Any]) -> Any:
        if name not in CALLS:
            raise ValueError(f"no call named {name}; there are {', '.join(sorted(CALLS))}")
        if name == "put":
            text = arguments["content"]
            plain = text.removeprefix("base64:")
            arguments["content"] = base64.b64decode(plain) if plain != text else text.encode()
        if "groups" in arguments:
            arguments["groups"] = tuple(arguments["groups"])
        found = getattr(self._double, name)(**arguments)
        if name == "restart":
            found = await found
        if isinstance(found, bytes):
            return "base64:" + base64.b64encode(found).decode()
        return {"id": found.id, "path": found.path} if attrs.has(type(found)) else found

"""A provider that behaves as badly as it is told to, on a real socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.protocols.policies import WrappingFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from ...ports import free_port
from .forge import Forge


class Idp(Resource):
    isLeaf = True

    def __init__(self, forge: Forge, certificate: Path | None = None) -> None:
        """With a `certificate`, PEM with its key, it speaks https."""
        super().__init__()
        self.certificate = certificate
        self.forge = forge
        self.site: Any = Site(self) if certificate is not None else WrappingFactory(Site(self))
        self.asked: list[str] = []
        """The paths of all requests."""
        self.seen: list[Any] = []
        """Their Authorization headers, and what they posted."""
        self.answers: dict[str, Any] = {}
        """Per path an object to send as JSON, bytes, a status or a pair of it and an object, a list of parts after which nothing
        comes, or None: no answer."""
        self.given_up: list[str] = []
        """The paths of requests that were not waited for."""
        self.headers: dict[str, dict[str, str]] = {}
        self.issuer = ""
        self.port: Any = None

    async def start(self) -> None:
        number = urlsplit(self.issuer).port or free_port()
        file = self.certificate
        kind = f"ssl:{number}:privateKey={file}:certKey={file}" if file is not None else f"tcp:{number}"
        self.port = await serverFromString(reactor, f"{kind}:interface=127.0.0.1").listen(self.site)
        self.issuer = f"{'https' if file is not None else 'http'}://127.0.0.1:{self.port.getHost().port}/realm"
        base = self.issuer.removesuffix("/realm")
        self.answers.setdefault(
            "/realm/.well-known/openid-configuration",
            {
                "issuer": self.issuer,
                "jwks_uri": f"{base}/keys",
                "introspection_endpoint": f"{base}/introspect",
                "userinfo_endpoint": f"{base}/userinfo",
            },
        )
        self.answers.setdefault("/keys", {"keys": [self.forge.jwk("rsa"), self.forge.jwk("ec")]})

    async def stop(self) -> None:
        """As if it were killed."""
        await self.port.stopListening()
        for connection in list(getattr(self.site, "protocols", ())):
            connection.transport.abortConnection()

    def render(self, request: Any) -> Any:
        path = request.path.decode()
        self.asked.append(path)
        posted = {name.decode(): values[0].decode() for name, values in request.args.items()}
        self.seen.append((request.getHeader("authorization"), posted))
        for name, value in self.headers.get(path, {}).items():
            request.setHeader(name, value)
        answer = self.answers.get(path, 404)
        if answer is None or isinstance(answer, list):
            request.notifyFinish().addErrback(lambda _: self.given_up.append(path))
            for part in answer or ():
                request.write(part)
            return NOT_DONE_YET
        if isinstance(answer, int):
            request.setResponseCode(answer)
            return b""
        if isinstance(answer, tuple):
            request.setResponseCode(answer[0])
            answer = answer[1]
        if isinstance(answer, bytes):
            return answer
        request.setHeader("Content-Type", "application/json")
        return json.dumps(answer).encode()

"""The MGM's gRPC port: the same namespace as behind HTTP (section 5 of the reference; checks by the source of 5.3 and later).

The library answers from threads of its own; all that touches the namespace is done in the reactor, where HTTP does it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any, TypeVar

import grpc  # type: ignore[import-untyped]

from .faults import Fault
from .grpc_commands import GrpcCommands
from .grpc_messages import COMMANDS, CONTAINER, FIELDS, FILE, LISTING, MESSAGES, STAT
from .identity import NOBODY, Identity
from .nodes import SECOND, Container, File, etag_of, inode_of
from .record import Exchange
from .world import World

T = TypeVar("T")

_NO_SUDO = "Ask an admin to map your auth key to a sudo'er account - permission denied"
_DENIED = 7


class Refused(Exception):
    """A status of gRPC."""

    def __init__(self, code: int, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


class GrpcPort:
    """One gRPC port of an MGM; `double` is the EOS behind it (an `EosDouble`).

    `empty_missing`: of what is not there MD FILE says nothing, with success, as later releases do by their source. `tls` is what
    `grpc.ssl_server_credentials` makes.
    """

    def __init__(self, double: Any, *, key: str = "grpc-key", empty_missing: bool = False, tls: Any = None) -> None:
        self._double: World = double
        self._record, self._faults, self._reactor = double.record, double.faults, double._reactor
        self.keys: dict[str, int] = {key: 2}
        """What key maps to what uid: `vid set map -grpc key:`."""
        self.empty_missing = empty_missing
        self._tls = tls
        self._commands = GrpcCommands(double)
        self._server: Any = None
        self._stopping = Event()
        self.number = 0

    @property
    def url(self) -> str:
        """`grpc[s]://127.0.0.1:<port>`."""
        return f"grpc{'s' if self._tls else ''}://127.0.0.1:{self.number}"

    def start(self) -> None:
        """Listen on loopback; on the same port as before after a `stop`."""
        self._stopping = Event()
        self._server = grpc.server(ThreadPoolExecutor(16, "eos-double-grpc"), options=[("grpc.so_reuseport", 0)])
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
        methods = {
            "Ping": unary(self._ping, MESSAGES["PingRequest"].FromString, MESSAGES["PingReply"].SerializeToString),
            "NsStat": unary(self._ns_stat, MESSAGES["NsStatRequest"].FromString, MESSAGES["NsStatResponse"].SerializeToString),
            "MD": stream(self._md, MESSAGES["MDRequest"].FromString, MESSAGES["MDResponse"].SerializeToString),
            "Find": stream(self._find, MESSAGES["FindRequest"].FromString, MESSAGES["MDResponse"].SerializeToString),
            "Exec": unary(self._exec, MESSAGES["NSRequest"].FromString, MESSAGES["NSResponse"].SerializeToString),
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("eos.rpc.Eos", methods),))
        address = f"127.0.0.1:{self.number}"
        if self._tls is None:
            self.number = self._server.add_insecure_port(address)
        else:
            self.number = self._server.add_secure_port(address, self._tls)
        self._server.start()

    def stop(self) -> None:
        """Stop listening and cut all connections."""
        self._stopping.set()
        server, self._server = self._server, None
        if server is not None:
            server.stop(None)

    # What is called by the library, in its threads.

    def _ping(self, request: Any, context: Any) -> Any:
        return self._answered(context, "Ping", request, "", lambda one: MESSAGES["PingReply"](message=request.message))

    def _ns_stat(self, request: Any, context: Any) -> Any:
        def answer(one: Exchange) -> Any:
            if not self._mapped(request.authkey).sudo:
                return MESSAGES["NsStatResponse"](code=errno.EPERM, emsg="Not a sudoer, refusing to run command")
            return MESSAGES["NsStatResponse"](state="booted")

        return self._answered(context, "NsStat", request, "", answer)

    def _md(self, request: Any, context: Any) -> Iterator[Any]:
        name = {FILE: "FILE", CONTAINER: "CONTAINER", LISTING: "LISTING", STAT: "STAT"}[request.type]
        found = self._answered(context, "MD", request, name, lambda one: self._looked(self._role(request, one), request))
        yield from found or ()

    def _find(self, request: Any, context: Any) -> Iterator[Any]:
        yield from self._answered(context, "Find", request, "", lambda one: self._listed(self._role(request, one), request)) or ()

    def _exec(self, request: Any, context: Any) -> Any:
        name = next((one for one in COMMANDS if request.HasField(one)), "")

        command = getattr(request, name) if name else None
        if name == "recycle" and self._double.namespace.profile.console_fields == "old":
            command = MESSAGES["OldNSRequest"].FromString(request.SerializeToString()).recycle

        def answer(one: Exchange) -> Any:
            try:
                who = self._role(request, one)
            except Refused as error:
                return MESSAGES["NSResponse"](error={"code": errno.EPERM, "msg": error.details})
            return self._commands.run(who, name, command, one)

        return self._answered(context, "Exec", request, name, answer)

    def _answered(self, context: Any, method: str, request: Any, command: str, answer: Callable[[Exchange], Any]) -> Any:
        """Note a call, have its fault happen, answer it."""
        path = _path(getattr(request, command) if method == "Exec" and command else request)
        one = Exchange("grpc", method, path, path, "", [], command=command)
        fault = self._in_reactor(lambda: self._noted(one))
        if fault.delay:
            self._stopping.wait(fault.delay)
        if fault.hang:
            while context.is_active() and not self._stopping.wait(0.05):
                pass
        if fault.drop:
            self._ended(context, 14, "the connection broke")
            return None
        if fault.status:
            one.status = fault.status
            if method == "Exec":
                field = FIELDS.get(command, "error")
                return MESSAGES["NSResponse"](**{field: {"code": fault.status, "msg": fault.body.decode()}})
            self._ended(context, fault.status, fault.body.decode() or os.strerror(fault.status))
            return None
        try:
            found = self._in_reactor(lambda: answer(one))
        except Refused as error:
            one.status = error.code
            self._ended(context, error.code, error.details)
            return None
        one.done = not fault.lose
        if fault.lose:
            self._ended(context, 14, "the connection broke")
        elif fault.send is not None:
            # The stream breaks off after so many entries.
            self._ended(context, 14, "the connection broke")
            found = found[: fault.send]
        return found

    def _ended(self, context: Any, code: int, details: str) -> None:
        """End with a status. EOS sends errnos; for numbers beyond its own the library tells its user UNKNOWN (measured)."""
        context.set_code({one.value[0]: one for one in grpc.StatusCode}.get(code, grpc.StatusCode.UNKNOWN))
        context.set_details(details)

    def _noted(self, one: Exchange) -> Fault:
        self._record.exchanges.append(one)
        return self._faults.take(one) or Fault()

    def _in_reactor(self, function: Callable[[], T]) -> T:
        result: Future[T] = Future()

        def run() -> None:
            try:
                result.set_result(function())
            except BaseException as error:
                result.set_exception(error)

        self._reactor.callFromThread(run)
        return result.result(60)

    # Who.

    def _mapped(self, key: str) -> Identity:
        uid = self.keys.get(key)
        return NOBODY if uid is None else self._double.identities.numbered(uid)

    def _role(self, request: Any, one: Exchange) -> Identity:
        """The key's account, or whom it becomes: one uid and one gid, no further groups."""
        mapped, uid, gid = self._mapped(request.authkey), request.role.uid, request.role.gid
        if not uid:
            self._record.violated("asked to work as root, or as the account of the key", one)
        if (uid, gid) == (mapped.uid, mapped.gid) or not (uid or gid):
            one.who = mapped.uid
            return mapped
        if not mapped.sudo:
            raise Refused(_DENIED, _NO_SUDO)
        one.who = uid
        return Identity(uid, gid, frozenset({gid}), name=self._double.identities.name_of(uid))

    # What is there.

    def _looked(self, who: Identity, request: Any) -> list[Any]:
        node = self._node(request)
        here = self._double.namespace
        if isinstance(node, File) and request.type in (FILE, STAT):
            if node.parent is not None and not here.may(who, "x", node.parent, node):
                raise Refused(_DENIED, "access to parent container denied")
        elif isinstance(node, Container) and request.type in (CONTAINER, STAT):
            place = node if request.type == STAT else node.parent or node
            if not here.may(who, "x", place):
                raise Refused(_DENIED, "access to container denied")
        elif self.empty_missing and request.type == FILE:
            return []
        else:
            raise Refused(errno.ENOENT, os.strerror(errno.ENOENT))
        return [self._told(node)]

    def _node(self, request: Any) -> Container | File | None:
        tree, id = self._double.tree, request.id
        if id.ino:
            return tree.by_inode(id.ino)
        if id.id:
            return tree.containers.get(id.id) if request.type == CONTAINER else tree.files.get(id.id)
        return tree.look(_text(id.path))

    def _listed(self, who: Identity, request: Any) -> list[Any]:
        node = self._node(request)
        here = self._double.namespace
        if not isinstance(node, Container):
            number = errno.ENOENT if node is None else errno.ENOTDIR
            raise Refused(number, os.strerror(number))
        if not here.may(who, "r", node) or not here.may(who, "x", node):
            raise Refused(_DENIED, "access to read directory denied")
        return [self._told(node), *(map(self._told, node.children()) if request.maxdepth else ())]

    def _told(self, node: Container | File) -> Any:
        common = {
            "id": node.id,
            "name": _bytes(node.name),
            "path": _bytes(node.path + ("/" if isinstance(node, Container) and node.parent is not None else "")),
            "uid": node.uid,
            "gid": node.gid,
            "ctime": _time(node.ctime),
            "mtime": _time(node.mtime),
            "etag": etag_of(node),
            "inode": inode_of(self._double.profile, node),
            "xattrs": {key: _bytes(value) for key, value in node.xattr.items()},
        }
        if isinstance(node, Container):
            folder = MESSAGES["ContainerMdProto"](
                **common, mode=node.mode, tree_size=node.tree_size, stime=_time(node.tmtime), files=len(node.files)
            )
            # By source it puts the inode of a folder there, too.
            return MESSAGES["MDResponse"](type=CONTAINER, cmd=folder, fmd={"inode": node.id})
        file = MESSAGES["FileMdProto"](**common, size=node.size, link_name=_bytes(node.target), flags=node.mode & 0o777)
        if node.checksum is not None:
            file.checksum.value = bytes.fromhex(node.checksum).ljust(32, b"\0")
            file.checksum.type = "adler32" if node.checksum_type == "adler" else node.checksum_type
        return MESSAGES["MDResponse"](type=FILE, fmd=file)


def _path(request: Any) -> str:
    return _text(request.id.path) if "id" in request.DESCRIPTOR.fields_by_name else ""


def _time(nanoseconds: int) -> dict[str, int]:
    return {"sec": nanoseconds // SECOND, "n_sec": nanoseconds % SECOND}


def _text(value: bytes) -> str:
    path = value.decode("utf-8", "surrogateescape")
    return path if path == "/" else path.rstrip("/")


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")

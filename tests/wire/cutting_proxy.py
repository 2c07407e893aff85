"""A bad network between client and gateway: it cuts, holds up and slows down connections where a test wants it, and writes down
what passed."""

from __future__ import annotations

import contextlib
import enum
import itertools
import math
import socket
import threading
import time
from collections import deque

from .messages import Exchange, Messages, answer_length, request_length, start_line

UPLOADS = ("PUT", "PATCH", "POST")
"""Methods whose bodies count."""


class Then(enum.Enum):
    """What becomes of a connection that was stopped."""

    GO_ON = enum.auto()
    CUT = enum.auto()
    """Both sides are closed; what the client has sent and was not forwarded yet is lost."""
    HALF_OPEN = enum.auto()
    """The client finds its connection closed, the gateway hears nothing: neither a byte nor an end."""


class Stop:
    """A place in the stream of uploaded bytes where the connection that gets there stands still until somebody decides."""

    def __init__(self, at: int, then: Then | None) -> None:
        self.at = at
        self.then = then
        self.reached = threading.Event()
        self.decided = threading.Event()
        if then is not None:
            self.decided.set()

    def wait(self, timeout: float = 60) -> None:
        assert self.reached.wait(timeout), "nothing came so far"

    def decide(self, then: Then) -> None:
        self.then = then
        self.decided.set()


class CuttingProxy:
    """Forwards TCP connections from a port of its own to `port` and reads the HTTP/1.1 in them."""

    def __init__(self, port: int) -> None:
        self.gateway = port
        self.rate = math.inf
        """Bytes a second of each connection, towards the gateway."""
        self.exchanges: list[Exchange] = []
        """All requests so far, in the order in which they began."""
        self.forwarded = 0
        """Bytes of uploads, that is of bodies of `UPLOADS`, that were handed to the gateway's side."""
        self.clock = itertools.count()
        """The order of requests and answers."""
        self._stops: deque[Stop] = deque()
        self._lock = threading.Lock()
        self._links: set[Link] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = int(self._listener.getsockname()[1])
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def __enter__(self) -> CuttingProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        with self._lock:
            stops, links = list(self._stops), list(self._links)
        for stop in stops:
            stop.decide(Then.CUT)
        for link in links:
            link.cut()
        for link in links:
            link.thread.join(60)

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def stop_after(self, count: int, then: Then | None = None) -> Stop:
        """Stop the connection that carries the `count`th byte of uploads from here, or from the last stop that is still to come,
        behind this byte. Without `then` it stands still until `Stop.decide`."""
        with self._lock:
            stop = Stop((self._stops[-1].at if self._stops else self.forwarded) + count, then)
            self._stops.append(stop)
        return stop

    def room(self, wanted: int) -> tuple[int, Stop | None]:
        """How many of `wanted` bytes of an upload may go on now, and the stop that is reached with them. They are counted."""
        with self._lock:
            stop = None
            if self._stops and self.forwarded + wanted >= self._stops[0].at:
                stop = self._stops.popleft()
                wanted = stop.at - self.forwarded
            self.forwarded += wanted
        return wanted, stop

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.gateway), timeout=60)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            link = Link(self, client, server)
            with self._lock:
                self._links.add(link)
            link.thread.start()

    def gone(self, link: Link) -> None:
        with self._lock:
            self._links.discard(link)


class Link:
    """One connection of a client and the one to the gateway that belongs to it."""

    def __init__(self, proxy: CuttingProxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        self.server = server
        self.waiting: deque[Exchange] = deque()
        """Requests that were not answered yet."""
        self.current: Exchange | None = None
        self.half_open = False
        self.thread = threading.Thread(target=self._run, daemon=True)

    def cut(self) -> None:
        for side in (self.client, self.server):
            end(side)

    def _run(self) -> None:
        back = threading.Thread(target=self._back, daemon=True)
        back.start()
        try:
            with contextlib.suppress(OSError):
                self._forth()
        finally:  # a request that cannot be read fails the test that sent it, and no later one
            if not self.half_open:
                end(self.server, socket.SHUT_WR)
            back.join()
            self.client.close()
            self.server.close()
            self.proxy.gone(self)

    def _forth(self) -> None:
        """From the client to the gateway, until the client has no more or the connection is cut."""
        messages = Messages(self._request)
        while data := self.client.recv(65536):
            for piece, is_body in messages.split(data):
                rest = piece
                while rest:
                    count, stop = len(rest), None
                    if is_body and self.current is not None and self.current.method in UPLOADS:
                        count, stop = self.proxy.room(len(rest))
                    self.server.sendall(rest[:count])
                    if is_body and self.current is not None:
                        self.current.body += count
                    time.sleep(count / self.proxy.rate)
                    rest = rest[count:]
                    if stop is not None and not self._passes(stop):
                        return

    def _passes(self, stop: Stop) -> bool:
        """Stand still at `stop`; whether the connection goes on then."""
        stop.reached.set()
        stop.decided.wait()
        if stop.then is Then.CUT:
            self.cut()
        elif stop.then is Then.HALF_OPEN:
            self.half_open = True
            end(self.client)
        return stop.then is Then.GO_ON

    def _request(self, head: bytes) -> float | None:
        words, headers = start_line(head)
        self.current = Exchange(words[0], words[1], headers, next(self.proxy.clock))
        self.waiting.append(self.current)
        self.proxy.exchanges.append(self.current)
        return request_length(headers)

    def _back(self) -> None:
        """From the gateway to the client, until the gateway has no more."""
        with contextlib.suppress(OSError):
            messages = Messages(self._answer)
            while data := self.server.recv(65536):
                for piece, _ in messages.split(data):
                    self.client.sendall(piece)
        end(self.client)

    def _answer(self, head: bytes) -> float | None:
        words, headers = start_line(head)
        status = int(words[1])
        if status < 200 and status != 101:
            return 0
        exchange = self.waiting.popleft()
        exchange.answer(status, headers, next(self.proxy.clock))
        return answer_length(exchange.method, status, headers)


def end(side: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    """Close a connection without taking the socket away from the thread that reads it."""
    with contextlib.suppress(OSError):
        side.shutdown(how)

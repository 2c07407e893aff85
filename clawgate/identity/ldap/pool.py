"""Connections to a directory: kept ones for the service, and one for every login."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from .answers import Link
from .errors import DirectoryUnavailable, ServerFailed
from .servers import Servers

T = TypeVar("T")


class Pool:
    """Puts questions to the first server that answers. For any thread; there are never more connections of a kind than threads
    that ask."""

    def __init__(
        self,
        connect: Callable[[str], Link],
        prepare: Callable[[Link], None],
        servers: Servers,
        idle: float,
        clock: Callable[[], float],
    ) -> None:
        """`connect` opens a connection to a server, `prepare` makes it one of the service's; both raise `ServerFailed`. One that
        was not used for `idle` seconds of `clock` is not trusted any more."""
        self._connect = connect
        self._prepare = prepare
        self._servers = servers
        self._idle = idle
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, list[tuple[float, Link]]] = {}
        """Unused connections by server, with the time of their last use, the latest last."""
        self._closed = False

    def ask(self, question: Callable[[Link], T]) -> T:
        """What `question` returns for a connection of the service. It may be called several times, so it must change nothing.

        Raises `DirectoryUnavailable`, and what `question` raises except `ServerFailed`.
        """
        return self._first(lambda url: self._at(url, question))

    def ask_apart(self, question: Callable[[Link], T]) -> T:
        """As `ask`, for a connection of its own on which nobody is bound, and which is closed afterwards."""
        return self._first(lambda url: self._once(url, question))

    def close(self) -> None:
        """Close what is kept, and keep nothing any more."""
        with self._lock:
            self._closed = True
            kept, self._kept = self._kept, {}
        for links in kept.values():
            _close(link for _, link in links)

    def _first(self, attempt: Callable[[str], T]) -> T:
        for url in self._servers.candidates():
            try:
                return attempt(url)
            except ServerFailed as error:
                self._servers.failed(url, str(error))
        raise DirectoryUnavailable("the directory of users does not answer; try again later")

    def _once(self, url: str, question: Callable[[Link], T]) -> T:
        return self._use(url, self._connect(url), question, keep=False)

    def _at(self, url: str, question: Callable[[Link], T]) -> T:
        link = self._take(url)
        if link is not None:
            try:
                return self._use(url, link, question)
            except ServerFailed:
                # Servers close connections that they find idle, which says nothing about them. The others will be no better.
                self._drop(url)
        link = self._connect(url)
        try:
            self._prepare(link)
        except BaseException:
            link.close()
            raise
        return self._use(url, link, question)

    def _use(self, url: str, link: Link, question: Callable[[Link], T], *, keep: bool = True) -> T:
        good = True
        try:
            return question(link)
        except ServerFailed:
            good = False
            raise
        finally:
            if good:
                self._servers.answered(url)
            if good and keep:
                self._keep(url, link)
            else:
                link.close()

    def _take(self, url: str) -> Link | None:
        oldest = self._clock() - self._idle
        with self._lock:
            links = self._kept.get(url, [])
            link = links.pop()[1] if links and links[-1][0] >= oldest else None
            old = [one for since, one in links if since < oldest]
            del links[: len(old)]
        _close(old)
        return link

    def _keep(self, url: str, link: Link) -> None:
        with self._lock:
            if not self._closed:
                self._kept.setdefault(url, []).append((self._clock(), link))
                return
        link.close()

    def _drop(self, url: str) -> None:
        with self._lock:
            links = self._kept.pop(url, [])
        _close(link for _, link in links)


def _close(links: Iterable[Link]) -> None:
    for link in links:
        link.close()

"""Which of a directory's servers is asked: the good ones, and those that failed now and then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from ...log import make_logger


class Servers:
    """Knows which servers failed lately. For any thread."""

    def __init__(self, name: str, urls: Sequence[str], turns: bool, pause: float, clock: Callable[[], float]) -> None:
        """`turns`: everyone's turn to be asked first comes; else they are asked as they stand in `urls`. A server that failed is
        left in peace for `pause` seconds of `clock`."""
        self._name = name
        self._urls = tuple(urls)
        self._turns = turns
        self._pause = pause
        self._clock = clock
        self._log = make_logger()
        self._lock = threading.Lock()
        self._next = 0
        self._until: dict[str, float] = {}
        """Those that failed, and when they may be tried again."""

    def candidates(self) -> Iterator[str]:
        """The servers that are worth trying now, best first. To be consumed until one of them answers."""
        with self._lock:
            start = self._next
            if self._turns:
                self._next = (start + 1) % len(self._urls)
        for url in self._urls[start:] + self._urls[:start]:
            if self._may(url):
                yield url

    def failed(self, url: str, why: str) -> None:
        """`url` gave no answer."""
        with self._lock:
            known = url in self._until
            self._until[url] = self._clock() + self._pause
        if not known:
            self._log.warn("directory {name}: {url} {why}", name=self._name, url=url, why=why)

    def answered(self, url: str) -> None:
        """`url` gave an answer."""
        if url not in self._until:
            return
        with self._lock:
            known = self._until.pop(url, None)
        if known is not None:
            self._log.info("directory {name}: {url} answers again", name=self._name, url=url)

    def _may(self, url: str) -> bool:
        """Whether the caller may try; of several that ask about a failed one, one per pause."""
        with self._lock:
            until = self._until.get(url)
            if until is None:
                return True
            now = self._clock()
            if now < until:
                return False
            self._until[url] = now + self._pause
            return True

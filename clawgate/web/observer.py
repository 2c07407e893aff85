"""What a site tells whoever counts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .request import Request


class Observer(ABC):
    """Metrics hook of `ClawSite`. Called on the hot path: must be quick and must not raise."""

    @abstractmethod
    def started(self, request: Request) -> None:
        """A request goes to its handler."""

    @abstractmethod
    def finished(self, request: Request, status: int, received: int, sent: int, seconds: float) -> None:
        """The answer is out, or the client is gone (status 499). `received` and `sent` are body bytes, `request.route` is one
        of few."""

    @abstractmethod
    def refused(self, status: int) -> None:
        """Something was refused before it was a request: a malformed or too large head, a time-out."""

    @abstractmethod
    def connections(self, count: int) -> None:
        """So many connections are open now."""


class NoObserver(Observer):
    """Counts nothing."""

    def started(self, request: Request) -> None:
        """Do nothing."""

    def finished(self, request: Request, status: int, received: int, sent: int, seconds: float) -> None:
        """Do nothing."""

    def refused(self, status: int) -> None:
        """Do nothing."""

    def connections(self, count: int) -> None:
        """Do nothing."""

"""The observer of a site that counts for Prometheus."""

from __future__ import annotations

from ..metrics import Metrics
from .observer import Observer
from .request import Request


class Metering(Observer):
    """Hands what happens on a site to the metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._started = metrics.started
        self._answered = metrics.answered

    def started(self, request: Request) -> None:
        """A request goes to its handler."""
        self._started(request.verb)

    def finished(self, request: Request, status: int, received: int, sent: int, seconds: float) -> None:
        """The answer is out, or the client is gone."""
        self._answered(request.verb, request.route, status, seconds, received, sent)

    def refused(self, status: int) -> None:
        """Something was refused before it was a request."""
        refusals = self._metrics.refusals
        refusals[status] = refusals.get(status, 0) + 1

    def connections(self, count: int) -> None:
        """So many connections are open now."""
        self._metrics.connections = count

"""What is counted, and how Prometheus reads it.

Counting happens on the reactor's thread only, so that a count is an addition to a number and needs no lock; the numbers become
Prometheus families when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from . import __version__
from .workers import Workers

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
"""Upper bounds of durations, seconds."""

_VERBS = frozenset({"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "PROPPATCH", "MKCOL", "MOVE", "COPY"})
_VERBS |= {"LOCK", "UNLOCK", "REPORT", "SEARCH"}
_CLASSES = ("other", "1xx", "2xx", "3xx", "4xx", "5xx")


class Timing:
    """How often something happened and how long it took."""

    __slots__ = ("buckets", "count", "failed", "total")

    def __init__(self) -> None:
        self.count = 0
        self.failed = 0
        self.total = 0.0
        self.buckets = [0] * (len(BUCKETS) + 1)

    def add(self, seconds: float, failed: bool = False) -> None:
        """One more, that took `seconds`."""
        self.count += 1
        self.total += seconds
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        if failed:
            self.failed += 1

    def cumulated(self) -> list[tuple[str, float]]:
        """Prometheus' buckets."""
        pairs = []
        seen = 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), self.buckets, strict=True):
            seen += count
            pairs.append((bound, float(seen)))
        return pairs


class _Requests(Timing):
    """The requests of one verb, route and status class."""

    __slots__ = ("received", "sent")

    def __init__(self) -> None:
        super().__init__()
        self.received = 0
        self.sent = 0


class Metrics(Collector):
    """All counts of one process."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int], _Requests] = {}
        self._storage: dict[tuple[str, str], Timing] = {}
        self._caches: dict[str, Callable[[], tuple[int, int]]] = {}
        self._pools: list[Workers] = []
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self._counts: dict[str, tuple[str, Callable[[], float]]] = {}
        self._gauges_by_mount: dict[str, tuple[str, Callable[[], Mapping[str, float]]]] = {}
        self._counts_by_mount: dict[str, tuple[str, Callable[[], Mapping[str, float]]]] = {}
        self._timings_by_mount: dict[str, tuple[str, dict[str, Timing]]] = {}
        self._calls_by_mount: dict[str, tuple[str, str, Callable[[], Mapping[str, Mapping[str, float]]]]] = {}
        self.open: dict[str, int] = dict.fromkeys((*_VERBS, "OTHER"), 0)
        """Requests at work now, by verb."""
        self.connections = 0
        """Open connections."""
        self.refusals: dict[int, int] = {}
        """What was refused before it was a request, by status."""
        self.registry = CollectorRegistry()
        self.registry.register(self)
        PlatformCollector(self.registry)
        ProcessCollector(registry=self.registry)
        GCCollector(self.registry)

    def started(self, verb: str) -> None:
        """A request is at work."""
        if verb not in self.open:
            verb = "OTHER"
        self.open[verb] += 1

    def answered(self, verb: str, route: str, status: int, seconds: float, received: int, sent: int) -> None:
        """One request ended. `route` is the prefix that was matched, never the whole path; the last two are body bytes."""
        self.open[verb if verb in self.open else "OTHER"] -= 1
        key = (verb, route, status // 100)
        row = self._requests.get(key)
        if row is None:
            # Clients make up verbs; each would be a new time series.
            key = (verb if verb in _VERBS else "OTHER", route, key[2] if 0 < key[2] < 6 else 0)
            row = self._requests.setdefault(key, _Requests())
        row.count += 1
        row.total += seconds
        row.buckets[bisect_left(BUCKETS, seconds)] += 1
        row.received += received
        row.sent += sent

    def storage(self, mount: str, method: str) -> Timing:
        """What counts the calls of one method of one mount; get it once and keep it."""
        return self._storage.setdefault((mount, method), Timing())

    def storage_observer(self, mount: str) -> Callable[[str, float, bool], None]:
        """What a metered storage calls with the method, its seconds and whether it succeeded."""
        timings: dict[str, Timing] = {}

        def observe(method: str, seconds: float, good: bool) -> None:
            timing = timings.get(method)
            if timing is None:
                timing = timings[method] = self.storage(mount, method)
            timing.add(seconds, not good)

        return observe

    def cache(self, name: str, counts: Callable[[], tuple[int, int]]) -> None:
        """Report a cache; `counts` gives its hits and misses so far."""
        self._caches[name] = counts

    def pool(self, workers: Workers) -> None:
        """Report the calls running and waiting in a pool."""
        self._pools.append(workers)

    def gauge(self, name: str, help: str, value: Callable[[], float]) -> None:
        """Report a number that is asked for at each scrape; `name` comes out as ``clawgate_NAME``."""
        self._gauges[name] = (help, value)

    def count(self, name: str, help: str, value: Callable[[], float]) -> None:
        """Report a number that only grows; `name` comes out as ``clawgate_NAME_total``."""
        self._counts[name] = (help, value)

    def gauge_by_mount(self, name: str, help: str, values: Callable[[], Mapping[str, float]]) -> None:
        """As `gauge`, one number for each mount."""
        self._gauges_by_mount[name] = (help, values)

    def count_by_mount(self, name: str, help: str, values: Callable[[], Mapping[str, float]]) -> None:
        """As `count`, one number for each mount."""
        self._counts_by_mount[name] = (help, values)

    def calls_by_mount(
        self, name: str, help: str, values: Callable[[], Mapping[str, Mapping[str, float]]], label: str = "operation"
    ) -> None:
        """As `count`, one number for each mount and each operation on it, or whatever else `label` says."""
        self._calls_by_mount[name] = (help, label, values)

    def timing_by_mount(self, name: str, help: str, mount: str) -> Timing:
        """What counts how long something took that comes out as ``clawgate_NAME``; get it once and keep it."""
        return self._timings_by_mount.setdefault(name, (help, {}))[1].setdefault(mount, Timing())

    def render(self) -> bytes:
        """All of it in Prometheus' text format; goes with `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """The families, for the registry."""
        yield InfoMetricFamily("clawgate", "The running program", {"version": __version__})
        yield from self._collect_requests()
        open = [((verb,), count) for verb, count in self.open.items() if count]
        yield _gauge("clawgate_open_requests", "Requests being worked on", open, ("verb",))
        received, sent = (sum(self.open[verb] for verb in verbs) for verbs in (("PUT", "POST", "PATCH"), ("GET",)))
        transfers = [(("received",), received), (("sent",), sent)]
        yield _gauge("clawgate_open_transfers", "Files on their way", transfers, ("direction",))
        yield _gauge("clawgate_open_connections", "Open connections", [((), self.connections)])
        refused = [((str(status),), count) for status, count in self.refusals.items()]
        yield _counter(
            "clawgate_refused", "Refused before they were requests: malformed, too large, too slow", refused, ("status",)
        )
        yield from self._collect_storage()
        counts = {name: call() for name, call in self._caches.items()}
        yield _counter("clawgate_cache_hits", "Answers from memory", [((n,), c[0]) for n, c in counts.items()], ("cache",))
        yield _counter("clawgate_cache_misses", "Answers not in memory", [((n,), c[1]) for n, c in counts.items()], ("cache",))
        pending = [((pool.name,), pool.pending) for pool in self._pools]
        yield _gauge("clawgate_pool_pending", "Calls running or waiting in a thread pool", pending, ("pool",))
        limits = [((pool.name,), pool.limit) for pool in self._pools]
        yield _gauge("clawgate_pool_limit", "Calls that may run or wait in a thread pool", limits, ("pool",))
        for name, (help, value) in self._counts.items():
            yield _counter(f"clawgate_{name}", help, [((), value())])
        for name, (help, value) in self._gauges.items():
            yield _gauge(f"clawgate_{name}", help, [((), value())])
        yield from self._collect_by_mount()

    def _collect_by_mount(self) -> Iterator[Metric]:
        labels = ("mount",)
        for name, (help, values) in self._counts_by_mount.items():
            yield _counter(f"clawgate_{name}", help, [((mount,), number) for mount, number in values().items()], labels)
        for name, (help, values) in self._gauges_by_mount.items():
            yield _gauge(f"clawgate_{name}", help, [((mount,), number) for mount, number in values().items()], labels)
        for name, (help, label, calls) in self._calls_by_mount.items():
            rows = [((mount, operation), number) for mount, some in calls().items() for operation, number in some.items()]
            yield _counter(f"clawgate_{name}", help, rows, ("mount", label))
        for name, (help, timings) in self._timings_by_mount.items():
            yield _histogram(f"clawgate_{name}", help, [((mount,), timing) for mount, timing in timings.items()], labels)

    def _collect_requests(self) -> Iterator[Metric]:
        labels = ("verb", "route", "status")
        rows = [((verb, route, _CLASSES[kind]), row) for (verb, route, kind), row in self._requests.items()]
        yield _counter("clawgate_requests", "Requests answered", [(key, row.count) for key, row in rows], labels)
        yield _counter("clawgate_received_bytes", "Bytes of request bodies", [(key, row.received) for key, row in rows], labels)
        yield _counter("clawgate_sent_bytes", "Bytes of response bodies", [(key, row.sent) for key, row in rows], labels)
        yield _histogram("clawgate_request_seconds", "Time from the headers to the end of the answer", rows, labels)

    def _collect_storage(self) -> Iterator[Metric]:
        labels = ("mount", "method")
        rows = list(self._storage.items())
        yield _counter("clawgate_storage_calls", "Calls of storages", [(key, row.count) for key, row in rows], labels)
        yield _counter("clawgate_storage_failures", "Calls that failed", [(key, row.failed) for key, row in rows], labels)
        yield _histogram("clawgate_storage_seconds", "Time that calls of storages took", rows, labels)


_Samples = Iterable[tuple[Sequence[str], float]]


def _counter(name: str, help: str, samples: _Samples, labels: Sequence[str] = ()) -> Metric:
    family = CounterMetricFamily(name, help, labels=labels)
    for key, value in samples:
        family.add_metric(key, value)
    return family


def _gauge(name: str, help: str, samples: _Samples, labels: Sequence[str] = ()) -> Metric:
    family = GaugeMetricFamily(name, help, labels=labels)
    for key, value in samples:
        family.add_metric(key, value)
    return family


def _histogram(name: str, help: str, rows: Iterable[tuple[Sequence[str], Timing]], labels: Sequence[str]) -> Metric:
    family = HistogramMetricFamily(name, help, labels=labels)
    for key, row in rows:
        family.add_metric(key, row.cumulated(), row.total)
    return family

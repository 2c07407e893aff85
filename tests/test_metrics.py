from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor

from clawgate.metrics import Metrics
from clawgate.workers import Workers


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {(sample.name, frozenset(sample.labels.items())): sample.value for family in families for sample in family.samples}


@pytest.fixture
def metrics():
    return Metrics()


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return samples(metrics).get((f"clawgate_{name}", frozenset(labels.items())))


def test_requests(metrics):
    labels = {"verb": "PROPFIND", "route": "/remote.php/webdav", "status": "2xx"}
    for seconds in (0.0004, 0.003, 500):
        metrics.started("PROPFIND")
        metrics.answered("PROPFIND", "/remote.php/webdav", 207, seconds, 10, 1000)

    assert value(metrics, "requests_total", **labels) == 3
    assert value(metrics, "received_bytes_total", **labels) == 30
    assert value(metrics, "sent_bytes_total", **labels) == 3000
    assert value(metrics, "request_seconds_sum", **labels) == pytest.approx(500.0034)
    assert [
        value(metrics, "request_seconds_bucket", le=le, **labels) for le in ("0.0005", "0.0025", "0.005", "120.0", "+Inf")
    ] == [1, 1, 2, 2, 3]


def test_made_up_verbs_and_statuses_make_no_new_series(metrics):
    for number in range(50):
        metrics.started(f"X{number}")
        metrics.answered(f"X{number}", "", 999, 0.1, 0, 0)
    metrics.started("Y")

    assert value(metrics, "requests_total", verb="OTHER", route="", status="other") == 50
    assert len([key for key in samples(metrics) if key[0] == "clawgate_requests_total"]) == 1
    assert value(metrics, "open_requests", verb="OTHER") == 1


def test_open_transfers(metrics):
    for verb in ("PUT", "GET", "GET", "PROPFIND"):
        metrics.started(verb)
    metrics.answered("GET", "", 200, 1, 0, 0)

    assert value(metrics, "open_transfers", direction="received") == 1
    assert value(metrics, "open_transfers", direction="sent") == 1
    assert value(metrics, "open_requests", verb="PROPFIND") == 1


def test_storage_calls(metrics):
    stat = metrics.storage("home", "stat")
    assert stat is metrics.storage("home", "stat")
    stat.add(0.01)
    stat.add(0.02, failed=True)

    assert value(metrics, "storage_calls_total", mount="home", method="stat") == 2
    assert value(metrics, "storage_failures_total", mount="home", method="stat") == 1
    assert value(metrics, "storage_seconds_sum", mount="home", method="stat") == pytest.approx(0.03)


def test_what_is_asked_for_at_each_scrape(metrics):
    pool = Workers(reactor, "files", 3, 5)
    metrics.pool(pool)
    metrics.cache("logins", lambda: (7, 2))
    metrics.gauge("index_nodes", "Nodes known", lambda: 42)
    metrics.connections = 9
    metrics.refusals[431] = 4
    pool.pending = 6

    assert value(metrics, "pool_pending", pool="files") == 6
    assert value(metrics, "pool_limit", pool="files") == 8
    assert value(metrics, "cache_hits_total", cache="logins") == 7
    assert value(metrics, "cache_misses_total", cache="logins") == 2
    assert value(metrics, "index_nodes") == 42
    assert value(metrics, "open_connections") == 9
    assert value(metrics, "refused_total", status="431") == 4


def test_the_process_is_there(metrics):
    assert samples(metrics)["process_resident_memory_bytes", frozenset()] > 0

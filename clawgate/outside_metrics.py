"""What is counted of changes by others."""

from __future__ import annotations

from collections.abc import Mapping

from .index.followers import Followers
from .metrics import Metrics
from .storage.posix.notify import Notifier

ENTERED = ("change_seconds", "Time from hearing of a change by anybody to when it is entered")
"""A histogram for each mount; see `Metrics.timing_by_mount`."""


def outside_metrics(metrics: Metrics, followers: Followers, notifiers: Mapping[str, Notifier]) -> None:
    """Report what `followers` do, and what the kernel has told."""
    metrics.gauge_by_mount("staleness_seconds", "Age that answers may have at most, of spaces in use", followers.staleness)
    metrics.gauge_by_mount("changes_waiting", "Names and folders that wait for a look", followers.waiting)
    for name, help, which in (
        ("change_looks", "Single files and folders looked at because something may have changed", lambda tally: tally.looks),
        ("change_scans", "Folders read because something in them may have changed", lambda tally: tally.scans),
        ("changes_lost", "How often changes may have been missed, so that a space was walked", lambda tally: tally.lost),
    ):
        metrics.count_by_mount(name, help, lambda which=which: followers.counts(which))  # type: ignore[misc]
    metrics.count_by_mount("kernel_events", "Events of the kernel", lambda: {name: one.events for name, one in notifiers.items()})
    metrics.count_by_mount(
        "kernel_overflows",
        "How often events of the kernel were lost",
        lambda: {name: one.overflows for name, one in notifiers.items()},
    )

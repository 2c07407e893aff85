"""How a change reaches the directories above: their times after a while, their sizes after another (section 7.3)."""

from __future__ import annotations

from typing import Any

from .nodes import Container


class Propagation:
    """Collects changes and passes them on when their time has come; a delay of 0 passes them on at once."""

    def __init__(self, clock: Any, times: float, sizes: float) -> None:
        self._clock = clock
        self._delays = {"times": times, "sizes": sizes}
        self._calls: dict[str, Any] = {}
        self._changed: dict[Container, int] = {}
        self._deltas: list[tuple[Container, int]] = []

    def changed(self, container: Container, now: int) -> None:
        """Something in `container` was created, removed, renamed or committed: it knows at once, those above later."""
        container.mtime = max(now, container.mtime)
        container.xattr.pop("sys.tmp.etag", None)
        self._changed[container] = max(now, self._changed.get(container, 0))
        self._later("times", self.settle_times)

    def sized(self, container: Container, delta: int) -> None:
        """There are `delta` more bytes in `container`."""
        if delta:
            self._deltas.append((container, delta))
            self._later("sizes", self.settle_sizes)

    def _later(self, what: str, settle: Any) -> None:
        if not self._delays[what]:
            settle()
        elif what not in self._calls:
            self._calls[what] = self._clock.callLater(self._delays[what], settle)

    def settle(self) -> None:
        """Pass everything on now."""
        self.settle_times()
        self.settle_sizes()

    def settle_times(self) -> None:
        """Pass the times on, up to the last directory that propagates; the root never takes part."""
        self._done("times")
        changed, self._changed = self._changed, {}
        for start, when in changed.items():
            one: Container | None = start
            while one is not None and one.id != 1 and one.propagates and (one is start or one.tmtime < when):
                if one.stime < when:
                    one.stime = when
                    one.xattr.pop("sys.tmp.etag", None)
                one = one.parent

    def settle_sizes(self) -> None:
        """Pass the sizes on."""
        self._done("sizes")
        deltas, self._deltas = self._deltas, []
        for start, delta in deltas:
            one: Container | None = start
            while one is not None:
                one.tree_size += delta
                one = one.parent

    def _done(self, what: str) -> None:
        call = self._calls.pop(what, None)
        if call is not None and call.active():
            call.cancel()

    def stop(self) -> None:
        """Forget what waits."""
        self._done("times")
        self._done("sizes")

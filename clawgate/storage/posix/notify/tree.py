"""The tree of one storage, and who listens for changes in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from ....errors import StorageUnavailable
from ....interfaces import Changes, Hint
from ....log import make_logger
from ....model.path import Path
from ..ground import Descriptor, Ground

log = make_logger()

Cover = Callable[["Tree", Sequence[Path]], Sequence[Path]]


@attrs.frozen(eq=False)
class _Listener:
    report: Callable[[Sequence[Hint]], None]
    lost: Callable[[], None]
    uncovered: Callable[[Sequence[Path]], None] | None


class Tree(Changes):
    """The ability `Changes` of one `PosixStorage`; the work is the notifier's."""

    def __init__(self, ground: Ground, cover: Cover, forget: Callable[[Tree], None]) -> None:
        """`cover` is that of `Changes` for a tree; `forget` is called when nobody listens any more."""
        self.ground = ground
        self._cover = cover
        self._forget = forget
        self._listeners: list[_Listener] = []

    def subscribe(
        self,
        report: Callable[[Sequence[Hint]], None],
        lost: Callable[[], None],
        uncovered: Callable[[Sequence[Path]], None] | None = None,
    ) -> Callable[[], None]:
        """See `Changes.subscribe`."""
        listener = _Listener(report, lost, uncovered)
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)
                if not self._listeners:
                    self._forget(self)

        return end

    def cover(self, folders: Sequence[Path]) -> Sequence[Path]:
        """See `Changes.cover`."""
        return self._cover(self, folders)

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def root(self, *, anew: bool = False) -> Descriptor | None:
        """The root as in `Ground.root`; None if it is not there."""
        try:
            return self.ground.root(anew=anew)
        except StorageUnavailable:
            return None

    def tell(self, hints: Sequence[Hint]) -> None:
        """Report `hints`; in the reactor's thread."""
        for listener in list(self._listeners):
            _call(listener.report, hints)

    def tell_lost(self) -> None:
        """Say that events are missing; in the reactor's thread."""
        for listener in list(self._listeners):
            _call(listener.lost)

    def tell_uncovered(self, folders: Sequence[Path]) -> None:
        """Say that `folders` made room; in the reactor's thread."""
        for listener in list(self._listeners):
            if listener.uncovered is not None:
                _call(listener.uncovered, folders)
            else:
                _call(listener.lost)


def _call(function: Callable[..., None], *args: object) -> None:
    """Whoever fails must not keep others from hearing."""
    try:
        function(*args)
    except Exception:
        log.failure("somebody who was told of changes failed")

"""What those who follow a storage hear from the index of a space: folders that were found, came, were renamed, read too early."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from ..model.node import Identity, Node
from ..model.path import Path, join
from .entry import FOLDER
from .reconcile import Outcome


class Tidings:
    """Of one space. Each has one listener at most."""

    def __init__(self) -> None:
        self.discovered: Callable[[Sequence[Path]], None] | None = None
        """Told of folders that were not known before, or are other ones now."""
        self.arrived: Callable[[Sequence[Path]], None] | None = None
        """Told of folders that others have moved here, with all that is known below them."""
        self.overtaken: Callable[[Sequence[Path]], None] | None = None
        """Told of folders that were entered for the first time as they were before others changed something there."""
        self.listed: Callable[[Path], None] | None = None
        """Told of folders that somebody has listed."""
        self.renamed: Callable[[Path, Path], None] | None = None
        """Told from where to where we have moved a folder ourselves."""

    def forget(self) -> None:
        """Nobody listens any more."""
        self.discovered = self.arrived = self.overtaken = self.listed = self.renamed = None

    def entered(
        self, folder: Path, nodes: Sequence[tuple[Node, Identity]], outcome: Outcome, known: Collection[str] = ()
    ) -> None:
        """Tell what `outcome` and `nodes` of `folder` mean; of the folders among `nodes`, some are `known` by name."""
        back = {no for no, _ in outcome.back}
        if back and self.arrived is not None:
            come = [join(folder, row.name) for row in outcome.rows if row.kind == FOLDER and row.no in back]
            if come:
                self.arrived(come)
        if self.discovered is not None:
            found = [join(folder, node.name) for node, _ in nodes if node.is_folder and node.name not in known]
            if found:
                self.discovered(found)

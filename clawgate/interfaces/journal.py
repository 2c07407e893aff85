"""Ability that tells what happened in a folder since somebody looked at it last."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..errors import PreconditionFailed
from ..model.node import Node
from ..model.path import Path


class Outdated(PreconditionFailed):
    """What happened since a position cannot be told: it is too old, of another folder, or from before the index was made anew."""


class Position(NamedTuple):
    """Up to where a journal was read for one folder."""

    journal: str
    """Tells this journal from any other; letters and digits."""
    folder: int
    number: int


class Event(NamedTuple):
    """A place at which something happened, however often, and how it is there now as far as the journal knows."""

    path: Path
    there: bool
    folder: bool
    """What is or was there is a folder."""
    arrived: bool
    """A folder that was not there before: all that is in it is news, and no other event tells of it."""
    first: int
    """The number of the first thing that happened there: `Position.number` just before it leads to this event again."""


class Stretch(NamedTuple):
    """A part of a journal."""

    events: Sequence[Event]
    """In the order of `Event.first`, each path once."""
    position: Position
    """After them."""
    complete: bool
    """Whether nothing is left after them."""


class Journal(ABC):
    """Ability: changes are written down when they are noticed, by whomever they were made."""

    @abstractmethod
    def reckoning(self) -> Callable[[Node], Position]:
        """How to tell the position that a folder stands for, as it was listed or looked at after this was called."""

    @abstractmethod
    async def since(self, folder: Path, position: Position, *, deep: bool, limit: int) -> Stretch:
        """What happened to direct children of `folder`, or anywhere below it (`deep`); about `limit` changes are read at most.

        Raises `Outdated`, `NotFound`, `NotAFolder`.
        """

"""Whom the front end asks about other people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...interfaces import Match
from ...model.people import User


class Register(Protocol):
    """Knows people and groups."""

    async def find(self, id: str) -> User | None:
        """The person with this id. Raises `StorageUnavailable`."""

    async def people(self, text: str, limit: int) -> Sequence[Match]:
        """People whose id, name or mail address contains `text`. Raises `StorageUnavailable`."""

    async def groups(self, text: str, limit: int) -> Sequence[str]:
        """Groups whose name contains `text`. Raises `StorageUnavailable`."""

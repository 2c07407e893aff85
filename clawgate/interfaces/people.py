"""Who lets people in, and who knows them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from ..model.people import Actor, Credentials, User


class Authenticator(ABC):
    """Knows whether credentials are right."""

    @abstractmethod
    async def authenticate(self, credentials: Credentials) -> Actor | None:
        """The actor; None: these credentials are not mine to judge. Raises `Unauthenticated`: mine, and wrong;
        `TooManyAttempts`; `StorageUnavailable` if the directory cannot be asked."""


class Door(ABC):
    """Lets people in, and looks at where they come from."""

    @abstractmethod
    async def enter(self, credentials: Credentials, address: str) -> Actor | None:
        """As `Authenticator.authenticate`, for a client at `address`: an IP address, or ``unix`` for a local socket."""


class Match(NamedTuple):
    """Somebody found by people who look for people. Too little to decide anything by: for that there is `Directory.find_user`."""

    id: str
    name: str
    """To show; may be empty."""
    mail: str


class Directory(ABC):
    """Knows people. All methods raise `StorageUnavailable` if it cannot be asked."""

    @abstractmethod
    async def find_user(self, id: str) -> User | None:
        """The person with this id, in exactly this spelling."""

    async def find_anew(self, id: str) -> User | None:
        """The same, and not as it was remembered."""
        return await self.find_user(id)

    @abstractmethod
    async def search(self, text: str, limit: int) -> Sequence[Match]:
        """Up to `limit` people whose id, name or mail address contains `text`, in any case; nobody if it is blank."""

    @abstractmethod
    async def search_groups(self, text: str, limit: int) -> Sequence[str]:
        """Up to `limit` names of groups that contain `text`, in any case, sorted; none if it is blank."""

    async def groups_of(self, id: str) -> frozenset[str]:
        """The groups of the person with this id; none if there is no such person."""
        user = await self.find_user(id)
        return user.groups if user is not None else frozenset()

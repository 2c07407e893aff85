"""Several authenticators, asked in order."""

from __future__ import annotations

from collections.abc import Sequence

from ..interfaces import Authenticator
from ..model.people import Actor, Credentials


class Chain(Authenticator):
    """The first authenticator that knows the credentials decides."""

    def __init__(self, authenticators: Sequence[Authenticator]) -> None:
        self._authenticators = tuple(authenticators)

    async def authenticate(self, credentials: Credentials) -> Actor | None:
        """The actor; None if nobody knows the credentials. Raises what the deciding authenticator raises."""
        for authenticator in self._authenticators:
            actor = await authenticator.authenticate(credentials)
            if actor is not None:
                return actor
        return None

"""Where people's own passwords are accepted, as opposed to app passwords and tokens."""

from __future__ import annotations

from collections.abc import Iterable

from ..interfaces import Authenticator
from ..model.people import Actor, Credentials, Password


class Typed(Authenticator):
    """Asks another authenticator about passwords that were typed into a page of ours only.

    About those that programs send it is not asked, so that they neither tell anything about a guess nor count anywhere else.
    """

    def __init__(self, inner: Authenticator) -> None:
        self._inner = inner

    async def authenticate(self, credentials: Credentials) -> Actor | None:
        """As the other authenticator; None for all else."""
        if isinstance(credentials, Password) and credentials.page:
            return await self._inner.authenticate(credentials)
        return None


def accepted(where: str, those: Iterable[Authenticator]) -> list[Authenticator]:
    """Authenticators of people's own passwords, as far as the setting ``users.passwords`` lets them judge."""
    if where == "never":
        return []
    return [Typed(one) for one in those] if where == "page" else list(those)

"""Why a token lets nobody in."""

from __future__ import annotations

from collections.abc import Iterable

from ...errors import Forbidden, StorageUnavailable, Unauthenticated


class InvalidToken(Unauthenticated):
    """A token that is not accepted. The text is for the client, `detail` for the operator's log; neither holds the token."""

    def __init__(self, text: str, detail: str = "", *, error: str = "invalid_token", **parameters: str) -> None:
        super().__init__(text)
        self.detail = detail
        self.challenge = {"error": error, "error_description": text, **parameters}
        """Parameters of the Bearer challenge (RFC 6750 section 3)."""


class InsufficientScope(Forbidden):
    """A good token that was not made for this service's use."""

    def __init__(self, needed: Iterable[str]) -> None:
        super().__init__("this login was not given access to files")
        scope = " ".join(sorted(needed))
        self.detail = f"the scopes {scope} are needed"
        self.challenge = {"error": "insufficient_scope", "error_description": str(self), "scope": scope}


class IssuerUnavailable(StorageUnavailable):
    """A provider does not answer, and only it could tell whether a token is good."""


class NoAnswer(Exception):
    """Why a provider gave no answer, or none that makes sense; for the log, not for clients."""

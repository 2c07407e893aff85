"""A login with a browser that has begun."""

from __future__ import annotations

from typing import NamedTuple


class Attempt(NamedTuple):
    """One browser's login: what only it and we know, and where the provider sends it back to."""

    redirect_uri: str
    nonce: str
    verifier: str

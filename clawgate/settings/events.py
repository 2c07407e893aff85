"""Settings of change notification."""

from __future__ import annotations

import attrs

from .rule import setting


@attrs.frozen
class Events:
    """[events]: clients that are told of changes instead of asking for them"""

    enabled: bool = setting(True, "tell clients of changes (server-sent events)")
    streams: int = setting(20000, "clients that may wait for changes at once; more: 503", low=1)
    per_user: int = setting(50, "the same of one person", low=1)
    gather_seconds: float = setting(0.1, "seconds in which changes of a space are gathered before they are told", high=10)
    lines: int = setting(200, "changes of a space told one by one; of more at once only the root is told of", low=1)
    queue: int = setting(1000, "notices that may wait for one client; a slower one is cut off, and looks at everything", low=10)
    beat_seconds: float = setting(30.0, "seconds between signs of life", low=1)
    push: bool = setting(True, "the same by websocket, for Nextcloud's programs (notify_push)")
    push_seconds: float = setting(1.0, "seconds between two messages to one of these programs at least", high=60)
    session_seconds: float = setting(900.0, "seconds after which a client has to come again, and is judged anew", low=10)
    push_session_seconds: float = setting(14400.0, "the same of a websocket: these programs take a minute to come again", low=10)

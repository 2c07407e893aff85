"""Whether gRPC is used: always, or where it is to be found out, while somebody answers and takes the key."""

from __future__ import annotations

from collections.abc import Callable

from ....errors import ClawgateError, Overloaded
from ....log import make_logger
from .channels import Channels
from .failures import of_command
from .proto import MESSAGES

log = make_logger()

SECONDS = 60.0
"""How long it is believed that nobody answers."""


class Detection:
    """See the module."""

    def __init__(self, channels: Channels, clock: Callable[[], float], *, detect: bool) -> None:
        self._channels = channels
        self._clock = clock
        self._detect = detect
        self._speaks = not detect
        self._until = 0.0 if detect else float("inf")
        self._told = False

    async def speaks(self) -> bool:
        """Whether gRPC is used now. Two calls if that is not known."""
        if self._until > self._clock():
            return self._speaks
        before = self._speaks
        try:
            await self._ask()
        except Overloaded:
            raise
        except ClawgateError as error:
            self._speaks, self._until = False, self._clock() + SECONDS
            if before or not self._told:
                log.warn("EOS is asked over HTTP for all, because gRPC cannot be used: {error}", error=error)
        else:
            self._speaks, self._until = True, float("inf")
            if not before:
                log.info("EOS is asked for metadata by gRPC")
        self._told = True
        return self._speaks

    def doubt(self) -> None:
        """A call failed as if nobody answered any more."""
        if self._detect:
            self._until = 0.0

    async def _ask(self) -> None:
        """Raises what stands in the way. Ping alone says nothing of the key."""
        await self._channels.ask("Ping", MESSAGES["PingRequest"](message=b"clawgate"), "PingReply")
        request = MESSAGES["NsStatRequest"](authkey=self._channels.options.key)
        told = await self._channels.ask("NsStat", request, "NsStatResponse")
        if (error := of_command(told.code, told.emsg)) is not None:
            raise error

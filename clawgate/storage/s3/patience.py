"""Waiting for an answer, and what it means when none comes."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.error import ConnectError, ConnectionAborted, ConnectionDone, ConnectionLost, DNSLookupError
from twisted.web.client import RequestGenerationFailed, RequestTransmissionFailed, ResponseFailed, ResponseNeverReceived

from ...errors import ClawgateError, StorageTimeout, StorageUnavailable
from .failures import translate

LOST = (
    *(ConnectError, ConnectionAborted, ConnectionDone, ConnectionLost, DNSLookupError, OSError, TimeoutError, SSL.Error),
    *(RequestTransmissionFailed, RequestGenerationFailed, ResponseFailed, ResponseNeverReceived),
)
"""What is raised when a connection ends, or there is none."""


class Patience:
    """Waits for an answer; once `begin` was called, not for ever."""

    def __init__(self, reactor: Any, seconds: float, asking: Deferred[Any]) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self._asking = asking
        self._over = False
        self._cancelled = False
        self._call: Any = None
        self.answer: Deferred[Any] = Deferred(self._cancel)
        asking.addBoth(self._answered)

    def begin(self) -> None:
        """There is nothing more to be sent."""
        if not self._asking.called:
            self._call = self._reactor.callLater(self._seconds, self._give_up)

    def error(self, error: BaseException) -> BaseException:
        """What is meant by what Twisted raises, which does not tell who ended the request, or why."""
        if self._over:
            return StorageTimeout("the storage did not answer in time")
        return CancelledError() if self._cancelled else broken(error)

    def _answered(self, result: Any) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        if not self.answer.called:
            self.answer.callback(result)

    def _give_up(self) -> None:
        self._over = True
        self._asking.cancel()

    def _cancel(self, _: Deferred[Any]) -> None:
        self._cancelled = True
        self._asking.cancel()


def broken(error: BaseException) -> ClawgateError:
    """What it means that a connection ended by this error."""
    if isinstance(error, TimeoutError):
        return StorageTimeout("the storage did not answer in time")
    for reason in getattr(error, "reasons", None) or ():
        if isinstance(reason.value, (BotoCoreError, ClientError)):
            return translate(reason.value)
        if isinstance(reason.value, TimeoutError):
            return StorageTimeout("the storage did not take the content in time")
    return StorageUnavailable("the connection to the storage broke")

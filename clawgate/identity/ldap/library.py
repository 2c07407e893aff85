"""The only place that knows ldap3: it encodes requests and decodes answers; sockets, TLS and time-outs are ours.

Importing it costs a quarter of a second and 16 MB, so nobody does who needs no directory.
"""

from __future__ import annotations

import socket
import ssl
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from ...settings import Ldap
from .answers import Answer, Entry, Found, Query
from .errors import ServerFailed
from .stream import Stream

with warnings.catch_warnings():
    # It uses names that pyasn1 has renamed.
    warnings.simplefilter("ignore", DeprecationWarning)
    import ldap3  # type: ignore[import-untyped]
    from ldap3.core.exceptions import LDAPException  # type: ignore[import-untyped]
    from ldap3.operation.search import parse_filter  # type: ignore[import-untyped]

START_TLS = "1.3.6.1.4.1.1466.20037"
"""RFC 4511 section 4.14."""
PASSWORD_POLICY = "1.3.6.1.4.1.42.2.27.8.5.1"
"""draft-behera-ldap-password-policy section 6: tells why a password is not accepted."""
_SCOPES = {"base": ldap3.BASE, "one": ldap3.LEVEL, "sub": ldap3.SUBTREE}


def check_filter(text: str) -> None:
    """Raise `ValueError` if `text` is not a search filter."""
    try:
        parse_filter(text, None, False, False, None, False)
    except LDAPException as error:
        raise ValueError(f"{text!r} is not a search filter: {error}") from error


def connect(url: str, context: ssl.SSLContext, settings: Ldap) -> Connection:
    """Connect to the server at `url` and encrypt, but bind nobody. Blocking. Raises `ServerFailed`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    secure = parts.scheme == "ldaps"
    until = time.monotonic() + settings.connect_timeout
    try:
        plain = socket.create_connection((host, parts.port or (636 if secure else 389)), settings.connect_timeout)
    except OSError as error:
        raise ServerFailed(f"cannot be reached: {error}") from error
    # The end of the handshake and the first request go out one after the other; the second must not wait for an answer.
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream = Stream(plain, settings.answer_bytes)
    stream.allow(until - time.monotonic())
    made = Connection(stream, settings.answer_timeout)
    try:
        if secure:
            _encrypt(stream, context, host)
        elif settings.start_tls:
            made.start_tls()
            _encrypt(stream, context, host)
    except BaseException:
        stream.close()
        raise
    return made


def _encrypt(stream: Stream, context: ssl.SSLContext, host: str) -> None:
    try:
        stream.encrypt(context, host)
    except ssl.SSLCertVerificationError as error:
        raise ServerFailed(f"its certificate is not accepted: {error.verify_message}") from error
    except OSError as error:
        raise ServerFailed(f"TLS fails: {error}") from error


class Connection:
    """A `Link`."""

    def __init__(self, stream: Stream, seconds: float) -> None:
        """`seconds`: how long one answer may take."""
        self._stream = stream
        self._seconds = seconds
        # Its host is never used: the socket is there already.
        self._ldap: Any = ldap3.Connection(
            ldap3.Server("localhost", get_info=ldap3.NONE),
            auto_referrals=False,
            check_names=False,
            auto_escape=False,
            auto_encode=False,
        )
        self._ldap.socket = stream
        self._ldap.strategy._outstanding = {}
        self._ldap.closed = False
        self._ldap.listening = True

    def start_tls(self) -> None:
        """Agree on TLS, which the caller then begins. Raises `ServerFailed`."""
        answer = self._talk("extendedResp", self._ldap.extended, START_TLS).answer
        if answer.code:
            raise ServerFailed(f"StartTLS is refused: {answer}")

    def bind(self, dn: str, password: str) -> Answer:
        """As `Link.bind`."""
        if not dn or not password:
            raise ValueError("a bind without a name or a password would be an anonymous one")
        self._ldap.authentication = ldap3.SIMPLE
        self._ldap.user = dn
        # As bytes, because text would be changed by SASLprep, which was not done when the password was set.
        self._ldap.password = password.encode()
        self._stream.allow(self._seconds)
        controls = [(PASSWORD_POLICY, False, None)]
        try:
            return self._talk("bindResponse", self._ldap.bind, read_server_info=False, controls=controls).answer
        finally:
            self._ldap.password = self._ldap.request = None

    def search(self, query: Query) -> Found:
        """As `Link.search`; references to other servers are not followed."""
        self._stream.allow(self._seconds)
        return self._talk(
            "searchResDone",
            self._ldap.search,
            query.base,
            query.filter,
            _SCOPES[query.scope],
            ldap3.DEREF_NEVER,
            query.attributes,
            query.limit,
            max(1, int(self._seconds)),
        )

    def close(self) -> None:
        """As `Link.close`."""
        self._stream.allow(1.0)
        # The server may be gone already, which is as good.
        with suppress(LDAPException, OSError):
            self._ldap.unbind()
        self._stream.close()

    def _talk(self, kind: str, function: Callable[..., object], *args: Any, **kwargs: Any) -> Found:
        """Call a method of ldap3's connection, which must be answered with a message of this `kind`."""
        try:
            function(*args, **kwargs)
            result = self._ldap.result
            if result["type"] != kind:
                raise ValueError(f"{result['type']} in place of {kind}")
            control = (result.get("controls") or {}).get(PASSWORD_POLICY)
            policy = policy_error(control["value"] or b"") if control else None
            answer = Answer(result["result"], result["description"], result["message"] or "", policy)
            found = self._ldap.response or ()
            return Found(answer, tuple(_entry(one) for one in found if one["type"] == "searchResEntry"))
        except Exception as error:
            # Whatever it is, a lost connection or an answer that cannot be decoded: nothing more will come of this server's.
            raise ServerFailed(f"gives no answer: {self._stream.trouble or error or type(error).__name__}") from error


def policy_error(value: bytes) -> int | None:
    """The error in the value of a password policy response, a SEQUENCE of ``[0] warning`` and ``[1] error``; None if none is."""
    position = 2
    while position + 2 < len(value):
        tag, length = value[position], value[position + 1]
        if tag == 0x81 and length == 1:
            return value[position + 2]
        position += 2 + length
    return None


def _entry(found: Any) -> Entry:
    values = {str(name).lower(): tuple(raw) for name, raw in found["raw_attributes"].items() if raw}
    return Entry(found["dn"], values)

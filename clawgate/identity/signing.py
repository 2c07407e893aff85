"""Signed addresses: whoever knows a person's key can make an address good for one download for a while.

As ownCloud's clients do it (``owncloud-sdk``, ``@ownclouders/web-client``): the signature is PBKDF2-HMAC-SHA512 with the URL as
password and the key as salt, 10,000 rounds, 32 bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlencode

import attrs

from ..errors import Forbidden, Overloaded, Unauthenticated
from ..log import make_logger
from ..model.login_flow import Judgement, Visitor
from ..model.people import Actor, Scope
from ..model.signing import SignedUrl, SigningKey
from ..workers import Workers

DAY = 86400.0
ROUNDS = 10000
LENGTH = 32
AT_ONCE = 8
"""Signatures that may wait to be computed: whoever sends wrong ones must not keep people from logging in."""
REMEMBERED = 1000
"""Good signatures of which it is known: players and browsers ask for one address piece by piece."""


class Store(Protocol):
    """Where keys are kept. Raises `StorageUnavailable` and `Overloaded`."""

    async def find(self, user: str) -> SigningKey | None:
        """The key of a person; None: there is none."""

    async def change(self, user: str, change: Callable[[SigningKey | None], SigningKey]) -> SigningKey:
        """Replace what is kept by what `change` makes of it."""

    async def expire(self, before: float) -> int:
        """Forget the keys that nobody has asked for since then."""


class Signing:
    """Gives keys out and judges signatures."""

    def __init__(
        self,
        store: Store,
        judge: Callable[[Visitor], Awaitable[Judgement]],
        key_seconds: float,
        foreign_days: float,
        workers: Workers,
        now: Callable[[], float],
    ) -> None:
        """`judge` says what has become of the login that asked for a key. A key is given out for `key_seconds` at most, and then
        good for as long again; of people whom no directory knows, for `foreign_days` after it was asked for (0: no such end).
        `workers` compute signatures, `now` gives seconds since 1970."""
        self._store = store
        self._judge = judge
        self._key_seconds = key_seconds
        self._foreign_days = foreign_days
        self._workers = workers
        self._now = now
        self._checking = 0
        self._good: OrderedDict[bytes, None] = OrderedDict()
        self._log = make_logger()

    async def key(self, actor: Actor) -> str:
        """The key of a person. Raises `Forbidden` for app passwords, which the key would outlive when they are revoked, and
        `Unauthenticated` for a login that is only remembered: by another password than the one of now, or of somebody whom the
        directory does not know any more."""
        if actor.app_password or actor.scope != Scope():
            raise Forbidden("with these credentials no addresses can be signed")
        person, over, foreign = await self._judge(Visitor(actor.user, actor.vouched))
        if person is None:
            raise Unauthenticated("the password was changed; log in again" if over else "you are not known here any more")
        now, mark = self._now(), person.mark
        # Periods begin at the same moments for all keys, so that one never lives longer than two of them.
        begins = now // self._key_seconds * self._key_seconds

        def change(known: SigningKey | None) -> SigningKey:
            if known is not None and mark and known.user.mark not in ("", mark):
                # Whoever knew the password that the person had may know the key.
                known = None
            if known is not None and self._is_to_come(known, now):
                known = None
            # What the directory does not tell just now is as it was.
            last = known.user.mark if known is not None and not foreign else ""
            user = attrs.evolve(actor.user, mark=mark or last)
            if known is None or known.made < begins:
                former = "" if known is None or known.made < begins - self._key_seconds else known.key
                return SigningKey(secrets.token_hex(32), former, begins, user, now, foreign)
            return SigningKey(known.key, known.former, known.made, user, now, foreign)

        return (await self._store.change(actor.id, change)).key

    async def actor(self, signed: SignedUrl) -> Actor:
        """Who has signed: good for reading, and until the address expires. Raises `Unauthenticated`."""
        now = self._now()
        found = await self._store.find(signed.user)
        if found is None or self._is_to_come(found, now):
            raise Unauthenticated("this address is not signed by anybody known here")
        keys = [found.key] if found.made > now - 2 * self._key_seconds else []
        if found.former and found.made > now - self._key_seconds:
            keys.append(found.former)
        for key in keys:
            if await self._is_good(key, signed):
                break
        else:
            raise Unauthenticated("the signature of this address is wrong")
        user, over, foreign = await self._judge(Visitor(found.user, found.foreign))
        if over:
            raise Unauthenticated("this address was signed before the password was changed")
        if user is None or (foreign and self._foreign_days and found.seen <= now - self._foreign_days * DAY):
            raise Unauthenticated("who has signed this address is not known any more")
        return Actor(user, signed.expires, Scope(read_only=True), vouched=foreign)

    async def sign(self, actor: Actor, url: str, seconds: int) -> str:
        """`url` as it is good for `seconds`, for who cannot compute signatures: browsers do so only on pages that came by https.
        Raises as `key`, and `Overloaded`."""
        key = await self.key(actor)
        date = datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        fields = {"OC-Credential": actor.id, "OC-Date": date, "OC-Expires": str(seconds), "OC-Verb": "GET"}
        text = f"{url}{'&' if '?' in url else '?'}{urlencode(fields)}"
        value = await self._workers.run(signature, text, key)
        return f"{text}&OC-Algo=PBKDF2%2F{ROUNDS}-SHA512&OC-Signature={value}"

    async def tidy(self) -> None:
        """Forget keys that are worth nothing any more."""
        await self._store.expire(self._now() - 2 * self._key_seconds)

    def _is_to_come(self, key: SigningKey, now: float) -> bool:
        """Whether it was made while the clock was wrong, and would not end for so long. Clocks of several machines may differ."""
        return key.made > now + self._key_seconds

    async def _is_good(self, key: str, signed: SignedUrl) -> bool:
        mark = hashlib.blake2b(f"{key}\0{signed.text}\0{signed.signature}".encode(), digest_size=16).digest()
        if mark in self._good:
            self._good.move_to_end(mark)
            return True
        if self._checking >= AT_ONCE:
            raise Overloaded("too many signed addresses are being checked; try again in a moment")
        self._checking += 1
        try:
            expected = await self._workers.run(signature, signed.text, key)
        finally:
            self._checking -= 1
        if not hmac.compare_digest(expected.encode(), signed.signature.lower().encode("utf-8", "replace")):
            return False
        self._good[mark] = None
        if len(self._good) > REMEMBERED:
            self._good.popitem(last=False)
        return True


def signature(url: str, key: str) -> str:
    """The signature of `url`, hexadecimal. Takes some milliseconds; for workers."""
    return hashlib.pbkdf2_hmac("sha512", url.encode(), key.encode(), ROUNDS, LENGTH).hex()

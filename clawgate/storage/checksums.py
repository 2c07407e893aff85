"""Checksums computed as bytes pass."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

import google_crc32c

from ..errors import ChecksumMismatch, InvalidRequest
from ..model.content import Checksum

try:
    # A twentieth of the time that zlib takes, which is a third of what a download from EOS costs.
    from zlib_ng.zlib_ng import adler32  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    from zlib import adler32

_WIDTHS = {"ADLER32": 8, "CRC32C": 8}


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...

    def copy(self) -> _Digest: ...


class _Rolling:
    """A 32-bit checksum with the face of a hashlib object."""

    __slots__ = ("_extend", "_value")

    def __init__(self, extend: Callable[[int, bytes], int], value: int) -> None:
        self._extend = extend
        self._value = value

    def update(self, data: bytes) -> None:
        self._value = self._extend(self._value, data)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"

    def copy(self) -> _Rolling:
        return _Rolling(self._extend, self._value)


def _adler32(value: int, data: bytes) -> int:
    return int(adler32(data, value))


def _crc32c(value: int, data: bytes) -> int:
    return int(google_crc32c.extend(value, data))


_MAKERS: dict[str, Callable[[], _Digest]] = {
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
    "ADLER32": lambda: _Rolling(_adler32, 1),
    "SHA256": hashlib.sha256,
    "CRC32C": lambda: _Rolling(_crc32c, 0),
}

ALGORITHMS = tuple(_MAKERS)
"""Names in the order in which they are written down."""


class Digests:
    """Several checksums of one stream of bytes. May be used from any thread, by one at a time."""

    __slots__ = ("_digests",)

    def __init__(self, algorithms: Iterable[str]) -> None:
        """Raises `InvalidRequest` for an algorithm that is not one of `ALGORITHMS`."""
        wanted = set(algorithms)
        unknown = wanted.difference(_MAKERS)
        if unknown:
            raise InvalidRequest(f"the checksum algorithm {min(unknown)} is not known here")
        self._digests = {name: make() for name, make in _MAKERS.items() if name in wanted} if wanted else {}

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        for digest in self._digests.values():
            digest.update(data)

    def verify(self, announced: Iterable[Checksum]) -> None:
        """Raise `ChecksumMismatch` unless the bytes so far have all the `announced` checksums (whose algorithms were asked for).

        ownCloud's client sends ADLER32 without leading zeros, so they do not count.
        """
        for checksum in announced:
            actual = self._digests[checksum.algorithm].hexdigest()
            if checksum.value.zfill(_WIDTHS.get(checksum.algorithm, 0)) != actual:
                raise ChecksumMismatch(
                    f"the content has the checksum {checksum.algorithm}:{actual}, {checksum.value} was announced"
                )

    def text(self) -> str:
        """All of them as in ``oc:checksums``: ``SHA1:hex MD5:hex``."""
        return " ".join(f"{name}:{digest.hexdigest()}" for name, digest in self._digests.items())

    def copy(self) -> Digests:
        """The same, to go on with apart from this one."""
        copied = Digests(())
        copied._digests = {name: digest.copy() for name, digest in self._digests.items()}
        return copied

    def covers(self, algorithms: Iterable[str]) -> bool:
        """Whether all of these are worked out here."""
        return self._digests.keys() >= set(algorithms)

    def only(self, algorithms: Collection[str]) -> Digests:
        """A copy that knows of no others than these."""
        copied = self.copy()
        copied._digests = {name: digest for name, digest in copied._digests.items() if name in algorithms}
        return copied

    def __bool__(self) -> bool:
        return bool(self._digests)

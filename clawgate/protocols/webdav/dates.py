"""Modification times on the wire: made for whole listings at once, and read from what clients send."""

from __future__ import annotations

import time

from ...web import dates as http_dates

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LATEST = 253402300799
"""The last second of the year 9999: the format has four digits."""
_KEPT = 20000
_MINUTES = tuple(f"{minute // 60:02}:{minute % 60:02}" for minute in range(1440))
_SECONDS = tuple(f":{second:02} GMT" for second in range(60))


class _HttpDates(dict[int, str]):
    """Second since 1970 -> date; remembers up to `_KEPT`, then starts anew."""

    def __init__(self) -> None:
        super().__init__()
        self._days: dict[int, str] = {}

    def __missing__(self, second: int) -> str:
        # Nextcloud's clients refuse times of zero and below.
        shown = second if 0 < second <= _LATEST else 1 if second < 1 else _LATEST
        day, rest = divmod(shown, 86400)
        text = (self._days.get(day) or self._day(day)) + _MINUTES[rest // 60] + _SECONDS[rest % 60]
        if len(self) >= _KEPT:
            self.clear()
        self[second] = text
        return text

    def _day(self, day: int) -> str:
        if len(self._days) >= _KEPT:
            self._days.clear()
        when = time.gmtime(day * 86400)
        front = f"{_DAYS[when.tm_wday]}, {when.tm_mday:02} {_MONTHS[when.tm_mon - 1]} {when.tm_year:04} "
        self._days[day] = front
        return front


http_date = _HttpDates().__getitem__
"""An IMF-fixdate (RFC 9110 5.6.7), ``Sat, 21 Nov 2026 03:28:16 GMT`` for a second since 1970."""


def parse(text: str) -> int | None:
    """Nanoseconds since 1970 of Unix seconds (with or without fraction) or an RFC 1123 date; None if it is neither."""
    text = text.strip()
    whole, _, fraction = text.partition(".")
    if whole.isascii() and whole.isdigit() and len(whole) <= 11:
        if fraction and not (fraction.isascii() and fraction.isdigit()):
            return None
        return int(whole) * 1_000_000_000 + int(fraction[:9].ljust(9, "0") or 0)
    seconds = http_dates.parse(text)
    return None if seconds is None or seconds < 0 else seconds * 1_000_000_000

"""HTTP dates (RFC 9110 section 5.6.7): the form that is sent, and the three that are understood."""

from __future__ import annotations

import re
from calendar import timegm
from datetime import date
from functools import lru_cache
from time import gmtime, time

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = {name: number for number, name in enumerate(_MONTHS, 1)}

_LONGEST = 40

_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_NAMES = "|".join(_MONTHS)
_FIXDATE = re.compile(rf"(?:{'|'.join(_DAYS)}), (?P<day>[0-9]{{2}}) (?P<month>{_NAMES}) (?P<year>[0-9]{{4}}) {_TIME} GMT")
_RFC850 = re.compile(rf"(?:{'|'.join(_LONG_DAYS)}), (?P<day>[0-9]{{2}})-(?P<month>{_NAMES})-(?P<year>[0-9]{{2}}) {_TIME} GMT")
_ASCTIME = re.compile(rf"(?:{'|'.join(_DAYS)}) (?P<month>{_NAMES}) (?P<day>[0-9 ][0-9]) {_TIME} (?P<year>[0-9]{{4}})")


@lru_cache(4096)
def render(seconds: int) -> bytes:
    """The time as an IMF-fixdate; `seconds` since 1970, times outside the years 1 to 9999 are pressed into them."""
    year, month, day, hour, minute, second, weekday, _, _ = gmtime(max(-62135596800, min(seconds, 253402300799)))
    return b"%s, %02d %s %04d %02d:%02d:%02d GMT" % (
        _DAYS[weekday].encode(),
        day,
        _MONTHS[month - 1].encode(),
        year,
        hour,
        minute,
        second,
    )


def parse(text: str) -> int | None:
    """Seconds since 1970, or None if `text` is none of the three forms or no real date.

    A two-digit year (RFC 850) that would lie more than 50 years ahead is one of the past century.
    """
    text = text.strip(" \t")
    return _parse(text) if len(text) <= _LONGEST else None


@lru_cache(1024)
def _parse(text: str) -> int | None:
    found = _FIXDATE.fullmatch(text) or _RFC850.fullmatch(text) or _ASCTIME.fullmatch(text)
    if found is None:
        return None
    year, month, day = int(found["year"]), _MONTH[found["month"]], int(found["day"])
    if found.re is _RFC850:
        this_year = gmtime(time()).tm_year
        year += this_year // 100 * 100
        if year > this_year + 50:
            year -= 100
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"])
    if hour > 23 or minute > 59 or second > 60:
        return None
    try:
        date(year, month, day)
    except ValueError:
        return None
    return timegm((year, month, day, hour, minute, second))

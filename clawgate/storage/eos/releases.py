"""What differs between releases of EOS (eos.md, section 0). Pure."""

from __future__ import annotations

import re

import attrs

_NUMBER = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")
SHORT = {"5.1": "5.1.30", "5.3": "5.3.21", "5.4": "5.4.11"}
"""What the setting says, as a release."""


@attrs.frozen
class Release:
    """The ways of one release."""

    number: tuple[int, int, int]
    keeps_query: bool
    """Whether the XrdHttp port passes the query on in gateway mode, without which it has no ``/proc``."""
    ranges: bool
    """Whether ranges of an FST can be trusted: 5.5.0 sends them in frames that its headers do not tell of, as its source says."""
    purges: bool
    """Whether by gRPC a key of the recycle bin names one thing that is to be removed for good."""


def release(text: str) -> Release | None:
    """The ways of the release that `text` names, e.g. ``5.3.21``; None if it names none."""
    found = _NUMBER.match(SHORT.get(text, text))
    if found is None:
        return None
    number = (int(found[1]), int(found[2]), int(found[3] or 0))
    return Release(number, keeps_query=number >= (5, 3, 21), ranges=number < (5, 5, 0), purges=number >= (5, 4, 0))

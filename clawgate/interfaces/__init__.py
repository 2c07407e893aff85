"""The seams: what clawgate asks of a storage, and of those who know people.

A driver implements `Storage` and fills an `Abilities` record with what it has beyond that. A wrapper (``storage/wrappers``)
takes a storage and is one. Whoever needs an ability looks in the record; nobody probes with ``isinstance``.
"""

from .abilities import Abilities, Copy, Find, Ids, Janitor, Parts, Piece, Quota, Rights, Room, Times
from .content import Body, FileSlice, Reader
from .history import Trash, Trashed, Version, Versions
from .journal import Event, Journal, Outdated, Position, Stretch
from .outside import Changes, Explored, Glance, Hint, Keepsake, Survey
from .people import Authenticator, Directory, Door, Match
from .search import Found, Names, Search
from .storage import Listing, Storage

__all__ = [
    "Abilities",
    "Authenticator",
    "Body",
    "Changes",
    "Copy",
    "Directory",
    "Door",
    "Event",
    "Explored",
    "FileSlice",
    "Find",
    "Found",
    "Glance",
    "Hint",
    "Ids",
    "Janitor",
    "Journal",
    "Keepsake",
    "Listing",
    "Match",
    "Names",
    "Outdated",
    "Parts",
    "Piece",
    "Position",
    "Quota",
    "Reader",
    "Rights",
    "Room",
    "Search",
    "Storage",
    "Stretch",
    "Survey",
    "Times",
    "Trash",
    "Trashed",
    "Version",
    "Versions",
]

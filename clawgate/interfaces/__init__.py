"""The seams: what clawgate asks of a storage, and of those who know people.

A driver implements `Storage` and fills an `Abilities` record with what it has beyond that. A wrapper (``storage/wrappers``)
takes a storage and is one. Whoever needs an ability looks in the record; nobody probes with ``isinstance``.
"""

from .abilities import Abilities, Copy, Find, Ids, Janitor, Parts, Piece, Quota, Rights, Room, Times
from .content import Body, FileSlice, Reader
from .history import Trash, Trashed, Version, Versions
from .outside import Changes, Explored, Glance, Hint, Keepsake, Survey
from .people import Authenticator, Directory, Door, Match
from .storage import Listing, Storage

__all__ = [
    "Abilities",
    "Authenticator",
    "Body",
    "Changes",
    "Copy",
    "Directory",
    "Door",
    "Explored",
    "FileSlice",
    "Find",
    "Glance",
    "Hint",
    "Ids",
    "Janitor",
    "Keepsake",
    "Listing",
    "Match",
    "Parts",
    "Piece",
    "Quota",
    "Reader",
    "Rights",
    "Room",
    "Storage",
    "Survey",
    "Times",
    "Trash",
    "Trashed",
    "Version",
    "Versions",
]

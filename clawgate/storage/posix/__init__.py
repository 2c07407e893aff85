"""Files and folders of a Linux file system, served in place."""

from .driver import PosixStorage
from .notify import Notifier
from .options import Durability, PosixOptions, Symlinks
from .watch import FolderWatches, Ticket

__all__ = ["Durability", "FolderWatches", "Notifier", "PosixOptions", "PosixStorage", "Symlinks", "Ticket"]

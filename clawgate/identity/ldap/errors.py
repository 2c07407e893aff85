"""What can be wrong with a directory. Only the first class is for clients; the texts of the others are for the log."""

from __future__ import annotations

from ...errors import StorageUnavailable, Unauthenticated


class DirectoryUnavailable(StorageUnavailable):
    """No server of the directory gives an answer that can be used, and only it could tell."""


class ServerFailed(Exception):
    """Why one server gave no answer; another one may."""


class Refused(Exception):
    """A server answered, but with a result that says nothing about people: a base that is missing, a right that we lack."""


class BadEntry(Exception):
    """What the directory has about a person cannot be used."""


class NotLetIn(Unauthenticated):
    """The directory does not accept somebody's password. `detail`, for the log, says why if it is not simply wrong."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("wrong user name or password")
        self.detail = detail

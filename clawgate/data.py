"""The data directory: making it, its first users, and the lock that keeps a second gateway out."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Sequence

from .errors import SettingsError
from .identity import users_file
from .identity.passwords import hash_password, matches
from .identity.users_file import Account
from .model.people import User
from .settings import Settings

FIRST_USER = "admin"
Owner = tuple[int, int]
"""User and group id that files are given to; -1 leaves one as it is."""


def users_path(settings: Settings) -> str:
    """Where the file of users is."""
    return os.path.join(settings.data, settings.users.file or "users.toml")


def make(settings: Settings, owner: Owner | None = None) -> None:
    """Make the data directory if there is none, open to its owner only. Raises `SettingsError`."""
    try:
        if not os.path.isdir(settings.data):
            os.makedirs(settings.data, 0o700)
            if owner is not None:
                os.chown(settings.data, *owner)
    except OSError as error:
        raise SettingsError(f"data: {settings.data} cannot be made: {error.strerror}") from error


def first_users(settings: Settings, users: Sequence[tuple[str, str]], owner: Owner | None = None) -> str | None:
    """Make sure that `users` (names and passwords) are in the file of users; without any, and without a file, that there is an
    `admin`, whose new password is returned. Raises `SettingsError`."""
    path = users_path(settings)
    invented = None
    if not users and not os.path.exists(path):
        invented = secrets.token_urlsafe(12)
        users = [(FIRST_USER, invented)]
    for name, password in users:
        set_password(path, users_file.check_user_id(name), password)
    if users and owner is not None:
        os.chown(path, *owner)
    return invented


def set_password(path: str, id: str, password: str) -> None:
    """Give user `id` in the file `path` this password; both are made if they do not exist. Raises `SettingsError`."""
    text = read_users(path)
    account = users_file.parse(text, path).get(id)
    if account is None or not matches(account.password, password):
        write_user(path, id, Account(account.user if account is not None else User(id), hash_password(password)))


def read_users(path: str) -> str:
    """The text of the file of users, empty if there is none. Raises `SettingsError`."""
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error


def write_user(path: str, id: str, account: Account | None) -> None:
    """Put one account into the file of users, or take it out. Raises `SettingsError`."""
    text = users_file.replaced(read_users(path), id, account, path)
    try:
        users_file.write(path, text)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from error


class Lock:
    """Held by whoever works with state and index alone: the gateway, and commands that repair."""

    def __init__(self, settings: Settings) -> None:
        self._path = os.path.join(settings.data, "lock")
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take it; False if another process holds it. Raises `SettingsError`."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SettingsError(f"{self._path}: cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let go; does nothing if it is not held. The file stays: removing it would let two in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

"""``clawgate user``: the file of users."""

from __future__ import annotations

import argparse
import getpass
import sys

import attrs

from .. import data
from ..errors import SettingsError
from ..identity import users_file
from ..identity.passwords import hash_password
from ..identity.users_file import Account
from ..model.people import User
from ..model.size import parse_size
from ..settings import Settings


def _password() -> str:
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Again: "):
            raise SettingsError("the two are not the same; nothing was changed")
    if not password:
        raise SettingsError("an empty password is not possible")
    return password


def _accounts(settings: Settings) -> tuple[str, dict[str, Account]]:
    file = data.users_path(settings)
    return file, users_file.parse(data.read_users(file), file)


def add(options: argparse.Namespace, settings: Settings) -> int:
    """Add a user, whose password is asked for. Raises `SettingsError`."""
    file, accounts = _accounts(settings)
    id = users_file.check_user_id(options.name)
    if id in accounts:
        raise SettingsError(f"{id} is already there; 'clawgate user passwd {id}' sets another password")
    try:
        quota = parse_size(options.quota) if options.quota is not None else None
    except ValueError as error:
        raise SettingsError(f"--quota: {error}") from None
    for key, number in (("--uid", options.uid), ("--gid", options.gid)):
        if number is not None and not 0 < number < users_file.IDS:
            raise SettingsError(f"{key}: expected a number from 1 to {users_file.IDS - 1}")
    user = User(id, options.display, options.mail, frozenset(options.group), quota, options.uid, options.gid)
    data.make(settings)
    data.write_user(file, id, Account(user, hash_password(_password())))
    print(f"{id} was added to {file}")
    return 0


def _known(options: argparse.Namespace, settings: Settings) -> tuple[str, Account]:
    file, accounts = _accounts(settings)
    if options.name not in accounts:
        raise SettingsError(f"{options.name} is not in {file}")
    return file, accounts[options.name]


def passwd(options: argparse.Namespace, settings: Settings) -> int:
    """Set a password, which is asked for. Raises `SettingsError`."""
    file, account = _known(options, settings)
    data.write_user(file, account.user.id, attrs.evolve(account, password=hash_password(_password())))
    print(f"{account.user.id} has a new password")
    return 0


def remove(options: argparse.Namespace, settings: Settings) -> int:
    """Remove a user; files stay. Raises `SettingsError`."""
    file, account = _known(options, settings)
    data.write_user(file, account.user.id, None)
    print(f"{account.user.id} was removed from {file}; files were left alone")
    return 0


def show(options: argparse.Namespace, settings: Settings) -> int:
    """List all users."""
    for id, account in sorted(_accounts(settings)[1].items()):
        user = account.user
        quota = f"{user.quota} bytes" if user.quota is not None else ""
        print("\t".join((id, user.name, user.mail, ",".join(sorted(user.groups)), quota)).rstrip())
    return 0

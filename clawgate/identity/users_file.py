"""The file of users as text: reading it into people, and changing it.

One table a user::

    [users."alice"]
    password = "$argon2id$v=19$..."
    name = "Alice Adams"
    mail = "alice@example.org"
    groups = ["physics"]
    quota = "10 GiB"
    uid = 3001
    gid = 3001
"""

from __future__ import annotations

import contextlib
import difflib
import itertools
import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from ..errors import ClawgateError, SettingsError
from ..model.path import check_name
from ..model.people import User
from ..model.size import parse_size
from .passwords import is_hash

_KEYS = ("password", "name", "mail", "groups", "quota", "uid", "gid")
IDS = 2**32 - 2
"""Above all uids and gids that somebody can have."""
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069:/]")
"""Controls, those that turn the direction of writing around among them: lists and pages would show another id."""


@attrs.frozen
class Account:
    """One entry of the file."""

    user: User
    password: str = attrs.field(repr=False)
    """argon2 PHC string."""


def check_user_id(id: str) -> str:
    """Return `id` if it can be a user's id, else raise `SettingsError`.

    It becomes part of paths, and of Basic credentials, where a colon ends it.
    """
    try:
        check_name(id)
    except ClawgateError as error:
        raise SettingsError(f"user {id!r}: {error}") from None
    if _FORBIDDEN.search(id) or id != id.strip() or len(id.encode()) > 128:
        raise SettingsError(f"user {id!r}: at most 128 bytes, without control characters, colons and blanks at the ends")
    return id


def parse(text: str, file: str) -> dict[str, Account]:
    """All accounts by user id. Raises `SettingsError`, naming `file`."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: is not TOML: {error}") from error
    for name in tree:
        if name != "users":
            raise SettingsError(f"{file}: {name}: unknown; expected tables [users.NAME]")
    users = tree.get("users", {})
    if not isinstance(users, dict):
        raise SettingsError(f"{file}: users: expected tables [users.NAME]")
    return {id: _account(id, entry, file) for id, entry in users.items()}


def _account(id: str, entry: Any, file: str) -> Account:
    where = f"{file}: users.{json.dumps(id, ensure_ascii=False)}"
    if not isinstance(entry, dict):
        raise SettingsError(f"{where}: expected a table")
    for key in entry:
        if key not in _KEYS:
            close = difflib.get_close_matches(key, _KEYS, n=1)
            raise SettingsError(
                f"{where}.{key}: unknown; {f'did you mean {close[0]!r}?' if close else 'there are ' + ', '.join(_KEYS)}"
            )
    try:
        check_user_id(id)
        user = User(
            id=id,
            name=_text(entry, "name"),
            mail=_text(entry, "mail"),
            groups=frozenset(_groups(entry)),
            quota=_quota(entry),
            uid=_id(entry, "uid"),
            gid=_id(entry, "gid"),
        )
        password = _text(entry, "password")
    except (SettingsError, ValueError) as error:
        raise SettingsError(f"{where}: {error}") from None
    if not is_hash(password):
        raise SettingsError(f"{where}.password: expected an argon2 hash; 'clawgate user passwd {id}' makes one")
    return Account(user, password)


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str):
        raise ValueError(f"{key}: expected a text in quotes")
    return value


def _groups(entry: Mapping[str, Any]) -> Iterable[str]:
    value = entry.get("groups", [])
    if not isinstance(value, list) or not all(isinstance(group, str) for group in value):
        raise ValueError("groups: expected a list of names")
    return value


def _quota(entry: Mapping[str, Any]) -> int | None:
    value = entry.get("quota")
    if isinstance(value, str):
        return parse_size(value)
    if value is not None and (type(value) is not int or value < 0):
        raise ValueError("quota: expected bytes, or a size like '10 GiB'")
    return value


def _id(entry: Mapping[str, Any], key: str) -> int | None:
    value = entry.get(key)
    if value is not None and (type(value) is not int or not 0 < value < IDS):
        raise ValueError(f"{key}: expected a number from 1 to {IDS - 1}")
    return value


def render(account: Account) -> str:
    """The table of one account."""
    user = account.user
    lines = [f"[users.{_quoted(user.id)}]", f"password = {_quoted(account.password)}"]
    if user.name:
        lines.append(f"name = {_quoted(user.name)}")
    if user.mail:
        lines.append(f"mail = {_quoted(user.mail)}")
    if user.groups:
        lines.append(f"groups = [{', '.join(_quoted(group) for group in sorted(user.groups))}]")
    if user.quota is not None:
        lines.append(f"quota = {user.quota}")
    if user.uid is not None:
        lines.append(f"uid = {user.uid}")
    if user.gid is not None:
        lines.append(f"gid = {user.gid}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def replaced(text: str, id: str, account: Account | None, file: str) -> str:
    """`text` with the table of user `id` replaced, or added at the end, or (None) taken out; all else stays as it is written.

    Raises `SettingsError` where the file is written in a way that cannot be edited (inline or dotted tables).
    """
    before = parse(text, file)
    expected = {key: value for key, value in before.items() if key != id}
    blocks = list(_blocks(text))
    if account is not None:
        expected[id] = account
        if not any(_id_of(block) == id for block in blocks):
            blocks.append(("\n" if text.strip() else "") + f"[users.{_quoted(id)}]\n")
        blocks = [_comments(block) + render(account) if _id_of(block) == id else block for block in blocks]
    else:
        blocks = [block for block in blocks if _id_of(block) != id]
    result = "".join(block if not block or block.endswith("\n") else block + "\n" for block in blocks)
    try:
        if parse(result, file) == expected:
            return result
    except SettingsError:
        pass
    raise SettingsError(f"{file}: user {id!r} is not in a table [users.{_quoted(id)}] of its own; edit the file by hand")


def _blocks(text: str) -> Iterator[str]:
    """The text cut before every table header and the comments above it."""
    block = comments = ""
    for line in _lines(text):
        start = line.lstrip(" \t\r\n")[:1]
        if start == "[":
            yield block
            block, comments = comments + line, ""
        elif start in ("", "#"):
            comments += line
        else:
            block, comments = block + comments + line, ""
    yield block + comments


def _comments(block: str) -> str:
    """What stands above the block's header."""
    return "".join(itertools.takewhile(lambda line: not line.lstrip(" \t").startswith("["), _lines(block)))


def _lines(text: str) -> list[str]:
    """The lines as TOML counts them, with their ends; `str.splitlines` would also cut at characters that names may have."""
    return [line + "\n" for line in text.split("\n")[:-1]] + [line for line in text.split("\n")[-1:] if line]


def _id_of(block: str) -> str | None:
    """The user whose table the block is."""
    header = block[len(_comments(block)) :].split("\n", 1)[0]
    try:
        users = tomllib.loads(header + "\n").get("users", {})
    except tomllib.TOMLDecodeError:
        return None
    return next(iter(users), None) if isinstance(users, dict) else None


def write(file: str, text: str) -> None:
    """Put `text` in place of `file` in one step; a new file is readable by its owner only. Raises `OSError`."""
    file = os.path.realpath(file)
    temporary = f"{file}.{os.getpid()}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as stream:
            _keep_owner(file, stream.fileno())
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise


def _keep_owner(file: str, descriptor: int) -> None:
    """Give the new file the mode and, where allowed, the owner of the one it replaces, else of its folder: the gateway must be
    able to read it, also when root is the one who writes."""
    try:
        before = os.stat(file)
        os.fchmod(descriptor, before.st_mode & 0o777)
    except FileNotFoundError:
        before = os.stat(os.path.dirname(file))
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, before.st_uid, before.st_gid)

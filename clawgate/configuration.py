"""Settings from files, the environment and the command line.

Later sources win, setting by setting: TOML files in their order, then ``CLAWGATE_SECTION__KEY`` from the environment (mounts:
``CLAWGATE_MOUNTS__NAME__KEY``), then options. What is not known or has a wrong type or value is a `SettingsError` that says
where it stands and what is expected.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast, get_args, get_origin, get_type_hints

import attrs

from .errors import SettingsError
from .model.size import parse_size
from .settings import S3, Eos, Ldap, Mount, Oidc, Rules, Settings

PREFIX = "CLAWGATE_"
Key = tuple[str, ...]

_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"\s*([A-Za-z0-9_\-.\"' ]+?)\s*=")
_MOUNT_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAMES = {str: "a text in quotes", int: "a whole number", float: "a number", bool: "true or false"}


class _Text(str):
    """A value from the environment, which knows no types."""


@attrs.define
class _Sources:
    """What was found, and where."""

    tree: dict[str, Any] = attrs.field(factory=dict)
    origins: dict[Key, str] = attrs.field(factory=dict)

    def put(self, key: Key, value: Any, origin: str) -> None:
        """Set one value, or merge a table into what is there."""
        self.origins[key] = origin
        if isinstance(value, dict):
            table = self._table(key, origin)
            for name, below in value.items():
                table.setdefault(name, {} if isinstance(below, dict) else below)
                self.put((*key, name), below, origin)
        else:
            self._table(key[:-1], origin)[key[-1]] = value

    def _table(self, key: Key, origin: str) -> dict[str, Any]:
        table = self.tree
        for depth, name in enumerate(key, 1):
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                raise SettingsError(f"{origin}: {'.'.join(key[:depth])} is a setting and cannot hold further ones")
        return table

    def where(self, key: Key) -> str:
        """The place of `key`, as errors begin."""
        while key and key not in self.origins:
            key = key[:-1]
        return f"{self.origins[key]}: " if key else ""


def load(files: Sequence[str] = (), environment: Mapping[str, str] | None = None, **options: Any) -> Settings:
    """The settings; `options` are values for ``SECTION__KEY`` or top-level names, those that are None are not given.

    ``data`` comes out absolute, counted from the current directory. Raises `SettingsError`.
    """
    sources = _Sources()
    for file in files:
        _read(sources, file)
    for name, value in sorted((environment or {}).items()):
        key = tuple(name.removeprefix(PREFIX).lower().split("__"))
        # A single word that is no setting is not ours: Kubernetes invents CLAWGATE_PORT for a service called clawgate.
        if name.startswith(PREFIX) and (len(key) > 1 or key[0] in _fields(Settings)):
            sources.put(_spelled(sources, key), _Text(value), f"environment variable {name}")
        elif name.startswith(PREFIX) and (meant := _meant(key[0])):
            raise SettingsError(f"environment variable {name}: two underscores stand before the key; write {meant}")
    for name, value in options.items():
        if value is not None:
            sources.put(tuple(name.split("__")), value, "command line")
    settings = cast(Settings, _section(sources, Settings, ()))
    return attrs.evolve(settings, data=os.path.abspath(settings.data))


def _meant(word: str) -> str:
    """The variable of a setting that `word` would be with two underscores; empty if there is none."""
    for section, kind in _fields(Settings).items():
        key = word.removeprefix(f"{section}_")
        if key != word and attrs.has(kind) and key in _fields(kind):
            return f"{PREFIX}{section}__{key}".upper()
    return ""


def _read(sources: _Sources, file: str) -> None:
    try:
        with open(file, "rb") as stream:
            text = stream.read().decode()
        tree = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: is not TOML: {error}") from error
    for name, value in tree.items():
        sources.put((name,), value, file)
    for key, line in _lines(text):
        if key in sources.origins:
            sources.origins[key] = f"{file} line {line}"


def _lines(text: str) -> Iterator[tuple[Key, int]]:
    """Where tables and keys stand, by a look at the beginnings of lines: good enough for messages."""
    table: Key = ()
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            table = _key(header[1])
            yield table, number
        elif assignment := _ASSIGNMENT.match(line):
            yield (*table, *_key(assignment[1])), number


def _key(text: str) -> Key:
    return tuple(part.strip().strip("\"'") for part in text.split("."))


def _spelled(sources: _Sources, key: Key) -> Key:
    """`key` with the name of a mount, provider or directory as a file spells it."""
    if len(key) >= 3 and key[0] in ("mounts", "oidc", "ldap"):
        for name in sources.tree.get(key[0], {}):
            if name.lower() == key[1]:
                return (key[0], name, *key[2:])
    return key


def _fields(kind: type) -> dict[str, Any]:
    """The annotations of a section, resolved."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in attrs.fields(kind)}


def _section(sources: _Sources, kind: type, key: Key) -> Any:
    table: Any = sources.tree
    for name in key:
        table = table[name]
    if not isinstance(table, dict):
        raise SettingsError(f"{sources.where(key)}{'.'.join(key)}: expected a table [{'.'.join(key)}]")
    hints = _fields(kind)
    for name in table:
        if name not in hints:
            raise SettingsError(f"{sources.where((*key, name))}{'.'.join((*key, name))}: {_unknown(name, hints, key, kind)}")
    values = {name: _value(sources, kind, (*key, name), hints[name], value) for name, value in table.items()}
    return kind(**values)


def _unknown(name: str, hints: Mapping[str, Any], key: Key, kind: type) -> str:
    close = difflib.get_close_matches(name, hints, n=1)
    if close:
        return f"unknown setting; did you mean {close[0]!r}?"
    for section, hint in _fields(Settings).items():
        if kind is Settings and attrs.has(hint) and name in _fields(hint):
            return f"unknown setting; did you mean {section}.{name}?"
    return f"unknown setting; {'.'.join(key) or 'the top level'} has {', '.join(sorted(hints))}"


def _value(sources: _Sources, kind: type, key: Key, hint: Any, value: Any) -> Any:
    if attrs.has(hint):
        return _section(sources, hint, key)
    if get_origin(hint) is dict:
        if not isinstance(value, dict):
            raise SettingsError(f"{sources.where(key)}{'.'.join(key)}: expected tables [{'.'.join(key)}.NAME]")
        for name in value:
            if not _MOUNT_NAME.fullmatch(name):
                raise SettingsError(
                    f"{sources.where((*key, name))}{'.'.join(key)}.{name!r}: names have letters, digits, - and _, at most 64"
                )
        return {name: _section(sources, get_args(hint)[1], (*key, name)) for name in value}
    rules: Rules = attrs.fields_dict(kind)[key[-1]].metadata["rules"]
    try:
        return _convert(value, hint, rules)
    except ValueError as error:
        raise SettingsError(f"{sources.where(key)}{'.'.join(key)}: {error}") from None


def _convert(value: Any, hint: Any, rules: Rules) -> Any:
    """`value` as the type of the annotation; raises `ValueError` with what is expected."""
    if get_origin(hint) is list:
        if isinstance(value, _Text):
            value = _items(value)
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"expected a list, found {_shown(value, rules)}")
        return [_convert(item, get_args(hint)[0], rules) for item in value]
    result = _plain(value, hint, rules)
    if rules.choices and result not in rules.choices:
        close = difflib.get_close_matches(str(result), list(rules.choices), n=1, cutoff=0.5)
        also = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"expected one of {', '.join(rules.choices)}, found {_shown(value, rules)}{also}")
    if rules.low is not None and result < rules.low:
        raise ValueError(f"expected at least {rules.low:g}, found {_shown(value, rules)}")
    if rules.high is not None and result > rules.high:
        raise ValueError(f"expected at most {rules.high:g}, found {_shown(value, rules)}")
    if rules.check is not None:
        rules.check(result)
    return result


def _plain(value: Any, hint: type, rules: Rules) -> Any:
    wrong = ValueError(f"expected {_NAMES[hint]}{' or a size like 10 GiB' if rules.size else ''}, found {_shown(value, rules)}")
    if rules.size and isinstance(value, str):
        return parse_size(value)
    if isinstance(value, _Text):
        value = _from_text(value, hint, wrong)
    if hint is float and type(value) is int:
        value = float(value)
    if type(value) is not hint or (isinstance(value, float) and not math.isfinite(value)):
        raise wrong
    if rules.secret and isinstance(value, str) and value.startswith("file:/"):
        return _secret(value.removeprefix("file:"))
    return value


def _from_text(value: _Text, hint: type, wrong: ValueError) -> Any:
    word = value.strip().lower()
    if hint is bool:
        if word in ("true", "yes", "on", "1"):
            return True
        if word in ("false", "no", "off", "0"):
            return False
        raise wrong
    try:
        return hint(value)
    except ValueError:
        raise wrong from None


def _items(value: _Text) -> list[Any]:
    """A TOML array, or items with commas between."""
    if value.lstrip().startswith("["):
        try:
            return cast(list[Any], tomllib.loads(f"list = {value}")["list"])
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"is not a TOML array: {error}") from None
    return [_Text(item.strip()) for item in value.split(",") if item.strip()]


def _secret(file: str) -> str:
    try:
        with open(file, encoding="utf-8") as stream:
            return stream.read().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the secret in {file} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _shown(value: Any, rules: Rules) -> str:
    return "another value" if rules.secret else json.dumps(value, ensure_ascii=False, default=str)


def sample() -> str:
    """All settings with their defaults, each under its line of explanation: the text of ``conf/clawgate.toml``."""
    default = Settings()
    parts = [
        "# All settings with their defaults; made by 'clawgate settings'. Lines that agree with the default may be left out.\n"
        "# In the environment: CLAWGATE_HTTP__LISTEN, CLAWGATE_MOUNTS__HOME__ROOT. Numbers of bytes may be written '10 GiB'.\n"
        "# Secrets may stand in files: 'file:/run/secrets/state-url'.\n",
        "".join(_sample(default)),
    ]
    for name in _fields(Settings):
        section = getattr(default, name)
        if attrs.has(type(section)):
            parts.append(
                "".join((f"# {_about(type(section))}\n" if _about(type(section)) else "", f"[{name}]\n", *_sample(section)))
            )
    parts += ["".join((f"# {_about(Mount)}\n", f"[mounts.{name}]\n", *_sample(mount))) for name, mount in default.mounts.items()]
    # There is none by default, so that none may stand here for a setting.
    for name, section in (("mounts.NAME.eos", Eos()), ("mounts.NAME.s3", S3()), ("oidc.NAME", Oidc()), ("ldap.NAME", Ldap())):
        text = "".join((f"# {_about(type(section))}\n", f"[{name}]\n", *_sample(section)))
        parts.append("".join(line if line.startswith("#") else f"#{line}" for line in text.splitlines(keepends=True)))
    return "\n".join(parts)


def _about(kind: type) -> str:
    return (kind.__doc__ or "").split("\n")[0].rpartition("]")[2].removeprefix(":").strip()


def _sample(section: Any) -> Iterator[str]:
    for field in attrs.fields(type(section)):
        if "rules" in field.metadata:
            value = getattr(section, field.name)
            yield f"# {field.metadata['rules'].help}\n{field.name} = {json.dumps(value, ensure_ascii=False)}\n"

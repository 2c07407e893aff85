"""Who gets what where: settings and people in ``mapping/NAME.toml``, and what comes of it in ``mapping/NAME.txt``."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from clawgate.configuration import load
from clawgate.explaining import lines
from clawgate.gateway.namespace import Namespace
from clawgate.gateway.rules import among, principals, rules_of
from clawgate.model.path import Path as Inner
from clawgate.model.people import User

FOLDER = Path(__file__).parent / "mapping"


async def nothing(*_: object) -> None:
    """Spaces are only explained here, never opened."""


def people(tree: dict[str, object]) -> list[User]:
    known = {"id", "name", "mail", "uid", "gid", "quota", "groups"}
    found = []
    for entry in tree["user"]:  # type: ignore[attr-defined]
        values = {key: value for key, value in entry.items() if key in known and key != "groups"}
        attributes = {key: value for key, value in entry.items() if key not in known}
        found.append(User(**values, groups=frozenset(entry.get("groups", ())), attributes=attributes))
    return found


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_what_people_get(file: Path, tmp_path: Path) -> None:
    tree = tomllib.loads(file.read_text())
    only_settings = tmp_path / "clawgate.toml"
    only_settings.write_text(file.read_text().partition("[[user]]")[0])
    settings = load([str(only_settings)], data="/data")
    namespace = Namespace(rules_of(settings.mounts, settings.data), nothing)
    found = "\n\n".join(
        "\n".join(lines(user, namespace.explain(user, Inner("a/b")), settings.mounts, lambda path: False))
        for user in people(tree)
    )
    assert found + "\n" == file.with_suffix(".txt").read_text()


def test_who_is_among_members():
    users = [
        User("ada"),
        User("@staff"),
        User("staff"),
        User("bob", groups=frozenset(["staff", "x"])),
        User("eve", groups=frozenset(["bob"])),
    ]
    for members in ([], ["ada"], ["@staff"], ["bob", "@none"], ["@bob", "staff"]):
        assert [among(members)(user) for user in users] == [not set(members).isdisjoint(principals(user)) for user in users]

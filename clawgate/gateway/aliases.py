"""What spaces are called in addresses of web pages: no two alike, the same for everybody, the same after a new name. Pure.

oCIS makes the alias of the first name, leaves it when that changes, and lets two be alike; ownCloud Web then opens one of them
for both wherever it goes by the alias (owncloud/web#7715). The letter ``~`` is in no text that is made of a name: what stands
behind it tells those apart whose names are alike, and behind two of them (behind one, where ids are doubled) stands the mount.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from ..model.space import SpaceKind
from .template import Field, compiled

if TYPE_CHECKING:
    from .rules import Rule

_NOT_IN_ALIAS = re.compile(r"[^\w.-]+")


def slug(name: str) -> str:
    """``optics-lab`` for *Optics Lab!*; may be empty."""
    return _NOT_IN_ALIAS.sub("-", name.casefold()).strip("-")


@attrs.frozen
class Naming:
    """How the spaces of one mount are told from those of others."""

    kind: SpaceKind
    mount: str
    plain: bool = True
    """Their names alone do it, but for those in `taken`."""
    taken: frozenset[str] = frozenset()

    def person(self, id: str) -> str:
        """The alias of a personal space."""
        return self._of(id.replace("~", "~~"))

    def group(self, title: str, name: str, group: str, key: str) -> str:
        """The alias of the space of a group that is called `name` by the template `title`; `key` is no other group's."""
        fields = [piece for piece in compiled(title) if isinstance(piece, Field)]
        if any(field.attribute for field in fields):
            # Everybody calls it otherwise.
            return self._of(_unlike(slug(group), key))
        lossless = group == key == slug(group) and not any(field.steps for field in fields) and bool(fields) == bool(title)
        return self._of(slug(name) if lossless else _unlike(slug(name), key))

    def made(self, name: str, label: str, key: str) -> str:
        """The alias of a space that somebody made; the mount has each label and each key once."""
        return self._of(label if label != key else _unlike(slug(name), key))

    def only(self, title: str) -> str:
        """The alias of the only space of a mount."""
        return self._of(_only(title, self.mount))

    def _of(self, text: str) -> str:
        if not self.plain or text in self.taken:
            text = f"{text}{'~' if self.kind is SpaceKind.PERSONAL else '~~'}{self.mount}"
        return f"{self.kind.value}/{text}"


def settle(rules: Mapping[str, Rule]) -> dict[str, Rule]:
    """The same rules, whose spaces have no alias in common: those come first that have one space, then the first one that has
    many, as the settings have them; all spaces of others are told apart by the mount."""
    found = dict(rules)
    for kind in SpaceKind:
        taken: set[str] = set()
        mounts = [rule for rule in rules.values() if rule.kind is kind]
        for rule in (one for one in mounts if one.single):
            text = _only(rule.title, rule.name)
            found[rule.name] = attrs.evolve(rule, naming=Naming(kind, rule.name, text not in taken))
            taken.add(text)
        for number, rule in enumerate(one for one in mounts if not one.single):
            found[rule.name] = attrs.evolve(rule, naming=Naming(kind, rule.name, not number, frozenset(taken)))
    return found


def _only(title: str, mount: str) -> str:
    fixed = title and not any(isinstance(piece, Field) for piece in compiled(title))
    return (slug("".join(str(piece) for piece in compiled(title))) if fixed else slug(mount)) or mount


def _unlike(text: str, key: str) -> str:
    return f"{text}~{key}" if text else key

"""The live properties: one entry each in `TABLE`, with where it applies and how it is rendered.

A property is a frame, the XML inside its element, which is the same for all entries of an answer, and may be a column: the
values that go into the frame, made for many nodes at once (a listing of ten thousand is then a few list comprehensions).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import attrs

from ...interfaces import Room
from ...model.node import Node
from ...model.path import Path
from ...model.permissions import Permissions
from .dates import http_date
from .elements import DAV, NC, OC, OCS, SABRE, Name, escape, escape_all
from .letters import letters, mask
from .media import FOLDER, content_type

OURS = frozenset((DAV, OC, NC, OCS, SABRE))
"""Namespaces whose properties are all live: clients cannot store dead ones there."""


class Scene(NamedTuple):
    """What all entries of one answer have in common, as far as its properties show it (the rest keeps its default)."""

    permissions: Permissions = Permissions.NONE
    space: str = ""
    owner: str = ""
    owner_name: str = ""
    base_url: str = ""
    room: Room = Room(None, None)
    parent: str = ""
    """Id of the folder that holds the entries."""
    fingerprint: str = ""
    """Of the space's data, if they were restored from a backup."""
    journal: bool = False
    """Whether it is written down what changes (RFC 6578)."""
    searchable: bool = False
    """Whether the space can be searched."""
    minimal: bool = False
    """``Prefer: return=minimal`` (RFC 8144): what is not found is not mentioned."""


@attrs.define(eq=False)
class Batch:
    """Some entries, all files or all folders."""

    nodes: Sequence[Node]
    hrefs: list[str]
    names: list[str]
    """To show."""
    paths: Sequence[Path]
    """Only there if locks are asked for."""
    favourites: frozenset[str]
    locks: Callable[[Path], str]
    """The inside of ``lockdiscovery``."""
    token: Callable[[Node], str] = lambda folder: ""
    """``sync-token`` of a folder."""
    shown: Callable[[str, int], bool] = lambda kind, size: False
    """Whether there are previews of files of a media type and a size."""
    tags: Mapping[str, Sequence[str]] = attrs.field(factory=dict)
    """By node id."""


Column = Callable[[Batch], Iterable[str]]
Frame = Callable[[Scene], str | None]
"""The XML inside the element, with `SLOT` where the column's value goes; None: not there."""
SLOT = "\0"
"""NUL, which XML cannot hold."""


@attrs.frozen(eq=False)
class Live:
    """One live property."""

    name: Name
    file: Frame | None
    """Its frame for files; None: files do not have it."""
    folder: Frame | None
    column: Column | None = None
    basic: bool = False
    """Part of ``allprop``."""
    needs_checksums: bool = False
    """Only there where the node has some."""


def _fixed(text: str) -> Frame:
    return lambda scene: text


def _present(field: Callable[[Scene], str]) -> Frame:
    """The text of a field of the scene; not there when it is empty."""

    def frame(scene: Scene) -> str | None:
        return escape(field(scene)) or None

    return frame


def _number(field: Callable[[Room], int | None]) -> Frame:
    def frame(scene: Scene) -> str | None:
        value = field(scene.room)
        return None if value is None else str(value)

    return frame


def _link(scene: Scene) -> str:
    return f"{escape(scene.base_url)}/f/{SLOT}"


def _names(batch: Batch) -> list[str]:
    return escape_all(batch.names)


def _dates(batch: Batch) -> Iterable[str]:
    return map(http_date, [node.mtime_ns // 1_000_000_000 for node in batch.nodes])


def _sizes(batch: Batch) -> Iterable[str]:
    return map(str, [node.size for node in batch.nodes])


def _etags(batch: Batch) -> list[str]:
    return escape_all([node.etag for node in batch.nodes])


def _ids(batch: Batch) -> list[str]:
    return escape_all([node.id for node in batch.nodes])


def _checksums(batch: Batch) -> list[str]:
    return escape_all([node.checksums for node in batch.nodes])


def _types(batch: Batch) -> Iterable[str]:
    return map(content_type, [node.name for node in batch.nodes])


def _previews(batch: Batch) -> list[str]:
    return ["true" if batch.shown(content_type(node.name), node.size) else "false" for node in batch.nodes]


def _stars(batch: Batch) -> list[str]:
    marked = batch.favourites
    return ["1" if node.id in marked else "0" for node in batch.nodes]


def _tags(batch: Batch) -> list[str]:
    return escape_all([",".join(batch.tags.get(node.id, ())) for node in batch.nodes])


def _system_tags(batch: Batch) -> list[str]:
    tags = batch.tags
    return ["".join(f"<nc:system-tag>{escape(tag)}</nc:system-tag>" for tag in tags.get(node.id, ())) for node in batch.nodes]


def _locks(batch: Batch) -> Iterable[str]:
    return map(batch.locks, batch.paths)


def _tokens(batch: Batch) -> Iterable[str]:
    return map(batch.token, batch.nodes)


def _reports(scene: Scene) -> str:
    offered = {"oc:filter-files": True, "oc:search-files": scene.searchable, "d:sync-collection": scene.journal}
    names = [name for name, there in offered.items() if there]
    return "".join(f"<d:supported-report><d:report><{name}/></d:report></d:supported-report>" for name in names)


_value, _none = _fixed(SLOT), _fixed("")
_lock_entries = "".join(
    f"<d:lockentry><d:lockscope><d:{scope}/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockentry>"
    for scope in ("exclusive", "shared")
)

LOCK_DISCOVERY = (DAV, "lockdiscovery")
FAVOURITE = (OC, "favorite")
TAGS = (OC, "tags")
SYSTEM_TAGS = (NC, "system-tags")
"""The same for Nextcloud's phones, which read the names."""
TAGGING = (TAGS, SYSTEM_TAGS)
REPORTS = (DAV, "supported-report-set")
SYNC_TOKEN = (DAV, "sync-token")

TABLE: dict[Name, Live] = {
    live.name: live
    for live in (
        Live((DAV, "resourcetype"), _none, _fixed("<d:collection/>"), basic=True),
        Live((DAV, "getlastmodified"), _value, _value, _dates, basic=True),
        Live((DAV, "getcontentlength"), _value, None, _sizes, basic=True),
        Live((DAV, "getetag"), _fixed(f'"{SLOT}"'), _fixed(f'"{SLOT}"'), _etags, basic=True),
        Live((DAV, "getcontenttype"), _value, _fixed(FOLDER), _types, basic=True),
        Live((DAV, "displayname"), _value, _value, _names, basic=True),
        Live((DAV, "supportedlock"), _fixed(_lock_entries), _fixed(_lock_entries), basic=True),
        Live(LOCK_DISCOVERY, _value, _value, _locks, basic=True),
        # RFC 4331 3: not part of allprop.
        Live((DAV, "quota-available-bytes"), None, _number(lambda room: room.available)),
        Live((DAV, "quota-used-bytes"), None, _number(lambda room: room.used)),
        Live(REPORTS, _none, _reports),
        # RFC 6578 4: not part of allprop.
        Live(SYNC_TOKEN, None, lambda scene: SLOT if scene.journal else None, _tokens),
        Live((OC, "id"), _value, _value, _ids, basic=True),
        Live((OC, "fileid"), _value, _value, _ids, basic=True),
        Live(
            (OC, "permissions"),
            lambda scene: letters(scene.permissions, False),
            lambda scene: letters(scene.permissions, True),
            basic=True,
        ),
        Live((OC, "size"), _value, _value, _sizes, basic=True),
        Live((OC, "checksums"), _fixed(f"<oc:checksum>{SLOT}</oc:checksum>"), None, _checksums, needs_checksums=True),
        Live((OC, "name"), _value, _value, _names),
        Live(FAVOURITE, _value, _value, _stars),
        Live((OC, "share-types"), _none, _none),
        Live(TAGS, _value, _value, _tags),
        Live((OC, "data-fingerprint"), _none, lambda scene: scene.fingerprint),
        Live((OC, "privatelink"), _link, _link, _ids),
        Live((OC, "owner-id"), _present(lambda scene: scene.owner), _present(lambda scene: scene.owner)),
        Live((OC, "owner-display-name"), _present(lambda scene: scene.owner_name), _present(lambda scene: scene.owner_name)),
        Live((OC, "spaceid"), _present(lambda scene: scene.space), _present(lambda scene: scene.space)),
        Live((OC, "file-parent"), _present(lambda scene: scene.parent), _present(lambda scene: scene.parent)),
        Live(
            (OCS, "share-permissions"),
            lambda scene: str(mask(scene.permissions, False)),
            lambda scene: str(mask(scene.permissions, True)),
        ),
        Live((NC, "is-encrypted"), _fixed("0"), _fixed("0")),
        Live((NC, "has-preview"), _value, _fixed("false"), _previews),
        Live(SYSTEM_TAGS, _value, _value, _system_tags),
    )
}
"""Every live property, in the order in which answers show them."""

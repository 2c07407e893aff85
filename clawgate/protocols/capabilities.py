"""What clients are told this server can do: derived from what is there, never typed in twice.

Keys that stand for something absent are left out, except where clients take a missing key for a yes
(``bigfilechunking``, ``files_sharing.api_enabled``, ``public.enabled``, ``profile_picture``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from .. import __version__

COMPATIBLE = (10, 15, 0)
"""The ownCloud version whose behaviour is offered: clients switch features, and refuse servers, by comparing it."""
EDITION = "Community"
Version = tuple[int, int, int]


@attrs.frozen
class Tus:
    """What is offered of TUS."""

    version: str
    extensions: tuple[str, ...]
    chunk_bytes: int
    """The largest piece that clients should send at once; 0: any."""


@attrs.frozen
class Spaces:
    """What is offered of spaces."""

    projects: bool
    """Whether there are others than personal ones."""
    most: int = 0
    """The largest quota that somebody can give to a space, bytes; 0: any."""


@attrs.frozen
class Push:
    """What is offered of notify_push."""

    types: tuple[str, ...]
    websocket: str
    """Its path."""
    pre_auth: str


@attrs.frozen
class Archives:
    """What is offered of archives."""

    version: str
    """Of the interface, as ownCloud's clients number it."""
    address: str
    formats: tuple[str, ...]


@attrs.frozen
class Features:
    """What the assembled gateway has."""

    checksums: tuple[str, ...] = ()
    """Algorithms that uploads are verified with, the preferred one first; upper case, or clients upload without."""
    chunking_ng: bool = False
    """Uploads in chunks under ``/remote.php/dav/uploads/USER``."""
    chunking_v1: bool = False
    """Uploads in chunks named ``NAME-chunking-ID-COUNT-INDEX``."""
    tus: Tus | None = None
    reports: tuple[str, ...] = ()
    """Names of the REPORTs, e.g. ``filter-files``."""
    favorites: bool = False
    tag_letters: int = 0
    """Letters that a tag may have; 0: there are no tags."""
    search: bool = False
    """What ownCloud Web's search may ask for is understood."""
    archives: Archives | None = None
    previews: tuple[str, ...] = ()
    """Media types of files of which there are pictures."""
    url_signing: bool = False
    """Addresses of downloads can be signed."""
    private_links: bool = False
    trash: bool = False
    """What is removed can come back, in some space at least."""
    no_trash: Callable[[], bool] = lambda: False
    """Whether it has turned out that it cannot, in no space: only the storage knows."""
    versions: bool = False
    """Former content can be had, in some space at least."""
    events: bool = False
    """Clients can wait for changes (server-sent events)."""
    push: Push | None = None
    """The same for Nextcloud's programs."""
    spaces: Spaces | None = None
    """By LibreGraph; None: clients know of the personal space only."""
    depth_infinity: bool = False
    """PROPFIND with Depth: infinity is answered."""
    poll_seconds: int = 30
    """How often clients should look for changes; desktops ignore 5 and less."""
    nextcloud: Version | None = None
    """The version that programs of Nextcloud are told; None: the same as all others."""
    maintenance: bool = False
    product: str = "Clawgate"
    version: str = __version__


def compatible(features: Features, agent: str) -> Version:
    """The version that the program with this User-Agent is told. Nextcloud's compare it with those of their own servers: they
    log in with a browser from 16 on, and the one for Android wants 17 at least."""
    return features.nextcloud if features.nextcloud is not None and "nextcloud" in agent.lower() else COMPATIBLE


def status(features: Features, like: Version = COMPATIBLE) -> dict[str, Any]:
    """The object of ``status.php``, which is also in the capabilities, for a program that is told the version `like`."""
    text = ".".join(map(str, like))
    return {
        "installed": True,
        "maintenance": features.maintenance,
        "needsDbUpgrade": False,
        "version": f"{text}.0",
        "versionstring": text,
        "edition": EDITION,
        "productname": features.product,
        "product": features.product,
        "productversion": features.version,
    }


def version(features: Features, like: Version = COMPATIBLE) -> dict[str, Any]:
    """The ``version`` that stands beside the capabilities."""
    major, minor, micro = like
    return {
        "major": major,
        "minor": minor,
        "micro": micro,
        "string": f"{major}.{minor}.{micro}",
        "edition": EDITION,
        "product": features.product,
    }


def capabilities(features: Features, like: Version = COMPATIBLE, base_url: str = "") -> dict[str, Any]:
    """The tree under ``capabilities``; `base_url` is where the client finds us."""
    tree: dict[str, Any] = {
        "core": {
            "pollinterval": features.poll_seconds * 1000,
            "webdav-root": "remote.php/webdav",
            "status": status(features, like),
        },
        "dav": _dav(features),
        "files": {
            "bigfilechunking": features.chunking_ng or features.chunking_v1,
            "favorites": features.favorites,
            "privateLinks": features.private_links,
            "undelete": features.trash and not features.no_trash(),
            "versioning": features.versions,
        },
        "files_sharing": {
            "api_enabled": False,
            "public": {"enabled": False},
            "resharing": False,
            "group_sharing": False,
            "can_share": False,
            "federation": {"outgoing": False, "incoming": False},
            "user": {"send_mail": False, "profile_picture": False},
        },
    }
    if features.tag_letters:
        tree["files"]["tags"] = True
        tree["tags"] = {"max_tag_length": features.tag_letters}
        # By their numbers, as Nextcloud says it.
        tree["systemtags"] = {"enabled": True}
    if features.events:
        tree["core"]["support-sse"] = True
    if features.push is not None:
        # Programs send passwords there: without TLS only where they do that already.
        socket = base_url.replace("http", "ws", 1) + features.push.websocket
        endpoints = {"websocket": socket, "pre_auth": base_url + features.push.pre_auth}
        tree["notify_push"] = {"type": list(features.push.types), "endpoints": endpoints}
    if features.spaces is not None:
        tree |= _spaces(features.spaces)
    if features.url_signing:
        tree["core"]["support-url-signing"] = True
    if features.archives is not None:
        tree["files"]["archivers"] = [_archiver(features.archives)]
    if features.previews:
        # ownCloud Web asks for none without; the version is that of oCIS' interface.
        tree["files"]["thumbnail"] = {"enabled": True, "version": "v0.1", "supportedMimeTypes": list(features.previews)}
    if features.search:
        tree["search"] = {"property": _SEARCH}
    if features.tus is not None:
        tree["files"]["tus_support"] = _tus(features.tus)
    if features.checksums:
        tree["checksums"] = {
            "supportedTypes": [name.upper() for name in features.checksums],
            "preferredUploadType": features.checksums[0].upper(),
        }
    return tree


def _spaces(spaces: Spaces) -> dict[str, Any]:
    """From these on clients use ``/dav/spaces`` and LibreGraph, where spaces can be made, but no people or groups."""
    return {
        "spaces": {
            "version": "1.0.0",
            "enabled": True,
            "projects": spaces.projects,
            "share_jail": False,
            "max_quota": spaces.most,
            "has_multiple_personal_spaces": False,
        },
        "graph": {
            "personal-data-export": False,
            "users": {
                "read_only_attributes": [
                    "user.onPremisesSamAccountName",
                    "user.displayName",
                    "user.mail",
                    "user.passwordProfile",
                ],
                "create_disabled": True,
                "delete_disabled": True,
                "change_password_self_disabled": True,
            },
        },
    }


_SEARCH = {
    "name": {"enabled": True},
    "mtime": {"enabled": True, "keywords": ["today", "last 7 days", "last 30 days", "this year", "last year"]},
    "mediatype": {
        "enabled": True,
        "keywords": ["document", "spreadsheet", "presentation", "pdf", "image", "video", "audio", "folder", "archive"],
    },
    "size": {"enabled": True},
    "type": {"enabled": True},
    "scope": {"enabled": True},
    "tag": {"enabled": True},
    "tags": {"enabled": True},
    "content": {"enabled": False},
}
"""Of ``searching.kql``, as ownCloud Web reads it: the keywords become buttons."""


def _archiver(archives: Archives) -> dict[str, Any]:
    # There are no limits. ownCloud Web takes "0" for a limit of none at all, and some want to find numbers, as text.
    none = "9007199254740991"
    return {
        "enabled": True,
        "version": archives.version,
        "formats": list(archives.formats),
        "archiver_url": archives.address,
        "max_num_files": none,
        "max_size": none,
    }


def _tus(tus: Tus) -> dict[str, Any]:
    return {
        "version": tus.version,
        "resumable": tus.version,
        "extension": ",".join(tus.extensions),
        "max_chunk_size": tus.chunk_bytes,
        # With "POST" in it clients would send that in place of PATCH.
        "http_method_override": "",
    }


def _dav(features: Features) -> dict[str, Any]:
    tree: dict[str, Any] = {"propfind": {"depth_infinity": features.depth_infinity}}
    if features.chunking_ng:
        tree["chunking"] = "1.0"
        tree["httpErrorCodesThatResetFailingChunkedUploads"] = [404]
    if features.trash and not features.no_trash():
        tree["trashbin"] = "1.0"
    if features.reports:
        tree["reports"] = list(features.reports)
    return tree

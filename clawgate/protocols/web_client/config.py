"""``/config.json``, by which the client learns where it is (ownCloud Web 12.5: packages/web-pkg, RawConfigSchema; oCIS:
services/web/pkg/config). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

THEMES = ("themes/owncloud/theme.json", "themes/opencloud/theme.json")
"""Where builds have their themes."""
APPS = ("files", "search", "text-editor", "pdf-viewer", "preview", "epub-reader")
"""Those that work with what there is here. Others administrate people, edit with servers of their own, or need shares."""
_APP = re.compile(r"web-app-([a-z0-9-]+?)-[A-Za-z0-9_-]{8}\.m?js")


@attrs.frozen
class Provider:
    """Where the client logs people in: it knows OpenID Connect only."""

    authority: str
    """The issuer identifier."""
    client_id: str
    scopes: tuple[str, ...]


@attrs.frozen
class Build:
    """What is in the folder."""

    theme: str
    """A path in it; empty: it has none in a file, and uses the one that is built in."""
    apps: tuple[str, ...]


def apps_of(names: Iterable[str]) -> set[str]:
    """The apps that a build has, by the names of its scripts."""
    return {match[1] for name in names if (match := _APP.fullmatch(name))}


def chosen(there: set[str]) -> tuple[str, ...]:
    """The apps to start when the settings name none; if it cannot be seen which there are, all that work here."""
    return tuple(name for name in APPS if name in there) or APPS


def document(base_url: str, build: Build, provider: Provider | None, metadata: str) -> dict[str, Any]:
    """The configuration. `metadata` is the path of our copy of the provider's document, which needs no leave of the provider's
    to be read by a page from here."""
    found: dict[str, Any] = {
        "server": base_url,
        "theme": f"{base_url}/{build.theme}" if build.theme else "",
        "options": {"contextHelpers": True, "disableFeedbackLink": True, "routing": {"idBased": True}},
        "apps": list(build.apps),
        "external_apps": [],
    }
    if provider is not None:
        found["openIdConnect"] = {
            "metadata_url": base_url + metadata,
            "authority": provider.authority,
            "client_id": provider.client_id,
            "response_type": "code",
            "scope": " ".join(provider.scopes),
        }
    return found


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the members of `over`; objects are merged, everything else is replaced, and what is null is left out."""
    found = dict(base)
    for name, value in over.items():
        known = found.get(name)
        if value is None:
            found.pop(name, None)
        elif isinstance(known, Mapping) and isinstance(value, Mapping):
            found[name] = merged(known, value)
        else:
            found[name] = value
    return found

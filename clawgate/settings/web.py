"""Settings of what people with a browser find."""

from __future__ import annotations

import re

import attrs

from .rule import setting

DIRECTIVES = (
    *("child-src", "connect-src", "default-src", "font-src", "form-action", "frame-ancestors", "frame-src", "img-src"),
    *("manifest-src", "media-src", "object-src", "script-src", "style-src", "worker-src"),
)
"""Of a Content-Security-Policy, those that have sources."""


def _sources(value: str) -> None:
    words = value.split(" ")
    if len(words) < 2 or words[0] not in DIRECTIVES or not all(re.fullmatch(r"[!-+\--:<-~]+", word) for word in words):
        raise ValueError("expected 'DIRECTIVE SOURCE ...', such as 'frame-src https://embed.diagrams.net'")


def _header(value: str) -> None:
    if not re.fullmatch(r"[ -~]*", value):
        raise ValueError("expected one line of ASCII")


def _inside(value: str) -> None:
    if value.startswith("/") or ".." in value.split("/"):
        raise ValueError("expected a path within web.root, such as 'themes/owncloud/theme.json'")


def _app(value: str) -> None:
    if not re.fullmatch(r"[a-z0-9-]+", value):
        raise ValueError("expected the name of an app, such as 'files'")


@attrs.frozen
class Web:
    """[web]: what people with a browser find"""

    page: bool = setting(True, "a page of the gateway's own at /, where people see, fetch and upload files; false: a few words")
    session_seconds: float = setting(43200.0, "seconds after which a login at that page ends", low=60)
    sessions_per_user: int = setting(20, "such logins one person may have at once; the oldest end", low=1)
    # another page instead
    root: str = setting("", "directory with a build of ownCloud Web or OpenCloud Web, to be served at / instead; empty: none")
    config: str = setting("", "JSON file whose members replace those of its config.json; empty: none")
    theme: str = setting("", "its theme, a path within root; empty: the one that is there", check=_inside)
    apps: list[str] = setting([], "its apps; empty: those of the build that work with this gateway", check=_app)
    sources: list[str] = setting(
        [], "further sources in its Content-Security-Policy, such as 'frame-src https://embed.diagrams.net'", check=_sources
    )
    policy: str = setting("", "its whole Content-Security-Policy; empty: one that fits", check=_header)

"""What ``clawgate check`` says of ``[web]``."""

from __future__ import annotations

import os
from collections.abc import Iterator

from .errors import SettingsError
from .model.finding import Finding, Level
from .protocols.web_client.folder import read_overrides
from .protocols.web_client.names import INDEX
from .settings import Settings


def inspect(settings: Settings) -> Iterator[Finding]:
    """Look whether the build of a web client can be served, and log people in. Blocking; nothing if there is to be none."""
    web = settings.web
    if not web.root:
        return
    index = os.path.join(web.root, INDEX)
    if not os.path.isabs(web.root):
        yield Finding(Level.WARNING, f"web.root: {web.root} depends on where the gateway is started", "write it from / on")
    if os.path.isfile(index) and os.access(index, os.R_OK):
        yield Finding(Level.OK, f"web.root: {index} is there")
    else:
        yield Finding(Level.FAILURE, f"web.root: {index} is not there, or cannot be read", "unpack a build of ownCloud Web there")
    if web.config:
        try:
            read_overrides(web.config)
        except SettingsError as error:
            yield Finding(Level.FAILURE, str(error), "docs/web.md says what stands in it")
    if not settings.oidc:
        remedy = "add a table [oidc.NAME]; the gateway's own page, without web.root, knows passwords too"
        yield Finding(
            Level.WARNING, "web.root: ownCloud Web logs people in by OpenID Connect only, and there is no provider", remedy
        )
    if not settings.graph.enabled:
        yield Finding(Level.WARNING, "web.root: ownCloud Web finds no spaces while graph.enabled is false", "set graph.enabled")

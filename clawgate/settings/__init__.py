"""Every setting: its name, meaning, unit, default and bounds. How files and environment become values is in `configuration`."""

from __future__ import annotations

import attrs

from .eos import Eos
from .events import Events
from .graph import Graph
from .ldap import Ldap
from .login import AppPasswords, Brake, LoginFlow, SignedUrls, Users
from .oidc import ALGORITHMS, Oidc
from .preview import Preview
from .protocol import Dav, Uploads
from .rule import Rules, setting
from .s3 import S3
from .server import Admin, Http, Index, Log, State
from .storage import CHECKSUMS, Files, Mount, Outside, People, id_ranges
from .web import Web

__all__ = [
    "ALGORITHMS",
    "CHECKSUMS",
    "S3",
    "Admin",
    "AppPasswords",
    "Brake",
    "Dav",
    "Eos",
    "Events",
    "Files",
    "Graph",
    "Http",
    "Index",
    "Ldap",
    "Log",
    "LoginFlow",
    "Mount",
    "Oidc",
    "Outside",
    "People",
    "Preview",
    "Rules",
    "Settings",
    "SignedUrls",
    "State",
    "Uploads",
    "Users",
    "Web",
    "id_ranges",
    "setting",
]


@attrs.frozen
class Settings:
    """The whole configuration."""

    data: str = setting("clawgate-data", "directory of the embedded default: files, state, index, users")
    http: Http = attrs.field(factory=Http)
    admin: Admin = attrs.field(factory=Admin)
    log: Log = attrs.field(factory=Log)
    state: State = attrs.field(factory=State)
    index: Index = attrs.field(factory=Index)
    outside: Outside = attrs.field(factory=Outside)
    files: Files = attrs.field(factory=Files)
    people: People = attrs.field(factory=People)
    dav: Dav = attrs.field(factory=Dav)
    events: Events = attrs.field(factory=Events)
    graph: Graph = attrs.field(factory=Graph)
    preview: Preview = attrs.field(factory=Preview)
    uploads: Uploads = attrs.field(factory=Uploads)
    users: Users = attrs.field(factory=Users)
    app_passwords: AppPasswords = attrs.field(factory=AppPasswords)
    signed_urls: SignedUrls = attrs.field(factory=SignedUrls)
    brake: Brake = attrs.field(factory=Brake)
    login_flow: LoginFlow = attrs.field(factory=LoginFlow)
    web: Web = attrs.field(factory=Web)
    mounts: dict[str, Mount] = attrs.field(factory=lambda: {"home": Mount()})
    oidc: dict[str, Oidc] = attrs.field(factory=dict)
    ldap: dict[str, Ldap] = attrs.field(factory=dict)

"""Every setting: its name, meaning, unit, default and bounds. How files and environment become values is in `configuration`."""

from __future__ import annotations

import attrs

from .ldap import Ldap
from .login import AppPasswords, Brake, LoginFlow, Users
from .oidc import ALGORITHMS, Oidc
from .protocol import Dav, Uploads
from .rule import Rules, setting
from .server import Admin, Http, Index, Log, State
from .storage import CHECKSUMS, Files, Mount, Outside, People, id_ranges

__all__ = [
    "ALGORITHMS",
    "CHECKSUMS",
    "Admin",
    "AppPasswords",
    "Brake",
    "Dav",
    "Files",
    "Http",
    "Index",
    "Ldap",
    "Log",
    "LoginFlow",
    "Mount",
    "Oidc",
    "Outside",
    "People",
    "Rules",
    "Settings",
    "State",
    "Uploads",
    "Users",
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
    uploads: Uploads = attrs.field(factory=Uploads)
    users: Users = attrs.field(factory=Users)
    app_passwords: AppPasswords = attrs.field(factory=AppPasswords)
    brake: Brake = attrs.field(factory=Brake)
    login_flow: LoginFlow = attrs.field(factory=LoginFlow)
    mounts: dict[str, Mount] = attrs.field(factory=lambda: {"home": Mount()})
    oidc: dict[str, Oidc] = attrs.field(factory=dict)
    ldap: dict[str, Ldap] = attrs.field(factory=dict)

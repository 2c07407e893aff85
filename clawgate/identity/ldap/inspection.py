"""For ``clawgate check``: whether a directory can be used as the settings say, server by server. Blocking."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from ...errors import SettingsError
from ...model.finding import Finding, Level
from ...model.people import User
from ...settings import Ldap
from . import asking, filters
from .answers import Link, Query
from .build import attributes, become_service, check, connector
from .errors import BadEntry, Refused, ServerFailed
from .groups import Groups
from .person import Mapper, person


def inspect(name: str, settings: Ldap) -> Iterator[Finding]:
    """What there is to say about ``[ldap.NAME]``. Changes nothing there, and logs nobody in but the gateway itself."""
    what = f"ldap.{name}"
    try:
        check(name, settings)
        connect = connector(name, settings)
    except SettingsError as error:
        yield Finding(Level.FAILURE, str(error), "the gateway does not start with it")
        return
    if not settings.verify:
        yield Finding(
            Level.WARNING, f"{what}.verify: whoever answers for a server gets all passwords", "set verify = true, and ca_file"
        )
    if any(url.startswith("ldap:") for url in settings.urls) and not settings.start_tls:
        yield Finding(Level.WARNING, f"{what}.start_tls: passwords are sent in clear", "do so only on this machine itself")
    for url in settings.urls:
        yield from _server(f"{what}: {url}", url, connect, settings, Mapper.of(settings, attributes(name, settings)))


def _server(what: str, url: str, connect: Callable[[str], Link], settings: Ldap, mapper: Mapper) -> Iterator[Finding]:
    try:
        link = connect(url)
    except ServerFailed as error:
        yield Finding(Level.FAILURE, f"{what} {error}", "check the name, the port, the server, ca_file, and firewalls")
        return
    try:
        become_service(link, settings)
    except ServerFailed as error:
        yield Finding(Level.FAILURE, f"{what} {error}", "bind_dn must be a full DN, and its account neither locked nor expired")
    else:
        yield Finding(Level.OK, f"{what} answers, and takes us for {settings.bind_dn or 'anybody'}")
        if settings.base:
            yield from _people(what, link, settings, mapper)
    finally:
        link.close()


def _people(what: str, link: Link, settings: Ldap, mapper: Mapper) -> Iterator[Finding]:
    template = settings.user_filter or f"({settings.user_attribute}={filters.PLACE})"
    groups = Groups(settings)
    query = Query(settings.base, settings.scope, filters.anybody(template), mapper.wanted + groups.wanted, 1)
    try:
        found = asking.entries(link, query, partly=True)
        if not found:
            remedy = "check base, scope, user_filter, and what bind_dn may read"
            yield Finding(Level.FAILURE, f"{what}: nobody is found in {settings.base}", remedy)
            return
        user = person(found[0], mapper)
        user = attrs.evolve(user, groups=groups.of(link, found[0], user))
    except (ServerFailed, Refused) as error:
        yield Finding(
            Level.FAILURE, f"{what}: {error}", "check base and group_base, what bind_dn may read, and the server's limits"
        )
    except BadEntry as error:
        yield Finding(Level.WARNING, f"{what}: {error}", "such people cannot log in; check user_attribute and the others")
    else:
        yield Finding(Level.OK, f"{what}: for example {_shown(user)}")


def _shown(user: User) -> str:
    facts = {"id": user.id, "name": user.name, "mail": user.mail, "uid": user.uid, "gid": user.gid, "quota": user.quota}
    facts |= {**user.attributes, "groups": ", ".join(sorted(user.groups))}
    return "; ".join(f"{what} {'none' if value in (None, '') else value}" for what, value in facts.items())

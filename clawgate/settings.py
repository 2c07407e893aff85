"""Every setting: its name, meaning, unit, default and bounds. How files and environment become values is in `configuration`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import attrs


@attrs.frozen
class Rules:
    """What a setting's value must be besides having the right type; for lists every item is meant."""

    help: str
    choices: Sequence[str] = ()
    low: float | None = None
    """The least value."""
    high: float | None = None
    """The greatest value."""
    size: bool = False
    """Bytes: ``10 GiB`` may be written for the number."""
    secret: bool = False
    """The value may be ``file:/path``, and is never printed."""
    check: Callable[[str], None] | None = None
    """Raises `ValueError` with what is expected."""


def setting(
    default: Any,
    help: str,
    *,
    choices: Sequence[str] = (),
    low: float | None = None,
    high: float | None = None,
    size: bool = False,
    secret: bool = False,
    check: Callable[[str], None] | None = None,
) -> Any:
    """An attribute with the one line that ``conf/clawgate.toml`` says about it, and its `Rules`. Mutable defaults are copied.

    A number without `low` must not be negative.
    """
    factory = attrs.Factory(lambda: type(default)(default)) if isinstance(default, (list, dict)) else default
    if low is None and isinstance(default, (int, float)) and not isinstance(default, bool):
        low = 0
    return attrs.field(default=factory, repr=not secret, metadata={"rules": Rules(help, choices, low, high, size, secret, check)})


def _network(value: str) -> None:
    try:
        if value != "unix":
            ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError("expected an address, a network such as '10.0.0.0/8', or 'unix' for local sockets") from None


def _origin(value: str) -> None:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.fragment):
        raise ValueError("expected 'https://HOST' or 'https://HOST:PORT', without a path")


CHECKSUMS = ("SHA1", "MD5", "ADLER32", "SHA256", "CRC32C")
"""The algorithms that uploads can be verified with."""


@attrs.frozen
class Http:
    """[http]"""

    listen: list[str] = setting(["tcp:9280:interface=127.0.0.1:backlog=1024"], "Twisted server endpoint strings")
    public_url: str = setting(
        "", "the address clients use, e.g. https://cloud.example.org; empty: from each request", check=_origin
    )
    trusted_proxies: list[str] = setting(
        [], "networks, or unix for local sockets, whose Forwarded and X-Forwarded-* headers are believed", check=_network
    )
    header_bytes: int = setting(65536, "request line and headers together, bytes; above: 431", low=1024, size=True)
    header_count: int = setting(200, "header lines of one request", low=1)
    small_body_bytes: int = setting(1048576, "largest body that is read whole: XML, forms; above: 413", low=1024, size=True)
    window_bytes: int = setting(1048576, "bytes of one body held between socket and storage", low=4096, size=True)
    windows_total_bytes: int = setting(
        16777216, "bytes of all bodies held together; shared out between running transfers", low=65536, size=True
    )
    max_body_bytes: int = setting(0, "largest upload, bytes; 0: no limit but the storage's", size=True)
    connections: int = setting(10000, "open connections; further ones wait in the listen queue", low=1)
    ranges: int = setting(16, "byte ranges that one GET may ask for; more: the whole file is sent")
    idle_timeout: float = setting(60.0, "seconds a connection may be silent", low=1)
    tcp_keepalive: int = setting(60, "seconds of silence after which the kernel asks whether a client is still there; 0: never")
    min_rate: int = setting(
        1000, "bytes a second an upload or download must average after its first minute; 0: no limit", size=True
    )
    discard_bytes: int = setting(
        1048576, "bytes of an unwanted body that are read and thrown away before the connection is closed", size=True
    )
    stop_timeout: float = setting(30.0, "seconds running requests may take to end when the gateway stops")
    sendfile: bool = setting(True, "send files from the kernel where the connection allows")


@attrs.frozen
class Admin:
    """[admin]: metrics and health, on a listener of their own"""

    listen: list[str] = setting(["tcp:9281:interface=127.0.0.1"], "endpoints for /metrics, /health and /ready; empty: none")


@attrs.frozen
class Log:
    """[log]"""

    format: str = setting("text", "text or json", choices=("text", "json"))
    level: str = setting("info", "error, warn, info or debug", choices=("error", "warn", "info", "debug"))
    access: bool = setting(True, "one line a request")


@attrs.frozen
class State:
    """[state]: what cannot be found again in the storage"""

    url: str = setting("", "SQLAlchemy URL; empty: SQLite in DATA/state.db", secret=True)
    threads: int = setting(2, "threads for the database", low=1)
    queue: int = setting(1000, "calls that may wait for them")


@attrs.frozen
class Index:
    """[index]: ids, etags, sizes, the journal; a cache that can be deleted"""

    url: str = setting("", "SQLAlchemy URL; empty: SQLite in DATA/index.db", secret=True)
    threads: int = setting(2, "threads for the database", low=1)
    queue: int = setting(1000, "calls that may wait for them")
    nodes: int = setting(50000, "nodes of each open space kept in memory")
    journal_days: float = setting(30.0, "days a change stays in the journal")
    learn_seconds: float = setting(1.0, "seconds between steps of learning what nobody has listed yet", low=0.01)
    learn_folders: int = setting(20, "folders learned in one step; 0: none are learned before they are listed")
    tidy_seconds: float = setting(600.0, "seconds between rounds of clearing up: leftovers, expired locks and uploads", low=1)


@attrs.frozen
class Files:
    """[files]: threads that work on POSIX storage"""

    threads: int = setting(8, "threads for file work", low=1)
    queue: int = setting(1000, "calls that may wait for them")
    block_bytes: int = setting(262144, "bytes read or written in one step", low=4096, size=True)


@attrs.frozen
class Dav:
    """[dav]"""

    depth_infinity: bool = setting(False, "answer PROPFIND with Depth: infinity")
    xml_bytes: int = setting(262144, "largest XML request body; above: 413", size=True)
    xml_depth: int = setting(32, "deepest nesting of XML elements", low=1)
    property_bytes: int = setting(65536, "largest value of one dead property", size=True)
    property_count: int = setting(200, "dead properties of one file or folder")
    property_cache_bytes: int = setting(8388608, "dead properties and favourites kept in memory", size=True)
    listing_cache_bytes: int = setting(33554432, "rendered listings kept in memory", size=True)
    lock_timeout: int = setting(86400, "longest life of a lock without refresh, seconds", low=1)
    locks_per_user: int = setting(1000, "locks one person may hold")


@attrs.frozen
class Uploads:
    """[uploads]: those that take several requests"""

    tus: bool = setting(True, "offer TUS; without it clients use chunking NG")
    tus_chunk_bytes: int = setting(
        10000019,
        "largest piece TUS clients send at once; 0: any. Half of no usual file size: the ownCloud client 2.11 loops there",
        size=True,
    )
    days: float = setting(2.0, "days an unfinished upload is kept after its last byte")
    finished_seconds: float = setting(3600.0, "seconds the outcome of a finished upload is remembered for clients that ask again")
    checkpoint_bytes: int = setting(
        67108864, "bytes of one request after which what has arrived is safe and noted", low=65536, size=True
    )
    lock_seconds: float = setting(3.0, "seconds of silence after which the request that writes gives way to another", low=0)
    parts: int = setting(10000, "chunks of one upload", low=1)
    per_user: int = setting(10000, "unfinished uploads one person may have", low=1)
    threads: int = setting(2, "threads that verify and join what did not come in order", low=1)
    queue: int = setting(100, "uploads that may wait for them")


@attrs.frozen
class Users:
    """[users]: the file of users"""

    file: str = setting("", "path; empty: DATA/users.toml")
    cache_seconds: float = setting(300.0, "seconds a successful login is remembered")
    threads: int = setting(2, "threads for password hashing", low=1)
    queue: int = setting(100, "logins that may wait for them")
    realm: str = setting("clawgate", "realm shown in login prompts")


@attrs.frozen
class Mount:
    """[mounts.NAME]: one storage and who sees it"""

    driver: str = setting("posix", "posix or memory", choices=("posix", "memory"))
    root: str = setting("files/{user.id}", "directory; relative to DATA; {user.id}, {user.id[0]}, {group} ... are replaced")
    kind: str = setting(
        "personal", "personal: one space a user; project: one space for its members", choices=("personal", "project")
    )
    members: list[str] = setting([], "project: users, and groups as @group; empty: everybody")
    readers: list[str] = setting([], "project: users, and groups as @group, who may only read")
    groups: str = setting("", "project: a regular expression; each group of a person that it matches is a space, named {group}")
    title: str = setting("", "name shown for the space, a template as root; empty: the user's, the group's or the mount's")
    read_only: bool = setting(False, "refuse every change")
    create: bool = setting(True, "personal: make the directory at the first login")
    symlinks: str = setting("hide", "hide, follow (within the space only) or refuse", choices=("hide", "follow", "refuse"))
    durability: str = setting(
        "data",
        "none, data (fdatasync) or full (fsync of file and directory) before an upload is acknowledged",
        choices=("none", "data", "full"),
    )
    staleness_max: float = setting(60.0, "seconds an answer about one node may rest on what the index last saw")
    watch: bool = setting(True, "let the kernel vouch for listed folders (inotify, local file systems)")
    watches: int = setting(1000, "folders the kernel watches at once")
    quota: int = setting(0, "bytes of one space; 0: no limit but the file system's", size=True)
    checksums: list[str] = setting([], "computed for every upload besides what the client asks for, e.g. SHA1", choices=CHECKSUMS)


def _pattern(value: str) -> None:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None


def _secure_url(value: str) -> None:
    parts = urlsplit(value)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost"))
    if value and not (safe and parts.hostname):
        raise ValueError("expected 'https://HOST/PATH'; http only on this machine itself")


def _issuer(value: str) -> None:
    _secure_url(value)
    if "?" in value or "#" in value:
        raise ValueError("expected 'https://HOST/PATH', without a query")


ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures of tokens that can be verified; all with public keys."""


@attrs.frozen
class Oidc:
    """[oidc.NAME]: one OpenID provider whose access tokens are accepted"""

    issuer: str = setting("", "its issuer identifier, exactly as in its configuration document and its tokens", check=_issuer)
    default: bool = setting(False, "clients that ask where to log in are sent to this one, not to the first")
    metadata_url: str = setting(
        "", "its configuration document; empty: at the well-known places of the issuer", check=_secure_url
    )
    ca_file: str = setting("", "PEM file of the authorities that its certificate may come from; empty: the system's")
    # what is accepted
    audiences: list[str] = setting([], "accepted aud of tokens, * for any; a token must fit this or `clients`")
    clients: list[str] = setting([], "client ids (azp, client_id) whose tokens are accepted, whatever service they are made for")
    algorithms: list[str] = setting(["RS256", "ES256", "PS256", "EdDSA"], "accepted signatures", choices=ALGORITHMS)
    scopes: list[str] = setting([], "scopes that a token must have; without: 403")
    acr: list[str] = setting([], "authentication levels, one of which the token's acr must be; empty: any")
    leeway: float = setting(30.0, "seconds by which its clock may differ from ours", high=300)
    opaque: str = setting(
        "refuse",
        "tokens that are no JWT: refuse, introspection, or userinfo, which cannot tell for whom a token was made",
        choices=("refuse", "introspection", "userinfo"),
    )
    client_id: str = setting("", "our own id there, for introspection")
    client_secret: str = setting("", "and the secret that belongs to it", secret=True)
    cache_seconds: float = setting(60.0, "seconds for which an answer about an opaque token is believed")
    # who it is
    userinfo: bool = setting(False, "ask the provider for claims that its tokens lack")
    user_claim: str = setting("preferred_username", "claim with the user's id; here and below a path such as realm_access.roles")
    user_pattern: str = setting("", "regular expression for the whole claim; its first group, if any, is the id", check=_pattern)
    user_lower: bool = setting(False, "turn the id into lower case")
    user_suffix: str = setting("", "added to the id, to tell people of several providers apart, e.g. @lab.example.org")
    name_claim: str = setting("name", "claim with the name to show")
    mail_claim: str = setting("email", "claim with the mail address")
    groups_claim: str = setting("groups", "claim with the groups: a list, or an object whose keys are the groups")
    quota_claim: str = setting("", "claim with the quota, bytes or a size like 10 GiB; empty: none")
    uid_claim: str = setting("", "claim with the numeric user id on the storages' systems; empty: none")
    gid_claim: str = setting("", "claim with the numeric id of the primary group there; empty: none")
    attributes: list[str] = setting([], "further claims to keep for templates: NAME, or NAME=CLAIM")
    # what clients are told
    basic: bool = setting(True, "offer HTTP Basic beside Bearer in a 401; false in one provider: nowhere")
    hidden: list[str] = setting([], "members of the configuration document that clients do not see, e.g. registration_endpoint")
    client_ids: list[str] = setting([], "PLATFORM=CLIENT_ID for clients that ask by WebFinger: desktop, android, ios, web")
    client_scopes: list[str] = setting(["openid", "profile", "email", "offline_access"], "scopes that those clients ask for")
    # how it is asked
    refresh_seconds: float = setting(300.0, "seconds after which its configuration and keys are fetched again", low=1)
    retry_seconds: float = setting(5.0, "seconds between fetches because of an unknown key, and after a failure", low=0.1)
    timeout: float = setting(10.0, "seconds an answer may take", low=0.1)
    answer_bytes: int = setting(262144, "largest answer", low=1024, size=True)
    requests: int = setting(32, "questions about tokens under way at once; further ones: 503", low=1)


def _ldap_url(value: str) -> None:
    parts = urlsplit(value)
    try:
        usable = parts.scheme in ("ldap", "ldaps") and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("expected 'ldaps://HOST' or 'ldap://HOST', with ':PORT' if it is not the usual one")


@attrs.frozen
class Ldap:
    """[ldap.NAME]: one directory whose people may log in"""

    urls: list[str] = setting([], "its servers: ldaps://HOST or ldap://HOST, with :PORT if unusual", check=_ldap_url)
    balance: str = setting(
        "first", "first: the servers are asked as listed, the next when one fails; turns: in turns", choices=("first", "turns")
    )
    start_tls: bool = setting(True, "encrypt connections to ldap:// (StartTLS); can be switched off only on this machine itself")
    ca_file: str = setting("", "PEM file of the authorities that its certificates may come from; empty: the system's")
    verify: bool = setting(True, "refuse a server whose certificate does not prove its name")
    bind_dn: str = setting("", "who the gateway is there, to look people up; empty: anonymous")
    bind_password: str = setting("", "and the password that belongs to it", secret=True)
    # who may log in
    base: str = setting("", "where people are, e.g. ou=people,dc=example,dc=org")
    scope: str = setting("sub", "sub: anywhere below base; one: directly below it", choices=("one", "sub"))
    user_filter: str = setting("", "whom a login name means, e.g. (|(uid={user})(mail={user})); empty: user_attribute is {user}")
    user_dn: str = setting("", "DN to log in as, e.g. uid={user},ou=people,dc=example,dc=org; then nobody is searched for before")
    decoy_dn: str = setting(
        "", "whose password is tried for unknown people, to take as long; empty: somebody's who does not exist"
    )
    # who it is
    user_attribute: str = setting("uid", "attribute with the user's id")
    user_lower: bool = setting(False, "turn the id into lower case")
    name_attribute: str = setting("cn", "attribute with the name to show")
    mail_attribute: str = setting("mail", "attribute with the mail address")
    uid_attribute: str = setting("uidNumber", "attribute with the numeric user id on the storages' systems; empty: none")
    gid_attribute: str = setting("gidNumber", "attribute with the numeric id of the primary group there; empty: none")
    quota_attribute: str = setting("", "attribute with the quota, bytes or a size like 10 GiB; empty: none")
    attributes: list[str] = setting([], "further attributes to keep for templates: NAME, or NAME=ATTRIBUTE")
    # groups
    groups: str = setting(
        "none",
        "member: groups list the DNs of people; memberUid: their ids; memberOf: people list the DNs of groups",
        choices=("none", "member", "memberUid", "memberOf"),
    )
    group_member: str = setting("", "the attribute with these, if it has another name, e.g. uniqueMember")
    group_base: str = setting("", "where groups are; empty: base")
    group_scope: str = setting("sub", "sub: anywhere below group_base; one: directly below it", choices=("one", "sub"))
    group_filter: str = setting("", "which groups count, e.g. (objectClass=groupOfNames); empty: all")
    group_name: str = setting("cn", "attribute with the name of a group")
    group_depth: int = setting(0, "how many levels of groups within groups are followed, for member and memberOf", high=50)
    group_chain: bool = setting(False, "member: the server follows all levels (Active Directory); group_depth is not used then")
    group_limit: int = setting(1000, "groups one person may be in; more: 403", low=1)
    # how it is asked
    threads: int = setting(4, "threads that ask, and connections kept open", low=1)
    queue: int = setting(100, "questions that may wait for them")
    connect_timeout: float = setting(5.0, "seconds until a server is reached and the connection encrypted", low=0.1)
    answer_timeout: float = setting(10.0, "seconds an answer may take", low=0.1)
    answer_bytes: int = setting(4194304, "largest answer", low=1024, size=True)
    retry_seconds: float = setting(10.0, "seconds in which a server that failed is not asked again", low=0.1)
    idle_seconds: float = setting(60.0, "seconds after which an unused connection is closed rather than used")
    cache_seconds: float = setting(
        60.0, "seconds people are believed to be as they were found; for logins users.cache_seconds counts"
    )
    cache_people: int = setting(10000, "people kept in memory", low=1)
    search_limit: int = setting(50, "people that one search for people finds at most", low=1)


@attrs.frozen
class Brake:
    """[brake]: what failed logins lead to, by person and network"""

    enabled: bool = setting(True, "delay and refuse logins after failures")
    ipv4_prefix: int = setting(32, "leading bits of an IPv4 address that make a network", high=32)
    ipv6_prefix: int = setting(64, "leading bits of an IPv6 address that make a network", high=128)
    # one person in one network
    free: int = setting(5, "failures of a person in a network before the next login is delayed")
    tries: int = setting(15, "failures of a person in a network before further logins are refused (429)", low=1)
    repeats: int = setting(8, "wrong passwords of a person in a network that count once however often they are sent")
    stubborn: int = setting(
        100000, "refused logins of a person in a network after which remembered ones are refused too; 0: never"
    )
    # a whole network; people who have logged in from there before are exempt
    network_free: int = setting(50, "failures in a network before the next login there is delayed")
    network_tries: int = setting(100, "failures in a network before further logins there are refused (429)", low=1)
    # how long
    base_seconds: float = setting(1.0, "the first delay")
    factor: float = setting(2.0, "by which each further failure makes the delay longer", low=1, high=100)
    maximum_seconds: float = setting(10.0, "the longest delay", high=300)
    refuse_seconds: float = setting(900.0, "seconds for which logins are refused after the last failure")
    forget_seconds: float = setting(86400.0, "seconds after the last failure in which all are forgotten", low=1)
    known_days: float = setting(30.0, "days for which a network is remembered from which a person has logged in")
    # what it may cost
    waiting: int = setting(100, "logins that may be delayed at once; further ones are refused (429)")
    waiting_per_network: int = setting(10, "of these from one network")
    rows: int = setting(10000, "people in networks, and networks, that are remembered at most", low=1)
    write_seconds: float = setting(5.0, "seconds between writes of what must survive a restart", low=0.1)


@attrs.frozen
class Settings:
    """The whole configuration."""

    data: str = setting("clawgate-data", "directory of the embedded default: files, state, index, users")
    http: Http = attrs.field(factory=Http)
    admin: Admin = attrs.field(factory=Admin)
    log: Log = attrs.field(factory=Log)
    state: State = attrs.field(factory=State)
    index: Index = attrs.field(factory=Index)
    files: Files = attrs.field(factory=Files)
    dav: Dav = attrs.field(factory=Dav)
    uploads: Uploads = attrs.field(factory=Uploads)
    users: Users = attrs.field(factory=Users)
    brake: Brake = attrs.field(factory=Brake)
    mounts: dict[str, Mount] = attrs.field(factory=lambda: {"home": Mount()})
    oidc: dict[str, Oidc] = attrs.field(factory=dict)
    ldap: dict[str, Ldap] = attrs.field(factory=dict)

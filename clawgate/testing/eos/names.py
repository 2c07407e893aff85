"""What paths and queries are to EOS: which names it takes, how it decodes, where it cuts (sections 0, 2.2, 4.1.1, 7.9)."""

from __future__ import annotations

import errno
import re
from urllib.parse import unquote_to_bytes

from .failures import EosError
from .profile import Profile

_OLD = re.compile(r"[A-Za-z0-9/ .\-_~#:^+@]*")
_KEY = re.compile(r"&(?=mgm\.|eos\.|xrd\.|callback|authz)")
DEEPEST = 253


def decoded(text: str) -> str:
    """Percent-decoded once; bytes that are not UTF-8 become surrogates."""
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def path_of(target: str) -> str:
    """The path of a request's target, decoded once, slashes joined."""
    path = target.partition("?")[0]
    if "://" in path[:9]:
        path = "/" + path.split("://", 1)[1].partition("/")[2]
    path = re.sub("/+", "/", decoded(path))
    return path.removeprefix("/remote.php/webdav") if path.startswith("/remote.php/webdav/") else path


def check(profile: Profile, path: str, operation: str) -> None:
    """EILSEQ for characters that this version does not take, ENAMETOOLONG for what is too deep."""
    if "\r" in path or "\n" in path or (not profile.utf8 and before_any_name(profile) and _OLD.fullmatch(path) is None):
        raise EosError(errno.EILSEQ, operation, path)
    if path.count("/") > DEEPEST:
        raise EosError(errno.ENAMETOOLONG, operation, path)


def before_any_name(profile: Profile) -> bool:
    """Whether names depend on `EOS_UTF8`."""
    return tuple(int(part) for part in profile.version.split(".")) < (5, 3, 0)


def keys_of(text: str) -> dict[str, str]:
    """Split like the text commands do: at each `&` before a word of theirs; the last one of a name counts."""
    found: dict[str, str] = {}
    for part in _KEY.split(text.removeprefix("?").removeprefix("&")):
        name, _, value = part.partition("=")
        if not name:
            continue
        found[name] = value.replace("&", "#AND#")
    return found


def proc_keys(profile: Profile, query: str, *, mhd: bool) -> dict[str, str]:
    """The keys of a `/proc` call. `mgm.path` is decoded as far as EOS does; all values that take part still have `#AND#`."""
    text = decoded(query) if mhd or not profile.raw_proc_query else query
    if "eos.encodepath" in text and mhd:
        # Seen on 5.1.30: the path is cut at any "&", and a second encoding stays.
        return dict(part.partition("=")[::2] for part in text.split("&"))
    return keys_of(text)


def sealed_path(keys: dict[str, str], name: str, *, mhd: bool) -> str:
    """A path among the keys: with `eos.encodepath` `mgm.path` is decoded, without it `#AND#` is an `&`."""
    value = keys.get(name, "")
    if "eos.encodepath" in keys and name == "mgm.path" and not mhd:
        return decoded(value)
    return value.replace("#AND#", "&")

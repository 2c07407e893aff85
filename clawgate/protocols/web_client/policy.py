"""The Content-Security-Policy of a build. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_BASE: dict[str, tuple[str, ...]] = {
    # As oCIS and OpenCloud send it (services/proxy/pkg/config/csp.yaml), but for sites of others and scripts within the page.
    "default-src": ("'none'",),
    "script-src": ("'self'",),
    "style-src": ("'self'", "'unsafe-inline'"),
    "img-src": ("'self'", "data:", "blob:"),
    "font-src": ("'self'", "data:"),
    "media-src": ("'self'", "blob:"),
    "connect-src": ("'self'", "blob:"),
    "worker-src": ("'self'", "blob:"),
    "child-src": ("'self'",),
    "frame-src": ("'self'", "blob:"),
    "object-src": ("'self'", "blob:"),
    "manifest-src": ("'self'",),
    "form-action": ("'self'",),
    "frame-ancestors": ("'self'",),
    "base-uri": ("'self'",),
}


def policy(issuers: Sequence[str], further: Iterable[str], hashes: Sequence[str] = ()) -> str:
    """`issuers` are origins of login services, which the client asks by itself, and shows in a frame to renew a login; `further`
    adds sources, one directive each; `hashes` are those of scripts within the page."""
    found = {name: list(sources) for name, sources in _BASE.items()}
    for name in ("connect-src", "frame-src"):
        found[name] += issuers
    for line in further:
        name, *sources = line.split()
        known = [one for one in found.get(name, []) if one != "'none'"]
        found[name] = known + [one for one in sources if one not in known]
    if "'unsafe-inline'" not in found["script-src"]:
        # Beside a hash that word would count for nothing.
        found["script-src"] += hashes
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in found.items())

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "clawgate"

GROUND = {"clawgate", "errors", "model", "settings"}
"""Values and failures: everybody may know them."""
TOOLS = GROUND | {"interfaces", "workers", "mutex", "single_flight", "certificates", "log", "metrics", "protobuf"}

ALLOWED: dict[str, set[str]] = {
    # each part, and what it may import besides itself
    "clawgate": set(),
    "errors": set(),
    "model": {"errors"},
    "settings": set(),
    "interfaces": {"errors", "model"},
    "workers": {"errors"},
    "mutex": set(),
    "single_flight": set(),
    "certificates": {"errors"},
    "protobuf": set(),
    "heap": set(),
    "log": {"settings"},
    "metrics": {"clawgate", "workers"},
    "configuration": GROUND,
    "state": TOOLS,
    "index": TOOLS | {"state"},
    "identity": TOOLS,
    "storage": TOOLS | {"index"},
    "gateway": TOOLS | {"state", "index"},
    "previews": TOOLS,
    "web": TOOLS,
    "protocols": TOOLS | {"gateway", "web"},
    "testing": TOOLS,
    "standings": TOOLS | {"assembly", "index"},
    "outside_metrics": TOOLS | {"index", "storage"},
    "assembly": TOOLS
    | {
        "bucket_access",
        "cast",
        "outside_metrics",
        "gateway",
        "identity",
        "index",
        "previews",
        "protocols",
        "state",
        "storage",
        "web",
        "data",
    },
    "data": TOOLS | {"identity"},
    "cast": TOOLS | {"identity", "storage"},
    "bucket_access": TOOLS | {"gateway", "storage"},
    "bucket_checks": TOOLS | {"bucket_access", "gateway", "storage"},
    "eos_checks": TOOLS | {"eos_grpc_checks", "gateway", "storage"},
    "eos_grpc_checks": TOOLS | {"storage"},
    "web_checks": TOOLS | {"protocols"},
    "database_checks": TOOLS | {"index", "state"},
    "acting_checks": TOOLS | {"cast", "storage"},
    "explaining": TOOLS | {"gateway"},
    "endpoints": set(),
    "checks": TOOLS
    | {"acting_checks", "assembly", "bucket_checks", "eos_checks", "data", "gateway", "identity", "index", "state", "storage"}
    | {"database_checks", "endpoints", "web_checks"},
    "maintenance": TOOLS | {"assembly", "data", "identity", "index", "people", "state", "storage"},
    "people": TOOLS | {"assembly", "data", "identity"},
    "projects": TOOLS | {"assembly", "gateway", "state"},
    "tokens": TOOLS | {"assembly", "identity", "people"},
    "service": TOOLS | {"assembly", "checks", "cli", "configuration", "data", "endpoints", "heap", "web"},
    "commands": TOOLS | {"assembly", "cast", "configuration", "data", "explaining", "gateway", "identity", "people", "projects"},
    "cli": TOOLS
    | {"checks", "commands", "configuration", "data", "maintenance", "projects", "standings", "tokens"}
    | {"assembly"},
}

FOREIGN: dict[str, set[str]] = {
    # what of other people's packages is known only there
    "twisted.web": {"web", "protocols"},
    "twisted.web.client": {"certificates", "identity", "storage"},
    "twisted.web._newclient.HTTP11ClientProtocol": {"storage"},
    "twisted.web.http.PotentialDataLoss": {"identity"},
    "twisted.web.http_headers": {"identity", "storage", "web"},
    "twisted.web.iweb": {"protocols", "storage", "web"},
    "klein": {"web", "protocols"},
    "boto3": {"storage"},
    "botocore": {"storage"},
    "sqlalchemy": {"database_checks", "index", "state"},
    "alembic": {"state", "index"},
    "sqlite3": {"state", "index"},
    "psycopg": {"state"},
    "argon2": {"identity"},
    "prometheus_client": {"metrics"},
    "twisted.internet.threads": {"workers"},
    "twisted.python.threadpool": {"workers"},
    "twisted.internet.reactor": {"service", "cli", "commands", "testing"},
    "treq": {"identity", "storage"},
    "jwt": {"identity"},
    "cryptography": {"endpoints", "identity"},
    "OpenSSL": {"certificates", "identity", "storage"},
    "ldap3": {"identity"},
    "PIL": {"previews"},
    "zlib_ng": {"storage"},
    "wsproto": {"web"},
    "grpc": {"storage", "testing"},
    "google.protobuf": {"protobuf", "storage"},
}

WORDS = {"address", "dates", "dav", "errors", "letters", "terms", "transfer_headers"}
"""What TUS may know of WebDAV, whose collections it writes to: how things are called there, and nothing that answers."""

DRIVERS = {"memory", "posix", "s3", "eos"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def dotted(path: Path) -> tuple[str, ...]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports(path: Path) -> Iterator[tuple[str, ...]]:
    """All modules that a file imports, by absolute name; names imported from a package count as its modules."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield tuple(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            for alias in node.names:
                yield (*base, alias.name)


def part(name: tuple[str, ...]) -> str:
    """The part of the house that a module of clawgate belongs to."""
    if len(name) == 1:
        return "clawgate"
    return name[1] if (PACKAGE / name[1]).is_dir() or (PACKAGE / f"{name[1]}.py").exists() else "clawgate"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards(path):
    own = part(dotted(path))
    assert own in ALLOWED, f"say in ALLOWED what {own} may import"
    for name in imports(path):
        if name[0] == "clawgate":
            other = part(name)
            assert other == own or other in ALLOWED[own], f"{own} must not import {'.'.join(name)}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_other_peoples_packages_stay_where_they_belong(path):
    own = part(dotted(path))
    for name in imports(path):
        # The longest entry decides: a package may be known in one place, its HTTP client in another.
        known = [".".join(name[:length]) for length in range(len(name), 0, -1) if ".".join(name[:length]) in FOREIGN]
        assert not known or own in FOREIGN[known[0]], f"{own} must not import {'.'.join(name)}"


def protocol(name: tuple[str, ...]) -> str | None:
    """The front end that a module belongs to; the capabilities are everybody's."""
    if len(name) < 3 or name[1] != "protocols" or name[2] == "capabilities":
        return None
    return name[2].removesuffix("_render").removesuffix("_app_passwords").removesuffix("_signing")


@pytest.mark.parametrize("path", sorted((PACKAGE / "protocols").rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_front_ends_do_not_know_each_other(path):
    own = protocol(dotted(path))
    for name in imports(path):
        other = protocol(name) if name[0] == "clawgate" else None
        if own == "tus" and other == "webdav" and name[3] in WORDS:
            continue
        assert other in (None, own), f"{own} must not import {'.'.join(name)}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "storage").rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_drivers_do_not_know_each_other(path):
    own = dotted(path)[2:3]
    for name in imports(path):
        if name[:2] == ("clawgate", "storage") and len(name) > 2 and name[2] in DRIVERS:
            assert name[2:3] == own, f"{'.'.join(dotted(path))} must not import {'.'.join(name)}"


def test_the_plugin_is_nothing_but_a_service_maker():
    tree = ast.parse((ROOT / "twisted" / "plugins" / "clawgate_plugin.py").read_text())

    assert [type(node) for node in tree.body] == [ast.Expr, ast.ImportFrom, ast.Assign]
    assert not (ROOT / "twisted" / "__init__.py").exists()
    assert not (ROOT / "twisted" / "plugins" / "__init__.py").exists()


def test_relative_imports_inside():
    for path in modules():
        tree = ast.parse(path.read_text())
        absolute = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "clawgate" and not node.level
        ]
        assert not absolute, f"{path.relative_to(ROOT)}: relative imports inside clawgate"

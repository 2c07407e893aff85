from __future__ import annotations

from pathlib import Path

import attrs

from clawgate.settings import Graph, Oidc, Settings, Web
from clawgate.web_checks import inspect


def levels(settings: Settings) -> list[str]:
    return [seen.level for seen in inspect(settings)]


def test_a_build(tmp_path: Path) -> None:
    assert not levels(Settings())
    settings = Settings(web=Web(root=str(tmp_path)), oidc={"main": Oidc(issuer="https://idp.example.org")})
    assert levels(settings) == ["FAIL"]
    (tmp_path / "index.html").write_text("")
    assert levels(settings) == ["ok"]
    assert levels(attrs.evolve(settings, oidc={}, graph=Graph(enabled=False))) == ["ok", "warn", "warn"]
    config = tmp_path / "web.json"
    settings = attrs.evolve(settings, web=Web(root=str(tmp_path), config=str(config)))
    assert levels(settings) == ["ok", "FAIL"]
    config.write_text("{}")
    assert levels(settings) == ["ok"]
    assert levels(Settings(web=Web(root="nowhere")))[:2] == ["warn", "FAIL"]

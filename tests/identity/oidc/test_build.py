from __future__ import annotations

import pytest
from twisted.internet import reactor

from clawgate.configuration import load
from clawgate.errors import SettingsError
from clawgate.identity.oidc.build import build, client_ids

GOOD = '[oidc.main]\nissuer = "https://idp.example.org"\naudiences = ["files"]\n'


def built(tmp_path, text):
    file = tmp_path / "clawgate.toml"
    file.write_text(text)
    return build(load([str(file)]).oidc, reactor)


def test_none():
    assert build({}, reactor).first is None


def test_the_first_or_the_default_one_is_shown(tmp_path):
    other = '[oidc.other]\nissuer = "https://other.example.org/x"\nclients = ["web"]\n'

    assert built(tmp_path, GOOD + other).first.name == "main"
    assert built(tmp_path, GOOD + other + "default = true").first.name == "other"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[oidc.main]\naudiences = ["files"]', "oidc.main.issuer: is missing"),
        ('[oidc.main]\nissuer = "https://idp.example.org"', "oidc.main.audiences"),
        (GOOD + 'algorithms = ["HS256"]', "RS256"),
        (GOOD + 'algorithms = ["none"]', "RS256"),
        (GOOD + "algorithms = []", "oidc.main.algorithms"),
        (GOOD + 'opaque = "introspection"', "client_secret"),
        (GOOD + 'browser_client_secret = "s"', "browser_client_id"),
        (GOOD + 'opaque = "userinfo"\nscopes = ["files"]', "userinfo"),
        (GOOD + 'user_pattern = "("', "regular expression"),
        (GOOD + 'attributes = ["a.b"]', "NAME=a.b"),
        (GOOD + 'attributes = ["=b"]', "NAME=CLAIM"),
        (GOOD + 'client_ids = ["OpenCloudDesktop"]', "PLATFORM=CLIENT_ID"),
        (GOOD + 'client_ids = ["windows=x"]', "desktop"),
        (GOOD + 'ca_file = "/nowhere"', "oidc.main.ca_file"),
        (GOOD + "leeway = 3000", "leeway"),
        (GOOD + GOOD.replace("main", "second"), "oidc.second.issuer"),
        (GOOD + "default = true\n" + GOOD.replace("main", "b").replace("idp", "b") + "default = true", "oidc.b.default"),
        (GOOD.replace("https", "http"), "https://HOST/PATH"),
        (GOOD.replace("example.org", "example.org?x=1"), "without a query"),
    ],
)
def test_settings_that_do_not_go_together(tmp_path, text, complaint):
    with pytest.raises(SettingsError) as caught:
        built(tmp_path, text)

    assert complaint in str(caught.value)


def test_the_secret_is_not_printed(tmp_path):
    (tmp_path / "secret").write_text("hunter2\n")
    file = tmp_path / "clawgate.toml"
    file.write_text(GOOD + f'opaque = "introspection"\nclient_id = "x"\nclient_secret = "file:{tmp_path}/secret"')

    settings = load([str(file)]).oidc

    assert settings["main"].client_secret == "hunter2"
    assert "hunter2" not in repr(build(settings, reactor).__dict__)


def test_client_ids(tmp_path):
    file = tmp_path / "clawgate.toml"
    file.write_text(GOOD + 'client_ids = ["desktop=OpenCloudDesktop", "web = w=b"]')

    assert client_ids("main", load([str(file)]).oidc["main"]) == {"desktop": "OpenCloudDesktop", "web": "w=b"}

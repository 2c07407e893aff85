"""A build of a web client in a folder, in Chromium.

No real build of ownCloud Web or OpenCloud Web can be had from a package registry, so this one is made by hand as theirs are: its
layout, its relative addresses, scripts within the page, apps that are found by a map. It logs in as they do, by the very library
that they use (oidc-client-ts), at a real provider, with nothing but what config.json tells.
"""

from __future__ import annotations

import gzip
import http.client
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..ports import free_port
from .chromium import Chromium
from .gateway import Gateway
from .oidc_provider.provider import GATEWAY, Provider

LIBRARY = Path(__file__).parent / "webclient/node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js"
INDEX = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>a build</title>
    <script>window.global = window</script>
    <script src="./js/oidc-client-ts.min.js?1732"></script>
    <script type="module" crossorigin src="./js/index.html-Bx3kF9_a.mjs"></script>
    <link rel="stylesheet" href="./assets/style-D0kq1ZxY.css">
    <style>#owncloud { color: rgb(1, 2, 3) }</style>
    <script>window.WEB_APPS_MAP = {"web-app-files":"./web-app-files-CdE5fGhI.mjs"}</script>
  </head>
  <body>
    <div id="owncloud"></div>
    <script>
      window.began = true
    </script>
  </body>
</html>
"""
RUNTIME = """
const show = (text) => { document.querySelector("#owncloud").textContent = text };
const config = await (await fetch("config.json")).json();
const theme = await (await fetch(config.theme)).json();
const apps = await Promise.all(config.apps.map((name) => import(window.WEB_APPS_MAP[`web-app-${name}`])));
const manager = new oidc.UserManager({
  userStore: new oidc.WebStorageStateStore({ prefix: "oc_oAuth.", store: sessionStorage }),
  redirect_uri: new URL("oidc-callback.html", document.baseURI).href,
  response_mode: "query",
  loadUserInfo: true,
  automaticSilentRenew: false,
  ...config.openIdConnect,
});
const api = async (path, method = "GET") => {
  const user = await manager.getUser();
  const headers = { Authorization: `Bearer ${user.access_token}`, "X-Requested-With": "XMLHttpRequest" };
  const body = method === "POST" ? "{}" : undefined;
  const answer = await fetch(new URL(path, config.server), { method, headers, body });
  return answer.json();
};
if (location.pathname === "/oidc-callback.html") {
  await manager.signinRedirectCallback();
  history.replaceState(null, "", "/files/spaces/personal/home");
} else if (!await manager.getUser()) {
  await manager.signinRedirect();
}
if (await manager.getUser()) {
  const me = await api("/graph/v1.0/me");
  // Without these no login of theirs ends.
  const [roles, assignments, permissions] = await Promise.all(
    ["roles-list", "assignments-list", "permissions-list"].map((name) => api(`/api/v0/settings/${name}`, "POST")));
  const role = assignments.assignments.find((one) => "roleId" in one) ?? roles.bundles.length;
  const drives = await api("/graph/v1beta1/me/drives");
  const list = await api("/app/list");
  const frame = document.createElement("iframe");
  frame.src = URL.createObjectURL(new Blob(["<p>preview</p>"], { type: "text/html" }));
  document.body.append(frame);
  const worker = new Worker(URL.createObjectURL(new Blob(["postMessage('worked')"])));
  const worked = await new Promise((resolve) => { worker.onmessage = (event) => resolve(event.data) });
  show([window.began, theme.common.name, apps.map((app) => app.default), me.displayName, drives.value[0].name, worked,
        list["mime-types"].length, role, permissions.permissions.length, location.pathname].join("|"));
}
"""


@pytest.fixture
def build(tmp_path: Path) -> Path:
    root = tmp_path / "build"
    files = {
        "index.html": INDEX,
        # as theirs: the same page under another name
        "oidc-callback.html": INDEX,
        "js/index.html-Bx3kF9_a.mjs": RUNTIME,
        "js/web-app-files-CdE5fGhI.mjs": 'export default "files"',
        "js/web-app-admin-settings-CdE5fGhI.mjs": 'export default "never"',
        "assets/style-D0kq1ZxY.css": "#owncloud { font-weight: 700 }",
        "themes/owncloud/theme.json": json.dumps({"common": {"name": "a theme"}}),
        ".git/config": "secret",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    shutil.copy(LIBRARY, root / "js")
    with gzip.open(root / "js" / "index.html-Bx3kF9_a.mjs.gz", "wb") as compressed:
        compressed.write(RUNTIME.encode())
    return root


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    one = Provider(tmp_path, free_port())
    one.start()
    yield one
    one.stop()


def get(gateway: Gateway, path: str, verb: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=120)
    try:
        connection.request(verb, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        response = connection.getresponse()
        return response.status, {name.lower(): text for name, text in response.headers.items()}, response.read()
    finally:
        connection.close()


def test_a_build(stopped_gateway: Gateway, build: Path, provider: Provider, tmp_path: Path) -> None:
    gateway = stopped_gateway
    overrides = tmp_path / "web.json"
    overrides.write_text(json.dumps({"options": {"logoutUrl": "https://example.org/bye"}, "external_apps": None}))
    gateway.configure(
        web={"root": str(build), "config": str(overrides), "sources": ["frame-src https://embed.diagrams.net"]},
        oidc__main={
            "issuer": provider.issuer,
            "clients": ["web"],
            "opaque": "introspection",
            "client_id": GATEWAY[0],
            "client_secret": GATEWAY[1],
            "client_scopes": ["openid", "profile", "email"],
        },
    )
    gateway.start()

    # what it is told
    status, headers, body = get(gateway, "/config.json")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(body) == {
        "server": gateway.url(),
        "theme": gateway.url("/themes/owncloud/theme.json"),
        "options": {
            "contextHelpers": True,
            "disableFeedbackLink": True,
            "routing": {"idBased": True},
            "logoutUrl": "https://example.org/bye",
        },
        "apps": ["files"],
        "openIdConnect": {
            "metadata_url": gateway.url("/.well-known/openid-configuration"),
            "authority": provider.issuer,
            "client_id": "web",
            "response_type": "code",
            "scope": "openid profile email",
        },
    }

    folder = tmp_path / "chromium"
    folder.mkdir()
    with Chromium(folder) as chromium:
        chromium.open(gateway.url("/files/spaces/personal/home/some%20folder"))
        chromium.find("//input[@name='login']").type("id-of-alice")
        chromium.find("//input[@name='password']").type("x")
        chromium.press("Sign-in")
        chromium.press("Continue")
        chromium.see("true|a theme|files|alice of the tests|alice of the tests|worked|0|0|0|/files/spaces/personal/home")
        assert chromium.run("return getComputedStyle(document.querySelector('#owncloud')).fontWeight") == "700"
        # Loaded anew where the client has come to, and at a name that looks like a file, and at a private link.
        for path in ("/files/spaces/personal/home/.hidden/a.txt", "/login", "/f/home%24alice%21x"):
            chromium.open(gateway.url(path))
            chromium.see(f"worked|0|0|0|{path}")
        said = [line for line in chromium.complaints() if not line.startswith((provider.issuer, "https://fonts.googleapis.com"))]
        assert not said, said

    # the rest of what it may ask for
    for path, wanted in {
        "/js/missing-AbCdEfG1.mjs": 404,
        "/.git/config": 404,
        "/%2e%2e/web.json": 404,
        "/js/%2e%2e/%2e%2e/web.json": 404,
        "/api/v0/settings/values-list": 401,
        "/api/v0/other": 404,
        "/.well-known/nothing": 404,
        "/status.php": 200,
        "/remote.php/webdav/": 401,
        "/graph/v1.0/me": 401,
        "/login/app-passwords": 200,
    }.items():
        assert get(gateway, path)[0] == wanted, path
    script = "/js/index.html-Bx3kF9_a.mjs"
    status, headers, body = get(gateway, script, Accept_Encoding="gzip, deflate, br")
    assert (status, headers["content-encoding"], headers["vary"]) == (200, "gzip", "Accept-Encoding")
    assert gzip.decompress(body).decode() == RUNTIME
    assert headers["content-type"] == "text/javascript; charset=utf-8" and "immutable" in headers["cache-control"]
    assert get(gateway, script, Accept_Encoding="gzip", If_None_Match=headers["etag"])[0] == 304
    assert get(gateway, script, If_None_Match=headers["etag"])[0] == 200, "that was the compressed one"
    status, headers, body = get(gateway, "/")
    assert headers["cache-control"] == "no-cache" and b'<head><base href="/">' in body
    policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert policy["connect-src"] == f"'self' blob: {provider.issuer}"
    assert policy["frame-src"].endswith("https://embed.diagrams.net")
    assert policy["script-src"].count("sha256-") == 3 and "unsafe" not in policy["script-src"]
    assert get(gateway, "/", "HEAD")[2] == b"" and get(gateway, "/files", "POST")[0] == 401

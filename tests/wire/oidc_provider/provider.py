"""Starts ``provider.js``, and logs people in there as the desktop client does: authorization code flow with PKCE."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import secrets
import subprocess
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

FOLDER = Path(__file__).parent
CLIENT = "xdXOt13JKxym1B1QcEncf2XDkLAexMBFwiT9j6EfhhHFJhs2KM9jbjTmf8JBXE69"
SECRET = "UBntmLjC2yYCeHwsyj73Uwo9TAaecAetRwMw0xYcvNL9yRdLSUi0hUAHfvCHFeFh"
GATEWAY = ("gateway", "a secret: with %, + and &")
"""How the gateway itself logs in."""
PAGES = ("pages", "another secret: with %, + and &")
"""And for people who come to its pages with a browser."""


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: str


class Tokens(NamedTuple):
    access: str
    refresh: str
    id: str


class Provider:
    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.issuer = f"http://127.0.0.1:{port}"
        self.keys = folder / f"keys-{port}.json"
        self.log = folder / f"provider-{port}.log"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        assert (FOLDER / "node_modules").exists(), "npm install in tests/wire/oidc_provider, or make test, fetches the provider"
        command = ["node", str(FOLDER / "provider.js"), str(self.port), str(self.keys)]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", self.log.read_text()

    def stop(self) -> None:
        if self.process is not None:
            assert self.process.stdout is not None
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def rotate(self) -> None:
        """New keys; the old ones are not shown any more."""
        assert self.ask("POST", "/rotate").status == 200

    def asked(self) -> dict[str, int]:
        """How often which path was asked for."""
        found: dict[str, int] = json.loads(self.ask("GET", "/asked").body)
        return found

    def ask(self, verb: str, target: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            kind = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
            connection.request(verb, target, urlencode(form) if form is not None else None, {**kind, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())
        finally:
            connection.close()

    def log_in(self, user: str, resource: str = "") -> Tokens:
        """What the client holds after `user` has typed their name into the form and agreed."""
        document = json.loads(self.ask("GET", "/.well-known/openid-configuration").body)
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        wanted = {"resource": f"https://{resource}"} if resource else {}
        question = {
            "client_id": CLIENT,
            "response_type": "code",
            "redirect_uri": "http://127.0.0.1:43210",
            "scope": "openid offline_access email profile files.read files.write",
            "prompt": "consent",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "state": "a state",
            **wanted,
        }
        code = self._browse(f"{document['authorization_endpoint']}?{urlencode(question)}", user)
        redeemed = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": "http://127.0.0.1:43210",
            "code_verifier": verifier,
            **wanted,
        }
        return self._tokens(document["token_endpoint"], redeemed)

    def refresh(self, tokens: Tokens, resource: str = "") -> Tokens:
        wanted = {"resource": f"https://{resource}"} if resource else {}
        return self._tokens("/token", {"grant_type": "refresh_token", "refresh_token": tokens.refresh, **wanted})

    def revoke(self, token: str) -> None:
        assert self.ask("POST", "/token/revocation", {"token": token}, _basic(CLIENT, SECRET)).status == 200

    def _browse(self, url: str, user: str) -> str:
        """Follow redirects and fill in forms until the client's own address comes; returns the code."""
        cookies: dict[str, str] = {}
        verb, form = "GET", None
        for _ in range(20):
            parts = urlsplit(url)
            if parts.port == 43210:
                found = parse_qs(parts.query)
                assert found["state"] == ["a state"], found
                return found["code"][0]
            header = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
            answer = self.ask(verb, f"{parts.path}?{parts.query}" if parts.query else parts.path, form, header)
            for line in answer.headers.get_all("Set-Cookie", []):
                name, _, value = line.partition(";")[0].partition("=")
                cookies[name] = value
            verb, form = "GET", None
            if answer.status in (302, 303):
                url = answer.headers["Location"]
                continue
            assert answer.status == 200, answer
            action = re.search(r'<form[^>]* action="([^"]+)" method="post"', answer.body)
            assert action, answer.body
            url, verb = action[1], "POST"
            login = 'name="login"' in answer.body
            form = {"prompt": "login", "login": f"id-of-{user}", "password": "x"} if login else {"prompt": "consent"}
        raise AssertionError("the login does not come to an end")

    def _tokens(self, endpoint: str, form: dict[str, str]) -> Tokens:
        answer = self.ask("POST", urlsplit(endpoint).path, form, _basic(CLIENT, SECRET))
        assert answer.status == 200, answer
        found: dict[str, Any] = json.loads(answer.body)
        assert found["token_type"] == "Bearer"
        return Tokens(found["access_token"], found.get("refresh_token", ""), found.get("id_token", ""))


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}

"""A gateway on an EOS: on the double, a process of its own, or on a real one that the environment names.

``CLAWGATE_TEST_EOS=https://MGM:PORT`` with ``CLAWGATE_TEST_EOS_KEY``, ``CLAWGATE_TEST_EOS_USER`` (the name there as which
everybody works), ``CLAWGATE_TEST_EOS_ROOT`` (a directory in which that person may write, four levels deep or more: one directory
is made in it and removed), and where needed ``CLAWGATE_TEST_EOS_PROC`` (a libmicrohttpd port for ``/proc``),
``CLAWGATE_TEST_EOS_HOSTS`` (disk servers, with commas between) and ``CLAWGATE_TEST_EOS_CA`` (a file of certificates). With
``CLAWGATE_TEST_EOS_GRPC=grpcs://MGM:PORT`` and ``CLAWGATE_TEST_EOS_GRPC_KEY`` metadata are asked for by gRPC.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

REAL = os.environ.get("CLAWGATE_TEST_EOS", "")
REAL_GRPC = bool(REAL and os.environ.get("CLAWGATE_TEST_EOS_GRPC"))
"""By gRPC people may empty their trash."""


class Site:
    """An instance of EOS with homes for alice and bob."""

    def __init__(self, folder: Path, version: str, *options: str) -> None:
        command = [sys.executable, "-m", "clawgate.testing.eos", "--version", version, "--data", str(folder)]
        command += ["--home", "alice", "--home", "bob", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the double does not start"
        self.addresses = json.loads(line)
        self.split = version.startswith("5.1")

    def settings(self) -> dict[str, dict[str, Any]]:
        """What a gateway has to be told."""
        proc = {"proc_urls": [self.addresses["mhd"]]} if self.split else {}
        eos = {
            "urls": [self.addresses["mgm"]],
            "key": self.addresses["key"],
            "redirect_hosts": self.addresses["fst"],
            **proc,
        }
        return {"mounts__home": {"driver": "eos", "root": "/eos/user/{user.id[0]}/{user.id}"}, "mounts__home__eos": eos}

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Something that a test does with the double."""
        return self.admin("POST", "/call", {"name": name, "arguments": arguments})

    def fault(self, **fault: Any) -> None:
        self.admin("POST", "/faults", fault)

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.addresses["admin"].rstrip("/") + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None
        return json.loads(text) if text else None

    def leaked(self, text: str) -> list[str]:
        """Capabilities that stand in `text`, and the key."""
        secrets = [*self.admin("GET", "/secrets"), self.addresses["key"], "cap.msg", "cap.sym"]
        return [secret for secret in secrets if secret in text]

    def close(self) -> None:
        """End it; complains about what would have harmed a real one."""
        try:
            violations = self.admin("GET", "/violations")
            assert not violations, violations
        finally:
            self.process.terminate()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()


class RealSite:
    """A real one, below one directory that is removed in the end."""

    def __init__(self) -> None:
        environment = os.environ
        self.root = f"{environment['CLAWGATE_TEST_EOS_ROOT'].rstrip('/')}/clawgate-test-{os.getpid()}"
        self.user = environment["CLAWGATE_TEST_EOS_USER"]
        self.key = environment.get("CLAWGATE_TEST_EOS_KEY", "")
        self.ca = environment.get("CLAWGATE_TEST_EOS_CA", "")
        for path in (self.root, f"{self.root}/alice", f"{self.root}/bob"):
            assert self.ask("MKCOL", path) == 201, f"{path} cannot be made"

    def settings(self) -> dict[str, dict[str, Any]]:
        """What a gateway has to be told."""
        eos: dict[str, Any] = {"urls": [REAL], "key": self.key, "user": self.user, "ca_file": self.ca}
        if proc := os.environ.get("CLAWGATE_TEST_EOS_PROC"):
            eos["proc_urls"] = [proc]
        if hosts := os.environ.get("CLAWGATE_TEST_EOS_HOSTS"):
            eos["redirect_hosts"] = hosts.split(",")
        if grpc := os.environ.get("CLAWGATE_TEST_EOS_GRPC"):
            key = os.environ["CLAWGATE_TEST_EOS_GRPC_KEY"]
            eos |= {"metadata": "grpc", "grpc_urls": [grpc], "grpc_key": key, "grpc_ca_file": self.ca}
        return {"mounts__home": {"driver": "eos", "root": self.root + "/{user.id}"}, "mounts__home__eos": eos}

    def ask(self, method: str, path: str) -> int:
        """One request as the person; its status."""
        parts = urlsplit(REAL)
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=self.ca or None)
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(parts.netloc, timeout=60, context=context)
        else:
            connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        headers = {"x-forwarded-for": "dummy", "x-gateway-authorization": self.key, "remote-user": self.user}
        connection.request(method, path, headers=headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def leaked(self, text: str) -> list[str]:
        """Capabilities that stand in `text`, and the key."""
        return [secret for secret in (self.key, "cap.msg", "cap.sym") if secret and secret in text]

    def close(self) -> None:
        """Remove the directory."""
        assert self.ask("DELETE", self.root) == 204, f"{self.root} is left"

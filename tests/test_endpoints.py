from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from clawgate.endpoints import faults, remedy, unusable

from .identity.ldap.authority import Authority

NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture(autouse=True)
def lasting(monkeypatch):
    """Certificates of tests live for a day."""
    monkeypatch.setattr("clawgate.endpoints.SOON", datetime.timedelta(0))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "authority").mkdir()
    return Authority(tmp_path / "authority")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "certificates"
    found.mkdir()
    return found


def put(folder: Path, authority: Authority, host: str, *more: Path) -> Path:
    file = folder / f"{host}.pem"
    file.write_bytes(b"".join(part.read_bytes() for part in (*authority.certify(host), *more)))
    return file


def said(folder: Path, now: datetime.datetime = NOW) -> list[tuple[str, bool]]:
    return [(fault.text, fault.grave) for fault in faults(f"tls:{folder}:443", now)]


def test_a_good_certificate_has_no_fault(folder, authority):
    put(folder, authority, "cloud.example.org")
    assert said(folder) == []
    assert list(faults(f"haproxy:tls:path={folder}:port=443", NOW)) == []


def test_a_folder_that_is_not_there_or_has_nothing(folder, authority):
    assert said(folder / "x") == [(f"{folder}/x is no folder", True)]
    (folder / "cloud.crt").write_text("not looked at")
    assert said(folder) == [(f"{folder} has no file *.pem", True)]


def test_a_certificate_that_has_expired_or_soon_will(folder, authority):
    file = put(folder, authority, "cloud.example.org")
    far = NOW + datetime.timedelta(days=365 * 200)
    ((text, grave),) = said(folder, far)
    assert f"the certificate for cloud.example.org in {file} has expired on " in text and not grave
    ((text, grave),) = said(folder, NOW - datetime.timedelta(days=365 * 200))
    assert "is not valid before" in text and not grave


def test_a_word_in_time(folder, authority, monkeypatch):
    put(folder, authority, "cloud.example.org")
    monkeypatch.setattr("clawgate.endpoints.SOON", datetime.timedelta(days=7))
    (fault,) = faults(f"tls:{folder}:443", NOW)
    assert "expires on " in fault.text and fault.later and not fault.grave


def test_what_cannot_be_served(folder, authority):
    certificate, _ = authority.certify("cloud.example.org")
    (folder / "a.pem").write_bytes(certificate.read_bytes())
    assert said(folder) == [(f"{folder} has no certificate with its key that could be served", True)]
    (folder / "a.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    ((text, grave),) = said(folder)
    assert f"{folder}/a.pem cannot be used: " in text and grave
    put(folder, authority, "127.0.0.1").rename(folder / "a.pem")
    assert (f"the certificate in {folder}/a.pem names no host", True) in said(folder)


def test_the_authority_itself_is_refused_as_it_would_never_end(folder, authority):
    file = put(folder, authority, "cloud.example.org", authority.file)
    assert said(folder) == [(f"{file} holds the authority itself, CN=authority", True)]


def test_sockets(tmp_path):
    assert list(faults(f"unix:{tmp_path}/http:mode=660")) == []
    (fault,) = faults(f"unix:{tmp_path}/x/http")
    assert fault.text == f"there is no folder {tmp_path}/x" and fault.grave
    assert list(faults("systemd:domain=INET6:index=0")) == []
    assert "has passed no such socket" in unusable("systemd:domain=INET6:index=0", IndexError("list index out of range"))
    assert unusable("tcp:x", ValueError("not a number")) == "is not a server endpoint: not a number"


def test_what_to_do_follows_from_what_is_wrong():
    assert "stop who listens" in remedy("Couldn't listen on 127.0.0.1:80: [Errno 98] Address already in use.")
    assert "no such address" in remedy("[Errno 99] Cannot assign requested address.")
    assert "twistd --uid" in remedy("[Errno 13] Permission denied.")
    assert remedy("is not a server endpoint: Unknown endpoint type: 'tpc'") == "docs/running.md tells how addresses are written"

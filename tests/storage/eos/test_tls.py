"""TLS to managers and disk servers: certificates that the settings vouch for, and none else; http only where that is allowed."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from twisted.internet.ssl import CertificateOptions

from clawgate import eos_checks
from clawgate.errors import SettingsError, StorageBroken, StorageUnavailable
from clawgate.model.people import User
from clawgate.settings import Mount
from clawgate.storage.eos.instance import Instance
from clawgate.storage.eos.options import EosOptions
from clawgate.testing.conformance import LARGE, SMALL, get, put, tree

from ...identity.ldap.authority import Authority


@pytest.fixture
def version():
    return "5.3"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def options_for(authority, host="127.0.0.1"):
    certificate, key = authority.certify(host)
    return CertificateOptions(
        privateKey=load_pem_private_key(key.read_bytes(), None),
        certificate=load_pem_x509_certificate(certificate.read_bytes()),
    )


def checked(mounted):
    mount = Mount(driver="eos", root="/eos/user/{user.id[0]}/{user.id}")
    seen = eos_checks.inspect("home", mount, [User("alice")], mounted.instance.options)
    return [one.text for one in seen if one.level == "FAIL"]


async def check(mounted):
    mounted.double.put(f"{mounted.root}/seen", SMALL, owner="alice")
    found = await mounted.workers.run(lambda: checked(mounted))
    mounted.double.record.clear()
    return found


async def test_a_certificate_that_is_trusted(mounting, authority):
    mounted = await mounting({"ca_file": str(authority.file)}, tls=options_for(authority))
    storage = await mounted.open()
    assert mounted.double.mgm_url.startswith("https://")
    await put(storage, "file", LARGE)
    assert await get(storage, "file") == LARGE
    assert await get(storage, "file", 1, 4) == LARGE[1:4]
    handle = await storage.abilities.parts.begin(None)
    await storage.abilities.parts.abort(handle)
    assert await tree(storage) == {"file": LARGE}
    assert await check(mounted) == []


@pytest.mark.parametrize("wrong", ["nobody vouches", "another authority", "another host"])
async def test_a_manager_that_is_not_trusted(mounting, authority, tmp_path, wrong):
    other = Authority(tmp_path, "other")
    trusted = {"nobody vouches": "", "another authority": str(other.file)}.get(wrong, str(authority.file))
    host = "eos.example.org" if wrong == "another host" else "127.0.0.1"
    mounted = await mounting({"ca_file": trusted}, tls=options_for(authority, host))
    with pytest.raises(StorageUnavailable, match=r"certificate of the storage is not trusted \(ca_file\)"):
        await mounted.open()
    # Nobody heard who asks, nor the key.
    assert mounted.double.record.exchanges == []
    (said,) = [text for text in await check(mounted) if "does not answer" in text]
    assert "certificate" in said.lower()


async def test_a_disk_server_that_is_not_trusted(mounting, authority, tmp_path):
    mounted = await mounting({"ca_file": str(authority.file)}, tls=options_for(authority))
    storage, double = await mounted.open(), mounted.double
    await put(storage, "file", SMALL)
    await double.kill_fst()
    double.fst.tls = options_for(Authority(tmp_path, "other"))
    await double.start_fst()
    mounted.instance.redirect_hosts = mounted.instance.redirect_hosts + tuple(double.fst_hosts)
    with pytest.raises(StorageUnavailable, match="certificate of the storage"):
        await get(storage, "file")
    with pytest.raises(StorageUnavailable, match="certificate of the storage"):
        await put(storage, "file", LARGE)
    (said,) = await check(mounted)
    assert "the disk server https://" in said and "certificate" in said.lower()


@pytest.mark.parametrize("allowed", [True, False])
async def test_content_in_the_clear(mounting, authority, allowed):
    """EOS names disk servers by http unless it is told otherwise."""
    options = {"ca_file": str(authority.file), "clear_redirects": allowed}
    mounted = await mounting(options, tls=options_for(authority), redirect_to_https=False)
    storage = await mounted.open()
    if allowed:
        await put(storage, "file", LARGE)
        assert await get(storage, "file") == LARGE
        return
    with pytest.raises(StorageBroken, match="clear_redirects"):
        await put(storage, "file", LARGE)
    assert await tree(storage) == {}
    assert any("clear_redirects" in text for text in await check(mounted))


def test_a_file_of_certificates_that_is_none(tmp_path):
    from twisted.internet import reactor

    (tmp_path / "empty.pem").write_text("")
    for path in (tmp_path / "gone.pem", tmp_path / "empty.pem"):
        with pytest.raises(SettingsError, match=str(path)):
            Instance(reactor, EosOptions(("https://127.0.0.1:1",), ca_file=str(path)), None)

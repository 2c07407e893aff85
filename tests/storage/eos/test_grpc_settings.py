"""What the settings of gRPC must be, what is made of them, and what ``clawgate check`` says."""

from __future__ import annotations

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor

from clawgate import eos_checks
from clawgate.assembly import eos_grpc
from clawgate.assembly.eos import Eoses, check, options_of
from clawgate.errors import SettingsError
from clawgate.metrics import Metrics
from clawgate.model.people import User
from clawgate.settings import Eos, Mount, Settings
from clawgate.storage.eos.grpc.grpc_metadata import GrpcMetadata
from clawgate.storage.eos.http_metadata import HttpMetadata
from clawgate.testing.eos import EosDouble
from clawgate.testing.eos.grpc_server import GrpcPort
from clawgate.workers import Workers

PLAIN = Eos(urls=["https://mgm.example.org:8443"], key="key")
SPOKEN = attrs.evolve(PLAIN, grpc_urls=["grpcs://mgm.example.org:50051"], grpc_key="secret")


def mount(eos):
    return Mount(driver="eos", root="/eos/user/{user.id[0]}/{user.id}", eos=eos)


WRONG = [
    (attrs.evolve(PLAIN, metadata="grpc"), "grpc_urls"),
    (attrs.evolve(SPOKEN, grpc_key=""), "grpc_key"),
    (attrs.evolve(SPOKEN, grpc_certificate="a.pem"), "grpc_certificate"),
    (attrs.evolve(SPOKEN, grpc_certificate_key="a.pem"), "grpc_certificate"),
    (attrs.evolve(SPOKEN, grpc_uids=True), "grpc_uids"),
]


@pytest.mark.parametrize(("eos", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_does_not_go_together(eos, said):
    with pytest.raises(SettingsError, match=rf"mounts\.home\.eos\.{said}"):
        check({"home": mount(eos)})


def test_without_the_library(monkeypatch):
    for missing in ("grpc", "google"):
        monkeypatch.setattr(eos_grpc, "find_spec", lambda name, missing=missing: None if name == missing else object())
        with pytest.raises(SettingsError, match=r"clawgate\[grpc\]"):
            check({"home": mount(SPOKEN)})
        check({"home": mount(PLAIN)})
        check({"home": mount(attrs.evolve(SPOKEN, metadata="http"))})


@pytest.mark.parametrize(
    ("eos", "kind", "pools"),
    [
        (PLAIN, HttpMetadata, 1),
        (attrs.evolve(SPOKEN, metadata="http"), HttpMetadata, 1),
        (SPOKEN, GrpcMetadata, 2),
        (attrs.evolve(SPOKEN, metadata="grpc"), GrpcMetadata, 2),
    ],
    ids=["no address", "http", "auto", "grpc"],
)
@pytest_twisted.ensureDeferred
async def test_what_is_made_of_them(eos, kind, pools):
    eoses = Eoses(Settings(mounts={"home": mount(eos)}), reactor, Metrics())
    assert len(eoses.pools) == pools
    desk = eoses._desk("home")
    assert type(desk.metadata) is kind
    assert "secret" not in repr(desk)
    if kind is GrpcMetadata:
        assert desk.grpc.calls == 0
    await eoses.close()


def test_numbers():
    numbers = eos_grpc.Numbers()
    numbers.note("alice", 1001, 1000)
    numbers.note("bob", 1002, None)
    assert numbers("alice") == (1001, 1000)
    assert numbers("bob") is None
    numbers.note("alice", None, None)
    assert numbers("alice") is None


CHECKS = [
    ({}, None, ""),
    ({"grpc_key": "wrong"}, None, "FAIL does not take the gateway's key"),
    ({"grpc_key": "wrong", "metadata": "auto"}, None, "warn does not take the gateway's key"),
    ({"grpc_urls": ["grpc://127.0.0.1:1"]}, None, "FAIL cannot be reached"),
    ({"grpc_urls": ["grpcs://127.0.0.1:1"], "grpc_ca_file": "/nowhere"}, None, "FAIL cannot be read"),
    ({}, "group", "warn does not see /eos/user/a/alice by gRPC"),
    # Only of a /proc that is not there the gateway makes an exception.
    ({"grpc_uids": True, "proc_urls": ["http://127.0.0.1:1"]}, None, "FAIL http://127.0.0.1:1 cannot be asked for /proc"),
]


@pytest.mark.parametrize(("options", "change", "said"), CHECKS, ids=[said or "right" for _, _, said in CHECKS])
@pytest_twisted.ensureDeferred
async def test_check(tmp_path, options, change, said):
    async with EosDouble(tmp_path / "eos", version="5.4") as double:
        double.make_home("alice")
        double.put("/eos/user/a/alice/file", b"content", owner="alice")
        if change:
            # She may look into it by one of her further groups only.
            home = double.find("/eos/user/a/alice")
            home.uid, home.gid, home.mode = 1002, 2000, 0o42770
        port = GrpcPort(double, key="secret")
        port.start()
        workers = Workers(reactor, "eos-check", 1, 1)
        workers.start()
        known = {"urls": [double.mgm_url], "key": double.key, "redirect_hosts": sorted(double.fst_hosts), "metadata": "grpc"}
        eos = attrs.evolve(Eos(), **{**known, "grpc_urls": [port.url], "grpc_key": "secret", **options})

        def look():
            return list(eos_checks.inspect("home", mount(eos), [User("alice")], options_of(eos)))

        seen = await workers.run(look)
        workers.stop()
        port.stop()
    bad = [f"{one.level} {one.text}" for one in seen if one.level != "ok"]
    assert "secret" not in str(seen)
    if not said:
        assert bad == []
        assert any("alice sees /eos/user/a/alice by gRPC" in one.text for one in seen)
    else:
        level, _, text = said.partition(" ")
        assert [one for one in bad if one.startswith(level) and text in one], bad


BELIEVED = [
    ({"uid": 1001, "gid": 1000}, None, "", "are the same on EOS"),
    ({}, None, "knows no uid and gid", ""),
    ({"uid": 1002, "gid": 1000}, None, "by name, /eos/user/a/alice can be seen, and by uid it cannot", ""),
    ({"uid": 1001, "gid": 1000}, "another name", "by uid, /eos/user/a/alice can be seen, and by name it cannot", ""),
    ({"uid": 1001, "gid": 1000}, "open", "", "so that they may be two"),
    ({"uid": 1001, "gid": 1000}, "gone", "there is no /eos/user/a/alice", ""),
    ({"uid": 1002, "gid": 1000}, "another's", "may not read", ""),
    ({"uid": 99, "gid": 99}, None, "as nobody", ""),
]


@pytest.mark.parametrize(("person", "change", "bad", "good"), BELIEVED, ids=[bad or good for _, _, bad, good in BELIEVED])
@pytest_twisted.ensureDeferred
async def test_check_where_the_directory_is_believed(tmp_path, person, change, bad, good):
    """EOS cannot be asked who somebody is; that the name and the uid are two people shows in what they see."""
    async with EosDouble(tmp_path / "eos", version="5.1") as double:
        double.make_home("alice")
        home = double.find("/eos/user/a/alice")
        if change == "another name":
            double.remove_user("alice")
            double.add_user("alice", 1009)
        elif change == "open":
            home.mode |= 0o055
        elif change == "gone":
            double.rename("/eos/user/a/alice", "/eos/user/a/b")
        elif change == "another's":
            home.uid = 1003
        port = GrpcPort(double, key="secret")
        port.start()
        workers = Workers(reactor, "eos-check", 1, 1)
        workers.start()
        known = {"urls": [double.mgm_url], "key": double.key, "redirect_hosts": sorted(double.fst_hosts), "metadata": "grpc"}
        eos = attrs.evolve(Eos(), **{**known, "grpc_urls": [port.url], "grpc_key": "secret", "grpc_uids": True})

        def look():
            return list(eos_checks.inspect("home", mount(eos), [User("alice", **person)], options_of(eos)))

        seen = await workers.run(look)
        workers.stop()
        port.stop()
    said = [one.text for one in seen if one.level != "ok"]
    assert [text for text in said if bad in text] if bad else not said, said
    assert any(good in one.text for one in seen)


@pytest_twisted.ensureDeferred
async def test_check_where_eos_knows_better_than_the_directory(tmp_path):
    async with EosDouble(tmp_path / "eos", version="5.4") as double:
        double.make_home("alice")
        port = GrpcPort(double, key="secret")
        port.start()
        workers = Workers(reactor, "eos-check", 1, 1)
        workers.start()
        known = {"urls": [double.mgm_url], "key": double.key, "redirect_hosts": sorted(double.fst_hosts), "metadata": "grpc"}
        eos = attrs.evolve(Eos(), **{**known, "grpc_urls": [port.url], "grpc_key": "secret", "grpc_uids": True})

        def look():
            return list(eos_checks.inspect("home", mount(eos), [User("alice", uid=1001, gid=2000)], options_of(eos)))

        seen = await workers.run(look)
        workers.stop()
        port.stop()
    (bad,) = [one.text for one in seen if one.level != "ok"]
    assert "gid 1000 on EOS, and 1001 and 2000 in the directory" in bad

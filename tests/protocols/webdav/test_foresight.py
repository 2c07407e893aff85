from __future__ import annotations

from clawgate.protocols.webdav.foresight import Foresight


def test_what_was_announced_last_is_expected():
    foresight = Foresight()
    assert foresight.expected("alan", "mirall/2.11") == ()
    foresight.learn("alan", "mirall/2.11", ["SHA1"])
    assert foresight.expected("alan", "mirall/2.11") == ("SHA1",)
    foresight.learn("alan", "mirall/2.11", ["MD5", "SHA1"])
    assert foresight.expected("alan", "mirall/2.11") == ("MD5", "SHA1")
    foresight.learn("alan", "mirall/2.11", [])
    assert foresight.expected("alan", "mirall/2.11") == ()


def test_clients_are_kept_apart():
    foresight = Foresight()
    foresight.learn("alan", "mirall", ["SHA1"])
    foresight.learn("alan", None, ["MD5"])
    assert foresight.expected("grace", "mirall") == ()
    assert foresight.expected("alan", "rclone") == ()
    assert foresight.expected("alan", None) == foresight.expected("alan", "") == ("MD5",)


def test_it_is_bounded():
    foresight = Foresight(most=3)
    for number in range(10):
        foresight.learn("alan", f"agent {number}", ["SHA1"])
        foresight.learn("alan", "steady", ["MD5"])
    assert [number for number in range(10) if foresight.expected("alan", f"agent {number}")] == [8, 9]
    assert foresight.expected("alan", "steady") == ("MD5",)
    foresight.learn("alan", "x" * 60_000, ["SHA1"])
    assert foresight.expected("alan", "x" * 200) == ("SHA1",)

from __future__ import annotations

import os

import pytest

from clawgate.settings import Mount
from clawgate.storage.posix import home_inspection
from clawgate.storage.posix.home_inspection import CHOWN, DAC_OVERRIDE, FOWNER, inspect

ALL = {CHOWN, DAC_OVERRIDE, FOWNER}


@pytest.fixture
def look(root, monkeypatch):
    """What is found for a mount, by a process with some capabilities."""

    def call(have=ALL, above="", ours=False, **mount):
        monkeypatch.setattr(home_inspection, "has_capability", lambda number: number in have)
        return [(seen.level, seen.text) for seen in inspect("mounts.home", Mount(**mount), above or str(root), ours=ours)]

    return call


def test_nothing_to_say(look):
    assert look() == []
    assert look(create=False) == []
    assert look(above="/nowhere", ours=True) == []


def test_what_all_have_in_common_is_missing(look):
    expected = [("FAIL", "mounts.home: /nowhere, where homes are, is no directory")]
    assert look(above="/nowhere") == expected
    assert look(above="/nowhere", create=False) == expected
    assert look(above="/nowhere", create=False, ours=True) == expected


def test_settings_without_effect(look):
    for more in ({"skeleton": "/etc/skel"}, {"create_owner": "user"}):
        assert [level for level, _ in look(create=False, **more)] == ["warn"]


def test_homes_that_are_given_away(look, root):
    people = {"create_owner": "user", "act_as": "user"}
    assert look(**people) == []
    [(level, text)] = look(ALL - {CHOWN}, **people)
    assert (level, "without CAP_CHOWN" in text) == ("FAIL", True)
    os.chown(root, 1001, -1)
    root.chmod(0o1777)
    [(level, text)] = look(ALL - {FOWNER}, **people)
    assert (level, "is sticky" in text) == ("FAIL", True)
    root.chmod(0o777)
    [(level, text)] = look({CHOWN}, create_owner="user")
    assert (level, "create_mode keeps it out" in text) == ("warn", True)
    assert look({CHOWN}, create_owner="user", create_mode="2770") == []


def test_homes_of_those_who_work_as_themselves_are_always_theirs(look):
    assert look(act_as="user") == []
    [(level, text)] = look(ALL - {CHOWN}, act_as="user")
    assert (level, "without CAP_CHOWN" in text) == ("FAIL", True)


def test_the_skeleton(look, root, tmp_path):
    skeleton = tmp_path / "skeleton"
    (skeleton / "a").mkdir(parents=True)
    (skeleton / "a" / "b").write_bytes(b"12345")
    (skeleton / "link").symlink_to("/etc/shadow")
    assert look(skeleton=str(skeleton)) == [("ok", f"mounts.home: new homes begin with the 3 entries of {skeleton}")]
    for more in ({"skeleton_entries": 2}, {"skeleton_bytes": 4}):
        [(level, text)] = look(skeleton=str(skeleton), **more)
        assert (level, "has 3 entries and 5 bytes" in text) == ("FAIL", True)
    [(level, text)] = look(skeleton="/nowhere")
    assert (level, text) == ("FAIL", "mounts.home: the skeleton cannot be read: /nowhere: No such file or directory")


def test_capabilities_are_those_of_this_process():
    from clawgate.storage.posix.home import can_give_away, has_capability

    assert can_give_away() is (os.geteuid() == 0)
    assert not has_capability(60)

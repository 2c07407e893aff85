"""What spaces are called in addresses: no two alike."""

from __future__ import annotations

import attrs

from clawgate.gateway.aliases import slug
from clawgate.gateway.rules import rules_of
from clawgate.model.made_space import MadeSpace, Standing
from clawgate.model.people import User
from clawgate.settings import Mount

GROUPS = ["physics", "Physics", "high energy", "high-energy", "a.b", "a-b", "-x", "x", "lab"]


def project(**how):
    return Mount(kind="project", **{"root": "/p/x", **how})


def made(name, label, key):
    return MadeSpace("m", key, label, name, "", None, Standing.READY, 0.0)


def test_slugs():
    assert [slug(text) for text in ("Optics Lab!", "Ünïcode_1.2", "a~b", "!?", "A--B")] == [
        "optics-lab",
        "ünïcode_1.2",
        "a-b",
        "",
        "a--b",
    ]


def test_no_two_alike():
    mounts = {
        "home": Mount(),
        "second": Mount(root="/second/{user.id}"),
        "lab": project(),
        "optics": project(title="The Lab"),
        "again": project(title="Lab"),
        "per": project(title="{user.id}"),
        "groups": project(root="/g/{group}", groups=".*"),
        "more": project(root="/h/{group}", groups=".*", title="{group} of {user.id}"),
        "upper": project(root="/u/{group}", groups=".*", title="{group.upper}"),
        "made": project(root="/m/{space.name}", creators=["ada"]),
        "other": project(root="/o/{space.name}", creators=["ada"]),
    }
    rules = rules_of(mounts, "/data")
    found = {}
    for user in (User("ada", groups=frozenset(GROUPS)), User("bob", groups=frozenset(["Lab", "lab", "x"])), User("ada~second")):
        for rule in rules.values():
            for grant in rule.grants(user):
                # The same for all who see it.
                assert found.setdefault(grant.space.id, grant.space.alias) == grant.space.alias
    for name in ("made", "other"):
        for one in (made("Lab", "lab", "1"), made("Lab", "2", "2"), made("lab 2", "lab-2", "3"), made("!", "4", "4")):
            space = rules[name].space_of(attrs.evolve(one, mount=name))
            found[space.id] = space.alias
    assert len(set(found.values())) == len(found) == 2 * 3 + 4 + 3 * (len(GROUPS) + 1) + 2 * 4
    assert {
        "home$ada": "personal/ada",
        "second$ada": "personal/ada~second",
        "home$b3bb3cd15705fb76a2db": "personal/ada~~second",
        "lab$lab": "project/lab",
        "optics$optics": "project/the-lab",
        "again$again": "project/lab~~again",
        "per$per": "project/per",
        "groups$physics": "project/physics",
        "groups$Physics": "project/physics~Physics",
        "groups$lab": "project/lab~~groups",
        "more$x": "project/x~x~~more",
        "made$1": "project/lab~~made",
        "made$2": "project/lab~2~~made",
        "made$4": "project/4~~made",
    }.items() <= found.items()


def test_a_group_that_is_called_like_a_mount():
    mounts = {
        "all": project(root="/a/{group}", groups=".*", title="Team"),
        "x": project(title="Lab"),
        "y": project(title="Lab"),
        "more": project(root="/m/{group}", groups=".*", title="{group}"),
    }
    user = User("ada", groups=frozenset(["x", "y", "more", "team", "Lab"]))
    found = [grant.space.alias for rule in rules_of(mounts, "/data").values() for grant in rule.grants(user)]
    assert len(set(found)) == len(found) == 12, sorted(found)
    assert {"project/team~more", "project/team~~more"} <= set(found)


def test_one_mount_needs_nothing_more():
    (rule,) = rules_of({"p": project(root="/p/{space.id}", creators=["ada"])}, "/data").values()
    new, old = made("Optics Lab", "optics-lab", "k1"), made("Optics Lab", "k2", "k2")
    assert rule.space_of(new).alias == "project/optics-lab"
    # Of a time when the folder alone was called so.
    assert rule.space_of(old).alias == "project/optics-lab~k2"
    assert rule.space_of(attrs.evolve(new, name="Photonics")).alias == "project/optics-lab"

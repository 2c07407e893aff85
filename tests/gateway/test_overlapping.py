from __future__ import annotations

import pytest

from clawgate.gateway.rules import Rule, overlapping
from clawgate.model.space import SpaceKind


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        ("/srv/home/{user.id}", "/srv/projects/{group}", False),
        ("/srv/home/{user.id}", "/srv/home/shared", True),
        ("/srv/home/{user.id}", "/srv/homes", False),
        ("/srv/home/{user.id}/files", "/srv/{group}", True),
        ("/srv/u-{user.id}", "/srv/p-{group}", True),
        ("/", "/srv/home/{user.id}", True),
        ("/srv/a", "/srv/b", False),
        ("/srv/a", "/srv/b/../a/", True),
        ("files/{user.id}", "/data/files/x", True),
        ("files/{user.id}", "other/{user.id}", False),
    ],
)
def test_mounts_whose_spaces_may_lie_within_each_other(first, second, overlap):
    roots = {"first": first, "second": second}
    rules = {name: Rule(name, SpaceKind.PERSONAL, f"/data/{root}" if root[0] != "/" else root) for name, root in roots.items()}
    assert overlapping(rules) == (set(roots) if overlap else set())

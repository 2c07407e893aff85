from __future__ import annotations

import pytest

from clawgate.errors import Forbidden, SettingsError
from clawgate.gateway.template import check, expand
from clawgate.model.people import User


@pytest.mark.parametrize(
    ("template", "id", "expected"),
    [
        ("files/{user.id}", "alice", "files/alice"),
        ("/eos/user/{user.id[0]}/{user.id}", "alice", "/eos/user/a/alice"),
        ("/h/{user.id[0:2]}/{user.id}", "alice", "/h/al/alice"),
        ("/h/{user.id[:1].lower}/{user.id.lower}", "Alice", "/h/a/alice"),
        ("/h/{user.id}", "alice@example.org", "/h/alice@example.org"),
        ("/shared", "alice", "/shared"),
    ],
)
def test_expand(template, id, expected):
    assert expand(template, User(id)) == expected
    check(template, "mounts.home.root")


@pytest.mark.parametrize("id", ["..", ".", "a/b", "../../etc", "", "a\0b"])
def test_names_that_would_lead_elsewhere_are_refused(id):
    with pytest.raises(Forbidden):
        expand("/h/{user.id}", User(id))


def test_unknown_fields_are_named_with_their_setting():
    with pytest.raises(SettingsError, match=r"mounts\.home\.root.*uid"):
        check("/h/{uid}", "mounts.home.root")

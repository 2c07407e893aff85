"""``clawgate check`` for EOS: what is right, and each thing that may be wrong."""

from __future__ import annotations

import attrs
import pytest

from clawgate import eos_checks
from clawgate.assembly.eos import options_of
from clawgate.model.people import User
from clawgate.settings import Eos, Mount


@pytest.fixture
def checked(mounting):
    async def check(people=("alice",), mount=None, options=None, change=None, **flags):
        mounted = await mounting(**flags)
        double = mounted.double
        double.put(f"{mounted.root}/file", b"content", owner="alice")
        if change is not None:
            change(double)
        proc = [] if double.profile.gateway_query else [double.mhd_url]
        eos = Eos(urls=[double.mgm_url], key=double.key, redirect_hosts=sorted(double.fst_hosts), proc_urls=proc)
        made = Mount(
            driver="eos", root="/eos/user/{user.id[0]}/{user.id}", eos=attrs.evolve(eos, **(options or {})), **(mount or {})
        )

        def look():
            found = eos_checks.inspect("home", made, [User(name) for name in people], options_of(made.eos))
            return [(one.level, one.text) for one in found]

        seen = await mounted.workers.run(look)
        double.record.violations.clear()
        double.record.exchanges.clear()
        return seen

    return check


def bad(seen):
    return [text for level, text in seen if level != "ok" and "libmicrohttpd" not in text]


async def test_all_is_well(checked, version):
    seen = await checked()
    assert bad(seen) == []
    said = "\n".join(text for _, text in seen)
    assert "alice is alice on EOS, uid 1001" in said
    assert f"EOS {version}" in said
    assert "content comes from http://127.0.0.1:" in said


WRONG = [
    ({"people": ("stranger",)}, "does not know stranger"),
    ({"people": ("root",)}, "account of the system"),
    ({"options": {"key": "wrong"}}, "read /eos/user/a/alice|as nobody"),
    ({"options": {"urls": ["http://127.0.0.1:1"]}}, "does not answer"),
    ({"options": {"redirect_hosts": ["fst.example.org"]}}, "which is not allowed"),
    ({"mount": {"act_as_uids": ["2000-3000"]}}, "not taken on"),
    ({"open_proc": False}, "refuses /proc|does not tell"),
    ({"change": lambda double: double.set_attribute("/eos/user/a/alice", "sys.mtime.propagation", None)}, "do not move its etag"),
    ({"change": lambda double: double.set_attribute("/eos/user/a/alice", "sys.recycle", None)}, "gone at once"),
    ({"change": lambda double: double.set_attribute("/eos/user/a/alice", "sys.versioning", None)}, "keeps no versions"),
    (
        {"change": lambda double: double.mkdir("/eos/user/a/alice/.sys.reva#.clawgate-uploads", owner="alice")},
        "uploads under way move the etag",
    ),
    ({"console": False}, "people do not see their trash"),
    ({"change": lambda double: double.rename("/eos/user/a/alice", "/eos/user/a/b")}, "there is no /eos/user/a/alice"),
    ({"people": ("einstein",), "change": lambda double: double.mkdir("/eos/user/e/einstein", owner="einstein")}, "has no quota"),
]


@pytest.mark.parametrize(("how", "expected"), WRONG, ids=[expected.split("|")[0] for _, expected in WRONG])
@pytest.mark.parametrize("version", ["5.4"])
async def test_something_is_not(checked, how, expected):
    said = bad(await checked(**how))
    assert any(part in text for text in said for part in expected.split("|")), said


@pytest.mark.parametrize("version", ["5.1"])
async def test_an_old_release_without_its_other_port(checked):
    assert any("does not tell its version" in text for text in bad(await checked(options={"proc_urls": []})))

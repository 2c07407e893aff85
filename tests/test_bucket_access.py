from __future__ import annotations

import subprocess
import sys

import pytest

from clawgate import bucket_access, bucket_checks
from clawgate.errors import Forbidden, SettingsError
from clawgate.gateway.rules import overlapping, rules_of
from clawgate.model.people import User
from clawgate.settings import S3, Mount

ALICE = User("alice", attributes={"s3_key": "AK1", "s3_secret": "hunter2"})


def mount(kind="personal", **s3):
    return Mount(driver="s3", kind=kind, s3=S3(**{"bucket": "home", **s3}))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (mount(bucket=""), "mounts.home.s3.bucket: a mount with driver = 's3' needs a bucket"),
        (mount(access_key="a"), "access_key and secret_key go together"),
        (mount(access_key="a", secret_key="b", profile="c"), "mounts.home.s3.profile"),
        (mount(sse="AES256", sse_key="k"), "sse_key: goes with sse = 'aws:kms'"),
        (mount(role="{user.id"), "mounts.home.s3.role: has a {field} that cannot be understood"),
        (mount(access_key="a", secret_key="hunter2{"), "mounts.home.s3.secret_key: has a {field}"),
        (mount(role="{group}"), "needs the setting 'groups'"),
        (mount("project", role="x-{user.id}"), "a project has one for all"),
    ],
)
def test_settings_that_do_not_go_together(made, words):
    with pytest.raises(SettingsError) as raised:
        bucket_access.check({"home": made})
    assert words in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_boto3_is_missing(monkeypatch):
    monkeypatch.setattr(bucket_access, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"mounts.home.driver: 's3' needs boto3.*pip install 'clawgate\[s3\]'"):
        bucket_access.check({"home": mount(), "other": Mount()})
    (seen,) = bucket_checks.inspect("home", mount(), [])
    assert seen.level == "FAIL"
    bucket_access.check({"other": Mount()})


def test_boto3_is_not_loaded_without_such_a_mount():
    code = "import sys, clawgate.assembly, clawgate.checks; print([name for name in sys.modules if name.startswith('boto')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_credentials_of_each_person():
    made = mount(access_key="{user.s3_key}", secret_key="{user.s3_secret}")
    account = bucket_access.account_of(made, ALICE)
    assert (account.access_key, account.secret_key) == ("AK1", "hunter2")
    assert "hunter2" not in repr(account)
    with pytest.raises(Forbidden, match="does not tell bob's s3_key"):
        bucket_access.account_of(made, User("bob"))
    role = bucket_access.account_of(mount(role="arn:aws:iam::1:role/{user.id}"), ALICE)
    assert (role.role, role.session) == ("arn:aws:iam::1:role/alice", "alice")
    assert bucket_access.account_of(mount(), ALICE) == bucket_access.account_of(mount(), User("bob"))


def test_prefixes():
    rules = rules_of({"home": mount(prefix="people/{user.id}"), "all": mount("project", prefix=""), "disk": Mount()}, "/data")
    assert [grant.space.root for grant in rules["home"].grants(ALICE)] == ["people/alice/"]
    assert [grant.space.root for grant in rules["all"].grants(ALICE)] == [""]
    assert overlapping(rules) == set()
    with pytest.raises(SettingsError, match=r"mounts.home.s3.prefix: .* cannot be understood|mounts.home.s3.prefix"):
        rules_of({"home": mount(prefix="{nobody}")}, "/data")


def test_options_come_from_the_settings():
    options = bucket_access.options_of(mount(part_bytes=6 << 20, parallel=3), "people/alice/")
    assert (options.bucket, options.prefix, options.part_bytes, options.parallel) == ("home", "people/alice/", 6 << 20, 3)
    assert not options.marks

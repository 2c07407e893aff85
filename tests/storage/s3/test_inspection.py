"""What `clawgate check` finds in a bucket: rights that are missing, by their names; versions, clocks, what was never finished."""

from __future__ import annotations

import itertools
import json
import time
import urllib.request
from contextlib import contextmanager
from types import SimpleNamespace

import boto3
import pytest

from clawgate import bucket_checks
from clawgate.settings import S3, Mount
from clawgate.storage.s3 import accounts, inspection
from clawgate.storage.s3.accounts import Account, Address

from . import servers

_numbers = itertools.count(1)
OBJECTS = ("s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:AbortMultipartUpload")
BUCKET = ("s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketVersioning")
VERSIONS = ("s3:ListBucketVersions", "s3:GetObjectVersion", "s3:DeleteObjectVersion")


def look(server, bucket=servers.BUCKET, account=None, prefix="", **how):
    """What is said, without what is well. What may not be deleted stays, so each looks at another place."""
    prefix = prefix or f"look-{next(_numbers)}/"
    account = account or Account(servers.KEY, servers.SECRET)
    found = list(inspection.inspect("home", Address(bucket, server.endpoint), account, prefix, **{"read_only": False, **how}))
    return [f"{one.level}: {one.text} ({one.remedy})" for one in found if one.level != "ok"]


@pytest.fixture
def versioned(server):
    name = f"versioned-{server.name}-{next(_numbers)}"
    server.client().create_bucket(Bucket=name)
    server.client().put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def test_nothing_to_mend_and_nothing_left(server, versioned):
    assert look(server, prefix="here/") == []
    assert look(server, versioned, versioned=True) == []
    client = server.client()
    kept = client.list_object_versions(Bucket=versioned)
    assert [one["Key"] for what in ("Versions", "DeleteMarkers") for one in kept.get(what, ())] == []
    assert client.list_objects_v2(Bucket=servers.BUCKET, Prefix="here/").get("Contents") is None
    assert [one["Key"] for one in client.list_multipart_uploads(Bucket=versioned).get("Uploads", ())] == []


def test_versions_are_not_kept_as_said(server, versioned):
    (said,) = look(server, versioned=True)
    assert said.startswith("FAIL") and "versioned = true, but the bucket keeps no versions" in said
    assert "s3.versioned = false" in said
    server.client().put_bucket_versioning(Bucket=versioned, VersioningConfiguration={"Status": "Suspended"})
    (said,) = look(server, versioned, versioned=True)
    assert "keeps no versions (any more)" in said
    settings = S3(bucket=servers.BUCKET, prefix="x", endpoint=server.endpoint, access_key=servers.KEY, secret_key=servers.SECRET)
    mount = Mount(driver="s3", kind="project", s3=settings)
    said = [one.text for one in bucket_checks.inspect("home", mount, [])]
    assert any("versions are not kept: what is overwritten or deleted is gone" in text for text in said)


@contextmanager
def enforced(moto):
    """From here on moto looks at rights."""
    set_free(moto, "0")
    try:
        yield
    finally:
        set_free(moto, "inf")


def set_free(moto, calls):
    """So many calls are free."""
    headers = {"Content-Type": "text/plain"}
    request = urllib.request.Request(f"{moto.endpoint}/moto-api/reset-auth", calls.encode(), headers, method="POST")
    urllib.request.urlopen(request).close()


def account_with(moto, rights):
    session = boto3.Session(servers.KEY, servers.SECRET, region_name="us-east-1")
    iam, name = session.client("iam", endpoint_url=moto.endpoint), f"user-{next(_numbers)}"
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": list(rights), "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Account(key["AccessKeyId"], key["SecretAccessKey"])


@pytest.mark.parametrize("missing", [None, *OBJECTS, *BUCKET])
def test_rights_that_are_missing(moto, missing):
    account = account_with(moto, [right for right in OBJECTS + BUCKET if right != missing])
    with enforced(moto):
        said = look(moto, account=account)
    if missing is None:
        assert said == []
        return
    assert any(f"permit {missing}" in text for text in said), said
    others = [right for right in OBJECTS + BUCKET if right != missing]
    assert not any(f"permit {right} " in text or f"permit {right}," in text for right in others for text in said), said


@pytest.mark.parametrize("missing", ["s3:ListBucketVersions", "s3:GetBucketVersioning"])
def test_rights_that_the_trash_needs(moto, missing):
    bucket = f"trash-{next(_numbers)}"
    moto.client().create_bucket(Bucket=bucket)
    moto.client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    account = account_with(moto, [right for right in OBJECTS + BUCKET + VERSIONS if right != missing])
    with enforced(moto):
        said = look(moto, bucket, account, versioned=True)
    assert any(text.startswith("FAIL") and f"permit {missing}" in text for text in said), said


def test_reading_only(moto):
    moto.client().put_object(Bucket=servers.BUCKET, Key="here/file", Body=b"1")
    try:
        account = account_with(moto, BUCKET)
        with enforced(moto):
            (said,) = look(moto, account=account, prefix="here/", read_only=True)
        assert "objects cannot be read" in said
        assert "permit s3:GetObject" in said
        account = account_with(moto, (*BUCKET, "s3:GetObject"))
        with enforced(moto):
            assert look(moto, account=account, prefix="here/", read_only=True) == []
    finally:
        moto.client().delete_object(Bucket=servers.BUCKET, Key="here/file")


def test_clocks(server, monkeypatch):
    monkeypatch.setattr(inspection, "time", SimpleNamespace(time=lambda: time.time() + 90))
    (said,) = look(server)
    assert said.startswith("warn") and "the clock of the service is -" in said
    assert "chrony" in said


def test_what_was_never_finished(server, monkeypatch):
    client = server.client()
    upload = client.create_multipart_upload(Bucket=servers.BUCKET, Key="here/large")["UploadId"]
    elsewhere = client.create_multipart_upload(Bucket=servers.BUCKET, Key="elsewhere/large")["UploadId"]
    try:
        # For moto all of them are of 2010.
        monkeypatch.setattr(inspection, "ORPHAN_SECONDS", time.time())
        assert look(server, prefix="here/") == []
        monkeypatch.setattr(inspection, "ORPHAN_SECONDS", -3600)
        (said,) = look(server, prefix="here/")
        assert "1 multipart uploads are older than a week" in said
        assert "AbortIncompleteMultipartUpload" in said
    finally:
        client.abort_multipart_upload(Bucket=servers.BUCKET, Key="here/large", UploadId=upload)
        client.abort_multipart_upload(Bucket=servers.BUCKET, Key="elsewhere/large", UploadId=elsewhere)


@pytest.mark.parametrize(
    ("unknown", "words"),
    [
        (("If-Match",), "the service knows If-None-Match only"),
        (("If-Match", "If-None-Match"), "the service knows no conditional"),
    ],
    ids=["one", "none"],
)
def test_conditional_writes(server, monkeypatch, unknown, words):
    def connect(address, account):
        way = accounts.connect(address, account)

        def strip(params, **_):
            for header in unknown:
                params["headers"].pop(header, None)

        way.client.meta.events.register("before-call.s3.PutObject", strip)
        return way

    monkeypatch.setattr(inspection, "connect", connect)
    (said,) = look(server)
    assert said.startswith("warn") and words in said

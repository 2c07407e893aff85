"""What of a bucket and the rights on it would not work; for ``clawgate check``. Blocking."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, SSLError  # type: ignore[import-untyped]

from ...errors import ClawgateError
from ...model.finding import Finding, Level
from . import queues
from .accounts import Account, Address, Way, connect
from .failures import code_of
from .keys import Keys

SKEW_SECONDS = 5.0
"""S3 refuses requests when clocks are 15 minutes apart; less already makes times of files odd."""
ORPHAN_SECONDS = 7 * 86400.0
_MOST = 100_000
"""Multipart uploads that are counted."""


def inspect(
    what: str, address: Address, account: Account, prefix: str, *, read_only: bool, versioned: bool = False
) -> Iterator[Finding]:
    """Look at one prefix with one account; unless `read_only`, small hidden objects are written and removed. `versioned`: the
    bucket is said to keep versions."""
    try:
        way = connect(address, account)
    except ClawgateError as error:
        yield Finding(
            Level.FAILURE, f"{what}: {error}", "set access_key, profile or role, or give boto3 credentials (docs/storage-s3.md)"
        )
        return
    yield from _Inspection(what, way, address.bucket, prefix, read_only, versioned).run()


def inspect_queue(what: str, address: Address, account: Account, url: str) -> Iterator[Finding]:
    """Look whether the queue can be read that is told of changes. What lies in it stays there."""
    try:
        queues.connect(address, account, url).look()
    except ClawgateError as error:
        remedy = "permit sqs:ReceiveMessage and sqs:DeleteMessage on the queue, and mend s3.events_queue (docs/storage-s3.md)"
        yield Finding(Level.FAILURE, f"{what}: {error}", remedy)
    else:
        yield Finding(Level.OK, f"{what}: the queue {url} can be read")


class _Inspection:
    def __init__(self, what: str, way: Way, bucket: str, prefix: str, read_only: bool, versioned: bool) -> None:
        self.what = f"{what}: s3://{bucket}/{prefix}"
        self.client = way.client
        self.bucket = bucket
        self.prefix = prefix
        self.read_only = read_only
        self.versioned = versioned
        self.keeps = False
        """Whether the bucket has versions."""
        self.key = Keys(prefix).hidden(f"check-{secrets.token_hex(4)}")
        self.failure = ""

    def run(self) -> Iterator[Finding]:
        answer = self.call("list_objects_v2", Prefix=self.prefix, MaxKeys=1)
        if answer is None:
            yield Finding(Level.FAILURE, f"{self.what} cannot be listed: {self.failure}", self.remedy("s3:ListBucket"))
            return
        yield Finding(Level.OK, f"{self.what} can be listed")
        yield from self.clock(answer)
        yield from self.versioning()
        if self.read_only:
            yield from self.reading(answer)
        else:
            yield from self.rights()
        yield from self.orphans()

    def call(self, operation: str, **arguments: Any) -> dict[str, Any] | None:
        """None: failed, and `failure` says how."""
        try:
            found: dict[str, Any] = getattr(self.client, operation)(Bucket=self.bucket, **arguments)
            return found
        except ClientError as error:
            self.failure = code_of(error)
        except SSLError as error:
            self.failure = f"the certificate is not believed: {error}"
        except BotoCoreError as error:
            self.failure = str(error)
        return None

    def remedy(self, right: str) -> str:
        known = {
            "NoSuchBucket": "make the bucket, or mend s3.bucket and s3.region",
            "InvalidAccessKeyId": "mend s3.access_key: the service does not know it",
            "SignatureDoesNotMatch": "mend s3.secret_key",
            "RequestTimeTooSkewed": "set the clock of this machine (chrony, ntpd)",
            "PermanentRedirect": "set s3.region to the region of the bucket",
            "AuthorizationHeaderMalformed": "set s3.region to the region of the bucket",
            "ExpiredToken": "give fresh credentials; with a role clawgate renews them by itself",
            "301": "set s3.region to the region of the bucket",
            "AccessDenied": f"permit {right} (docs/storage-s3.md has the whole policy)",
            "403": f"permit {right} (docs/storage-s3.md has the whole policy)",
        }
        if self.failure.startswith("the certificate"):
            return "set s3.ca_file to the authorities it may come from"
        return known.get(self.failure, "look at s3.endpoint, s3.addressing and the network")

    def clock(self, answer: dict[str, Any]) -> Iterator[Finding]:
        date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        if not date:
            return
        skew = parsedate_to_datetime(date).timestamp() - time.time()
        if abs(skew) > SKEW_SECONDS:
            yield Finding(
                Level.WARNING,
                f"{self.what}: the clock of the service is {skew:+.0f} s off ours",
                "synchronise both (chrony, ntpd)",
            )

    def reading(self, answer: dict[str, Any]) -> Iterator[Finding]:
        """As far as there is anything to read."""
        for one in answer.get("Contents", ()):
            if self.call("head_object", Key=one["Key"]) is None:
                yield Finding(Level.FAILURE, f"{self.what}: objects cannot be read: {self.failure}", self.remedy("s3:GetObject"))

    def rights(self) -> Iterator[Finding]:
        made = self.call("put_object", Key=self.key, Body=b"1")
        if made is None:
            remedy = f"{self.remedy('s3:PutObject')}, or set read_only = true"
            yield Finding(Level.FAILURE, f"{self.what} cannot be written to: {self.failure}", remedy)
            return
        missing: list[str] = []
        copy = {"CopySource": {"Bucket": self.bucket, "Key": self.key}}
        tried: list[tuple[str, str, dict[str, Any]]] = [
            ("s3:GetObject", "get_object", {}),
            ("s3:GetObject on copies", "copy_object", {**copy, "MetadataDirective": "REPLACE", "Metadata": {"a": "b"}}),
        ]
        if self.versioned and "VersionId" in made:
            tried.append(("s3:GetObjectVersion", "get_object", {"VersionId": made["VersionId"]}))
        for right, operation, more in tried:
            if self.call(operation, Key=self.key, **more) is None:
                missing.append(right)
                yield Finding(Level.FAILURE, f"{self.what}: {operation} fails: {self.failure}", self.remedy(right))
        yield from self.multipart()
        yield from self.conditions()
        if self.call("delete_object", Key=self.key) is None:
            yield Finding(
                Level.FAILURE,
                f"{self.what}: nothing can be deleted: {self.failure}",
                f"{self.remedy('s3:DeleteObject')}; {self.key} is left",
            )
        elif not missing:
            yield Finding(Level.OK, f"{self.what}: objects can be read, written, copied and deleted")
        if self.keeps:
            yield from self.purging()

    def purging(self) -> Iterator[Finding]:
        """Remove what the bucket has kept of what was tried, which the trash needs to be able to do."""
        level, left = (Level.FAILURE if self.versioned else Level.WARNING), f"versions of {self.key} are left"
        answer = self.call("list_object_versions", Prefix=self.key)
        if answer is None:
            remedy = self.remedy("s3:ListBucketVersions")
            yield Finding(level, f"{self.what}: versions cannot be listed: {self.failure}; {left}", remedy)
            return
        kept = [*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())]
        # Not all at once, so that what may not be deleted is an error of the call.
        if any(self.call("delete_object", Key=self.key, VersionId=one["VersionId"]) is None for one in kept):
            remedy = self.remedy("s3:DeleteObjectVersion")
            yield Finding(level, f"{self.what}: versions cannot be deleted: {self.failure}; {left}", remedy)

    def multipart(self) -> Iterator[Finding]:
        made = self.call("create_multipart_upload", Key=self.key)
        if made is None:
            yield Finding(Level.FAILURE, f"{self.what}: multipart uploads fail: {self.failure}", self.remedy("s3:PutObject"))
        elif self.call("abort_multipart_upload", Key=self.key, UploadId=made["UploadId"]) is None:
            remedy = f"{self.remedy('s3:AbortMultipartUpload')}; an upload to {self.key} is left"
            yield Finding(Level.FAILURE, f"{self.what}: multipart uploads cannot be aborted: {self.failure}", remedy)

    def conditions(self) -> Iterator[Finding]:
        known = [
            name
            for name, condition in (("If-None-Match", {"IfNoneMatch": "*"}), ("If-Match", {"IfMatch": f'"{"0" * 32}"'}))
            if self.call("put_object", Key=self.key, Body=b"2", **condition) is None
            and self.failure in ("PreconditionFailed", "412")
        ]
        if len(known) == 2:
            yield Finding(Level.OK, f"{self.what}: the service knows conditional writes ({', '.join(known)})")
            return
        found = f"of conditional writes the service knows {known[0]} only" if known else "the service knows no conditional writes"
        remedy = "clawgate looks before it writes; let nobody else write to the same objects at the same moment"
        yield Finding(Level.WARNING, f"{self.what}: {found}", remedy)

    def versioning(self) -> Iterator[Finding]:
        answer = self.call("get_bucket_versioning")
        if answer is None:
            level = Level.FAILURE if self.versioned else Level.WARNING
            yield Finding(
                level, f"{self.what}: whether versions are kept cannot be seen: {self.failure}", "permit s3:GetBucketVersioning"
            )
            return
        status = answer.get("Status")
        self.keeps = status in ("Enabled", "Suspended")
        if self.versioned and status != "Enabled":
            yield Finding(
                Level.FAILURE,
                f"{self.what}: versioned = true, but the bucket keeps no versions (any more)",
                "enable the versioning of the bucket, or set s3.versioned = false",
            )
        elif status == "Enabled":
            text = f"{self.what}: the bucket keeps versions; a lifecycle rule says for how long (NoncurrentVersionExpiration)"
            if not self.versioned:
                text += "; with s3.versioned = true people could bring back what they removed or replaced"
            yield Finding(Level.OK, text)
        else:
            state = "are not kept any more" if self.keeps else "are not kept"
            yield Finding(Level.OK, f"{self.what}: versions {state}: what is overwritten or deleted is gone")

    def orphans(self) -> Iterator[Finding]:
        old = count = 0
        more: dict[str, Any] = {}
        while count < _MOST:
            answer = self.call("list_multipart_uploads", Prefix=self.prefix, **more)
            if answer is None:
                remedy = self.remedy("s3:ListBucketMultipartUploads")
                yield Finding(Level.WARNING, f"{self.what}: unfinished uploads cannot be listed: {self.failure}", remedy)
                return
            found = [one for one in answer.get("Uploads", ()) if one["Key"].startswith(self.prefix)]
            count += len(found)
            old += sum(time.time() - one["Initiated"].timestamp() > ORPHAN_SECONDS for one in found)
            if not answer.get("IsTruncated"):
                break
            more = {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer["NextUploadIdMarker"]}
        if old:
            remedy = "a lifecycle rule (AbortIncompleteMultipartUpload) removes them; clawgate looks after its own"
            yield Finding(Level.WARNING, f"{self.what}: {old} multipart uploads are older than a week", remedy)

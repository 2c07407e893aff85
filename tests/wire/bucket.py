"""A bucket in the place of a disk: what tests do to the files of a home, done to objects, as rclone would do it."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..storage.s3 import servers
from . import launch
from .gateway import Gateway
from .trees import own

_numbers = itertools.count(1)


class BucketPath:
    """As much of `pathlib.Path` as the tests use; a folder is what keys have in common, or a marker."""

    def __init__(self, client: Any, root: str, path: str = "") -> None:
        self.client = client
        self.root = root
        """What all keys begin with, up to the slash."""
        self.path = path

    def __truediv__(self, more: object) -> BucketPath:
        return BucketPath(self.client, self.root, f"{self.path}/{more}".lstrip("/").rstrip("/"))

    def __str__(self) -> str:
        return self.key

    def __lt__(self, other: BucketPath) -> bool:
        return self.path < other.path

    @property
    def key(self) -> str:
        return self.root + self.path

    @property
    def prefix(self) -> str:
        return f"{self.key}/" if self.path else self.root

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> BucketPath:
        return BucketPath(self.client, self.root, self.path.rpartition("/")[0])

    def keys(self, prefix: str = "") -> Iterator[Mapping[str, Any]]:
        """All that is below, as ListObjectsV2 tells it."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=servers.BUCKET, Prefix=prefix or self.prefix)
        for page in pages:
            yield from page.get("Contents", ())

    def head(self) -> Mapping[str, Any] | None:
        try:
            found: Mapping[str, Any] = self.client.head_object(Bucket=servers.BUCKET, Key=self.key)
            return found
        except self.client.exceptions.ClientError:
            return None

    def put(self, content: bytes, mtime: float | None = None) -> None:
        """With rclone's metadata."""
        metadata = {} if mtime is None else {"mtime": str(mtime)}
        self.client.put_object(Bucket=servers.BUCKET, Key=self.key, Body=content, Metadata=metadata)

    def write_bytes(self, content: bytes) -> None:
        self.put(content)

    def read_bytes(self) -> bytes:
        content: bytes = self.client.get_object(Bucket=servers.BUCKET, Key=self.key)["Body"].read()
        return content

    def open(self, mode: str) -> io.BytesIO:
        assert mode == "rb"
        return io.BytesIO(self.read_bytes())

    def mkdir(self, parents: bool = False, exist_ok: bool = False) -> None:
        if self.path:
            self.client.put_object(Bucket=servers.BUCKET, Key=self.prefix, Body=b"", ContentType="application/x-directory")

    def unlink(self) -> None:
        self.client.delete_object(Bucket=servers.BUCKET, Key=self.key)

    def rename(self, target: BucketPath) -> None:
        """As `aws s3 mv`: copied with its metadata, and removed."""
        moves = [(self.key, target.key)] if self.is_file() else []
        moves = moves or [(one["Key"], target.prefix + one["Key"][len(self.prefix) :]) for one in self.keys()]
        for source, to in moves:
            if source.endswith("/"):
                self.client.put_object(Bucket=servers.BUCKET, Key=to, Body=b"")
                continue
            self.client.copy_object(Bucket=servers.BUCKET, Key=to, CopySource={"Bucket": servers.BUCKET, "Key": source})
        # SeaweedFS keeps folders that were never asked for until somebody removes them.
        for source, _ in sorted(moves, reverse=True):
            self.client.delete_object(Bucket=servers.BUCKET, Key=source)
        if not self.is_file():
            self.client.delete_object(Bucket=servers.BUCKET, Key=self.prefix)

    def is_file(self) -> bool:
        return self.head() is not None

    def is_dir(self) -> bool:
        return next(self.keys(), None) is not None

    def exists(self) -> bool:
        return self.is_file() or self.is_dir()

    def iterdir(self) -> Iterator[BucketPath]:
        names = {one["Key"][len(self.prefix) :].partition("/")[0] for one in self.keys()} - {"", ".clawgate"}
        return iter([self / name for name in sorted(names)])

    def stat(self) -> Any:
        found = self.head()
        if found is None:
            raise FileNotFoundError(self.key)
        return SimpleNamespace(st_mtime=mtime(found), st_size=found["ContentLength"])

    def content(self) -> dict[str, tuple[str, int] | None]:
        """As `trees.content`."""
        found: dict[str, tuple[str, int] | None] = {}
        for one in self.keys():
            path = one["Key"][len(self.prefix) :]
            if not path or own(path.partition("/")[0]):
                continue
            parts = path.rstrip("/").split("/")
            found |= {"/".join(parts[:depth]): None for depth in range(1, len(parts))}
            if path.endswith("/"):
                found[path.rstrip("/")] = None
                continue
            answer = self.client.get_object(Bucket=servers.BUCKET, Key=one["Key"])
            found[path] = (hashlib.sha1(answer["Body"].read()).hexdigest(), int(mtime(answer)))
        return found

    def snapshot(self) -> dict[str, tuple[str, Any, Mapping[str, str]]]:
        """Everything about all objects: what nobody touched is the same later."""
        found = {}
        for one in self.keys():
            answer = self.client.head_object(Bucket=servers.BUCKET, Key=one["Key"])
            found[one["Key"][len(self.root) :]] = (one["ETag"], one["LastModified"], answer["Metadata"])
        return found


def mtime(answer: Mapping[str, Any]) -> float:
    """The time in the metadata, or when the object was written."""
    stored = answer["Metadata"].get("mtime")
    modified: datetime = answer["LastModified"]
    return float(stored) if stored else modified.timestamp()


class BucketGateway(Gateway):
    """Homes are prefixes of one bucket."""

    def __init__(self, folder: Path, server: servers.Server, launcher: launch.Launcher = launch.quick) -> None:
        super().__init__(folder, launcher)
        self.server = server
        self.prefix = f"wire-{next(_numbers)}/"
        self.settings["mounts.home"] = {"driver": "s3"}
        self.settings["mounts.home.s3"] = {
            "bucket": servers.BUCKET,
            "prefix": self.prefix + "{user.id}",
            "endpoint": server.endpoint,
            "access_key": servers.KEY,
            "secret_key": servers.SECRET,
            "put_bytes": 16 << 20,
        }
        self.configure()

    def disk(self, user: str = "alice") -> Any:
        """The user's part of the bucket."""
        return BucketPath(self.server.client(), f"{self.prefix}{user}/")

    def make_home(self, user: str = "alice") -> Any:
        """It needs no making."""
        return self.disk(user)

    def leftovers(self, user: str = "alice") -> list[str]:
        """What clawgate keeps for itself, but for the one object that says since when, and multipart uploads."""
        disk = self.disk(user)
        found = [one["Key"][len(disk.root) :] for one in disk.keys(disk.root + ".clawgate/")]
        uploads = disk.client.list_multipart_uploads(Bucket=servers.BUCKET, Prefix=disk.root).get("Uploads", ())
        # SeaweedFS tells of uploads of the whole bucket.
        found += [one["Key"] for one in uploads if one["Key"].startswith(disk.root)]
        return [name for name in found if name != ".clawgate/begun" and not name.endswith("/")]

    def calls(self) -> dict[str, int]:
        """Calls of S3 so far, by operation."""
        found = {}
        for name, value in self.metrics().items():
            if name.startswith("clawgate_s3_calls_total"):
                found[json.loads(name.partition("operation=")[2].partition("}")[0].partition(",")[0])] = int(value)
        return found
